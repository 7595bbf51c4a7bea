#include "dataplane/nodes/nat/ftp_segment.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "dataplane/nodes/nat/refusal.hpp"
#include "net/tcp.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using net::Big16;
using net::Big32;
using net::IpProtocol;
using net::Ipv4Address;
using net::TcpFlags;
using net::wire::Ipv4Layout;
using net::wire::TcpLayout;
using Fate = nat::FtpStream::Fate;

// A whole TCP segment in one buffer.
class Segment {
public:
    // Nothing: it is none, or its checksum is wrong.
    static std::optional<Segment> read(rte_mbuf* packet) {
        const auto& header = layout_at<Ipv4Layout>(packet);
        Segment segment(packet, (header.version_ihl & 0xfU) * 4U, header.total_length.host());
        if (is_fragment(packet) || segment.total_bytes_ > packet->data_len ||
            segment.tcp_at_ + sizeof(TcpLayout) > segment.total_bytes_) {
            return std::nullopt;
        }
        segment.payload_at_ = segment.tcp_at_ + (segment.tcp().data_offset >> 4U) * 4U;
        const bool is_whole = segment.payload_at_ >= segment.tcp_at_ + sizeof(TcpLayout) &&
                              segment.payload_at_ <= segment.total_bytes_;
        return is_whole && segment.sum().is_valid() ? std::optional(segment) : std::nullopt;
    }

    [[nodiscard]] TcpLayout& tcp() const { return layout_at<TcpLayout>(packet_, tcp_at_); }
    [[nodiscard]] std::span<std::uint8_t> options() const {
        return first_bytes(packet_).first(payload_at_).subspan(tcp_at_ + sizeof(TcpLayout));
    }
    [[nodiscard]] nat::FtpStream::Segment values() const {
        const auto payload = first_bytes(packet_).first(total_bytes_).subspan(payload_at_);
        return {tcp().sequence.host(),
                TcpFlags::from_bits(tcp().flags),
                {reinterpret_cast<const char*>(payload.data()), payload.size()}};
    }

    // False: there is no room.
    bool replace_payload(std::string_view text) {
        const auto old_bytes = total_bytes_ - payload_at_;
        if (text.size() > old_bytes) {
            const auto more = static_cast<std::uint16_t>(text.size() - old_bytes);
            trim_to(packet_, total_bytes_);
            if (rte_pktmbuf_append(packet_, more) == nullptr) {
                return false;
            }
        } else {
            trim_to(packet_, payload_at_ + static_cast<std::uint32_t>(text.size()));
        }
        std::ranges::copy(text, first_bytes(packet_).begin() + payload_at_);
        auto& header = layout_at<Ipv4Layout>(packet_);
        const Big16 length = Big16::from_host(static_cast<std::uint16_t>(packet_->pkt_len));
        header.checksum = net::update_checksum(header.checksum, header.total_length, length);
        header.total_length = length;
        total_bytes_ = packet_->pkt_len;
        return true;
    }
    void finish() {
        tcp().checksum = {};
        tcp().checksum = sum().checksum();
    }

private:
    Segment(rte_mbuf* packet, std::uint32_t tcp_at, std::uint32_t total_bytes)
        : packet_(packet), tcp_at_(tcp_at), total_bytes_(total_bytes) {}

    [[nodiscard]] net::ChecksumSum sum() const {
        const auto& header = layout_at<Ipv4Layout>(packet_);
        net::ChecksumSum sum;
        sum.add_pseudo_header(Ipv4Address::from_wire(header.source),
                              Ipv4Address::from_wire(header.destination), IpProtocol::Tcp,
                              static_cast<std::uint16_t>(total_bytes_ - tcp_at_));
        add_bytes(sum, packet_, tcp_at_, total_bytes_ - tcp_at_);
        return sum;
    }

    rte_mbuf* packet_;
    std::uint32_t tcp_at_;
    std::uint32_t payload_at_ = 0;
    std::uint32_t total_bytes_;
};

Big32& word_at(std::span<std::uint8_t> bytes, std::size_t at) {
    return *reinterpret_cast<Big32*>(&bytes[at]);
}

// The options one by one; what does not fit ends them (RFC 9293 3.1).
template <class Visit>
void visit_options(std::span<std::uint8_t> options, Visit&& visit) {
    std::size_t at = 0;
    while (at < options.size()) {
        const auto kind = net::TcpOptionKind{options[at]};
        if (kind == net::TcpOptionKind::End) {
            return;
        }
        if (kind == net::TcpOptionKind::NoOperation) {
            ++at;
            continue;
        }
        if (at + 1 >= options.size() || options[at + 1] < 2 ||
            at + options[at + 1] > options.size()) {
            return;
        }
        const std::size_t length = options[at + 1];
        visit(kind, options.subspan(at, length));
        at += length;
    }
}

