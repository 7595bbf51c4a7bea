#include "dataplane/nodes/nat/fragment_ports.hpp"

#include "dataplane/graph/packet.hpp"
#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nat/flow.hpp"
#include "dataplane/nodes/nat/nat_packet.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using net::wire::Ipv4Layout;

constexpr std::uint32_t kUnitBytes = 8;

void say_ports(rte_mbuf* packet, std::uint16_t source, std::uint16_t destination) {
    PacketMeta& about = meta(packet);
    about.nat_source_port = source;
    about.nat_destination_port = destination;
    about.nat_ports_known = 1;
}

}  // namespace

FragmentPorts::FragmentPorts(const net::SipKey& key, std::uint64_t cycles_per_second)
    : key_(key),
      lifetime_cycles_(kSeconds * cycles_per_second),
      buckets_(kBuckets, kNone),
      datagrams_(kDatagrams),
      slots_(kHeld) {
    for (std::uint32_t index = kDatagrams; index-- > 0;) {
        free_datagrams_.push_back(index);
    }
    for (std::uint32_t slot = kHeld; slot-- > 0;) {
        free_slots_.push_back(slot);
    }
    ended_.reserve(kHeld + 1);
}

FragmentPorts::~FragmentPorts() {
    for (const Held& held : slots_) {
        rte_pktmbuf_free(held.packet);
    }
}

FragmentPorts::Fate FragmentPorts::take(rte_mbuf* fragment, std::uint64_t now_cycles) {
    ended_.clear();
    const auto& header = layout_at<Ipv4Layout>(fragment);
    const std::uint16_t place = header.fragment.host();
    const std::uint32_t begin = (place & net::kIpv4OffsetMask) * kUnitBytes;
    const std::uint32_t bytes = fragment->pkt_len - (header.version_ihl & 0xfU) * 4U;
    const bool more = (place & net::kIpv4MoreFragments) != 0;
    const Key key{std::uint64_t{header.source.host()} << 32 | header.destination.host(),
                  std::uint32_t{header.identification.host()} << 8 | header.protocol};
    if (begin != 0 && begin < transport_header_bytes(net::IpProtocol{header.protocol})) {
        // RFC 1858, 3128: it would write over the header that the ports were read from.
        meta(fragment).drop_reason = DropReason::NatTruncated;
        return Fate::Ends;
    }
    std::uint32_t index = find(key);
    if (index != kNone && now_cycles >= datagrams_[index].deadline) {
        end_held(datagrams_[index], DropReason::NatFragmentTimeout);
        remove(index);
        index = kNone;
    }
    if (index == kNone) {
        index = create(key, now_cycles);
    }
    const Datagram& datagram = datagrams_[index];
    if (begin == 0) {
        const auto ports = ports_of_first(fragment);
        // A second first fragment with other ports is none.
        if (!ports || (datagram.knows_ports && (datagram.source_port != ports->source ||
                                                datagram.destination_port != ports->destination))) {
            meta(fragment).drop_reason = DropReason::NatTruncated;
            return Fate::Ends;
        }
        if (!datagram.knows_ports) {
            learn(index, ports->source, ports->destination, now_cycles);
        }
    }
    if (!datagram.knows_ports) {
        if (!hold(index, fragment)) {
            meta(fragment).drop_reason = DropReason::NatFragmentsFull;
            return Fate::Ends;
        }
        count(index, begin, bytes, more);
        return Fate::Held;
    }
    say_ports(fragment, datagram.source_port, datagram.destination_port);
    count(index, begin, bytes, more);
    return Fate::Goes;
}

void FragmentPorts::learn(std::uint32_t index, std::uint16_t source_port,
                          std::uint16_t destination_port, std::uint64_t now_cycles) {
    Datagram& datagram = datagrams_[index];
    datagram.source_port = source_port;
    datagram.destination_port = destination_port;
    release(datagram);
    unlink(waiting_, index);
    datagram.knows_ports = true;
    append(known_, index, now_cycles);
}

void FragmentPorts::count(std::uint32_t index, std::uint32_t begin, std::uint32_t bytes,
                          bool more) {
    Datagram& datagram = datagrams_[index];
    datagram.bytes += bytes;
    datagram.end = more ? datagram.end : begin + bytes;
    if (datagram.knows_ports && datagram.end != 0 && datagram.bytes >= datagram.end) {
        remove(index);  // all of it has passed
    }
}

rte_mbuf* FragmentPorts::next_released() {
    return first_released_ == kNone ? nullptr : pop(first_released_);
}

