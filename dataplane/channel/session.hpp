// One control plane, connected: its control connection and the dataplane's ends of its rings.
//
// Made and destroyed by ChannelServer. Anything wrong is remembered as the session's end and acted
// on by the server after the handler has returned, so a handler that emits into a broken ring does
// not find itself called back in the middle.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/api/decode.hpp"
#include "dataplane/api/descriptor.hpp"
#include "dataplane/api/ring.hpp"
#include "dataplane/channel/handler.hpp"
#include "dataplane/channel/memory.hpp"

namespace godwit::dataplane {

enum class SessionEnd : std::uint8_t {
    PeerLeft,
    RingBroken,     // an impossible position or length in a ring's header
    BadRecord,      // a record that does not decode
    BadMessage,     // a control message that does not decode, or is not for now
    BadDescriptor,  // a configuration that is not sealed, or too long
    SendFailed,
    Stopped,  // by ourselves
    kCount
};

class Session {
public:
    Session(std::uint64_t number, api::Descriptor connection, std::shared_ptr<SessionMemory> memory,
            const ChannelSizes& sizes, ChannelHandler& handler);

    [[nodiscard]] std::uint64_t number() const { return number_; }

    [[nodiscard]] int connection() const { return connection_.get(); }
    [[nodiscard]] int sleeper() const { return memory_->inject_wake().sleeper.get(); }
    [[nodiscard]] SessionRings rings() const;
    [[nodiscard]] bool peer_gone() const;

    [[nodiscard]] bool over() const { return over_; }
    [[nodiscard]] SessionEnd why() const { return why_; }
    [[nodiscard]] std::string_view detail() const { return detail_; }

    // Sends what waits to be sent, then reads and answers messages.
    void serve_connection();
    [[nodiscard]] bool answer_waits() const { return !answers_.empty(); }
    // An answer that was not given at once.
    void send_later(std::vector<std::byte> answer);

    struct Drained {
        std::size_t routes = 0;
        std::size_t injected = 0;
        bool more = false;
    };
    Drained drain(std::size_t budget);
    [[nodiscard]] bool prepare_to_wait();

    bool emit(api::EventType type, std::span<const std::byte> body);
    [[nodiscard]] std::size_t event_room() const { return events_.free_bytes(); }
    void acknowledge(std::uint64_t sequence);
    // Wakes the control plane if it has been given an acknowledgement or room since the last time.
    void flush_wakes();

private:
    void end(SessionEnd why, std::string_view detail);
    bool one_route();   // false: none there, or the session is over
    bool one_inject();  // likewise
    void handle(const api::ControlMessage& message, std::vector<api::Descriptor>& descriptors);
    void answer_query(std::uint32_t request, std::span<const std::byte> body);
    void ask_nat(std::uint32_t request, std::span<const std::byte> body);
    void answer_configure(std::uint32_t request, std::span<const std::byte> body, int yaml);
    void take_own_ports(std::uint32_t request, std::span<const std::byte> body);
    void answer_outcome(std::uint32_t request, api::ConfigureOutcome outcome,
                        std::string sentences);
    void send(std::vector<std::byte> answer);

    std::uint64_t number_;
    api::Descriptor connection_;
    std::shared_ptr<SessionMemory> memory_;  // shared: see SessionRings
    ChannelHandler& handler_;
    std::uint32_t punt_ring_bytes_;
    std::uint32_t worker_count_;
    api::RingConsumer inject_;
    api::RingConsumer routes_;
    api::RingProducer events_;
    std::deque<std::vector<std::byte>> answers_;  // not taken by the socket yet
    bool wake_due_ = false;
    bool over_ = false;
    SessionEnd why_ = SessionEnd::PeerLeft;
    std::string_view detail_;
    alignas(8) std::array<std::byte, api::kMaxInjectBody> inject_buffer_;
    alignas(8) std::array<std::byte, api::kMaxRouteBody> route_buffer_;
    std::vector<std::byte> message_buffer_;
};

}  // namespace godwit::dataplane
