// godwit-bench: chooses cases, runs them, writes what they measured.
//
//     godwit-bench [NAME...] [--filter REGEX] [--list] [--json FILE] [--rounds N] [--seconds S]
//                  [--seed N] [--slow] [--no-hugepages] [--churn-rate N] [--quiet]
//                  [--budget] [--budget-file FILE]
//
// NAME chooses the cases that begin with it ("lookup", "forward/1M"). Ends with 0 when every chosen
// case measured (or said why it cannot run here) and the budget, if asked for, holds; with 1
// otherwise; with 2 when it was asked for something that it does not understand.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <regex>

#include "tests/bench/families.hpp"
#include "tests/bench/harness/budget.hpp"
#include "tests/bench/harness/dpdk.hpp"
#include "tests/bench/harness/result_file.hpp"

namespace godwit::bench {
namespace {

constexpr int kFailed = 1;
constexpr int kBadArguments = 2;

struct Arguments {
    std::vector<std::string> names;
    std::string filter;
    std::string json_file;
    std::string budget_file = SOURCE_ROOT "/tests/bench/budget.json";
    bool list = false;
    bool quiet = false;
    bool budget = false;
    Options options;
};

int complain(const std::string& what, const std::string& mend) {
    fmt::print(stderr, "godwit-bench: {}\n  {}\n", what, mend);
    return kBadArguments;
}

std::string all_cases_hint() {
    return "see `godwit-bench --list` for the names of all cases";
}

net::Result<std::vector<Case>, Problem> chosen_cases(const Arguments& arguments) {
    std::optional<std::regex> filter;
    try {
        if (!arguments.filter.empty()) {
            filter.emplace(arguments.filter);
        }
    } catch (const std::regex_error& error) {
        return net::unexpected(
            Problem{fmt::format("--filter {}: not a regular expression ({})", arguments.filter,
                                error.what()),
                    "quote it for the shell, and escape what is meant literally"});
    }
    std::vector<bool> used(arguments.names.size(), false);
    std::vector<Case> chosen;
    for (const Family& family : all_families()) {
        for (const Case& one : family.cases) {
            bool named = arguments.names.empty();
            for (std::size_t i = 0; i < arguments.names.size(); ++i) {
                if (one.name.starts_with(arguments.names[i])) {
                    named = used[i] = true;
                }
            }
            if (named && (!filter || std::regex_search(one.name, *filter))) {
                chosen.push_back(one);
            }
        }
    }
    for (std::size_t i = 0; i < used.size(); ++i) {
        if (!used[i]) {
            return net::unexpected(Problem{
                fmt::format("no case begins with \"{}\"", arguments.names[i]), all_cases_hint()});
        }
    }
    if (chosen.empty()) {
        return net::unexpected(Problem{fmt::format("no case matches --filter {}", arguments.filter),
                                       all_cases_hint()});
    }
    return chosen;
}

void list_cases(const std::vector<Case>& cases) {
    for (const Family& family : all_families()) {
        bool headed = false;
        for (const Case& one : cases) {
            if (!one.name.starts_with(family.name + "/")) {
                continue;
            }
            if (!headed) {
                fmt::print("# {}: {}\n", family.name, family.summary);
                headed = true;
            }
            fmt::print("{:<36} {}\n", one.name, one.summary);
        }
    }
}

net::Result<std::vector<BudgetLine>, Problem> read_budget(const std::string& file) {
    std::ifstream stream(file);
    if (!stream) {
        return net::unexpected(Problem{fmt::format("the budget {} cannot be read", file),
                                       "name the file: --budget --budget-file FILE"});
    }
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    return parse_budget(text, file);
}

bool budget_holds(const std::vector<BudgetLine>& budget, const Result& result,
                  const std::vector<std::string>& cases_run) {
    const BudgetAnswer answer = compare_with_budget(budget, result.figures, cases_run);
    for (const std::string& sentence : answer.broken) {
        fmt::print(stderr, "godwit-bench: over budget: {}\n", sentence);
    }
    fmt::print("# budget: {} held, {} broken, {} of cases that were not run\n", answer.held,
               answer.broken.size(), answer.not_run);
    return answer.broken.empty();
}

int run_cases(const Arguments& arguments, const std::vector<Case>& cases,
              const std::vector<BudgetLine>& budget, const std::string& command) {
    unsigned mebibytes = 0;
    for (const Case& one : cases) {
        mebibytes = std::max(mebibytes, one.dpdk_mebibytes);
    }
    Dpdk dpdk(arguments.options.hugepages, mebibytes);
    Report report(arguments.quiet);
    Result result{.machine = describe_machine(),
                  .tsc_hz = tsc_hz(),
                  .memory_note = {},
                  .command = command,
                  .options = arguments.options,
                  .figures = {},
                  .without_figures = {}};
    report.say(fmt::format("{}, {} CPUs, TSC {:.0f} MHz, {}, DPDK {}, tree {}, load {:.2f}",
                           result.machine.cpu_model, result.machine.cpus, result.tsc_hz / 1e6,
                           result.machine.kernel, result.machine.dpdk, result.machine.tree,
                           result.machine.load));
    report.say(fmt::format("seed {}, {} rounds, medians", arguments.options.seed,
                           arguments.options.rounds));

    bool failed = false;
    std::vector<std::string> cases_run;
    for (const Case& one : cases) {
        Context context(arguments.options, report, dpdk, one.name);
        if (auto problem = one.run(context)) {
            failed = failed || !problem->skipped;
            const auto line =
                fmt::format("{}: {}: {}; {}", one.name, problem->skipped ? "skipped" : "FAILED",
                            problem->what, problem->mend);
            fmt::print(problem->skipped ? stdout : stderr, "# {}\n", line);
            result.without_figures.push_back({one.name, *problem});
        } else {
            cases_run.push_back(one.name);
        }
    }
    result.figures = report.figures();
    result.memory_note = dpdk.memory_note();
    report.say(result.memory_note);
    if (!arguments.json_file.empty()) {
        std::ofstream file(arguments.json_file);
        if (!(file << to_json(result)) || !file.flush()) {
            fmt::print(stderr, "godwit-bench: {} cannot be written\n  name a writable file\n",
                       arguments.json_file);
            failed = true;
        }
    }
    if (arguments.budget) {
        failed = !budget_holds(budget, result, cases_run) || failed;
    }
    return failed ? kFailed : 0;
}

int run(int argc, char** argv) {
    Arguments arguments;
    Options& options = arguments.options;
    bool no_hugepages = false;
    CLI::App app{
        "Measures Godwit's dataplane beside its peers. Figures are medians of "
        "interleaved rounds, in TSC cycles where nothing else is said."};
    app.add_option("name", arguments.names, "cases that begin with NAME; all when none is given");
    app.add_option("--filter", arguments.filter, "only cases whose name matches this expression");
    app.add_flag("--list", arguments.list, "name the cases and stop");
    app.add_option("--json", arguments.json_file, "write the result to FILE");
    app.add_option("--rounds", options.rounds, "rounds of every comparison")
        ->check(CLI::Range(1U, 1000U))
        ->capture_default_str();
    app.add_option("--seconds", options.seconds, "length of cases that run for a time")
        ->check(CLI::Range(0.05, 86400.0))
        ->capture_default_str();
    app.add_option("--seed", options.seed, "of tables and traffic")->capture_default_str();
    app.add_option("--churn-rate", options.churn_rate, "changes a second of churn/paced")
        ->check(CLI::Range(1.0, 1e9))
        ->capture_default_str();
    app.add_flag("--slow", options.slow, "also what takes minutes: rte_lpm with 1M routes");
    app.add_flag("--no-hugepages", no_hugepages, "leave DPDK in ordinary pages");
    app.add_flag("--quiet", arguments.quiet, "no table on stdout");
    app.add_flag("--budget", arguments.budget, "fail when a figure is over its accepted value");
    app.add_option("--budget-file", arguments.budget_file, "instead of tests/bench/budget.json")
        ->needs("--budget");
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp& help) {
        return app.exit(help);
    } catch (const CLI::ParseError& error) {
        return complain(error.what(), "see `godwit-bench --help`");
    }
    options.hugepages = !no_hugepages;

    const auto cases = chosen_cases(arguments);
    if (!cases) {
        return complain(cases.error().what, cases.error().mend);
    }
    if (arguments.list) {
        list_cases(*cases);
        return 0;
    }
    std::vector<BudgetLine> budget;
    if (arguments.budget) {
        auto read = read_budget(arguments.budget_file);
        if (!read) {
            return complain(read.error().what, read.error().mend);
        }
        budget = std::move(*read);
    }
    std::string command = "godwit-bench";
    for (int i = 1; i < argc; ++i) {
        command += std::string(" ") + argv[i];
    }
    return run_cases(arguments, *cases, budget, command);
}

}  // namespace
}  // namespace godwit::bench

int main(int argc, char** argv) {
    try {
        return godwit::bench::run(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "godwit-bench: {}\n", error.what());
        return 1;
    }
}
