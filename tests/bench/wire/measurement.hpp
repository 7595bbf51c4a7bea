// What the generator says about one window, as the bench reads it.
#pragma once

#include <cstdint>
#include <string>

#include "net/result.hpp"

namespace godwit::bench::wire {

struct Measurement {
    double tsc_hz = 0;
    double seconds = 0;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;  // in the window
    std::uint64_t lost = 0;      // of what was sent in it, after all had time to come
    std::uint64_t bursts = 0;
    std::uint64_t blocked = 0;  // bursts that the device did not take whole
    std::uint64_t checked = 0;
    std::uint64_t wrong = 0;
    std::string first_wrong;

    [[nodiscard]] double packets_a_second() const;
    // Of the TSC, and so of one core that does nothing else.
    [[nodiscard]] double cycles_a_packet() const;
    [[nodiscard]] double loss() const;  // share of what was sent
    // The forwarder, or its devices, could not take what the generator offered.
    [[nodiscard]] bool saturated() const;
};

// The generator's line of JSON.
net::Result<Measurement, std::string> parse_measurement(const std::string& line);

}  // namespace godwit::bench::wire
