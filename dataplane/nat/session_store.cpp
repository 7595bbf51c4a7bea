// Insertion, removal and ageing of sessions.
#include "dataplane/nat/session_store.hpp"

#include <algorithm>

namespace godwit::dataplane::nat {

SessionStore::SessionStore(std::uint32_t capacity, bool keeps_peers, const Lifetimes& lifetimes,
                           net::SipKey key)
    : sessions_(capacity),
      flows_(std::size_t{capacity} * 2U),
      peers_(keeps_peers ? capacity : 0U),
      keeps_peers_(keeps_peers),
      key_(key) {
    set_lifetimes(lifetimes);
}

// The lists stay in order: they are in the order of the time since when, whatever the lifetime.
void SessionStore::set_lifetimes(const Lifetimes& lifetimes) {
    for (std::size_t age = 0; age < kAgeClasses; ++age) {
        lifetimes_[age] = lifetimes[age].count();
        grains_[age] = std::max(lifetimes_[age] / 16U, 1U);
    }
}

bool SessionStore::has_peer(net::IpProtocol protocol, Endpoint outside,
                            net::Ipv4Address remote) const {
    Session like;
    like.protocol = protocol;
    like.outside_address = outside.address;
    like.outside_port = outside.port;
    like.remote_address = remote;
    return find_peer(like) != kNone;
}

std::uint32_t SessionStore::add(const Session& session, AgeClass age, Instant now) {
    const std::uint32_t index = sessions_.take();
    sessions_[index] = session;
    for (const Direction direction : {Direction::Outbound, Direction::Inbound}) {
        flows_.insert(hash_flow(key_, direction, session.flow(direction)), index);
    }
    append(index, age, now);
    if (keeps_peers_) {
        join_peers(index);
    }
    return index;
}

void SessionStore::remove(std::uint32_t index) {
    const Session& session = sessions_[index];
    for (const Direction direction : {Direction::Outbound, Direction::Inbound}) {
        flows_.erase(hash_flow(key_, direction, session.flow(direction)), index);
    }
    if (keeps_peers_) {
        leave_peers(index);
    }
    unlink(index);
    sessions_.give_back(index);
}

void SessionStore::set_age(std::uint32_t index, AgeClass age, Instant now) {
    unlink(index);
    append(index, age, now);
}

std::uint32_t SessionStore::expired(AgeClass age, Instant now) const {
    const std::uint32_t first = list(age).first;
    const auto at = static_cast<std::size_t>(age);
    if (first == kNone ||
        now.time_since_epoch().count() - sessions_[first].listed < lifetimes_[at] + grains_[at]) {
        return kNone;
    }
    return first;
}

void SessionStore::append(std::uint32_t index, AgeClass age, Instant now) {
    Session& session = sessions_[index];
    List& to = lists_[static_cast<std::size_t>(age)];
    session.age = age;
    session.listed = now.time_since_epoch().count();
    session.previous = to.last;
    session.next = kNone;
    (to.last == kNone ? to.first : sessions_[to.last].next) = index;
    to.last = index;
    ++to.count;
}

void SessionStore::unlink(std::uint32_t index) {
    const Session& session = sessions_[index];
    List& from = lists_[static_cast<std::size_t>(session.age)];
    (session.previous == kNone ? from.first : sessions_[session.previous].next) = session.next;
    (session.next == kNone ? from.last : sessions_[session.next].previous) = session.previous;
    --from.count;
}

std::uint64_t SessionStore::peer_hash(const Session& session) const {
    return hash_words(
        key_,
        std::uint64_t{session.outside_address.value()} << 32U | session.remote_address.value(),
        std::uint64_t{session.outside_port} << 32U | static_cast<std::uint8_t>(session.protocol));
}

std::uint32_t SessionStore::find_peer(const Session& like) const {
    return peers_.find(peer_hash(like), [&](std::uint32_t index) {
        const Session& session = sessions_[index];
        return session.outside_address == like.outside_address &&
               session.outside_port == like.outside_port &&
               session.remote_address == like.remote_address && session.protocol == like.protocol;
    });
}

void SessionStore::join_peers(std::uint32_t index) {
    Session& session = sessions_[index];
    const std::uint32_t peer = find_peer(session);
    if (peer == kNone) {
        session.peer_next = index;
        session.peer_previous = index;
        peers_.insert(peer_hash(session), index);
        return;
    }
    session.peer_previous = peer;
    session.peer_next = sessions_[peer].peer_next;
    sessions_[session.peer_next].peer_previous = index;
    sessions_[peer].peer_next = index;
}

void SessionStore::leave_peers(std::uint32_t index) {
    const Session& session = sessions_[index];
    if (find_peer(session) == index) {
        if (session.peer_next == index) {
            peers_.erase(peer_hash(session), index);
        } else {
            peers_.replace(peer_hash(session), index, session.peer_next);
        }
    }
    sessions_[session.peer_previous].peer_next = session.peer_next;
    sessions_[session.peer_next].peer_previous = session.peer_previous;
}

}  // namespace godwit::dataplane::nat
