// What happened to bindings, with the fields of RFC 8158 5.2, for a journal.
//
// The worker writes into a buffer of fixed size and never waits: who empties it too slowly loses
// the newest, and the number of the lost ones is kept. The remote is told only where sessions are
// logged, for a journal of who spoke with whom is nothing to keep by default (RFC 6888 REQ-12).
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/nat/flow.hpp"
#include "dataplane/nat/rules.hpp"

namespace godwit::dataplane::nat {

// The values of natEvent (RFC 8158 table 2).
enum class NatEvent : std::uint8_t {
    SessionCreate = 4,
    SessionDelete = 5,
    BindingCreate = 8,
    BindingDelete = 9,
    PortsExhausted = 12,
    QuotaExceeded = 13,
    PortBlockAllocation = 16,
    PortBlockRelease = 17
};

struct BindingEvent {
    Instant time;  // observationTime
    NatEvent event{};
    net::IpProtocol protocol{};
    RuleId rule{};
    Endpoint inside;             // sourceIPv4Address, sourceTransportPort
    Endpoint outside;            // postNATSourceIPv4Address, postNAPTSourceTransportPort
    Endpoint remote;             // sessions only
    PortRange block{0, 0};       // blocks only: portRangeStart, portRangeEnd
    std::uint16_t block_step{};  // portRangeStepSize in pairs of ports: the number of workers
};

class EventBuffer {
public:
    explicit EventBuffer(std::size_t capacity) : events_(capacity) {}

    void push(const BindingEvent& event) {
        if (held_ == events_.size()) {
            ++lost_;
            return;
        }
        events_[(first_ + held_) % events_.size()] = event;
        ++held_;
    }
    // Moves the oldest into `out`; how many.
    std::size_t take(std::span<BindingEvent> out) {
        const std::size_t count = std::min(out.size(), held_);
        for (std::size_t at = 0; at < count; ++at) {
            out[at] = events_[first_];
            first_ = (first_ + 1) % events_.size();
        }
        held_ -= count;
        return count;
    }
    [[nodiscard]] std::uint64_t lost() const { return lost_; }
    [[nodiscard]] std::size_t bytes() const { return events_.size() * sizeof(BindingEvent); }

private:
    std::vector<BindingEvent> events_;
    std::size_t first_ = 0;
    std::size_t held_ = 0;
    std::uint64_t lost_ = 0;
};

}  // namespace godwit::dataplane::nat