void FragmentPorts::expire(std::uint64_t now_cycles) {
    constexpr unsigned kDatagramsACall = 64;
    ended_.clear();
    for (const List* list : {&waiting_, &known_}) {
        for (unsigned done = 0; done < kDatagramsACall && list->oldest != kNone &&
                                now_cycles >= datagrams_[list->oldest].deadline;
             ++done) {
            end_held(datagrams_[list->oldest], DropReason::NatFragmentTimeout);
            remove(list->oldest);
        }
    }
}

std::uint32_t FragmentPorts::bucket_of(const Key& key) const {
    return static_cast<std::uint32_t>(
        nat::hash_words(key_, key.addresses, key.identification_protocol) % kBuckets);
}

std::uint32_t FragmentPorts::find(const Key& key) const {
    std::uint32_t index = buckets_[bucket_of(key)];
    while (index != kNone && datagrams_[index].key != key) {
        index = datagrams_[index].next_in_bucket;
    }
    return index;
}

std::uint32_t FragmentPorts::create(const Key& key, std::uint64_t now_cycles) {
    if (free_datagrams_.empty()) {
        // Of those whose ports are known, nothing is held.
        const std::uint32_t oldest = known_.oldest != kNone ? known_.oldest : waiting_.oldest;
        end_held(datagrams_[oldest], DropReason::NatFragmentsFull);
        remove(oldest);
    }
    const std::uint32_t index = free_datagrams_.back();
    free_datagrams_.pop_back();
    Datagram& datagram = datagrams_[index];
    datagram = Datagram{};
    datagram.key = key;
    std::uint32_t& bucket = buckets_[bucket_of(key)];
    datagram.next_in_bucket = bucket;
    bucket = index;
    append(waiting_, index, now_cycles);
    return index;
}

void FragmentPorts::append(List& list, std::uint32_t index, std::uint64_t now_cycles) {
    Datagram& datagram = datagrams_[index];
    datagram.deadline = now_cycles + lifetime_cycles_;
    datagram.older = list.newest;
    datagram.newer = kNone;
    (list.newest == kNone ? list.oldest : datagrams_[list.newest].newer) = index;
    list.newest = index;
}

void FragmentPorts::unlink(List& list, std::uint32_t index) {
    const Datagram& datagram = datagrams_[index];
    (datagram.older == kNone ? list.oldest : datagrams_[datagram.older].newer) = datagram.newer;
    (datagram.newer == kNone ? list.newest : datagrams_[datagram.newer].older) = datagram.older;
}

// False: there is no room.
bool FragmentPorts::hold(std::uint32_t index, rte_mbuf* fragment) {
    Datagram& datagram = datagrams_[index];
    if (datagram.held == kHeldOfOne) {
        return false;
    }
    if (free_slots_.empty() && waiting_.oldest != index) {
        const std::uint32_t oldest = waiting_.oldest;
        end_held(datagrams_[oldest], DropReason::NatFragmentsFull);
        remove(oldest);
    }
    if (free_slots_.empty()) {
        if (datagram.held == 0) {
            remove(index);
        }
        return false;
    }
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    slots_[slot] = {fragment, kNone};
    (datagram.first_held == kNone ? datagram.first_held : slots_[datagram.last_held].next) = slot;
    datagram.last_held = slot;
    ++datagram.held;
    ++held_count_;
    return true;
}

void FragmentPorts::release(Datagram& datagram) {
    if (datagram.first_held == kNone) {
        return;
    }
    for (std::uint32_t slot = datagram.first_held; slot != kNone; slot = slots_[slot].next) {
        say_ports(slots_[slot].packet, datagram.source_port, datagram.destination_port);
    }
    (first_released_ == kNone ? first_released_ : slots_[last_released_].next) =
        datagram.first_held;
    last_released_ = datagram.last_held;
    datagram.first_held = datagram.last_held = kNone;
    datagram.held = 0;
}

void FragmentPorts::end_held(Datagram& datagram, DropReason reason) {
    while (datagram.first_held != kNone) {
        rte_mbuf* const packet = pop(datagram.first_held);
        meta(packet).drop_reason = reason;
        ended_.push_back(packet);
    }
    datagram.last_held = kNone;
    datagram.held = 0;
}

rte_mbuf* FragmentPorts::pop(std::uint32_t& first) {
    const std::uint32_t slot = first;
    rte_mbuf* const packet = slots_[slot].packet;
    first = slots_[slot].next;
    slots_[slot] = Held{};
    free_slots_.push_back(slot);
    --held_count_;
    return packet;
}

void FragmentPorts::remove(std::uint32_t index) {
    const Datagram& datagram = datagrams_[index];
    std::uint32_t* link = &buckets_[bucket_of(datagram.key)];
    while (*link != index) {
        link = &datagrams_[*link].next_in_bucket;
    }
    *link = datagram.next_in_bucket;
    unlink(list_of(index), index);
    free_datagrams_.push_back(index);
}

}  // namespace godwit::dataplane
