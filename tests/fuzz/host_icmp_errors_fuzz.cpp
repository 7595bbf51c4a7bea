// ICMP errors that quote what this host really sent, bent a little: none of them ends a connection
// that stands, makes a packet smaller than 68 bytes the rule, or is answered.
#include "tests/fuzz/fuzzed_host.hpp"

using namespace godwit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::FuzzedHost us;
    fuzz::FuzzedHost them;
    control::Link theirs;
    theirs.interface = net::InterfaceId(1);
    theirs.up = true;
    theirs.addresses = {*net::Ipv4InterfaceAddress::parse("10.0.0.9/24")};
    them.host.set_links(std::span(&theirs, 1));
    const auto carry = [](fuzz::FuzzedHost& from, fuzz::FuzzedHost& to) {
        std::vector<std::uint8_t> last;
        from.now += std::chrono::milliseconds(1);
        to.now = from.now;
        auto packets = from.host.take_packets();
        for (auto& more : from.host.advance(from.now).packets) {
            packets.push_back(std::move(more));
        }
        for (const auto& out : packets) {
            last = out.packet;
            const auto answers = to.host.input(out.packet, {net::InterfaceId(1), false}, to.now);
            for (const auto& answer : answers.packets) {
                from.host.input(answer.packet, {net::InterfaceId(1), false}, from.now);
            }
        }
        return last;
    };
    (void)them.host.tcp().listen({}, 179, {}, 4);
    const auto id = *us.host.connect_tcp({{}, fuzz::kTheirs, 0, 179}, {}, us.now);
    for (int i = 0; i < 4; ++i) {
        carry(us, them);
        carry(them, us);
    }
    fuzz::check(us.host.tcp().find(id)->state() == control::tcp::State::Established,
                "the connection stands");
    const std::vector<std::uint8_t> data_bytes(3000, 7);
    us.host.tcp().write(id, data_bytes, us.now);
    const auto segments = us.host.take_packets();
    fuzz::check(!segments.empty(), "data is under way");
    const auto socket = *us.host.udp().open({});
    control::udp::Transmission how;
    how.to = {fuzz::kTheirs, 53};
    (void)us.host.udp().send(socket, how, data_bytes);
    const auto datagram = us.host.take_packets().at(0).packet;

    fuzz::Dice dice(data, size);
    while (!dice.empty()) {
        const std::uint8_t what = dice.byte();
        const auto& whole = what % 2 == 0 ? segments[what / 2 % segments.size()].packet : datagram;
        std::vector<std::uint8_t> quote(
            whole.begin(),
            whole.begin() + std::min<std::ptrdiff_t>(20 + dice.byte() % 40,
                                                     static_cast<std::ptrdiff_t>(whole.size())));
        for (std::uint8_t bends = dice.byte() % 3; bends > 0; --bends) {
            quote[dice.byte() % quote.size()] ^= dice.byte();
        }
        net::IcmpMessage message;
        constexpr std::array kTypes{net::IcmpType::DestinationUnreachable,
                                    net::IcmpType::TimeExceeded, net::IcmpType::ParameterProblem,
                                    net::IcmpType::SourceQuench, net::IcmpType::Redirect};
        message.type = kTypes[dice.byte() % kTypes.size()];
        message.code = dice.byte() % 17;
        message.rest = dice.word();
        us.receive(fuzz::FuzzedHost::icmp(message, quote), false);
        (void)us.host.take_packets();
        fuzz::check(us.host.tcp().find(id)->state() == control::tcp::State::Established,
                    "no error of ICMP ends a connection that stands");
        const auto way = us.host.ways().to(fuzz::kTheirs);
        fuzz::check(
            way && way->path_mtu >= control::PathMtuCache::kLeast && way->path_mtu <= way->mtu,
            "what is learned makes sense");
        fuzz::check(us.host.path_mtus().size() <= control::HostLimits{}.max_path_mtus,
                    "and is bounded");
    }
    return 0;
}
