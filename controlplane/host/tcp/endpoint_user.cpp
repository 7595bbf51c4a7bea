// What the owner of the table does to one connection, and to the rules of peers. See endpoint.hpp.
#include <algorithm>
#include <utility>

#include "controlplane/host/tcp/endpoint_entry.hpp"

namespace godwit::control::tcp {

void Endpoint::Output::transmit(const Flow& flow, const Segment& segment) {
    if (guard_->empty()) {
        sink_->transmit(flow, segment);
        return;
    }
    Segment marked = segment;
    if (!guard_->prepare(flow, marked)) {
        sink_->transmit(flow, marked);
    }
}

net::Result<void, std::string> Endpoint::secure(const SecurityScope& scope,
                                                const PeerSecurity& security) {
    auto set = guard_.set(scope, security);
    if (set) {
        for (const auto& [id, found] : connections_) {
            found->connection.set_signature_bytes(guard_.option_bytes(found->connection.flow()));
        }
    }
    return set;
}

bool Endpoint::prefer_ao_key(ConnectionId id, std::uint8_t receive_id) {
    const Entry* const found = entry(id);
    return found != nullptr && guard_.prefer_ao_key(found->connection.flow(), receive_id);
}

void Endpoint::forget_sessions() {
    guard_.sweep([this](const Flow& flow) {
        return flows_.contains(flow) || time_wait_.holds(flow) || syn_cache_.find(flow) != nullptr;
    });
}

std::size_t Endpoint::write(ConnectionId id, std::span<const std::uint8_t> bytes, Instant now) {
    Entry* const found = entry(id);
    if (found == nullptr) {
        return 0;
    }
    const std::size_t count = found->connection.write(bytes, now);
    settle(*found, now);
    return count;
}

std::size_t Endpoint::write_urgent(ConnectionId id, std::span<const std::uint8_t> bytes,
                                   Instant now) {
    Entry* const found = entry(id);
    if (found == nullptr) {
        return 0;
    }
    const std::size_t count = found->connection.write_urgent(bytes, now);
    settle(*found, now);
    return count;
}

std::size_t Endpoint::read(ConnectionId id, std::span<std::uint8_t> into, Instant now) {
    Entry* const found = entry(id);
    if (found == nullptr) {
        return 0;
    }
    const std::size_t count = found->connection.read(into, now);
    settle(*found, now);
    return count;
}

void Endpoint::shutdown(ConnectionId id, Instant now) {
    if (Entry* const found = entry(id); found != nullptr) {
        found->connection.shutdown(now);
        settle(*found, now);
    }
}

void Endpoint::abort(ConnectionId id, Instant now) {
    if (Entry* const found = entry(id); found != nullptr) {
        found->connection.abort(now);
        settle(*found, now);
    }
}

void Endpoint::release(ConnectionId id, Instant now) {
    if (Entry* const found = entry(id); found != nullptr) {
        found->released = true;
        found->connection.close(now);
        settle(*found, now);
    }
}

void Endpoint::set_path_mtu(ConnectionId id, std::uint16_t mtu, Instant now) {
    if (Entry* const found = entry(id); found != nullptr) {
        found->connection.set_path_mtu(mtu, now);
        settle(*found, now);
    }
}

void Endpoint::paths_changed(Instant now) {
    // A settled connection may end, and leave the table.
    for (const ConnectionId id : ids()) {
        if (Entry* const found = entry(id); found != nullptr) {
            follow_path(found->connection, now);
            settle(*found, now);
        }
    }
}

void Endpoint::follow_path(Connection& connection, Instant now) const {
    const PathSizes sizes = path_lookup_ ? path_lookup_(connection.flow()) : PathSizes{};
    if (sizes.link_mtu == 0) {
        return;  // no way at all for now: nothing is known
    }
    connection.set_link_mtu(sizes.link_mtu, now);
    if (sizes.path_mtu != 0 && sizes.path_mtu < connection.path_mtu()) {
        connection.set_path_mtu(sizes.path_mtu, now);
    }
}

void Endpoint::change_settings(ConnectionId id, const Settings& wanted, Instant now) {
    if (Entry* const found = entry(id); found != nullptr) {
        found->connection.change_settings(wanted, now);
        settle(*found, now);
    }
}

const Settings* Endpoint::settings(ListenerId listener) const {
    const auto found = listeners_.find(listener);
    return found == listeners_.end() ? nullptr : &found->second.settings;
}

void Endpoint::change_settings(ListenerId listener, const Settings& wanted) {
    const auto found = listeners_.find(listener);
    if (found == listeners_.end()) {
        return;
    }
    const std::uint32_t offered = found->second.settings.receive_buffer;
    found->second.settings = wanted;
    found->second.settings.receive_buffer = offered;
}

void Endpoint::set_nagle(ConnectionId id, bool on, Instant now) {
    if (Entry* const found = entry(id); found != nullptr) {
        found->connection.set_nagle(on, now);
        settle(*found, now);
    }
}

void Endpoint::set_keep_alive(ConnectionId id, bool on, Instant now) {
    if (Entry* const found = entry(id); found != nullptr) {
        found->connection.set_keep_alive(on, now);
        settle(*found, now);
    }
}

void Endpoint::set_user_timeout(ConnectionId id, Duration timeout) {
    if (Entry* const found = entry(id); found != nullptr) {
        found->connection.set_user_timeout(timeout);
    }
}

void Endpoint::set_marks(ConnectionId id, std::uint8_t ttl, std::uint8_t dscp) {
    if (Entry* const found = entry(id); found != nullptr) {
        found->connection.set_marks(ttl, dscp);
    }
}

EventSet Endpoint::take_events(ConnectionId id) {
    Entry* const found = entry(id);
    return found == nullptr ? EventSet() : std::exchange(found->events, EventSet());
}

const Connection* Endpoint::find(ConnectionId id) const {
    const Entry* const found = entry(id);
    return found == nullptr ? nullptr : &found->connection;
}

std::vector<ConnectionId> Endpoint::take_ready() {
    std::vector<ConnectionId> ready = std::exchange(ready_, {});
    for (const ConnectionId id : ready) {
        if (Entry* const found = entry(id); found != nullptr) {
            found->ready = false;
        }
    }
    return ready;
}

}  // namespace godwit::control::tcp
