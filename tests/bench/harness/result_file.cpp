#include "tests/bench/harness/result_file.hpp"

#include <boost/json.hpp>

namespace godwit::bench {

std::string to_json(const Result& result) {
    namespace json = boost::json;
    json::array figures;
    for (const Figure& figure : result.figures) {
        figures.push_back(json::object{{"name", figure.name},
                                       {"value", figure.value},
                                       {"unit", figure.unit},
                                       {"note", figure.note}});
    }
    json::array without;
    for (const CaseProblem& one : result.without_figures) {
        without.push_back(json::object{{"case", one.name},
                                       {"skipped", one.problem.skipped},
                                       {"what", one.problem.what},
                                       {"mend", one.problem.mend}});
    }
    const Machine& machine = result.machine;
    const json::object root{
        {"machine",
         {{"cpu", machine.cpu_model},
          {"cpus", machine.cpus},
          {"tsc_hz", result.tsc_hz},
          {"kernel", machine.kernel},
          {"load_at_start", machine.load}}},
        {"build", {{"tree", machine.tree}, {"compiler", machine.compiler}, {"dpdk", machine.dpdk}}},
        {"command", result.command},
        {"memory", result.memory_note},
        {"options",
         {{"rounds", result.options.rounds},
          {"seconds", result.options.seconds},
          {"seed", result.options.seed},
          {"slow", result.options.slow},
          {"churn_rate", result.options.churn_rate}}},
        {"figures", std::move(figures)},
        {"without_figures", std::move(without)},
    };
    return json::serialize(root) + "\n";
}

}  // namespace godwit::bench
