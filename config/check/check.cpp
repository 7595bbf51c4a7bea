#include "config/check/check.hpp"

#include <fmt/format.h>

#include <map>

namespace godwit::config {

namespace {

// sun_path of a Unix socket address holds 108 bytes with its terminating zero.
constexpr std::size_t kLongestSocketPath = 107;

}  // namespace

std::vector<Finding> check(const Model& model) {
    std::vector<Finding> findings;
    check_workers(model, findings);
    check_interfaces(model, findings);
    check_addresses(model, findings);
    check_static(model, findings);
    check_rip(model, findings);
    check_policy(model, findings);
    check_nat(model, findings);
    check_pcp(model, findings);
    check_management(model, findings);
    check_telemetry(model, findings);
    return findings;
}

void check_workers(const Model& model, std::vector<Finding>& findings) {
    struct Use {
        std::size_t first_worker = 0;
        std::size_t count = 0;
    };
    std::map<unsigned, Use> uses;
    for (std::size_t worker = 0; worker < model.workers.cores.size(); ++worker) {
        const unsigned cpu = model.workers.cores[worker];
        Use& use = uses.emplace(cpu, Use{worker, 0}).first->second;
        const Path path = {{"workers"}, {"cores"}, {std::to_string(cpu), true, use.count}};
        if (use.count++ > 0) {
            findings.push_back(
                {.id = "duplicate-core",
                 .path = path,
                 .what = fmt::format("CPU {} is already worker {}'s", cpu, use.first_worker),
                 .help = "Give every worker a CPU of its own."});
        } else if (cpu == model.workers.main_core) {
            findings.push_back(
                {.warning = true,
                 .id = "shared-core",
                 .path = path,
                 .what = fmt::format("CPU {} carries worker {} and the main thread; each stops for "
                                     "milliseconds while the other runs",
                                     cpu, worker),
                 .help = "This costs throughput and delay under load; with a CPU to spare, set "
                         "workers.main-core to it."});
        }
    }
}

void check_management(const Model& model, std::vector<Finding>& findings) {
    const Path path = {{"management"}, {"control-socket"}};
    const std::string& control = model.management.control_socket;
    const std::string channel = channel_socket_path(model);
    if (control == channel) {
        findings.push_back(
            {.id = "invalid-value",
             .path = path,
             .what = "dataplane.sock is the name of the socket between the two "
                     "programs in the same folder",
             .help = "Name the control socket otherwise, for example control.sock."});
    }
    if (std::max(control.size(), channel.size()) > kLongestSocketPath) {
        findings.push_back(
            {.id = "out-of-range",
             .path = path,
             .what = fmt::format("the path of a Unix socket has at most {} bytes, also with "
                                 "dataplane.sock as its last part; this one has {}",
                                 kLongestSocketPath, std::max(control.size(), channel.size())),
             .help = "Use a shorter folder, for example /run/godwit."});
    }
}

}  // namespace godwit::config
