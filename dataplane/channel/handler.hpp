// What the channel asks of the table owner, and the few values that go between them.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/api/decode.hpp"
#include "dataplane/api/messages.hpp"
#include "dataplane/api/ring.hpp"

namespace godwit::dataplane {

// The punt rings of one worker, by api::PuntPriority.
using PuntProducers = std::array<api::RingProducer, api::kPuntPriorityCount>;

// The worker's side of a session. `memory` keeps the rings mapped and the signal open: the owner
// gives the rings to the workers, and after session_closed() lets `memory` go through the
// Reclaimer, when no worker can be writing any more. It is shared because the server and the owner
// both use the session's memory, and either may be the last.
struct SessionRings {
    std::uint64_t session = 0;
    std::vector<PuntProducers> punt;  // by worker
    int punt_signal_fd = -1;          // api::wake() when publish() says so
    std::shared_ptr<const void> memory;
};

// One page of an answer, filled by the owner.
class QueryPage {
public:
    QueryPage(const api::QueryBody& query, std::span<std::byte> room)
        : room_(room),
          record_bytes_(api::record_bytes_of(query.kind)),
          limit_(room.size() / record_bytes_) {
        if (query.max_records != 0 && query.max_records < limit_) {
            limit_ = query.max_records;
        }
    }

    // False: the page is full and the record was not taken; set next_cursor so that the next page
    // begins with it.
    template <class Row>
    [[nodiscard]] bool add(const Row& row) {
        assert(sizeof(Row) == record_bytes_);
        if (full()) {
            return false;
        }
        std::memcpy(room_.data() + count_ * record_bytes_, &row, sizeof(Row));
        ++count_;
        return true;
    }

    [[nodiscard]] bool full() const { return count_ >= limit_; }
    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] std::size_t record_bytes() const { return record_bytes_; }

    std::uint64_t next_cursor = 0;  // 0: this is the last page

private:
    std::span<std::byte> room_;
    std::size_t record_bytes_;
    std::size_t limit_;
    std::size_t count_ = 0;
};

// Implemented by dataplane/owner; called on the owner's thread only, from ChannelServer::poll()
// and close(). A handler may call emit() and acknowledge() from within; it must not call poll() or
// close(), nor destroy the server.
class ChannelHandler {
public:
    virtual ~ChannelHandler() = default;

    // A control plane is there and has its rings: give them to the workers, and emit every
    // interface once.
    virtual void session_opened(SessionRings rings) = 0;
    virtual void session_closed() = 0;

    // Length checked for its type (api::check_route); what is in it is the handler's to judge. The
    // handler calls acknowledge() when it has carried the record out, or rejected it by an event.
    virtual void route_record(const api::Record& record) = 0;
    // `packet` is at least 1 byte and at most kMaxPacketBytes long; neither packet nor interface
    // has been looked at.
    virtual void injected(const api::InjectRecord& header, std::span<const std::byte> packet) = 0;
    virtual void query(const api::QueryBody& query, QueryPage& page) = 0;
    // Answered later with ChannelServer::answer_nat(), once; by an answer that says so where the
    // handler has no room for it. `session` is that of SessionRings.
    virtual void nat_asked(std::uint64_t session, std::uint32_t request,
                           const api::NatAskBody& ask) = 0;
    // `text` is for a person, one sentence a line.
    virtual api::ConfigureOutcome configure(api::ConfigurePhase phase, std::uint64_t revision,
                                            std::string_view yaml, std::string& text) = 0;
    // All ports that are the control plane's own, in the place of those before; `text` says what is
    // wrong with them.
    virtual api::ConfigureOutcome own_ports(std::span<const api::OwnPortRecord> ports,
                                            std::string& text) = 0;
    virtual void restart_requested() = 0;
};

}  // namespace godwit::dataplane
