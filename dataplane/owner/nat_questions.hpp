// The control plane's questions about NAT: numbers at once, pages of sessions when the worker that
// has them has looked, and mappings for the hosts that ask for them.
//
// A question for a page goes to one worker and is answered with what that one found; the cursor
// then names the next worker. Clearing goes to one worker after the other, and is answered when the
// last is through. At most kMaxQuestions wait, and api::kMaxNatMaps for mappings, so that neither
// keeps the other from its answers; one more is answered as Busy.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>

#include "dataplane/api/nat_messages.hpp"
#include "dataplane/channel/server.hpp"
#include "dataplane/nat/nat_table.hpp"
#include "dataplane/worker/links.hpp"

namespace godwit::dataplane {

class NatQuestions {
public:
    static constexpr std::size_t kMaxQuestions = 16;
    // In one turn; who asks more than that gets no answer at all.
    static constexpr std::size_t kMaxRefused = 64;
    using Epoch = std::function<api::NatEpoch()>;

    // Both outlive this.
    NatQuestions(nat::NatTable& table, Links& links) : table_(table), links_(links) {}

    // Answered by poll(), from the next turn on.
    void asked(std::uint64_t session, std::uint32_t request, const api::NatAskBody& ask);
    // Gives the answers that have come to `server`, which may be null.
    void poll(ChannelServer* server, const Epoch& epoch);
    [[nodiscard]] bool is_waiting() const { return !waiting_.empty() || !refused_.empty(); }

private:
    struct Waiting {
        std::uint64_t session = 0;
        std::uint32_t request = 0;
        api::NatAskBody ask;
        std::uint64_t cleared = 0;  // by the workers before this one
    };

    [[nodiscard]] bool is_full(api::NatAskKind kind) const;
    bool ask_worker(std::uint64_t tag, const Waiting& waiting);
    void came(nat::Answer answer, ChannelServer* server, const Epoch& epoch);
    void give(const Waiting& to, api::NatAnswerBody header, std::span<const std::byte> records,
              ChannelServer* server) const;
    [[nodiscard]] std::uint64_t next_cursor(unsigned worker, std::uint32_t cursor) const;

    nat::NatTable& table_;
    Links& links_;
    std::map<std::uint64_t, Waiting> waiting_;  // by tag
    std::size_t requests_ = 0;                  // of those
    std::deque<Waiting> refused_;
    std::uint64_t last_tag_ = 0;
};

}  // namespace godwit::dataplane