// Its sender gets the acknowledgment of what is kept here. Of its options only timestamps go back,
// each in the other's place (RFC 7323 3.2): the echo is one that the outside has sent.
void turn_into_acknowledgment(Graph& graph, rte_mbuf* packet, Segment& segment,
                              const nat::Translator::Followed& followed) {
    TcpLayout& tcp = segment.tcp();
    segment.replace_payload({});
    tcp.sequence = tcp.acknowledgment;
    tcp.acknowledgment = Big32::from_host(followed.held_until);
    tcp.flags = TcpFlags{.ack = true}.bits();
    tcp.window = Big16::from_host(followed.window);
    tcp.urgent_pointer = {};
    std::swap(tcp.source_port, tcp.destination_port);
    visit_options(segment.options(), [](net::TcpOptionKind kind, std::span<std::uint8_t> option) {
        constexpr std::size_t kTimestampsBytes = 10;
        if (kind == net::TcpOptionKind::Timestamps && option.size() == kTimestampsBytes) {
            std::swap(word_at(option, 2), word_at(option, 6));
        } else {
            std::ranges::fill(option, static_cast<std::uint8_t>(net::TcpOptionKind::NoOperation));
        }
    });
    auto& header = layout_at<Ipv4Layout>(packet);
    std::swap(header.source, header.destination);
    header.fragment = Big16::from_host(net::kIpv4DontFragment);  // atomic: any identification does
    header.ttl = net::kIpv4DefaultTtlHops;
    const std::uint32_t header_bytes = (header.version_ihl & 0xfU) * 4U;
    std::ranges::fill(first_bytes(packet).first(header_bytes).subspan(sizeof header),
                      std::uint8_t{1});  // RFC 791 3.1: no operation
    header.checksum = {};
    header.checksum = net::internet_checksum(first_bytes(packet).first(header_bytes));
    segment.finish();
    PacketMeta& about = meta(packet);
    about.local_source = 1;
    about.flow_hash = 0;
    about.nat_hairpin = 0;
    about.nat_is_done = 1;
    graph.next(api::NodeId::Ip4Lookup, packet);
}

}  // namespace

bool follow_outbound(Graph& graph, Environment& env, rte_mbuf* packet, const NatPacket& read,
                     std::uint32_t session, net::InterfaceId out) {
    PacketMeta& about = meta(packet);
    std::optional<std::uint16_t> answer;
    if (about.nat_ftp == static_cast<std::uint8_t>(FtpQuestion::Answered)) {
        answer = about.nat_destination_port;
        about.nat_ftp = static_cast<std::uint8_t>(FtpQuestion::None);
    }
    if (is_fragment(packet) || (packet->nb_segs != 1 && rte_pktmbuf_linearize(packet) != 0)) {
        graph.drop(packet, DropReason::NatFtpWaits);
        return false;
    }
    auto segment = Segment::read(packet);
    if (!segment) {
        return true;
    }
    nat::FtpText text;
    const nat::Translator::Followed followed = env.nat.translator->follow_outbound(
        session, segment->values(), answer, out, env.nat.now, text);
    switch (followed.fate) {
        case Fate::Ask:
            about.nat_ftp = static_cast<std::uint8_t>(FtpQuestion::Asked);
            about.nat_destination_port = followed.port;
            hand_over(env, packet, followed.worker, api::NodeId::NatOutbound);
            return false;
        case Fate::Hold:
            turn_into_acknowledgment(graph, packet, *segment, followed);
            return false;
        case Fate::Wait:
            graph.drop(packet, DropReason::NatFtpWaits);
            return false;
        case Fate::Replace:
            if (!segment->replace_payload(text.view())) {
                graph.drop(packet, DropReason::NatFtpWaits);
                return false;
            }
            if (!followed.keeps_fin) {
                TcpFlags flags = TcpFlags::from_bits(segment->tcp().flags);
                flags.fin = false;
                segment->tcp().flags = flags.bits();
            }
            break;
        case Fate::Forward:
            if (followed.sequence == read.packet.tcp.sequence) {
                return true;
            }
            break;
    }
    segment->tcp().sequence = Big32::from_host(followed.sequence);
    segment->finish();
    return true;
}

void follow_inbound(Environment& env, rte_mbuf* packet, std::uint32_t session) {
    if (packet->nb_segs != 1 && rte_pktmbuf_linearize(packet) != 0) {
        return;
    }
    auto segment = Segment::read(packet);
    if (!segment || !TcpFlags::from_bits(segment->tcp().flags).ack) {
        return;
    }
    TcpLayout& tcp = segment->tcp();
    const auto [stream, acknowledgment] =
        env.nat.translator->follow_inbound(session, tcp.acknowledgment.host(), tcp.window.host());
    if (stream == nullptr) {
        return;
    }
    tcp.acknowledgment = Big32::from_host(acknowledgment);
    visit_options(segment->options(), [stream = stream](net::TcpOptionKind kind,
                                                        std::span<std::uint8_t> option) {
        constexpr std::size_t kBlockBytes = 8;
        if (kind != net::TcpOptionKind::Sack) {
            return;
        }
        using Edge = nat::FtpStream::Edge;
        for (std::size_t at = 2; at + kBlockBytes <= option.size(); at += kBlockBytes) {
            Big32& left = word_at(option, at);
            Big32& right = word_at(option, at + 4);
            left = Big32::from_host(stream->sack_edge(left.host(), Edge::Left));
            right = Big32::from_host(stream->sack_edge(right.host(), Edge::Right));
        }
    });
    segment->finish();
}

void answer_ftp_question(Environment& env, rte_mbuf* packet, const nat::Flow& control,
                         net::InterfaceId out) {
    PacketMeta& about = meta(packet);
    const nat::Endpoint inside{control.source.address, about.nat_destination_port};
    about.nat_destination_port =
        env.nat.translator->expect(inside, control.destination, out, env.nat.now);
    about.nat_ftp = static_cast<std::uint8_t>(FtpQuestion::Answered);
    const nat::NatRules& rules = env.nat.translator->rules();
    hand_over(env, packet, rules.owner(nat::Direction::Outbound, control, env.worker_count),
              api::NodeId::NatOutbound);
}

}  // namespace godwit::dataplane
