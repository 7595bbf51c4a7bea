// When a program that ended is started again: a core without clock or process.
//
// The first death is answered at once (well under 50 ms), so that a crash costs as little as it
// can. A program that keeps dying within a second of its start is started less and less often, up
// to every 2 s, and never given up: the cause (a device, a file) may come back without a person. A
// program that asks for its restart (exit code 75) gets it at once, but one that asks again and
// again within a second waits like one that dies.
#pragma once

#include <chrono>
#include <cstdint>

namespace godwit::supervisor {

using Duration = std::chrono::milliseconds;

class RestartPolicy {
public:
    static constexpr Duration kSettled{1000};  // lived this long: its start was good
    static constexpr Duration kFirstWait{100};
    static constexpr Duration kLongestWait{2000};

    // How long to wait before the next start of a program that lived so long.
    Duration after_end(Duration lived);

    [[nodiscard]] std::uint64_t restarts() const { return restarts_; }

private:
    unsigned early_deaths_ = 0;  // in a row
    std::uint64_t restarts_ = 0;
};

}  // namespace godwit::supervisor
