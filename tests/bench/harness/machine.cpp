#include "tests/bench/harness/machine.hpp"

#include <rte_cycles.h>
#include <rte_version.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "tests/bench/tree_version.hpp"

namespace godwit::bench {

namespace {

std::string cpu_model() {
    std::ifstream file("/proc/cpuinfo");
    std::string line;
    while (std::getline(file, line)) {
        const auto colon = line.find(": ");
        if (line.starts_with("model name") && colon != std::string::npos) {
            return line.substr(colon + 2);
        }
    }
    return "unknown";
}

}  // namespace

Machine describe_machine() {
    Machine machine;
    machine.cpu_model = cpu_model();
    machine.cpus = static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN));
    utsname names{};
    if (uname(&names) == 0) {
        machine.kernel = std::string(names.sysname) + " " + names.release;
    }
    machine.dpdk = rte_version();
    machine.tree = kTreeVersion;
    machine.compiler = __VERSION__;
    double load = 0;
    if (getloadavg(&load, 1) == 1) {
        machine.load = load;
    }
    return machine;
}

double tsc_hz() {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    const std::uint64_t first = rte_rdtsc();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const std::uint64_t last = rte_rdtsc();
    const std::chrono::duration<double> passed = Clock::now() - begin;
    return static_cast<double>(last - first) / passed.count();
}

}  // namespace godwit::bench
