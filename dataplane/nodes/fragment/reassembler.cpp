#include "dataplane/nodes/fragment/reassembler.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "dataplane/graph/packet.hpp"
#include "dataplane/graph/packet_bytes.hpp"
#include "net/ip_protocol.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using net::wire::Ipv4Layout;

constexpr std::uint32_t kUnitBytes = 8;
constexpr std::uint8_t kNotEcnCapable = 0;  // RFC 3168 5
constexpr std::uint8_t kCongestion = 3;

constexpr std::uint64_t mix(std::uint64_t value) {
    value ^= value >> 33;
    value *= 0xff51afd7ed558ccdULL;
    value ^= value >> 33;
    value *= 0xc4ceb9fe1a85ec53ULL;
    value ^= value >> 33;
    return value;
}

// What must stand in the first fragment and nowhere else: the header without options. Of other
// protocols it is the 8 bytes that every first fragment has.
constexpr std::uint32_t transport_header_bytes(std::uint8_t protocol) {
    constexpr std::uint8_t kDccp = 33;
    constexpr std::uint8_t kSctp = 132;
    if (protocol == static_cast<std::uint8_t>(net::IpProtocol::Tcp)) {
        return 20;
    }
    return protocol == kSctp || protocol == kDccp ? 12 : kUnitBytes;
}

// The buffers of `packet` behind those of the datagram that ends with `last`; its own last one.
rte_mbuf* append_chain(rte_mbuf* head, rte_mbuf* last, rte_mbuf* packet) {
    last->next = packet;
    head->pkt_len += packet->pkt_len;
    head->nb_segs = static_cast<std::uint16_t>(head->nb_segs + packet->nb_segs);
    return rte_pktmbuf_lastseg(packet);
}

}  // namespace

Reassembler::Reassembler(std::uint64_t seed, std::uint64_t cycles_per_second)
    : seed_(seed), lifetime_cycles_(kSeconds * cycles_per_second), buckets_(1, kNone) {}

Reassembler::~Reassembler() {
    for (std::uint32_t index = by_age_.front; index != kNone;
         index = datagrams_[index].by_age.behind) {
        const Datagram& datagram = datagrams_[index];
        for (unsigned i = 0; i < datagram.piece_count; ++i) {
            rte_pktmbuf_free(datagram.pieces[i].packet);
        }
    }
}

void Reassembler::set_limits(const Limits& limits) {
    limits_ = limits;
    max_buffers_.store(limits.buffers, std::memory_order_relaxed);
    // One call ends at most everything that is held, and the fragment that it was given.
    ended_.reserve(std::size_t{limits.buffers} + 1);
    if (limits.datagrams <= capacity_) {
        return;  // what is above a lower limit goes when something new comes
    }
    auto grown = std::make_unique_for_overwrite<Datagram[]>(limits.datagrams);
    std::copy_n(datagrams_.get(), touched_, grown.get());
    datagrams_ = std::move(grown);
    capacity_ = limits.datagrams;
    buckets_.assign(std::bit_ceil(std::size_t{capacity_} * 2), kNone);
    for (std::uint32_t index = by_age_.front; index != kNone;
         index = datagrams_[index].by_age.behind) {
        std::uint32_t& bucket = buckets_[bucket_of(datagrams_[index].key)];
        datagrams_[index].next_in_bucket = bucket;
        bucket = index;
    }
}

rte_mbuf* Reassembler::add(rte_mbuf* packet, std::uint64_t now_cycles) {
    ended_.clear();
    merged_count_ = 0;
    const Fragment fragment = read(packet);
    if (const auto fault = fault_of(fragment)) {
        end(packet, *fault);
        return nullptr;
    }
    std::uint32_t index = find(fragment.key);
    if (index != kNone && now_cycles >= datagrams_[index].deadline) {
        end_datagram(index, DropReason::ReassemblyTimeout);
        index = kNone;
    }
    if (index != kNone && datagrams_[index].refused) {
        end(packet, datagrams_[index].refusal);
        return nullptr;
    }
    if (index == kNone) {
        index = create(fragment, now_cycles);
    }
    if (index == kNone) {
        end(packet, DropReason::ReassemblyFull);
        return nullptr;
    }
    return insert(index, packet, fragment);
}

