// One EAL for a test program, as rte_eal_init allows: no huge pages, no root, on a CPU that this
// program may use.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>

#include <chrono>
#include <memory>
#include <utility>

#include "drivers/port.hpp"

namespace godwit::drivers {

inline unsigned usable_cpu() {
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof allowed, &allowed);
    unsigned cpu = 0;
    while (!CPU_ISSET(cpu, &allowed)) {
        ++cpu;
    }
    return cpu;
}

inline config::Model small_model() {
    static const unsigned cpu = usable_cpu();  // EAL narrows the affinity later
    config::Model model;
    model.workers.main_core = cpu;
    model.workers.cores = {cpu, cpu};
    model.workers.memory = {512ULL << 20};
    return model;
}

// EAL lives as long as the suite that derives from this.
class InProcessEal : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        auto started = Eal::start(small_model(), {.in_process_test = true});
        ASSERT_TRUE(started) << started.error().what;
        eal_ = std::move(*started);
    }
    static void TearDownTestSuite() { eal_.reset(); }

    static std::unique_ptr<Ports> open(const config::Model& model) {
        auto ports = Ports::open(model, worker_count(model), 64);
        if (!ports) {
            ADD_FAILURE() << ports.error().what;
            return nullptr;
        }
        return std::move(*ports);
    }

    // Other threads of this process (the driver's) have work to do: try until they have done it.
    template <class Condition>
    static bool eventually(Condition condition) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) {
                return false;
            }
            sched_yield();
        }
        return true;
    }

    static inline std::unique_ptr<Eal> eal_;
};

}  // namespace godwit::drivers
