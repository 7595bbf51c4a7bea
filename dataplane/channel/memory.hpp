// The memory that the dataplane shares: counters for its whole life, rings for one session each.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "dataplane/api/counters.hpp"
#include "dataplane/api/punt_class.hpp"
#include "dataplane/api/shared_memory.hpp"
#include "dataplane/api/wake.hpp"
#include "net/result.hpp"

namespace godwit::dataplane {

// Owns the one CountersRegion of this run. Control planes come and go and map it read-only; the
// kernel refuses them a writable mapping, a write and a truncation.
class CountersMemory {
public:
    // `boot_id` is random, from the caller.
    static net::Result<std::unique_ptr<CountersMemory>, std::string> create(
        std::uint32_t worker_count, std::uint64_t tsc_hz, std::uint64_t boot_id);

    [[nodiscard]] api::CountersRegion& region() { return *region_; }
    [[nodiscard]] const api::CountersRegion& region() const { return *region_; }
    [[nodiscard]] int descriptor() const { return memory_.descriptor.get(); }

private:
    CountersMemory(api::SharedMemory memory, std::uint32_t worker_count, std::uint64_t tsc_hz,
                   std::uint64_t boot_id);
    api::SharedMemory memory_;
    api::CountersRegion* region_;
};

// Data bytes of one ring each, powers of two (api::valid_ring_bytes; those of packets:
// api::valid_packet_ring_bytes).
struct ChannelSizes {
    std::uint32_t worker_count = 1;
    std::uint32_t punt_ring_bytes = 1U << 20U;  // of each priority of each worker
    std::uint32_t inject_ring_bytes = 1U << 20U;
    std::uint32_t route_ring_bytes = 1U << 22U;
    std::uint32_t event_ring_bytes = 1U << 20U;
};

// The rings of one session and the wake-ups that go with them. Workers may still write to a punt
// ring after the session has ended; so this lives until the last one lets go (SessionRings).
class SessionMemory {
public:
    static net::Result<std::unique_ptr<SessionMemory>, std::string> create(
        const ChannelSizes& sizes);

    [[nodiscard]] std::span<std::byte> punt(std::uint32_t worker, api::PuntPriority priority) const;
    [[nodiscard]] std::span<std::byte> inject() const { return inject_.mapping.bytes(); }
    [[nodiscard]] std::span<std::byte> route() const { return route_.mapping.bytes(); }
    [[nodiscard]] std::span<std::byte> event() const { return event_.mapping.bytes(); }

    [[nodiscard]] const api::SharedMemory& punt_memory() const { return punt_; }
    [[nodiscard]] const api::SharedMemory& inject_memory() const { return inject_; }
    [[nodiscard]] const api::SharedMemory& route_memory() const { return route_; }
    [[nodiscard]] const api::SharedMemory& event_memory() const { return event_; }

    // The control plane sleeps on the first two, the table owner on the third.
    [[nodiscard]] const api::WakePair& punt_wake() const { return punt_wake_; }
    [[nodiscard]] const api::WakePair& event_wake() const { return event_wake_; }
    [[nodiscard]] const api::WakePair& inject_wake() const { return inject_wake_; }

    // After Welcome the peer has its ends; ours of the same are closed.
    void forget_peer_ends();

private:
    SessionMemory() = default;
    ChannelSizes sizes_;
    api::SharedMemory punt_;
    api::SharedMemory inject_;
    api::SharedMemory route_;
    api::SharedMemory event_;
    api::WakePair punt_wake_;
    api::WakePair event_wake_;
    api::WakePair inject_wake_;
};

}  // namespace godwit::dataplane
