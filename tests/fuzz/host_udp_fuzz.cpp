// UDP sockets: owners that open, join, connect, send and close in any order, and datagrams from
// strangers in between. Nothing waits beyond its limit, and what is received is what was sent.
#include "tests/fuzz/fuzzed_host.hpp"

using namespace godwit;

namespace {

struct World : fuzz::FuzzedHost {
    std::vector<control::udp::SocketId> sockets;

    [[nodiscard]] control::udp::SocketId any(fuzz::Dice& dice) const {
        return sockets.empty() ? control::udp::SocketId{} : sockets[dice.byte() % sockets.size()];
    }
    static net::Ipv4Address address(fuzz::Dice& dice) {
        switch (dice.byte() % 6) {
            case 0:
                return fuzz::kOurs;
            case 1:
                return fuzz::kTheirs;
            case 2:
                return {224, 0, 0, static_cast<std::uint8_t>(dice.byte() % 4)};
            case 3:
                return {10, 0, 0, 255};
            case 4:
                return {};
            default:
                return net::Ipv4Address(std::uint32_t{dice.word()} << 16 | dice.word());
        }
    }
    void open(fuzz::Dice& dice) {
        control::udp::Settings settings;
        settings.local = {address(dice), static_cast<std::uint16_t>(dice.byte() % 4)};
        settings.interface = net::InterfaceId(dice.byte() % 2);
        settings.options.broadcast = dice.byte() % 2 == 0;
        settings.options.require_checksum = dice.byte() % 4 == 0;
        settings.queue_datagrams = 4;
        settings.queue_bytes = 300;
        if (const auto id = host.udp().open(settings)) {
            sockets.push_back(*id);
        }
    }
    void datagram(fuzz::Dice& dice) {
        const net::Ipv4Address to = address(dice);
        const net::Ipv4Address from = dice.byte() % 4 == 0 ? address(dice) : fuzz::kTheirs;
        net::UdpHeader header;
        header.source_port = dice.byte();
        header.destination_port = dice.byte() % 4;
        const auto payload = dice.bytes(dice.byte());
        header.payload_bytes = static_cast<std::uint16_t>(payload.size());
        std::vector<std::uint8_t> bytes(net::kUdpHeaderBytes + payload.size());
        net::ByteWriter writer(bytes);
        header.encode_datagram(writer, from, to, payload);
        if (const std::uint8_t bent = dice.byte(); bent < 64) {
            bytes[bent % bytes.size()] ^= 1;
        } else if (bent < 96) {
            bytes[6] = bytes[7] = 0;  // no checksum
        }
        receive(packet(net::IpProtocol::Udp, from, to, bytes), dice.byte() % 2 == 0);
    }
    void send(fuzz::Dice& dice) {
        control::udp::Transmission how;
        how.to = {address(dice), static_cast<std::uint16_t>(dice.byte() % 4)};
        how.egress = net::InterfaceId(dice.byte() % 3);
        how.dont_fragment = dice.byte() % 2 == 0;
        if (dice.byte() % 2 == 0) {
            how.source = address(dice);
        }
        const auto payload = dice.bytes(dice.byte());
        const bool sent = host.udp().send(any(dice), how, payload).has_value();
        for (const control::Outgoing& out : host.take_packets()) {
            fuzz::check(sent, "what was refused is not sent");
            const auto ip = net::wire::Ipv4View::parse(out.packet);
            fuzz::check(ip && ip->source() == fuzz::kOurs, "the source is ours");
            const auto udp = net::wire::UdpView::parse(ip->payload());
            fuzz::check(udp && udp->has_checksum() &&
                            udp->has_valid_checksum(ip->source(), ip->destination()),
                        "the checksum is right");
        }
    }
    void look() {
        for (const auto& info : host.udp().list()) {
            fuzz::check(info.queued_datagrams <= 4 && info.queued_bytes <= 300,
                        "queues are bounded");
            fuzz::check(info.memberships <= control::udp::Limits{}.memberships, "so are groups");
        }
        for (const auto id : host.udp().take_ready()) {
            fuzz::check(host.udp().info(id).has_value(), "who is ready is there");
        }
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    World world;
    fuzz::Dice dice(data, size);
    while (!dice.empty()) {
        switch (dice.byte() % 10) {
            case 0:
                world.open(dice);
                break;
            case 1:
                world.host.udp().close(world.any(dice));
                break;
            case 2:
                (void)world.host.udp().connect(world.any(dice),
                                               {World::address(dice), dice.byte()});
                break;
            case 3:
                (void)world.host.udp().join(world.any(dice), World::address(dice),
                                            net::InterfaceId(dice.byte() % 3));
                break;
            case 4:
                world.send(dice);
                break;
            case 5:
                while (world.host.udp().receive(world.any(dice))) {
                }
                break;
            case 6:
                world.receive(dice.bytes(dice.byte()), false);
                break;
            default:
                world.datagram(dice);
                break;
        }
        world.look();
    }
    return 0;
}
