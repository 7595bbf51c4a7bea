// How a packet is judged without reading it twice: the first 16 bytes of the frame are compared at
// once with what they must be, the IPv4 header is three loads, and all that is asked of it is put
// together into one bit before the only branch. The numbers below are bytes in the order of the
// wire, read on a little-endian machine.
//
// What is asked is what ethernet-input, ip4-input, ip4-lookup, ip4-rewrite and interface-output
// ask (the RFC sections stand there), or more: an address in 0/8, 127/8, 169.254/16, 192.0.0/24 or
// 224/3, or one that could be impossible as a source, is theirs to judge, and so is a packet of a
// neighbour that goes back to where it came from, whose sender they may redirect.
//
// Tagged frames are set aside in the first pass and have their own; so the lengths are constants.
// Untagged ones are taken eight at a time where the CPU can (vector.hpp).
#include "dataplane/nodes/straight/straight_path.hpp"

#include <rte_cycles.h>
#include <rte_prefetch.h>
#include <smmintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "dataplane/graph/flow_hash.hpp"
#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/straight/translation.hpp"
#include "dataplane/nodes/straight/vector.hpp"
#include "net/vlan.hpp"

namespace godwit::dataplane {

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint16_t kIpv4Bytes = 20;
constexpr std::uint16_t kUntaggedBytes = 14;
constexpr std::uint16_t kTaggedBytes = 18;
constexpr unsigned kPrefetchAhead = 8;

template <class Word>
Word load(const std::uint8_t* at) {
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

// The first 16 bytes of a frame, asked all at once.
class FrameHead {
public:
    explicit FrameHead(const std::uint8_t* frame)
        : bytes_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(frame))) {}