void Reassembler::expire(std::uint64_t now_cycles, unsigned fragments) {
    ended_.clear();
    merged_count_ = 0;
    // A refused datagram ends without a fragment, and is work too.
    for (unsigned work = 0; work < fragments && by_age_.front != kNone; ++work) {
        const std::uint32_t oldest = by_age_.front;
        if (now_cycles < datagrams_[oldest].deadline) {
            return;
        }
        work += datagrams_[oldest].piece_count;
        end_datagram(oldest, DropReason::ReassemblyTimeout);
    }
}

Reassembler::Fragment Reassembler::read(rte_mbuf* packet) {
    const auto& header = layout_at<Ipv4Layout>(packet);
    const std::uint16_t place = header.fragment.host();
    Fragment fragment{};
    fragment.key = {header.source.host(), header.destination.host(), header.identification.host(),
                    header.protocol};
    fragment.interface = meta(packet).ingress.value() % api::kMaxInterfaces;
    fragment.header_bytes = (header.version_ihl & 0xfU) * 4U;
    fragment.begin = (place & net::kIpv4OffsetMask) * kUnitBytes;
    fragment.end = fragment.begin + packet->pkt_len - fragment.header_bytes;
    fragment.more = (place & net::kIpv4MoreFragments) != 0;
    fragment.ecn = header.type_of_service & 0x3U;
    return fragment;
}

// What is wrong with it whatever else comes.
std::optional<DropReason> Reassembler::fault_of(const Fragment& fragment) {
    const std::uint32_t bytes = fragment.end - fragment.begin;
    if (bytes == 0 || (fragment.more && bytes % kUnitBytes != 0)) {
        return DropReason::ReassemblyBadFragment;
    }
    if (fragment.header_bytes + fragment.end > net::kIpv4MaxTotalBytes) {
        return DropReason::ReassemblyTooLong;
    }
    // RFC 3128 3: the first has the whole header, and no other begins inside of it.
    const std::uint32_t transport_bytes = transport_header_bytes(fragment.key.protocol);
    if (fragment.begin == 0 ? bytes < transport_bytes : fragment.begin < transport_bytes) {
        return DropReason::ReassemblyTinyFragment;
    }
    return std::nullopt;
}

std::uint32_t Reassembler::bucket_of(const Key& key) const {
    const std::uint64_t addresses = std::uint64_t{key.source} << 32 | key.destination;
    const std::uint64_t rest = std::uint64_t{key.identification} << 8 | key.protocol;
    return static_cast<std::uint32_t>(mix(mix(addresses ^ seed_) ^ rest)) &
           static_cast<std::uint32_t>(buckets_.size() - 1);
}

std::uint32_t Reassembler::find(const Key& key) const {
    std::uint32_t index = buckets_[bucket_of(key)];
    while (index != kNone && !(datagrams_[index].key == key)) {
        index = datagrams_[index].next_in_bucket;
    }
    return index;
}

// kNone: there is no room for any.
std::uint32_t Reassembler::create(const Fragment& fragment, std::uint64_t now_cycles) {
    if (limits_.datagrams == 0 || limits_.datagrams_per_interface == 0) {
        return kNone;
    }
    List& of_interface = by_interface_[fragment.interface];
    while (of_interface.count >= limits_.datagrams_per_interface) {
        end_datagram(of_interface.front, DropReason::ReassemblyInterfaceFull);
    }
    while (by_age_.count >= limits_.datagrams) {
        end_datagram(by_age_.front, DropReason::ReassemblyFull);
    }
    std::uint32_t index = unused_;
    if (index != kNone) {
        unused_ = datagrams_[index].next_in_bucket;
    } else {
        index = touched_++;
    }
    std::uint32_t& bucket = buckets_[bucket_of(fragment.key)];
    Datagram& datagram = datagrams_[index];
    datagram.key = fragment.key;
    datagram.next_in_bucket = bucket;
    bucket = index;
    datagram.deadline = now_cycles + lifetime_cycles_;
    datagram.interface = fragment.interface;
    datagram.buffers = 0;
    datagram.bytes = 0;
    datagram.end = 0;
    datagram.piece_count = 0;
    datagram.ecn_seen = 0;
    datagram.refused = false;
    append(by_age_, &Datagram::by_age, index);
    append(of_interface, &Datagram::by_interface, index);
    return index;
}

