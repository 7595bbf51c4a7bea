// The sessions of a worker: found by the flow of either direction, kept in order of age.
//
// One table has both flows of each session, so an established packet needs one search: a bucket and
// the session. With address-dependent filtering a second table has, for each mapping and remote
// address, one session of a ring of those that share them.
//
// An age list is in the order of `listed`. A packet that refreshes moves its session to the end of
// the list, but only when it has stood for a grain (a sixteenth of the time its class lives, at
// least a second): what is at the front and `lifetime + grain` old has been idle for its lifetime,
// and a busy session costs a move only now and then. Sessions therefore end between the lifetime
// and 17/16 of it, never before.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/nat/bucket_table.hpp"
#include "dataplane/nat/prefetch.hpp"
#include "dataplane/nat/records.hpp"

namespace godwit::dataplane::nat {

class SessionStore {
public:
    using Lifetimes = std::array<Seconds, kAgeClasses>;

    SessionStore(std::uint32_t capacity, bool keeps_peers, const Lifetimes& lifetimes,
                 net::SipKey key);

    [[nodiscard]] std::uint64_t prefetch(Direction direction, const Flow& flow) const {
        const std::uint64_t hash = hash_flow(key_, direction, flow);
        flows_.prefetch(hash);
        return hash;
    }
    // The session that it very likely is, fetched; kNone: it seems that there is none. To be read:
    // a line that is fetched to be written goes back to memory, and most packets write nothing.
    [[nodiscard]] std::uint32_t prefetch_session(std::uint64_t hash) const {
        return flows_.probable(hash,
                               [this](std::uint32_t index) { prefetch_line(&sessions_[index]); });
    }
    [[nodiscard]] std::uint32_t find(Direction direction, const Flow& flow) const {
        return find(direction, flow, hash_flow(key_, direction, flow));
    }
    // `hash`: what prefetch() returned for it.
    [[nodiscard]] std::uint32_t find(Direction direction, const Flow& flow,
                                     std::uint64_t hash) const {
        return flows_.find(hash,
                           [&](std::uint32_t index) { return is_of(index, direction, flow); });
    }
    // `probable`: what prefetch_session() returned for it.
    [[nodiscard]] std::uint32_t find(Direction direction, const Flow& flow, std::uint64_t hash,
                                     std::uint32_t probable) const {
        if (probable != kNone && is_of(probable, direction, flow)) [[likely]] {
            return probable;
        }
        return find(direction, flow, hash);
    }
    // Whether an outside endpoint has a session with any port of this remote address.
    [[nodiscard]] bool has_peer(net::IpProtocol protocol, Endpoint outside,
                                net::Ipv4Address remote) const;

    [[nodiscard]] bool is_full() const { return sessions_.used() == sessions_.capacity(); }
    // A copy of `session`, whose endpoints, protocol, rule and owners are set; there must be room.
    std::uint32_t add(const Session& session, AgeClass age, Instant now);
    void remove(std::uint32_t index);

    void refresh(std::uint32_t index, Instant now) {
        Session& session = sessions_[index];
        if (now.time_since_epoch().count() - session.listed >=
            grains_[static_cast<std::size_t>(session.age)]) {
            set_age(index, session.age, now);
        }
    }
    void set_age(std::uint32_t index, AgeClass age, Instant now);

    // The first of the class in order of time, if it has been idle for its lifetime.
    [[nodiscard]] std::uint32_t expired(AgeClass age, Instant now) const;
    [[nodiscard]] std::uint32_t oldest(AgeClass age) const { return list(age).first; }
    [[nodiscard]] std::uint32_t count(AgeClass age) const { return list(age).count; }

    [[nodiscard]] Session& operator[](std::uint32_t index) { return sessions_[index]; }
    [[nodiscard]] const Session& operator[](std::uint32_t index) const { return sessions_[index]; }
    [[nodiscard]] std::uint32_t capacity() const { return sessions_.capacity(); }
    [[nodiscard]] std::uint32_t used() const { return sessions_.used(); }
    [[nodiscard]] std::uint32_t touched() const { return sessions_.touched(); }
    void set_lifetimes(const Lifetimes& lifetimes);
    [[nodiscard]] std::size_t bytes() const {
        return sessions_.bytes() + flows_.bytes() + (keeps_peers_ ? peers_.bytes() : 0U);
    }

private:
    [[nodiscard]] bool is_of(std::uint32_t index, Direction direction, const Flow& flow) const {
        const Session& session = sessions_[index];
        if (direction == Direction::Outbound) {
            return session.inside_address == flow.source.address &&
                   session.remote_address == flow.destination.address &&
                   session.inside_port == flow.source.port &&
                   session.remote_port == flow.destination.port &&
                   session.protocol == flow.protocol;
        }
        return session.remote_address == flow.source.address &&
               session.outside_address == flow.destination.address &&
               session.remote_port == flow.source.port &&
               session.outside_port == flow.destination.port && session.protocol == flow.protocol;
    }

    struct List {
        std::uint32_t first = kNone;
        std::uint32_t last = kNone;
        std::uint32_t count = 0;
    };
    [[nodiscard]] const List& list(AgeClass age) const {
        return lists_[static_cast<std::size_t>(age)];
    }
    void append(std::uint32_t index, AgeClass age, Instant now);
    void unlink(std::uint32_t index);
    [[nodiscard]] std::uint64_t peer_hash(const Session& session) const;
    [[nodiscard]] std::uint32_t find_peer(const Session& like) const;
    void join_peers(std::uint32_t index);
    void leave_peers(std::uint32_t index);

    Slab<Session, &Session::next> sessions_;
    BucketTable flows_;
    BucketTable peers_;
    bool keeps_peers_;
    net::SipKey key_;
    std::array<std::uint32_t, kAgeClasses> lifetimes_{};
    std::array<std::uint32_t, kAgeClasses> grains_{};
    std::array<List, kAgeClasses> lists_{};
};

}  // namespace godwit::dataplane::nat
