// What happened to bindings, with the fields of RFC 8158 5.2, for a journal.
//
// The worker writes into a buffer of fixed size and never waits: who empties it too slowly loses
// the newest, and the number of the lost ones is kept. The remote is told only where sessions are
// logged, for a journal of who spoke with whom is nothing to keep by default (RFC 6888 REQ-12).
#pragma once

#include <algorithm>
#include <atomic>
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

// One thread pushes, and one other takes.
class EventBuffer {
public:
    explicit EventBuffer(std::size_t capacity) : events_(capacity) {}

    void push(const BindingEvent& event) {
        const std::uint64_t pushed = pushed_.load(std::memory_order_relaxed);
        if (pushed - taken_.load(std::memory_order_acquire) == events_.size()) {
            lost_.store(lost() + 1, std::memory_order_relaxed);
            return;
        }
        events_[pushed % events_.size()] = event;
        pushed_.store(pushed + 1, std::memory_order_release);
    }
    // Moves the oldest into `out`; how many.
    std::size_t take(std::span<BindingEvent> out) {
        const std::uint64_t taken = taken_.load(std::memory_order_relaxed);
        const std::uint64_t held = pushed_.load(std::memory_order_acquire) - taken;
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), held));
        for (std::size_t at = 0; at < count; ++at) {
            out[at] = events_[(taken + at) % events_.size()];
        }
        taken_.store(taken + count, std::memory_order_release);
        return count;
    }
    [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t bytes() const { return events_.size() * sizeof(BindingEvent); }

private:
    std::vector<BindingEvent> events_;
    alignas(64) std::atomic<std::uint64_t> pushed_ = 0;  // by the worker, since the beginning
    std::atomic<std::uint64_t> lost_ = 0;
    alignas(64) std::atomic<std::uint64_t> taken_ = 0;
};

}  // namespace godwit::dataplane::nat
