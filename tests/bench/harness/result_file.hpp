// The JSON result of a run: the machine, the options, every figure, and the cases that have none.
// Pages and comparisons are made from this file (tests/bench/page).
#pragma once

#include <string>
#include <vector>

#include "tests/bench/harness/bench.hpp"
#include "tests/bench/harness/machine.hpp"

namespace godwit::bench {

struct CaseProblem {
    std::string name;
    Problem problem;
};

struct Result {
    Machine machine;
    double tsc_hz = 0;
    std::string memory_note;
    std::string command;
    Options options;
    std::vector<Figure> figures;
    std::vector<CaseProblem> without_figures;
};

std::string to_json(const Result& result);

}  // namespace godwit::bench