// Until `buffers` more may be held, the oldest go; false when `kept` would have to go too.
bool Reassembler::make_room(std::uint32_t kept, std::uint32_t buffers) {
    while (this->buffers() + buffers > limits_.buffers) {
        if (by_age_.front == kept) {
            return false;
        }
        end_datagram(by_age_.front, DropReason::ReassemblyFull);
    }
    return true;
}

rte_mbuf* Reassembler::insert(std::uint32_t index, rte_mbuf* packet, const Fragment& fragment) {
    Datagram& datagram = datagrams_[index];
    const std::span<Piece> held = std::span(datagram.pieces).first(datagram.piece_count);
    // Nearly always behind the last one.
    auto place = held.end();
    if (!held.empty() && fragment.begin < held.back().end) {
        place = std::lower_bound(
            held.begin(), held.end(), fragment.begin,
            [](const Piece& piece, std::uint32_t begin) { return piece.begin < begin; });
    }
    if (place != held.end() && same_bytes(*place, packet, fragment)) {
        end(packet, DropReason::ReassemblyDuplicate);
        return nullptr;
    }

    std::optional<DropReason> refusal;
    if ((place != held.begin() && std::prev(place)->end > fragment.begin) ||
        (place != held.end() && place->begin < fragment.end)) {
        refusal = DropReason::ReassemblyOverlap;
    } else if (fragment.more ? datagram.end != 0 && fragment.end > datagram.end
                             : datagram.end != 0 || place != held.end()) {
        refusal = DropReason::ReassemblyBadFragment;  // behind the end, or a second end
    } else if (held.size() == kMaxFragments) {
        refusal = DropReason::ReassemblyTooMany;
    }
    if (refusal) {
        refuse(index, *refusal);
        end(packet, *refusal);
        return nullptr;
    }
    if (!make_room(index, packet->nb_segs)) {
        end_datagram(index, DropReason::ReassemblyFull);
        end(packet, DropReason::ReassemblyFull);
        return nullptr;
    }

    const Piece piece{packet, static_cast<std::uint16_t>(fragment.begin),
                      static_cast<std::uint16_t>(fragment.end), fragment.more};
    const auto at = place - held.begin();
    Piece* const first_behind = &datagram.pieces[0] + at;
    std::copy_backward(first_behind, &datagram.pieces[0] + held.size(),
                       &datagram.pieces[0] + held.size() + 1);
    *first_behind = piece;
    ++datagram.piece_count;
    datagram.buffers += packet->nb_segs;
    hold_buffers(packet->nb_segs);
    datagram.bytes += fragment.end - fragment.begin;
    datagram.ecn_seen = static_cast<std::uint8_t>(datagram.ecn_seen | 1U << fragment.ecn);
    if (!fragment.more) {
        datagram.end = fragment.end;
    }
    return datagram.end != 0 && datagram.bytes == datagram.end ? join(index) : nullptr;
}

// All bytes are there. The first fragment with its header becomes the datagram.
rte_mbuf* Reassembler::join(std::uint32_t index) {
    Datagram& datagram = datagrams_[index];
    rte_mbuf* const whole = datagram.pieces[0].packet;
    auto& header = layout_at<Ipv4Layout>(whole);
    const std::uint32_t header_bytes = (header.version_ihl & 0xfU) * 4U;
    const auto has_seen = [&datagram](std::uint8_t codepoint) {
        return (datagram.ecn_seen >> codepoint & 1U) != 0;
    };
    // The first fragment's header may be longer than those that were judged.
    if (header_bytes + datagram.end > net::kIpv4MaxTotalBytes) {
        refuse(index, DropReason::ReassemblyTooLong);
        return nullptr;
    }
    if (has_seen(kCongestion) && has_seen(kNotEcnCapable)) {
        refuse(index, DropReason::ReassemblyBadFragment);  // RFC 3168 5.3
        return nullptr;
    }

    rte_mbuf* last = rte_pktmbuf_lastseg(whole);
    for (unsigned i = 1; i < datagram.piece_count; ++i) {
        rte_mbuf* part = datagram.pieces[i].packet;
        merged_[merged_count_++] = meta(part).ingress;
        rte_pktmbuf_adj(part, static_cast<std::uint16_t>(
                                  (layout_at<Ipv4Layout>(part).version_ihl & 0xfU) * 4U));
        last = append_chain(whole, last, part);
    }
    if (has_seen(kCongestion)) {
        header.type_of_service = static_cast<std::uint8_t>(header.type_of_service | kCongestion);
    }
    header.total_length =
        net::Big16::from_host(static_cast<std::uint16_t>(header_bytes + datagram.end));
    // Don't Fragment held for the fragments. An answer made of this header is cut again.
    header.fragment = {};
    header.checksum = {};
    header.checksum = net::internet_checksum(first_bytes(whole).first(header_bytes));

    give_back_buffers(datagram.buffers);
    datagram.piece_count = 0;
    release(index);
    return whole;
}

