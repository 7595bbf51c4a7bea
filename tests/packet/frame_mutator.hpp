// Frames that nobody would send: valid ones for every way through the graph, changed at random in
// a few places, mostly with a right header checksum, so that what was changed behind it is reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "tests/packet/frame_text.hpp"
#include "tests/packet/testbed.hpp"

namespace godwit::packet_test {

// Two ports and a VLAN, neighbours, equal-cost and blackhole routes, a small MTU: what the frames
// are about.
Topology fuzzed_topology();
// The same with NAT: what leaves by wan0 for 198.51.100.0/24, a forward and a one-to-one address.
Topology translated_topology();

class FrameMutator {
public:
    enum class Subject : std::uint8_t { Forwarding, Nat };
    explicit FrameMutator(std::uint64_t seed, Subject subject = Subject::Forwarding);

    Frame next();
    Frame next_valid() { return corpus_[below(corpus_.size())]; }  // nothing is changed
    [[nodiscard]] const std::vector<Frame>& corpus() const { return corpus_; }
    std::size_t below(std::size_t limit) { return random_() % limit; }

private:
    void mutate(Frame& frame);

    std::mt19937_64 random_;
    std::vector<Frame> corpus_;
};

}  // namespace godwit::packet_test
