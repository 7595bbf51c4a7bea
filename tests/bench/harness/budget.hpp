// The budget: for the figures that matter, the value that was accepted and how far above (or, for a
// figure where more is better, below) a run may be. Cycles and ratios, not seconds: they carry over
// from machine to machine better, though not fully, so the margins are wide and the file is a
// matter of review: a change that moves a figure for good moves its line in the same commit.
//
//     {"figures": [{"name": "lookup/1M/routed/ours-to-rte-fib", "accepted": 0.8,
//                   "margin_percent": 10, "better": "less"}]}
//
// A line whose case was not run says nothing. A line whose case was run and that has no figure is
// an error: the name changed, or the figure was lost.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"
#include "tests/bench/harness/bench.hpp"

namespace godwit::bench {

struct BudgetLine {
    std::string name;
    double accepted = 0;
    double margin_percent = 0;
    bool less_is_better = true;
};

net::Result<std::vector<BudgetLine>, Problem> parse_budget(std::string_view text,
                                                           const std::string& file);

struct BudgetAnswer {
    unsigned held = 0;
    unsigned not_run = 0;
    std::vector<std::string> broken;  // a sentence each
};

// `cases_run` are the names of the cases that measured.
BudgetAnswer compare_with_budget(std::span<const BudgetLine> budget,
                                 std::span<const Figure> figures,
                                 std::span<const std::string> cases_run);

}  // namespace godwit::bench