bool Reassembler::same_bytes(const Piece& held, rte_mbuf* packet, const Fragment& fragment) {
    if (held.begin != fragment.begin || held.end != fragment.end || held.more != fragment.more) {
        return false;
    }
    const std::uint32_t other_header_bytes =
        (layout_at<Ipv4Layout>(held.packet).version_ihl & 0xfU) * 4U;
    std::array<std::uint8_t, 256> one;
    std::array<std::uint8_t, 256> other;
    for (std::uint32_t done = 0; done < fragment.end - fragment.begin;) {
        const std::uint32_t part = std::min<std::uint32_t>(static_cast<std::uint32_t>(one.size()),
                                                           fragment.end - fragment.begin - done);
        const void* first =
            rte_pktmbuf_read(packet, fragment.header_bytes + done, part, one.data());
        const void* second =
            rte_pktmbuf_read(held.packet, other_header_bytes + done, part, other.data());
        if (first == nullptr || second == nullptr || std::memcmp(first, second, part) != 0) {
            return false;
        }
        done += part;
    }
    return true;
}

// Its fragments end, and those that are still to come; its place is kept until its time is over.
void Reassembler::refuse(std::uint32_t index, DropReason reason) {
    Datagram& datagram = datagrams_[index];
    end_pieces(datagram, reason);
    datagram.refused = true;
    datagram.refusal = reason;
}

void Reassembler::end_pieces(Datagram& datagram, DropReason reason) {
    for (const Piece& piece : std::span(datagram.pieces).first(datagram.piece_count)) {
        end(piece.packet, reason);
    }
    give_back_buffers(datagram.buffers);
    datagram.buffers = 0;
    datagram.piece_count = 0;
}

void Reassembler::end_datagram(std::uint32_t index, DropReason reason) {
    end_pieces(datagrams_[index], reason);
    release(index);
}

void Reassembler::release(std::uint32_t index) {
    Datagram& datagram = datagrams_[index];
    std::uint32_t* link = &buckets_[bucket_of(datagram.key)];
    while (*link != index) {
        link = &datagrams_[*link].next_in_bucket;
    }
    *link = datagram.next_in_bucket;
    remove(by_age_, &Datagram::by_age, index);
    remove(by_interface_[datagram.interface], &Datagram::by_interface, index);
    datagram.next_in_bucket = unused_;
    unused_ = index;
}

void Reassembler::end(rte_mbuf* packet, DropReason reason) {
    meta(packet).drop_reason = reason;
    ended_.push_back(packet);
}

void Reassembler::append(List& list, Link Datagram::*link, std::uint32_t index) {
    (datagrams_[index].*link) = {list.back, kNone};
    (list.back == kNone ? list.front : (datagrams_[list.back].*link).behind) = index;
    list.back = index;
    ++list.count;
}

void Reassembler::remove(List& list, Link Datagram::*link, std::uint32_t index) {
    const Link gone = datagrams_[index].*link;
    (gone.before == kNone ? list.front : (datagrams_[gone.before].*link).behind) = gone.behind;
    (gone.behind == kNone ? list.back : (datagrams_[gone.behind].*link).before) = gone.before;
    --list.count;
}

}  // namespace godwit::dataplane
