// The dataplane's end of the channel: one Unix socket, one control plane at a time.
//
// Lives on the table owner's thread, never blocks, and is driven by poll(). A connection says Hello
// and becomes the session if there is none (or if the one there is has lost its peer); every
// session gets fresh rings, so nothing that an old peer did can matter to a new one. A broken ring
// or a malformed message ends the session, counted by reason; forwarding goes on without one.
//
// Limits: kMaxGreeting connections that have not said Hello (the oldest is dropped), one answer on
// its way (no further request is read before it has gone), `budget` records a poll.
//
// One dataplane a socket path: a lock on PATH.lock, held as long as this lives, tells a running one
// from the socket file that a killed one left behind.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/api/decode.hpp"
#include "dataplane/api/descriptor.hpp"
#include "dataplane/api/messages.hpp"
#include "dataplane/channel/handler.hpp"
#include "dataplane/channel/memory.hpp"
#include "dataplane/channel/session.hpp"
#include "net/result.hpp"

namespace godwit::dataplane {

// Who may connect, beside root and the dataplane's own user. The socket's group is set to `gid`.
struct PeerRule {
    std::optional<uid_t> uid;
    std::optional<gid_t> gid;  // primary group of the control plane's user
};

struct ChannelStatistics {
    std::uint64_t sessions_opened = 0;
    std::uint64_t connections_refused = 0;  // wrong user, wrong version, or one is connected
    std::uint64_t greetings_dropped = 0;    // pushed out before they said Hello
    std::uint64_t route_records = 0;
    std::uint64_t inject_records = 0;
    std::uint64_t events = 0;
    std::uint64_t events_lost = 0;  // the event ring was full
    std::array<std::uint64_t, static_cast<std::size_t>(SessionEnd::kCount)> sessions_ended{};
};

class ChannelServer {
public:
    // Fails with a sentence for a person: what, where, why, and the mend. `counters` and `handler`
    // outlive the server. It waits up to a second for a dataplane that is dying to be gone, but not
    // on after `stop` (which may be null) is set.
    static net::Result<std::unique_ptr<ChannelServer>, std::string> listen(
        const std::string& path, const ChannelSizes& sizes, CountersMemory& counters,
        ChannelHandler& handler, const PeerRule& rule = {},
        const std::atomic<bool>* stop = nullptr);
    ~ChannelServer();  // without a last session_closed(); call close() for that
    ChannelServer(const ChannelServer&) = delete;
    ChannelServer& operator=(const ChannelServer&) = delete;

    [[nodiscard]] int poll_fd() const { return epoll_.get(); }

    // Accepts, answers messages, and hands up to `budget` route and inject records to the handler,
    // taken in turn so that neither ring waits for the other. True: more waits.
    bool poll(std::size_t budget);
    // Before sleeping on poll_fd(). False: something came in meanwhile, poll() again.
    [[nodiscard]] bool prepare_to_wait();

    // False: no session, or the event ring is full; the latter is counted and makes a resync due.
    bool emit(api::EventType type, std::span<const std::byte> body);
    template <class Message>
    bool emit(api::EventType type, const Message& message) {
        return emit(type, api::bytes_of(message));
    }
    // True once after events were lost and the ring has room again: emit the state of every
    // interface and neighbour anew.
    [[nodiscard]] bool take_resync_due();
    void acknowledge(std::uint64_t sequence);
    // The answer to ChannelHandler::nat_asked(); goes nowhere when that session is over.
    void answer_nat(std::uint64_t session, std::uint32_t request, const api::NatAnswerBody& header,
                    std::span<const std::byte> records);
    // Bytes of the event ring that are free; 0 without a session.
    [[nodiscard]] std::size_t event_room() const {
        return session_ == nullptr ? 0 : session_->event_room();
    }

    [[nodiscard]] bool connected() const { return session_ != nullptr; }
    // Of the YAML text that runs, 64 lower-case hexadecimal digits; the next Welcome carries it.
    void set_config_sha256(std::string_view digits);
    [[nodiscard]] const ChannelStatistics& statistics() const { return statistics_; }
    // Why the last session ended, for the log; empty before that.
    [[nodiscard]] std::string_view last_end() const { return last_end_; }

    // Ends the session (with session_closed()) and stops listening.
    void close();

private:
    static constexpr std::size_t kMaxGreeting = 4;

    ChannelServer(ChannelSizes sizes, CountersMemory& counters, ChannelHandler& handler,
                  PeerRule rule)
        : sizes_(sizes), counters_(counters), handler_(handler), rule_(rule) {}

    void accept_connections();
    [[nodiscard]] bool allowed(int connection) const;
    void read_greeting(int connection);
    void greet(api::Descriptor connection, std::uint32_t request, std::span<const std::byte> hello);
    void refuse(int connection, std::uint32_t request, std::string_view reason);
    void end_session_if_over();
    void end_session(SessionEnd why, std::string_view detail);
    bool watch(int descriptor, std::uint32_t events);

    ChannelSizes sizes_;
    CountersMemory& counters_;
    ChannelHandler& handler_;
    PeerRule rule_;
    std::string path_;
    api::Descriptor lock_;
    api::Descriptor listener_;
    api::Descriptor epoll_;
    std::vector<api::Descriptor> greeting_;  // oldest first
    std::unique_ptr<Session> session_;
    std::uint64_t session_count_ = 0;
    std::array<char, 64> config_sha256_{};
    bool resync_due_ = false;
    std::string_view last_end_;
    ChannelStatistics statistics_;
};

}  // namespace godwit::dataplane
