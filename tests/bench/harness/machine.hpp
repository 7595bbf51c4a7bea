// Where figures were measured, as they need to be judged: the CPU, its TSC, the kernel, the tree.
#pragma once

#include <cstdint>
#include <string>

namespace godwit::bench {

struct Machine {
    std::string cpu_model;
    unsigned cpus = 0;
    std::string kernel;
    std::string dpdk;
    std::string tree;  // of git, "-dirty" when files differed from it; empty when not known
    std::string compiler;
    double load = 0;  // of the last minute, at the start: other work disturbs every figure
};

Machine describe_machine();

// Cycles of the TSC a second, measured against the monotonic clock.
double tsc_hz();

}  // namespace godwit::bench
