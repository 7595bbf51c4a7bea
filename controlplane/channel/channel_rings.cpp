// Mapping and using a session's rings; the checks are named in channel_rings.hpp.
#include "controlplane/channel/channel_rings.hpp"

#include <cstring>
#include <utility>

#include "dataplane/api/wake.hpp"

namespace godwit::control {

net::Result<std::unique_ptr<ChannelRings>, std::string> ChannelRings::attach(
    const api::WelcomeBody& welcome, std::vector<api::Descriptor> descriptors) {
    if (descriptors.size() != static_cast<std::size_t>(api::WelcomeFd::kCount)) {
        return net::unexpected<std::string>("the welcome has the wrong number of descriptors");
    }
    const auto take = [&](api::WelcomeFd which) -> api::Descriptor& {
        return descriptors[static_cast<std::size_t>(which)];
    };
    std::unique_ptr<ChannelRings> rings(new ChannelRings);
    const std::size_t punt_bytes = api::ring_region_bytes(welcome.punt_ring_bytes);
    struct Part {
        api::WelcomeFd which;
        const char* name;
        std::size_t bytes;
        api::PeerAccess access;
        api::Mapping* mapping;
    };
    const Part parts[] = {
        {api::WelcomeFd::Counters, "counters", sizeof(api::CountersRegion),
         api::PeerAccess::ReadOnly, &rings->counters_mapping_},
        {api::WelcomeFd::Punt, "punt rings", welcome.worker_count * welcome.punt_rings * punt_bytes,
         api::PeerAccess::ReadWrite, &rings->punt_mapping_},
        {api::WelcomeFd::Inject, "inject ring", api::ring_region_bytes(welcome.inject_ring_bytes),
         api::PeerAccess::ReadWrite, &rings->inject_mapping_},
        {api::WelcomeFd::Route, "route ring", api::ring_region_bytes(welcome.route_ring_bytes),
         api::PeerAccess::ReadWrite, &rings->route_mapping_},
        {api::WelcomeFd::Event, "event ring", api::ring_region_bytes(welcome.event_ring_bytes),
         api::PeerAccess::ReadWrite, &rings->event_mapping_},
    };
    for (const Part& part : parts) {
        auto mapping = api::map_received(take(part.which).get(), part.bytes, part.access);
        if (!mapping) {
            return net::unexpected(std::string(part.name) + ": " + mapping.error());
        }
        *part.mapping = std::move(*mapping);
    }
    rings->counters_ = static_cast<const api::CountersRegion*>(rings->counters_mapping_.address());
    if (rings->counters_->worker_count != welcome.worker_count) {
        return net::unexpected<std::string>(
            "counters and welcome name different numbers of workers");
    }
    for (std::uint32_t worker = 0; worker < welcome.worker_count; ++worker) {
        for (std::size_t priority = 0; priority < api::kPuntPriorityCount; ++priority) {
            const std::size_t place = worker * api::kPuntPriorityCount + priority;
            rings->punts_[priority].rings.emplace_back(
                rings->punt_mapping_.bytes().subspan(place * punt_bytes, punt_bytes),
                welcome.punt_ring_bytes);
        }
    }
    rings->inject_ = {rings->inject_mapping_.bytes(), welcome.inject_ring_bytes};
    rings->routes_ = {rings->route_mapping_.bytes(), welcome.route_ring_bytes};
    rings->events_ = {rings->event_mapping_.bytes(), welcome.event_ring_bytes};
    rings->route_ring_bytes_ = welcome.route_ring_bytes;
    rings->punt_sleeper_ = std::move(take(api::WelcomeFd::PuntSignal));
    rings->event_sleeper_ = std::move(take(api::WelcomeFd::EventSignal));
    rings->inject_waker_ = std::move(take(api::WelcomeFd::InjectSignal));
    return rings;
}

ChannelRings::Outcome ChannelRings::fail(api::Fault fault) {
    fault_ = fault;
    return Outcome::Fault;
}

ChannelRings::Outcome ChannelRings::next_punt(api::PuntView& punt) {
    // Strict: the rings of a lower priority are looked at only while all of the higher ones are
    // empty, anew for every record. What the higher ones take is bounded by their policers.
    for (std::size_t priority = 0; priority < api::kPuntPriorityCount; ++priority) {
        const Outcome outcome = next_punt_of(priority, punt);
        if (outcome != Outcome::Empty) {
            return outcome;
        }
    }
    return Outcome::Empty;
}

ChannelRings::Outcome ChannelRings::next_punt_of(std::size_t priority, api::PuntView& punt) {
    PuntsOfPriority& punts = punts_[priority];
    for (std::size_t tried = 0; tried < punts.rings.size(); ++tried) {
        const std::size_t worker = punts.next_worker;
        punts.next_worker = (worker + 1) % punts.rings.size();
        api::Record record;
        switch (punts.rings[worker].next(punt_buffer_, record)) {
            case api::RingConsumer::Outcome::Empty:
                continue;
            case api::RingConsumer::Outcome::Broken:
                return fail("a punt ring is broken");
            case api::RingConsumer::Outcome::Record:
                break;
        }
        const auto view = api::read_punt(record);
        if (!view) {
            return fail(view.error());
        }
        if (view->header.worker != worker) {
            return fail("a punt record names another worker than its ring's");
        }
        if (static_cast<std::size_t>(api::priority_of(view->header.punt_class)) != priority) {
            return fail("a punt record lies in the ring of another priority than its class's");
        }
        punt = *view;
        return Outcome::Record;
    }
    return Outcome::Empty;
}

ChannelRings::Outcome ChannelRings::next_event(api::EventType& type,
                                               std::span<const std::byte>& body) {
    api::Record record;
    switch (events_.next(event_buffer_, record)) {
        case api::RingConsumer::Outcome::Empty:
            return Outcome::Empty;
        case api::RingConsumer::Outcome::Broken:
            return fail("the event ring is broken");
        case api::RingConsumer::Outcome::Record:
            break;
    }
    const auto checked = api::check_event(record);
    if (!checked) {
        return fail(checked.error());
    }
    type = *checked;
    body = record.body;
    return Outcome::Record;
}

bool ChannelRings::prepare_punts_to_wait() {
    bool all_empty = true;
    for (PuntsOfPriority& punts : punts_) {
        for (api::RingConsumer& ring : punts.rings) {
            // Every ring is marked, whatever the others say: a mark too many costs one wake-up.
            all_empty = ring.prepare_to_wait() && all_empty;
        }
    }
    return all_empty;
}

bool ChannelRings::inject(const api::InjectRecord& header, std::span<const std::byte> packet) {
    if (packet.empty() || packet.size() > api::kMaxPacketBytes) {
        return false;
    }
    const auto place =
        inject_.reserve(api::kInjectRecord, sizeof(api::InjectRecord) + packet.size());
    if (place.empty()) {
        return false;
    }
    api::InjectRecord written = header;
    written.packet_bytes = static_cast<std::uint32_t>(packet.size());
    std::memcpy(place.data(), &written, sizeof(written));
    std::memcpy(place.data() + sizeof(written), packet.data(), packet.size());
    if (inject_.publish()) {
        api::wake(inject_waker_.get());
    }
    return true;
}

void ChannelRings::publish_routes() {
    if (routes_.publish()) {
        api::wake(inject_waker_.get());
    }
}

}  // namespace godwit::control
