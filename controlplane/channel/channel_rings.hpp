// The control plane's ends of one session's rings: mapped, checked, read and written. No Asio here.
//
// The dataplane is not trusted either: regions must be sealed and of the announced length, every
// record is copied out and checked (dataplane/api/decode.hpp), an acknowledgement must lie between
// the last one and what was written. The first impossible thing is a fault, and ends the session.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/api/counters.hpp"
#include "dataplane/api/decode.hpp"
#include "dataplane/api/descriptor.hpp"
#include "dataplane/api/messages.hpp"
#include "dataplane/api/ring.hpp"
#include "dataplane/api/shared_memory.hpp"
#include "net/result.hpp"

namespace godwit::control {

class ChannelRings {
public:
    // `descriptors` as they came with Welcome, in the order of api::WelcomeFd.
    static net::Result<std::unique_ptr<ChannelRings>, std::string> attach(
        const api::WelcomeBody& welcome, std::vector<api::Descriptor> descriptors);

    [[nodiscard]] const api::CountersRegion* counters() const { return counters_; }

    // What the client polls: given away once.
    [[nodiscard]] api::Descriptor take_punt_sleeper() { return std::move(punt_sleeper_); }
    [[nodiscard]] api::Descriptor take_event_sleeper() { return std::move(event_sleeper_); }

    enum class Outcome : std::uint8_t { Record, Empty, Fault };
    // One record each; the spans hold until the next call. Of the punt rings, the highest priority
    // that has a record comes first, its workers in turn.
    Outcome next_punt(api::PuntView& punt);
    Outcome next_event(api::EventType& type, std::span<const std::byte>& body);
    // Before sleeping; false: something came in meanwhile.
    [[nodiscard]] bool prepare_punts_to_wait();
    [[nodiscard]] bool prepare_events_to_wait() { return events_.prepare_to_wait(); }
    [[nodiscard]] api::Fault fault() const { return fault_; }

    // False: the ring is full, or the packet can never go.
    bool inject(const api::InjectRecord& header, std::span<const std::byte> packet);
    [[nodiscard]] bool inject_broken() const { return inject_.broken(); }

    [[nodiscard]] api::RingProducer& routes() { return routes_; }
    [[nodiscard]] std::size_t route_ring_bytes() const { return route_ring_bytes_; }
    // Shows what was reserved in the route ring, and wakes the dataplane if it sleeps.
    void publish_routes();

private:
    // The rings of one priority, by worker.
    struct PuntsOfPriority {
        std::vector<api::RingConsumer> rings;
        std::size_t next_worker = 0;
    };

    ChannelRings() = default;
    Outcome fail(api::Fault fault);
    Outcome next_punt_of(std::size_t priority, api::PuntView& punt);

    api::Mapping counters_mapping_;
    api::Mapping punt_mapping_;
    api::Mapping inject_mapping_;
    api::Mapping route_mapping_;
    api::Mapping event_mapping_;
    const api::CountersRegion* counters_ = nullptr;
    api::Descriptor punt_sleeper_;
    api::Descriptor event_sleeper_;
    api::Descriptor inject_waker_;
    std::array<PuntsOfPriority, api::kPuntPriorityCount> punts_;  // by api::PuntPriority
    api::RingConsumer events_;
    api::RingProducer inject_;
    api::RingProducer routes_;
    std::size_t route_ring_bytes_ = 0;
    api::Fault fault_;
    alignas(8) std::array<std::byte, api::kMaxPuntBody> punt_buffer_;
    alignas(8) std::array<std::byte, api::kMaxEventBody> event_buffer_;
};

}  // namespace godwit::control
