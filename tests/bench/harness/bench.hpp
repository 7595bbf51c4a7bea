// What a benchmark is here: a family is a name and a list of cases; a case is a function that
// measures and reports figures.
//
// The harness is our own and not Google Benchmark: what is measured are cycles of one part of a
// loop, peers interleaved round by round, in threads that the case starts, which that library's
// "time the whole loop body" does not express.
//
// A figure's name is "<case>/<what>", its unit is written out ("cycles", "ratio", "packets/s"), and
// its note says what the reader must know to judge it. Names are what the budget and the pages go
// by, so they are stable. A case that cannot run here (no privilege, no second core) answers with a
// Problem whose `skipped` is true: the others run, and the reason is in the output.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::bench {

struct Figure {
    std::string name;  // "lookup/1M/routed/ours"
    double value = 0;
    std::string unit;  // "cycles", "ratio", "bytes", "packets", "routes/s", ...
    std::string note;  // for the reader; may be empty
};

// Everything that was measured, in order; a line on stdout for each as it comes.
class Report {
public:
    explicit Report(bool quiet = false) : quiet_(quiet) {}
    void add(Figure figure);
    void say(const std::string& line) const;  // a remark in the human output, not a figure
    [[nodiscard]] const std::vector<Figure>& figures() const { return figures_; }

private:
    bool quiet_;
    std::vector<Figure> figures_;
};

struct Options {
    unsigned rounds = 9;  // of every interleaved comparison; medians are reported
    double seconds = 5;   // of cases that run for a time
    std::uint64_t seed = 1;
    bool slow = false;            // also what takes minutes (rte_lpm with a million routes)
    bool hugepages = true;        // try to reserve them for DPDK
    double churn_rate = 200'000;  // changes a second of churn/paced
};

// Why a case has no figures: what happened, and what to do about it.
struct Problem {
    std::string what;
    std::string mend;
    bool skipped = false;  // it cannot run here, which is no failure
};

class Dpdk;  // harness/dpdk.hpp

// What a case works with.
class Context {
public:
    Context(const Options& options, Report& report, Dpdk& dpdk, std::string case_name)
        : options_(options), report_(report), dpdk_(dpdk), case_name_(std::move(case_name)) {}

    [[nodiscard]] const Options& options() const { return options_; }
    [[nodiscard]] const std::string& case_name() const { return case_name_; }
    // Not started before a case asks it to: a case that only drives other processes never does.
    [[nodiscard]] Dpdk& dpdk() const { return dpdk_; }

    // `what` is appended to the case's name: figure("ours", 21.5, "cycles").
    void figure(const std::string& what, double value, const std::string& unit,
                const std::string& note = "");
    void say(const std::string& line) { report_.say(line); }

private:
    const Options& options_;
    Report& report_;
    Dpdk& dpdk_;
    std::string case_name_;
};

struct Case {
    std::string name;                                     // with the family's: "lookup/1M/routed"
    std::string summary;                                  // one line for --list
    std::function<std::optional<Problem>(Context&)> run;  // nothing: measured
    unsigned dpdk_mebibytes = 256;  // what it needs of DPDK's memory, if it uses DPDK
};

struct Family {
    std::string name;     // "lookup"
    std::string summary;  // what it measures, and what it leaves out
    std::vector<Case> cases;
};

}  // namespace godwit::bench
