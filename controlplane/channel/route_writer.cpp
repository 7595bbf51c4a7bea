// The writing end of the route ring; see route_writer.hpp.
#include "controlplane/channel/route_writer.hpp"

#include <cassert>
#include <cstring>

#include "controlplane/channel/channel_rings.hpp"

namespace godwit::control {

template <class Message>
RouteWriter::Written RouteWriter::write(api::RouteType type, Message& record,
                                        std::span<const std::byte> more) {
    if (rings_ == nullptr) {
        return std::nullopt;
    }
    const auto place =
        rings_->routes().reserve(static_cast<std::uint32_t>(type), sizeof(Message) + more.size());
    if (place.empty()) {
        if (!full_) {
            full_ = true;
            ++times_full_;
        }
        flush();  // the dataplane cannot make room for what it has not seen
        schedule_flush_();
        return std::nullopt;
    }
    record.sequence = ++sequence_;
    std::memcpy(place.data(), &record, sizeof(Message));
    if (!more.empty()) {
        std::memcpy(place.data() + sizeof(Message), more.data(), more.size());
    }
    if (!flush_due_) {
        flush_due_ = true;
        schedule_flush_();
    }
    return sequence_;
}

RouteWriter::Written RouteWriter::sync_begin(std::uint64_t generation) {
    api::SyncRecord record{.generation = generation};
    return write(api::RouteType::SyncBegin, record);
}

RouteWriter::Written RouteWriter::sync_end(std::uint64_t generation) {
    api::SyncRecord record{.generation = generation};
    return write(api::RouteType::SyncEnd, record);
}

RouteWriter::Written RouteWriter::next_hop_set(api::NextHopSetRecord record) {
    return write(api::RouteType::NextHopSet, record);
}

RouteWriter::Written RouteWriter::group_set(std::uint32_t number,
                                            std::span<const std::uint32_t> members) {
    assert(!members.empty() && members.size() <= api::kMaxGroupMembers);
    api::GroupSetRecord record{.number = number,
                               .count = static_cast<std::uint32_t>(members.size())};
    return write(api::RouteType::GroupSet, record, std::as_bytes(members));
}

RouteWriter::Written RouteWriter::next_hop_delete(std::uint32_t number) {
    api::NextHopDeleteRecord record{.number = number};
    return write(api::RouteType::NextHopDelete, record);
}

RouteWriter::Written RouteWriter::route_set(api::RouteSetRecord record) {
    return write(api::RouteType::RouteSet, record);
}

RouteWriter::Written RouteWriter::route_delete(api::RouteDeleteRecord record) {
    return write(api::RouteType::RouteDelete, record);
}

void RouteWriter::flush() {
    flush_due_ = false;
    if (rings_ != nullptr) {
        rings_->publish_routes();
    }
}

void RouteWriter::attach(ChannelRings* rings) {
    rings_ = rings;
    sequence_ = 0;
    acknowledged_ = 0;
    flush_due_ = false;
    full_ = false;
}

RouteWriter::Progress RouteWriter::look_at_acknowledged(std::uint64_t claimed) {
    if (claimed < acknowledged_ || claimed > sequence_) {
        return Progress::Impossible;
    }
    if (claimed == acknowledged_) {
        return Progress::None;
    }
    acknowledged_ = claimed;
    return Progress::Acknowledged;
}

bool RouteWriter::take_room() {
    if (!full_ || rings_ == nullptr ||
        rings_->routes().free_bytes() < rings_->route_ring_bytes() / 4) {
        return false;
    }
    full_ = false;
    return true;
}

}  // namespace godwit::control