    // An interface's MAC address, then IPv4 without options: EtherType 0x0800, 0x45.
    static __m128i untagged_to(std::uint64_t mac) {
        return _mm_set_epi64x(0x0045'0008'0000'0000, static_cast<long long>(mac));
    }
    [[nodiscard]] bool is(const __m128i& untagged) const {
        return differs_nowhere(untagged, _mm_set_epi64x(0x00ff'ffff'0000'0000, kDestination));
    }
    [[nodiscard]] bool is_to(std::uint64_t mac) const {
        return differs_nowhere(untagged_to(mac), _mm_set_epi64x(0, kDestination));
    }
    [[nodiscard]] bool is_tagged() const {
        return _mm_extract_epi16(bytes_, 6) == 0x0081;  // EtherType 0x8100
    }
    // Neither a group nor nobody.
    [[nodiscard]] bool has_host_source() const {
        const __m128i group = _mm_set_epi64x(0, 0x0001'0000'0000'0000);
        const __m128i source = _mm_set_epi64x(0xffff'ffff, ~kDestination);
        return _mm_testz_si128(bytes_, group) != 0 && _mm_testz_si128(bytes_, source) == 0;
    }

private:
    static constexpr long long kDestination = 0xffff'ffff'ffff;

    [[nodiscard]] bool differs_nowhere(const __m128i& other, const __m128i& where) const {
        return _mm_testz_si128(_mm_xor_si128(bytes_, other), where) != 0;
    }

    __m128i bytes_;
};

// The first octet says of these addresses that they are no host's: 0/8, 127/8, 224/4, 240/4.
constexpr std::array<std::uint8_t, 256> kSpecialOctets = [] {
    std::array<std::uint8_t, 256> special{};
    for (std::size_t octet = 0; octet < special.size(); ++octet) {
        special[octet] = octet == 0 || octet == 127 || octet >= 224 ? 1 : 0;
    }
    return special;
}();

bool is_special(std::uint32_t address) {
    const unsigned special = 0U | kSpecialOctets[address >> 24] |
                             static_cast<unsigned>(address >> 16 == straight::kLinkLocal16) |
                             static_cast<unsigned>(address >> 8 == straight::kAssignments24);
    return special != 0;
}

// RFC 1071: the ones' complement sum of a header with its checksum is all ones, in any order of
// bytes and with words of any length. In other words: the sum of the words, with the carries added
// back in, is a multiple of 2^16 - 1. A multiple is what times the inverse is small.
bool has_valid_sum(std::uint64_t first, std::uint64_t second, std::uint32_t third) {
    constexpr std::uint64_t kOnes = 0xffff;
    constexpr std::uint64_t kInverse = 0xfffe'fffe'fffe'ffffU;
    static_assert(kOnes * kInverse == 1);
    std::uint64_t sum = 0;
    sum = first + second;
    sum += sum < second ? 1U : 0U;
    sum += third;
    sum += sum < third ? 1U : 0U;
    return sum * kInverse <= ~std::uint64_t{0} / kOnes;
}

// TTL, protocol and checksum, with one hop less (RFC 1141): what the first byte loses, the checksum
// gains, and a carry out of it comes back in.
std::uint32_t with_lower_ttl(std::uint32_t word) {
    constexpr std::uint32_t kOneFromTtlToChecksum = 0xffff;
    constexpr std::uint32_t kCarries = 0xfffe'0000;
    return word + kOneFromTtlToChecksum + (std::uint32_t{word >= kCarries} << 16);
}

// Gives the packet the room of a link header of another length, and cuts off the padding of a short
// frame. False: that takes more than a change of numbers; nothing was changed.
bool resize(rte_mbuf* packet, std::uint16_t old_link_bytes, std::uint16_t link_bytes,
            std::uint32_t total_bytes) {
    const bool is_padded = packet->pkt_len != old_link_bytes + total_bytes;
    if ((is_padded && packet->nb_segs != 1) || packet->data_off + old_link_bytes < link_bytes) {
        return false;
    }
    const std::uint32_t first_bytes =
        is_padded ? old_link_bytes + total_bytes : std::uint32_t{packet->data_len};
    packet->data_off = static_cast<std::uint16_t>(packet->data_off + old_link_bytes - link_bytes);
    packet->data_len = static_cast<std::uint16_t>(first_bytes + link_bytes - old_link_bytes);
    packet->pkt_len = link_bytes + total_bytes;
    return true;
}

// The packets of a burst that have one length of link header.
template <std::uint16_t kLinkBytes>
class StraightPath {
public:
    StraightPath(Graph& graph, Environment& env, std::uint16_t port)
        : graph_(graph),
          env_(env),
          snapshot_(*env.interfaces),
          hops_(env.next_hops.reader()),
          worker_(env.worker),
          port_(port) {}

    // Is the IPv4 header behind the link header one that may be looked up?
    void judge(rte_mbuf* packet, const std::uint8_t* frame, net::InterfaceId ingress) {
        const std::uint8_t* header = frame + kLinkBytes;
        const auto first = load<std::uint64_t>(header);
        const auto second = load<std::uint64_t>(header + 8);
        const auto third = load<std::uint32_t>(header + 16);
        const std::uint32_t total_bytes =
            __builtin_bswap16(static_cast<std::uint16_t>(first >> 16));
        const std::uint32_t source = __builtin_bswap32(static_cast<std::uint32_t>(second >> 32));

        // A total length below 20 wraps around, and is too long.
        const bool fits = packet->data_len >= kLinkBytes + kIpv4Bytes &&
                          total_bytes - kIpv4Bytes <= packet->pkt_len - kLinkBytes - kIpv4Bytes;
        const bool may_be_impossible =
            snapshot_.impossible_sources.may_contain(net::Ipv4Address(source));
        const std::uint32_t destination = __builtin_bswap32(third);
        const unsigned refused = static_cast<unsigned>(is_special(source)) |
                                 static_cast<unsigned>(is_special(destination)) |
                                 static_cast<unsigned>(may_be_impossible);
        if (!fits || refused != 0 || !has_valid_sum(first, second, third)) [[unlikely]] {
            leave(packet);
            return;
        }
        const unsigned at = found_.count++;
        found_.packets[at] = packet;
        found_.destinations[at] = destination;
        // A frame that is too long for its place there is no fact: TTL 0.
        found_.facts[at] =
            packet->pkt_len > 0xffffU ? 0 : second << 32 | packet->pkt_len << 16 | total_bytes;
        if constexpr (kLinkBytes == kTaggedBytes) {
            ingress_[at] = ingress;
        }
    }

    // For packets that are judged eight at a time.
    [[nodiscard]] straight::Candidates& candidates() { return found_; }

    // How many were forwarded; `ingress` is that of untagged packets. `wide`: eight
    // at a time.
    unsigned forward_all(net::InterfaceId ingress, bool wide) {
        if (found_.count == 0) {
            return 0;
        }
        if (env_.nat.translator != nullptr) [[unlikely]] {
            return forward_translated(ingress, wide);
        }
        env_.fib.lookup_burst(found_.destinations.data(), found_.next_hops.data(), found_.count);
        return forward_found(ingress, wide);
    }

    void leave(rte_mbuf* packet) {
        packet->port = port_;  // net_ring leaves that of the packet's last life
        reset_meta(packet);
        meta(packet).arrival_tsc = env_.now_cycles;
        graph_.next(api::NodeId::EthernetInput, packet);
    }

private:
    struct Received {
        std::uint64_t packets = 0;
        std::uint64_t bytes = 0;
    };

    unsigned forward_translated(net::InterfaceId ingress, bool wide) {
        straight::Translation translation(env_, kLinkBytes);
        translation_ = &translation;
        const std::span<const net::InterfaceId> each = ingress_;
        leave_some(translation.translate_inbound(
            found_, kLinkBytes == kTaggedBytes ? each : std::span(&ingress, 1)));
        if (found_.count != 0) {
            env_.fib.lookup_burst(found_.destinations.data(), found_.next_hops.data(),
                                  found_.count);
            leave_some(translation.translate_outbound(found_, hops_));
        }
        const unsigned forwarded = forward_found(ingress, wide);
        translation_ = nullptr;
        return forwarded;
    }

    // Bit n: candidate n goes to the nodes. The others close up, in their order.
    void leave_some(std::uint64_t leaving) {
        if (leaving == 0) [[likely]] {
            return;
        }
        unsigned kept = 0;
        for (unsigned at = 0; at < found_.count; ++at) {
            if ((leaving >> at & 1U) != 0) {
                leave(found_.packets[at]);
                continue;
            }
            found_.packets[kept] = found_.packets[at];
            found_.destinations[kept] = found_.destinations[at];
            found_.next_hops[kept] = found_.next_hops[at];
            found_.facts[kept] = found_.facts[at];
            if constexpr (kLinkBytes == kTaggedBytes) {
                ingress_[kept] = ingress_[at];
            }
            translation_->move(at, kept++);
        }
        found_.count = kept;
    }

    unsigned forward_found(net::InterfaceId ingress, bool wide) {
        Received received;
        unsigned at = 0;
        if (wide) {
            const InterfaceEntry* entry = snapshot_.find(ingress);
            const bool redirects = entry != nullptr && entry->redirects;
            const straight::Tables tables{hops_,
                                          snapshot_,
                                          worker_,
                                          ingress,
                                          redirects ? ingress.value() : straight::Tables::kNowhere,
                                          env_.hits};
            for (; at + straight::kLanes <= found_.count; at += straight::kLanes) {
                forward_eight(tables, at, received);
            }
        }
        for (; at < found_.count; ++at) {
            if constexpr (kLinkBytes == kTaggedBytes) {
                if (ingress_[at] != ingress) {
                    add_received(ingress, received);
                    ingress = ingress_[at];
                }
            }
            forward_one(at, ingress, received);
        }
        add_received(ingress, received);
        return forwarded_;
    }

    [[nodiscard]] NextHopEntry hop_of(rte_mbuf* packet, std::uint32_t index) const {
        const NextHopEntry hop = hops_.entry(index);
        if (hop.verdict != Verdict::Group) [[likely]] {
            return hop;
        }
        // Without the padding of a short frame, which is no part of any flow.
        const auto bytes = first_bytes(packet).subspan(kLinkBytes);
        const std::uint32_t total_bytes = __builtin_bswap16(load<std::uint16_t>(&bytes[2]));
        const auto flow = bytes.first(std::min<std::size_t>(bytes.size(), total_bytes));
        return hops_.entry(env_.next_hops.member(index, flow_hash(flow)));
    }

    void forward_eight(const straight::Tables& tables, unsigned first, Received& received) {
        straight::Forwarded done;
        if (!straight::forward_eight(tables, found_, first, done)) [[unlikely]] {
            for (unsigned at = first; at < first + straight::kLanes; ++at) {
                forward_one(at, tables.ingress, received);
            }
            return;
        }
        const auto packets = std::span(found_.packets).subspan(first, straight::kLanes);
        if (done.one_port) [[likely]] {
            env_.leave_by(done.ports[0], packets);
        } else {
            for (unsigned n = 0; n < straight::kLanes; ++n) {
                env_.leave_by(done.ports[n], packets[n]);
            }
        }
        received.packets += straight::kLanes;
        received.bytes += done.received_bytes;
    }

    void forward_one(unsigned at, net::InterfaceId ingress, Received& received) {
        rte_mbuf* packet = found_.packets[at];
        const std::uint32_t bytes = packet->pkt_len;
        if (forward(packet, found_.next_hops[at], ingress)) [[likely]] {
            ++received.packets;
            received.bytes += bytes;
        } else {
            const bool is_noted = translation_ != nullptr && translation_->undo(at, packet);
            leave(packet);
            meta(packet).nat_is_noted = is_noted;
        }
    }

    // Of the packets that turn back only a neighbour's can be news to it (RFC 1812 5.2.7.2).
    [[nodiscard]] bool is_from_neighbor(const std::uint8_t* header,
                                        net::InterfaceId ingress) const {
        const InterfaceEntry* entry = snapshot_.find(ingress);
        const net::Ipv4Address source(__builtin_bswap32(load<std::uint32_t>(header + 12)));
        return entry != nullptr && entry->redirects &&
               std::any_of(entry->addresses.begin(), entry->addresses.end(),
                           [source](const auto& own) { return own.subnet().contains(source); });
    }

    bool forward(rte_mbuf* packet, std::uint32_t index, net::InterfaceId ingress) {
        const NextHopEntry hop = hop_of(packet, index);
        if (hop.verdict != Verdict::Adjacency) [[unlikely]] {
            return false;
        }
        const Adjacency& adjacency = hops_.adjacency(hop.target);
        const InterfaceSnapshot::Egress& egress =
            snapshot_.egress[adjacency.interface.value() % api::kMaxInterfaces];
        auto* header = rte_pktmbuf_mtod_offset(packet, std::uint8_t*, kLinkBytes);
        const std::uint32_t total_bytes = __builtin_bswap16(load<std::uint16_t>(header + 2));
        const auto ttl_to_checksum = load<std::uint32_t>(header + 8);
        const bool passes = (ttl_to_checksum & 0xffU) > 1 && total_bytes <= adjacency.mtu &&
                            total_bytes <= egress.mtu && worker_ < egress.tx_queue_count;
        if (!passes) [[unlikely]] {
            return false;
        }
        if (adjacency.interface == ingress && is_from_neighbor(header, ingress)) [[unlikely]] {
            return false;
        }
        const bool same_size =
            packet->pkt_len == kLinkBytes + total_bytes && adjacency.rewrite_bytes == kLinkBytes;
        if (same_size && kLinkBytes == kUntaggedBytes) [[likely]] {
            std::memcpy(header - 14, adjacency.rewrite.data(), 8);
            std::memcpy(header - 8, adjacency.rewrite.data() + 6, 8);
        } else if (same_size || resize(packet, kLinkBytes, adjacency.rewrite_bytes, total_bytes)) {
            std::memcpy(header - adjacency.rewrite_bytes, adjacency.rewrite.data(),
                        adjacency.rewrite_bytes);
        } else {
            return false;
        }
        const std::uint32_t lower = with_lower_ttl(ttl_to_checksum);
        std::memcpy(header + 8, &lower, sizeof lower);
        set_passage(packet, {ingress, adjacency.interface});
        env_.hits[hop.target].add(1);
        env_.leave_by(egress.port, packet);
        return true;
    }

    void add_received(net::InterfaceId ingress, Received& received) {
        api::InterfaceCounters& counters = env_.counters_of(ingress);
        counters.rx_packets.add(received.packets);
        counters.rx_bytes.add(received.bytes);
        forwarded_ += static_cast<unsigned>(received.packets);
        received = {};
    }

    Graph& graph_;
    Environment& env_;
    const InterfaceSnapshot& snapshot_;
    const NextHops::Reader hops_;
    const unsigned worker_;
    const std::uint16_t port_;
    unsigned forwarded_ = 0;
    straight::Translation* translation_ = nullptr;  // where packets are translated
    straight::Candidates found_;
    std::array<net::InterfaceId, kLinkBytes == kTaggedBytes ? kBurst : 1> ingress_;
};

// The interface of a tagged IPv4 frame without options that is addressed to it; null: not that.
const InterfaceEntry* interface_of_tag(const InterfaceSnapshot& snapshot,
                                       const InterfaceSnapshot::PortView& view,
                                       const std::uint8_t* frame) {
    const auto tag = load<std::uint32_t>(frame + kUntaggedBytes);
    const std::uint16_t vlan =
        __builtin_bswap16(static_cast<std::uint16_t>(tag)) & net::kVlanIdMask;
    const bool is_plain = (tag >> 16) == 0x0008 && frame[kTaggedBytes] == 0x45;
    if (!is_plain || vlan == 0 || view.by_vlan == nullptr) {
        return nullptr;
    }
    const InterfaceEntry* entry = snapshot.find((*view.by_vlan)[vlan]);
    const FrameHead head(frame);
    const bool takes = entry != nullptr && entry->up &&
                       entry->source_validation == SourceValidation::Off &&
                       head.is_to(mac_bits(entry->mac)) && head.has_host_source();
    return takes ? entry : nullptr;
}

unsigned forward_tagged(Graph& graph, Environment& env, std::uint16_t port, Packets packets) {
    const InterfaceSnapshot& snapshot = *env.interfaces;
    StraightPath<kTaggedBytes> path(graph, env, port);
    for (rte_mbuf* packet : packets) {
        const auto* frame = rte_pktmbuf_mtod(packet, const std::uint8_t*);
        const InterfaceEntry* entry = interface_of_tag(snapshot, snapshot.ports[port], frame);
        if (entry == nullptr) {
            path.leave(packet);
        } else {
            path.judge(packet, frame, entry->id);
        }
    }
    return path.forward_all({}, false);
}

// Untagged frames first; the tagged ones among them are set aside.
class Burst {
public:
    Burst(Graph& graph, Environment& env, std::uint16_t port)
        : graph_(graph),
          env_(env),
          port_(port),
          view_(env.interfaces->ports[port]),
          untagged_to_us_(FrameHead::untagged_to(view_.own_mac)),
          path_(graph, env, port) {}

    unsigned forward(Packets packets) {
        static const bool kWide = straight::has_wide_registers();
        const auto count = static_cast<unsigned>(packets.size());
        for (unsigned i = 0; i < count; ++i) {
            rte_prefetch0(packets[i]);
        }
        for (unsigned i = 0; i < count && i < kPrefetchAhead; ++i) {
            rte_prefetch0(rte_pktmbuf_mtod(packets[i], void*));
        }
        const bool wide = kWide && count >= straight::kLanes;
        if (wide) {
            judge_by_eights(packets);
        } else {
            for (rte_mbuf* packet : packets) {
                judge(packet);
            }
        }
        unsigned forwarded = path_.forward_all(view_.untagged, wide);
        if (tagged_count_ != 0) {
            forwarded +=
                forward_tagged(graph_, env_, port_, std::span(tagged_).first(tagged_count_));
        }
        return forwarded;
    }

private:
    void judge(rte_mbuf* packet) {
        // A buffer is always longer than what is read here, whatever the frame's length.
        const auto* frame = rte_pktmbuf_mtod(packet, const std::uint8_t*);
        const FrameHead head(frame);
        if (head.is(untagged_to_us_) && head.has_host_source()) [[likely]] {
            path_.judge(packet, frame, view_.untagged);
        } else {
            set_aside(packet, head);
        }
    }

    void set_aside(rte_mbuf* packet, const FrameHead& head) {
        if (head.is_tagged()) {
            tagged_[tagged_count_++] = packet;
        } else {
            path_.leave(packet);
        }
    }

    // The last group is filled up with copies of its last packet, which are cut off again.
    void judge_by_eights(Packets packets) {
        const straight::Judge wanted{view_.own_mac, &env_.interfaces->impossible_sources};
        const auto count = static_cast<unsigned>(packets.size());
        for (unsigned first = 0; first < count; first += straight::kLanes) {
            const unsigned ahead = first + straight::kLanes;
            for (unsigned i = ahead; i < count && i < ahead + straight::kLanes; ++i) {
                rte_prefetch0(rte_pktmbuf_mtod(packets[i], void*));
            }
            unsigned refused = 0;
            const unsigned size = std::min(count - first, straight::kLanes);
            if (size == straight::kLanes) [[likely]] {
                refused = straight::judge_eight(wanted, &packets[first], path_.candidates());
            } else {
                refused = judge_rest(wanted, packets.subspan(first));
            }
            for (; refused != 0; refused &= refused - 1) {
                judge(packets[first + static_cast<unsigned>(std::countr_zero(refused))]);
            }
        }
    }

    unsigned judge_rest(const straight::Judge& wanted, Packets rest) {
        std::array<rte_mbuf*, straight::kLanes> group;
        group.fill(rest.back());
        std::copy(rest.begin(), rest.end(), group.begin());
        const unsigned before = path_.candidates().count;
        const unsigned real = (1U << rest.size()) - 1U;
        const unsigned refused =
            straight::judge_eight(wanted, group.data(), path_.candidates()) & real;
        path_.candidates().count = before + static_cast<unsigned>(rest.size()) -
                                   static_cast<unsigned>(std::popcount(refused));
        return refused;
    }

    Graph& graph_;
    Environment& env_;
    const std::uint16_t port_;
    const InterfaceSnapshot::PortView& view_;
    const __m128i untagged_to_us_;
    StraightPath<kUntaggedBytes> path_;
    std::array<rte_mbuf*, kBurst> tagged_;
    unsigned tagged_count_ = 0;
};

}  // namespace

void straight_path(Graph& graph, Environment& env, std::uint16_t port, Packets packets) {
    const std::uint64_t begin = rte_rdtsc();
    const unsigned forwarded = Burst(graph, env, port).forward(packets);
    api::NodeCounters& counters =
        env.counters.nodes[static_cast<std::size_t>(api::NodeId::StraightPath)];
    counters.calls.add(1);
    counters.packets.add(forwarded);
    counters.cycles.add(rte_rdtsc() - begin);
}

}  // namespace godwit::dataplane
