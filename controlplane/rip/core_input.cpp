// What comes in: who may speak, what he must prove, and what becomes of what he says (RFC 2453 3.9,
// 4.3 to 4.6 and 5; RFC 4822 2.3.2).
#include <algorithm>
#include <bit>
#include <utility>

#include "controlplane/rip/classful.hpp"
#include "controlplane/rip/core.hpp"
#include "controlplane/rip/key_ring.hpp"

namespace godwit::control::rip {

namespace {

constexpr std::uint8_t kSecureTtl = 255;     // RFC 5082 3
constexpr std::size_t kMostAnswerJobs = 16;  // whole tables that are being told on request

bool is_security_event(PacketFault fault) {
    return fault >= PacketFault::NotAuthenticated;
}

bool receives(ReceiveForm form, std::uint8_t version) {
    switch (form) {
        case ReceiveForm::Version2:
            return version >= 2;
        case ReceiveForm::Version1:
            return version == 1;
        case ReceiveForm::Both:
            return true;
        case ReceiveForm::None:
            return false;
    }
    return false;
}

}  // namespace

Actions Core::receive(const Datagram& datagram, Instant now) {
    Actions actions;
    Interface* const interface = interface_of(datagram.interface);
    if (interface == nullptr) {
        ++unknown_interface_packets_;
        return actions;
    }
    for (const net::Ipv4InterfaceAddress& own : interface->link.addresses) {
        if (own.address == datagram.source) {
            ++interface->counters.own_packets;  // RFC 2453 3.9.2: our own, heard back
            return actions;
        }
    }
    Arrival arrival{datagram, *interface, {}, {}, nullptr};
    if (const auto fault = accept(datagram, arrival, actions, now)) {
        interface->counters.faults.count(*fault);
        if (arrival.neighbor != nullptr) {
            arrival.neighbor->faults.count(*fault);
        }
        if (is_security_event(*fault)) {
            Event event{
                EventKind::NotAuthenticated, datagram.interface, datagram.source, 0, *fault, {}};
            if (const auto view = wire::MessageView::parse(datagram.payload)) {
                event.number = view->trailer().key_id;
            }
            actions.events.push_back(event);
        }
    } else {
        ++interface->counters.packets_received;
    }
    finish(actions, now);
    return actions;
}

// The fault that the datagram is dropped for, or nothing.
std::optional<PacketFault> Core::accept(const Datagram& datagram, Arrival& arrival,
                                        Actions& actions, Instant now) {
    Interface& interface = arrival.interface;
    // RFC 2453 3.9.2: the source must be on a directly connected network. The longest of ours.
    // DEVIATION(2453, 3.9.1): a request must be so too. A whole table is a thousand times as long
    // as its request, and whoever is farther away cannot be known by his address.
    bool found = false;
    for (const net::Ipv4InterfaceAddress& own : interface.link.addresses) {
        const net::Ipv4Prefix subnet = own.subnet();
        if (subnet.contains(datagram.source) &&
            (!found || subnet.length() > arrival.subnet.length())) {
            arrival.subnet = subnet;
            arrival.own = own.address;
            found = true;
        }
    }
    const bool is_end =
        arrival.subnet.length() < 31 && (datagram.source == arrival.subnet.address() ||
                                         datagram.source == arrival.subnet.last_address());
    if (!found || is_end) {
        return PacketFault::NotANeighbor;
    }
    if (interface.settings.ttl_security && datagram.ttl != kSecureTtl) {
        return PacketFault::HopLimit;
    }
    const NeighborId id{datagram.interface, datagram.source};
    // Whoever asks from another port is no router (RFC 2453 3.9.1), and is not kept.
    if (datagram.source_port == kPort) {
        arrival.neighbor = neighbors_.get(id, now);
        if (arrival.neighbor == nullptr) {
            return PacketFault::TooManyNeighbors;
        }
    }
    const auto view = wire::MessageView::parse(datagram.payload);
    if (!view) {
        return view.error().fault;
    }
    if (!receives(interface.settings.receive, view->version())) {
        return PacketFault::VersionRefused;
    }
    if (view->command() == Command::Response && datagram.source_port != kPort) {
        return PacketFault::NotFromRipPort;
    }
    if (const auto fault = authenticate(*view, arrival, actions, now)) {
        return fault;
    }
    if (arrival.neighbor != nullptr) {
        ++arrival.neighbor->packets;
        if (NeighborTable::heard(*arrival.neighbor, view->version(), now)) {
            actions.events.push_back(
                {EventKind::NeighborFound, id.interface, id.address, 0, {}, {}});
        }
    }
    if (view->command() == Command::Request) {
        return answer(*view, arrival, actions, now);
    }
    interface.requests_left = 0;  // somebody answers
    interface.request_at.reset();
    learn(*view, arrival, actions, now);
    return std::nullopt;
}

// ---- authentication

// RFC 2453 5.2.
std::optional<PacketFault> Core::authenticate(const wire::MessageView& view, Arrival& arrival,
                                              Actions& actions, Instant now) {
    const auto type = view.authentication_type();
    const Authentication& wanted = arrival.interface.settings.authentication;
    if (std::holds_alternative<std::monostate>(wanted)) {
        return type ? std::optional(PacketFault::AuthenticatedInVain) : std::nullopt;
    }
    if (!type) {
        return PacketFault::NotAuthenticated;  // also what is of version 1 (RFC 2453 5.2)
    }
    if (const auto* password = std::get_if<Password>(&wanted)) {
        if (*type != static_cast<std::uint16_t>(AuthenticationType::Password)) {
            return PacketFault::WrongAuthenticationType;
        }
        std::array<std::uint8_t, kPasswordBytes> field{};
        std::copy_n(password->text.begin(), std::min(password->text.size(), field.size()),
                    field.begin());
        return same_bytes(field, view.password()) ? std::nullopt
                                                  : std::optional(PacketFault::WrongPassword);
    }
    const auto* const keys = std::get_if<Keys>(&wanted);
    if (*type != static_cast<std::uint16_t>(AuthenticationType::Cryptographic)) {
        return PacketFault::WrongAuthenticationType;
    }
    if (keys == nullptr) {
        return PacketFault::UnknownKey;  // the secrets could not be read
    }
    const auto fault = check_digest(view, *keys, arrival, now);
    const WallTime wall = surroundings_.wall_clock();
    if (const Key* const overdue = KeyRing(*keys).overdue(wall);
        !fault && overdue != nullptr && !std::exchange(arrival.interface.key_problem_told, true)) {
        actions.events.push_back(
            {EventKind::KeyOverdue, arrival.interface.link.id, {}, overdue->id, {}, {}});
    }
    return fault;
}

// RFC 4822 2.3.2.
std::optional<PacketFault> Core::check_digest(const wire::MessageView& view, const Keys& keys,
                                              Arrival& arrival, Instant now) {
    const wire::MessageView::Trailer& trailer = view.trailer();
    const Key* const key = KeyRing(keys).to_accept(trailer.key_id, surroundings_.wall_clock());
    if (key == nullptr) {
        return PacketFault::UnknownKey;
    }
    const Digest digest = digest_of(key->algorithm, key->secret, trailer.sealed);
    if (!same_bytes(digest.span(), trailer.digest)) {
        return PacketFault::WrongDigest;
    }
    Neighbor* const neighbor = arrival.neighbor;
    if (neighbor == nullptr) {
        return std::nullopt;
    }
    const auto last = neighbor->sequences.find(key->id);
    if (last != neighbor->sequences.end()) {
        // (6): while the neighbour is heard none may be lower. Once it is lost it may begin anew
        // with zero; what is merely equal could be a replay then.
        const bool live = neighbor->up && *neighbor->heard + settings_.timeout > now;
        const bool good = live ? trailer.sequence >= last->second
                               : trailer.sequence > last->second || trailer.sequence == 0;
        if (!good) {
            return PacketFault::OldSequence;
        }
    }
    // Only numbers of keys that are configured are kept.
    std::erase_if(neighbor->sequences, [&](const auto& kept) {
        return std::none_of(keys.keys.begin(), keys.keys.end(),
                            [&](const Key& known) { return known.id == kept.first; });
    });
    neighbor->sequences[key->id] = trailer.sequence;
    neighbor->key_id = key->id;
    return std::nullopt;
}

// ---- requests (RFC 2453 3.9.1)

std::optional<PacketFault> Core::answer(const wire::MessageView& view, Arrival& arrival,
                                        Actions& actions, Instant now) {
    Interface& interface = arrival.interface;
    if (view.entry_count() == 0) {
        return std::nullopt;  // no entries, no response
    }
    // RFC 2453 4.6: who sends version 2 only does not answer version 1; 3.10.2: else in kind.
    const SendForm form = interface.settings.send;
    const bool speaks_v1 = form == SendForm::Version1 || form == SendForm::Compatible;
    if (view.version() == 1 && !speaks_v1) {
        return PacketFault::VersionRefused;
    }
    const std::uint8_t version =
        form == SendForm::Version1 ? 1 : std::min<std::uint8_t>(view.version(), 2);
    // RFC 1058 3.4.1: a silent process answers none but diagnostics, from another port.
    const net::Ipv4Address source = arrival.datagram.source;
    const auto& configured = interface.settings.neighbors;
    if (interface.state == InterfaceState::Listening && arrival.datagram.source_port == kPort &&
        std::find(configured.begin(), configured.end(), source) == configured.end()) {
        return std::nullopt;
    }
    const Entry first = view.entry(0);
    if (view.entry_count() > 1 || first.family != kFamilyAny || first.metric != Metric::kInfinity) {
        answer_entries(view, arrival, version, actions);
        ++interface.counters.requests_answered;
        return std::nullopt;
    }
    if (!interface.whole_table_answers.take(now)) {
        return PacketFault::RequestOverRate;
    }
    const auto answers = std::count_if(
        jobs_.begin(), jobs_.end(), [](const Job& job) { return job.kind == Job::Kind::Answer; });
    if (static_cast<std::size_t>(answers) >= kMostAnswerJobs) {
        ++interface.counters.answers_refused;
        return std::nullopt;
    }
    const Target target{arrival.own, arrival.subnet, source, arrival.datagram.source_port, version};
    std::erase_if(jobs_, [&](const Job& job) {
        return job.kind == Job::Kind::Answer && job.target == target;
    });
    jobs_.push_back({interface.name, target, Job::Kind::Answer, 0, {}, false});
    ++interface.counters.requests_answered;
    return std::nullopt;
}

// What is known of these destinations, as it is: no split horizon (RFC 2453 3.9.1).
void Core::answer_entries(const wire::MessageView& view, const Arrival& arrival,
                          std::uint8_t version, Actions& actions) {
    Message message{Command::Response, version, {}};
    const std::size_t most = entries_a_packet(arrival.interface);
    const Target target{arrival.own, arrival.subnet, arrival.datagram.source,
                        arrival.datagram.source_port, version};
    for (std::size_t i = 0; i < view.entry_count(); ++i) {
        Entry entry = view.entry(i);
        entry.metric = Metric::kInfinity;
        const std::uint32_t mask = entry.mask.value();
        const auto length = static_cast<std::uint8_t>(std::countl_one(mask));
        const net::Ipv4Prefix prefix = view.version() == 1 || mask == 0
                                           ? prefix_without_mask(entry.address, arrival.subnet)
                                           : net::Ipv4Prefix::covering(entry.address, length);
        const DatabaseEntry* const known =
            entry.family == kFamilyIpv4 ? database_.find(prefix) : nullptr;
        if (known != nullptr) {
            entry.metric = known->metric().value();
            if (version >= 2) {
                entry.tag = known->tag();
                entry.next_hop = known->local ? known->local->next_hop.value_or(net::Ipv4Address())
                                 : known->paths.empty() ? net::Ipv4Address()
                                                        : known->paths.front().next_hop;
            }
        }
        message.entries.push_back(entry);
        if (message.entries.size() == most) {
            send(arrival.interface, target, message, actions);
            message.entries.clear();
        }
    }
    if (!message.entries.empty()) {
        send(arrival.interface, target, message, actions);
    }
}

// ---- responses (RFC 2453 3.9.2)

void Core::learn(const wire::MessageView& view, Arrival& arrival, Actions& actions, Instant now) {
    for (std::size_t i = 0; i < view.entry_count(); ++i) {
        const Entry entry = view.entry(i);
        const auto fault = learn_entry(entry, view.version(), arrival, actions, now);
        if (!fault) {
            continue;
        }
        arrival.interface.counters.faults.count(*fault);
        arrival.neighbor->faults.count(*fault);
        if (*fault == RouteFault::BadMetric || *fault == RouteFault::BadDestination) {
            actions.events.push_back({EventKind::BadRoute,
                                      arrival.datagram.interface,
                                      arrival.datagram.source,
                                      entry.metric,
                                      {},
                                      *fault});
        }
    }
}

std::optional<RouteFault> Core::learn_entry(const Entry& entry, std::uint8_t version,
                                            Arrival& arrival, Actions& actions, Instant now) {
    Interface& interface = arrival.interface;
    const auto destination = destination_of(entry, version, arrival);
    if (!destination) {
        return destination.error();
    }
    if (entry.metric < 1 || entry.metric > Metric::kInfinity) {
        return RouteFault::BadMetric;
    }
    Learned learned;
    learned.prefix = *destination;
    learned.neighbor = {arrival.datagram.interface, arrival.datagram.source};
    learned.next_hop = arrival.datagram.source;
    learned.tag = version >= 2 ? entry.tag : std::uint16_t{0};
    learned.metric = Metric::of(entry.metric);
    if (version >= 2 && !entry.next_hop.is_unspecified()) {
        const bool ours =
            std::any_of(interface.link.addresses.begin(), interface.link.addresses.end(),
                        [&](const auto& own) { return own.address == entry.next_hop; });
        const bool is_end =
            arrival.subnet.length() < 31 && (entry.next_hop == arrival.subnet.address() ||
                                             entry.next_hop == arrival.subnet.last_address());
        if (ours) {
            learned.metric = Metric::infinity();  // the way leads through this router itself
        } else if (arrival.subnet.contains(entry.next_hop) && !is_end) {
            learned.next_hop = entry.next_hop;
        } else {
            ++interface.counters.foreign_next_hops;  // RFC 2453 4.4: taken as 0.0.0.0
        }
    }
    learned.said = {learned.metric, learned.tag};
    pass_import_policy(interface, learned, now);
    learned.metric = learned.metric.plus(interface.settings.cost);

    switch (database_.learn(learned, interface.settings.max_routes, now)) {
        case Database::Learning::Ignored:
            return std::nullopt;
        case Database::Learning::Taken:
            if (database_.paths_of(learned.neighbor) < interface.settings.max_routes / 2) {
                arrival.neighbor->at_limit = false;
            }
            return std::nullopt;
        case Database::Learning::OverNeighborLimit:
            if (!std::exchange(arrival.neighbor->at_limit, true)) {
                actions.events.push_back({EventKind::NeighborLimit,
                                          learned.neighbor.interface,
                                          learned.neighbor.address,
                                          static_cast<std::uint32_t>(interface.settings.max_routes),
                                          {},
                                          {}});
            }
            return RouteFault::OverNeighborLimit;
        case Database::Learning::OverLimit:
            if (!std::exchange(route_limit_told_, true)) {
                actions.events.push_back({EventKind::RouteLimit,
                                          learned.neighbor.interface,
                                          learned.neighbor.address,
                                          static_cast<std::uint32_t>(settings_.max_routes),
                                          {},
                                          {}});
            }
            return RouteFault::OverLimit;
    }
    return std::nullopt;
}

void Core::pass_import_policy(Interface& interface, Learned& learned, Instant now) {
    if (learned.metric.is_infinite()) {
        refused_.forget({learned.prefix, learned.neighbor});
        return;
    }
    const auto passed =
        interface.settings.import.apply({learned.prefix, RouteSource::Rip, learned.metric.value(),
                                         learned.tag, learned.neighbor.interface, learned.next_hop},
                                        Asking::Passing);
    if (!passed) {
        // Perhaps it passed before: what the policy refuses is unreachable by this neighbour.
        ++interface.counters.routes_rejected;
        refused_.note({learned.prefix, learned.neighbor}, {learned.said, learned.next_hop, now},
                      settings_.max_routes);
        learned.metric = Metric::infinity();
        return;
    }
    refused_.forget({learned.prefix, learned.neighbor});
    learned.metric = Metric::of(passed->metric);
    learned.tag = passed->tag <= 0xffff ? static_cast<std::uint16_t>(passed->tag) : learned.tag;
}

// What the entry is about, or why that cannot be.
net::Result<net::Ipv4Prefix, RouteFault> Core::destination_of(const Entry& entry,
                                                              std::uint8_t version,
                                                              const Arrival& arrival) const {
    if (entry.family != kFamilyIpv4) {
        return net::unexpected(RouteFault::BadFamily);
    }
    net::Ipv4Prefix prefix;
    const std::uint32_t mask = entry.mask.value();
    if (version == 1) {
        // RFC 1058 3.4, RFC 2453 5.
        if (entry.tag != 0 || mask != 0 || !entry.next_hop.is_unspecified()) {
            return net::unexpected(RouteFault::ReservedNotZero);
        }
        prefix = prefix_without_mask(entry.address, arrival.subnet);
    } else if (mask == 0) {
        prefix = prefix_without_mask(entry.address, arrival.subnet);  // RFC 2453 4.3: none included
    } else {
        const auto length = static_cast<std::uint8_t>(std::countl_one(mask));
        prefix = net::Ipv4Prefix::covering(entry.address, length);
        if (prefix.mask() != mask || prefix.address() != entry.address) {
            return net::unexpected(RouteFault::BadMask);
        }
    }
    // Unicast; not net 0 or 127 (RFC 2453 3.9.2), but for the default.
    const net::Ipv4Address address = prefix.address();
    const bool special = address.is_multicast() || address.is_reserved() ||
                         address.is_limited_broadcast() || address.is_loopback() ||
                         (address.is_this_network() && prefix != net::Ipv4Prefix());
    const bool broadcast = std::any_of(
        arrival.interface.link.addresses.begin(), arrival.interface.link.addresses.end(),
        [&](const net::Ipv4InterfaceAddress& own) {
            return prefix.length() == 32 && own.broadcast() == address;
        });
    if (special || broadcast) {
        return net::unexpected(RouteFault::BadDestination);
    }
    return prefix;
}

}  // namespace godwit::control::rip
