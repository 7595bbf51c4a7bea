// TCP as it is joined to the host: two hosts, with a link between them whose MTU may be smaller
// than theirs. Whatever TCP itself does is tested in tcp/ and in tests/sim.
#include <gtest/gtest.h>

#include <deque>
#include <numeric>

#include "controlplane/host/host.hpp"
#include "net/tcp_options.hpp"
#include "tests/unit/controlplane/host/host_packets.hpp"

namespace godwit::control {
namespace {

using namespace std::chrono_literals;
using test::Packet;

const net::Ipv4Address kUs(10, 0, 0, 1);
const net::Ipv4Address kThem(10, 0, 0, 9);
const net::Ipv4Address kRouter(10, 0, 0, 254);
const net::InterfaceId kLan(1);
constexpr std::uint16_t kPort = 179;

std::optional<RouteToward> everything_is_on_link(net::Ipv4Address) {
    return RouteToward{*net::Ipv4Prefix::parse("10.0.0.0/24"), RibNextHop::glean(kLan)};
}

class HostTcp : public testing::Test {
protected:
    HostTcp() {
        us.set_links(links("10.0.0.1/24"));
        them.set_links(links("10.0.0.9/24"));
    }
    static std::vector<Link> links(const char* address, std::uint16_t mtu = 1500) {
        std::vector<Link> all =
            test::one_link(std::array{*net::Ipv4InterfaceAddress::parse(address)});
        all[0].mtu = mtu;
        return all;
    }
    static net::wire::TcpView segment_in(const Packet& packet) {
        return *net::wire::TcpView::parse(net::wire::Ipv4View::parse(packet)->payload());
    }

    void give(Host& to, const Packet& packet) {
        const HostActions actions = to.input(packet, {kLan, false}, now);
        for (const Outgoing& answer : actions.packets) {
            (&to == &us ? our_outbox : their_outbox).push_back(answer);
        }
    }
    // Lets both talk for a while; what is too big meets the narrow place between them.
    void settle(int milliseconds = 200) {
        for (int i = 0; i < milliseconds; ++i) {
            now += 1ms;
            for (Host* const host : {&us, &them}) {
                auto& outbox = host == &us ? our_outbox : their_outbox;
                Host& other = host == &us ? them : us;
                const HostActions actions = host->advance(now);
                outbox.insert(outbox.end(), actions.packets.begin(), actions.packets.end());
                while (!outbox.empty()) {
                    const Outgoing out = outbox.front();
                    outbox.pop_front();
                    pass(*host, other, out);
                }
            }
        }
    }
    void pass(Host& from, Host& to, const Outgoing& out) {
        sent.push_back(out.packet);
        if (out.packet.size() <= path_mtu) {
            give(to, out.packet);
            return;
        }
        ++too_big;
        if (swallows) {
            return;
        }
        const auto source = net::wire::Ipv4View::parse(out.packet)->source();
        const Packet quote(out.packet.begin(), out.packet.begin() + 28);
        give(from, test::icmp({kRouter, source},
                              {net::IcmpType::DestinationUnreachable, 4,
                               tells_mtu ? std::uint32_t{path_mtu} : 0U},
                              quote));
    }
    void flush(Host& host) {
        auto& outbox = &host == &us ? our_outbox : their_outbox;
        for (Outgoing& out : host.take_packets()) {
            outbox.push_back(std::move(out));
        }
    }
    tcp::ConnectionId connect(std::uint16_t port = kPort) {
        const auto id = us.connect_tcp({{}, kThem, 0, port}, {}, now);
        EXPECT_TRUE(id.has_value());
        flush(us);
        settle();
        return id ? *id : tcp::ConnectionId{};
    }
    void connect_both() {
        listener = *them.tcp().listen({}, kPort, {}, 4);
        client = connect();
        const auto accepted = them.tcp().accept(listener);
        ASSERT_TRUE(accepted.has_value());
        server = *accepted;
    }
    tcp::State state(Host& host, tcp::ConnectionId id) { return host.tcp().find(id)->state(); }

    std::uint32_t next_random = 1;
    Host us{HostLimits{}, [this] { return next_random += 0x9e3779b9U; }, everything_is_on_link};
    Host them{HostLimits{}, [this] { return next_random += 0x9e3779b9U; }, everything_is_on_link};
    std::deque<Outgoing> our_outbox;
    std::deque<Outgoing> their_outbox;
    std::vector<Packet> sent;
    std::uint16_t path_mtu = 1500;
    bool tells_mtu = true;
    bool swallows = false;  // what is too big, without a word
    int too_big = 0;
    Instant now{1h};
    tcp::ListenerId listener{};
    tcp::ConnectionId client{};
    tcp::ConnectionId server{};
};

// rfc9293: MUST-44
TEST_F(HostTcp, a_connection_is_made_used_and_closed_over_ip) {
    connect_both();
    EXPECT_EQ(state(us, client), tcp::State::Established);
    Packet data(100'000);
    std::iota(data.begin(), data.end(), std::uint8_t{0});
    Packet received;
    std::size_t written = 0;
    while (received.size() < data.size()) {
        written += us.tcp().write(client, std::span(data).subspan(written), now);
        flush(us);
        settle(5);
        Packet part(4096);
        for (std::size_t n = 1; n > 0;) {
            n = them.tcp().read(server, part, now);
            received.insert(received.end(), part.begin(),
                            part.begin() + static_cast<std::ptrdiff_t>(n));
        }
        flush(them);
        ASSERT_LT(now, Instant(1h + 60s));
    }
    EXPECT_EQ(received, data);
    us.tcp().release(client, now);
    flush(us);
    settle();
    EXPECT_TRUE(them.tcp().find(server)->at_end());
    them.tcp().release(server, now);
    flush(them);
    settle();
    EXPECT_EQ(us.tcp().connections(), 0U);
    EXPECT_EQ(us.tcp().time_wait(), 1U);
    EXPECT_EQ(them.tcp().connections(), 0U);
    EXPECT_GT(us.count(HostCounter::TcpDelivered), 0U);
}

// rfc5082: 3, rfc9293: MUST-49, SHLD-22
TEST_F(HostTcp, a_neighbour_is_known_by_the_ttl_of_what_it_sends) {
    tcp::PeerSecurity neighbour;
    neighbour.least_ttl = 255;
    ASSERT_TRUE(us.tcp().secure({*net::Ipv4Prefix::parse("10.0.0.9/32"), kPort}, neighbour));
    listener = *them.tcp().listen({}, kPort, {}, 4);
    connect();
    EXPECT_EQ(net::wire::Ipv4View::parse(sent.front())->ttl_hops(), 255);
    EXPECT_EQ(us.tcp().security().dropped(tcp::SecurityDrop::TooManyHops), 1U)
        << "its answer came with 64";
    ASSERT_TRUE(them.tcp().secure({*net::Ipv4Prefix::parse("10.0.0.1/32"), kPort}, neighbour));
    settle(2000);
    EXPECT_TRUE(them.tcp().accept(listener));
}

TEST_F(HostTcp, a_port_is_in_use_from_its_listener_to_the_last_of_its_connections) {
    int changes = 0;
    them.set_ports_changed([&] { ++changes; });
    connect_both();
    const std::vector<LocalPort> listening{{net::IpProtocol::Tcp, {}, kPort}};
    EXPECT_EQ(them.ports_in_use(), listening);
    EXPECT_EQ(us.ports_in_use(), std::vector<LocalPort>{}) << "it was chosen";
    them.tcp().stop_listening(listener, now);
    EXPECT_EQ(them.ports_in_use(), listening) << "a connection stands";
    them.tcp().abort(server, now);
    them.tcp().release(server, now);
    EXPECT_EQ(them.ports_in_use(), std::vector<LocalPort>{});
    EXPECT_EQ(changes, 2);

    const auto bound = us.connect_tcp({kUs, kThem, 1179, kPort}, {}, now);
    EXPECT_EQ(us.ports_in_use(), (std::vector<LocalPort>{{net::IpProtocol::Tcp, kUs, 1179}}));
    us.tcp().release(*bound, now);
    EXPECT_EQ(us.ports_in_use(), std::vector<LocalPort>{});
}

TEST_F(HostTcp, segments_are_never_to_be_fragmented) {
    connect_both();
    ASSERT_FALSE(sent.empty());
    for (const Packet& packet : sent) {
        EXPECT_TRUE(net::wire::Ipv4View::parse(packet)->dont_fragment());
    }
}

// RFC 9293 3.7.1: MUST-14
TEST_F(HostTcp, a_syn_announces_what_its_interface_can_take) {
    us.set_links(links("10.0.0.1/24", 1400));
    them.set_links(links("10.0.0.9/24", 9000));
    connect_both();
    EXPECT_EQ(net::TcpOptions::parse(segment_in(sent[0]).options()).maximum_segment_size, 1360);
    EXPECT_EQ(net::TcpOptions::parse(segment_in(sent[1]).options()).maximum_segment_size, 8960);
}

// RFC 1191 3, 6.3
TEST_F(HostTcp, a_narrow_place_is_found_remembered_and_forgotten) {
    connect_both();
    path_mtu = 1000;
    const Packet data(20'000, 7);
    us.tcp().write(client, data, now);
    flush(us);
    settle();
    EXPECT_EQ(them.tcp().find(server)->readable(), data.size());
    EXPECT_GE(too_big, 1);
    EXPECT_EQ(us.path_mtus().find(kThem), 1000);
    EXPECT_EQ(us.ways().to(kThem)->path_mtu, 1000);
    EXPECT_GE(us.count(HostCounter::TcpError), 1U);

    // The next connection knows, and so does UDP.
    const int before = too_big;
    const auto next = connect();
    us.tcp().write(next, data, now);
    flush(us);
    settle();
    EXPECT_EQ(too_big, before);
    const auto socket = *us.udp().open({});
    udp::Transmission whole{.to = {kThem, 53}};
    whole.dont_fragment = true;
    EXPECT_FALSE(us.udp().send(socket, whole, Packet(973)).has_value());
    EXPECT_TRUE(us.udp().send(socket, whole, Packet(972)).has_value());

    now += 10min;
    us.advance(now);
    EXPECT_FALSE(us.path_mtus().find(kThem).has_value());
}

// RFC 1191 6.4
TEST_F(HostTcp, a_link_that_becomes_narrow_cuts_what_is_under_way) {
    connect_both();
    const Packet data(60'000, 7);
    us.tcp().write(client, data, now);
    EXPECT_GT(us.take_packets().size(), 1U);  // full segments, and lost
    path_mtu = 1000;
    us.set_links(links("10.0.0.1/24", 1000));
    us.tcp().paths_changed(now);
    const auto info = us.tcp().find(client)->info();
    EXPECT_EQ(info.path_mtu, 1000);
    EXPECT_EQ(info.segment_bytes, 1000 - 40 - 12);
    flush(us);
    EXPECT_FALSE(our_outbox.empty()) << "it begins again at once";
    settle(2000);
    EXPECT_EQ(too_big, 0);
    EXPECT_EQ(them.tcp().find(server)->readable(), data.size());
    EXPECT_EQ(us.count(HostCounter::TcpError), 0U);
}

TEST_F(HostTcp, a_route_that_moves_to_a_narrower_link_is_noticed_by_the_first_timeout) {
    connect_both();
    path_mtu = 1000;
    swallows = true;
    us.set_links(links("10.0.0.1/24", 1000));  // and TCP is not told
    us.tcp().write(client, Packet(20'000, 7), now);
    flush(us);
    settle(1500);
    EXPECT_GT(too_big, 0);
    EXPECT_EQ(us.tcp().find(client)->info().counts.timeouts, 1U);
    EXPECT_EQ(us.tcp().find(client)->info().path_mtu, 1000);
    EXPECT_EQ(them.tcp().find(server)->readable(), 20'000U);
}

// RFC 4821 7.4
TEST_F(HostTcp, a_link_that_becomes_wider_is_made_use_of) {
    us.set_links(links("10.0.0.1/24", 1000));
    connect_both();
    us.set_links(links("10.0.0.1/24", 1500));
    us.tcp().paths_changed(now);
    us.tcp().write(client, Packet(20'000, 7), now);
    flush(us);
    settle();
    EXPECT_EQ(us.tcp().find(client)->info().path_mtu, 1500);
    EXPECT_EQ(us.tcp().find(client)->info().segment_bytes, 1448);
    EXPECT_EQ(them.tcp().find(server)->readable(), 20'000U);
}

TEST_F(HostTcp, a_link_that_becomes_wider_than_the_peer_takes_changes_nothing) {
    us.set_links(links("10.0.0.1/24", 1400));
    them.set_links(links("10.0.0.9/24", 1400));
    connect_both();
    us.set_links(links("10.0.0.1/24", 9000));
    us.tcp().paths_changed(now);
    us.tcp().write(client, Packet(20'000, 7), now);
    flush(us);
    settle();
    EXPECT_EQ(us.tcp().find(client)->info().path_mtu, 1400);
    EXPECT_EQ(them.tcp().find(server)->readable(), 20'000U);
}

TEST_F(HostTcp, a_router_that_does_not_say_its_mtu_is_met_by_plateaus) {
    connect_both();
    path_mtu = 1000;
    tells_mtu = false;
    us.tcp().write(client, Packet(5000, 7), now);
    flush(us);
    settle(2000);
    EXPECT_EQ(them.tcp().find(server)->readable(), 5000U);
    EXPECT_EQ(us.path_mtus().find(kThem), 508);  // below 1500: 1492, then 1006, then 508
}

// RFC 5927 4.1
TEST_F(HostTcp, an_error_about_what_is_not_under_way_is_not_believed) {
    connect_both();
    const Packet data_packet = [&] {
        us.tcp().write(client, Packet{1, 2, 3}, now);
        return us.take_packets().at(0).packet;
    }();
    Packet quote(data_packet.begin(), data_packet.begin() + 28);
    quote[24] ^= 0x40;  // the sequence number is another
    const net::IcmpMessage narrow{net::IcmpType::DestinationUnreachable, 4, 100};
    us.input(test::icmp({kRouter, kUs}, narrow, quote), {kLan, false}, now);
    EXPECT_EQ(us.count(HostCounter::IcmpNotForUs), 1U);
    EXPECT_FALSE(us.path_mtus().find(kThem).has_value());

    quote[24] ^= 0x40;
    us.input(test::icmp({kRouter, kUs}, narrow, quote), {kLan, false}, now);
    EXPECT_EQ(us.count(HostCounter::TcpError), 1U);
}

// RFC 5461 2, RFC 5927 5.2
TEST_F(HostTcp, a_hard_error_ends_an_attempt_and_never_a_connection) {
    connect_both();
    us.tcp().write(client, Packet{1, 2, 3}, now);
    const Packet data = us.take_packets().at(0).packet;
    const auto hard = net::IcmpMessage::unreachable(net::UnreachableCode::Port);
    us.input(test::icmp({kThem, kUs}, hard, Packet(data.begin(), data.begin() + 28)), {kLan, false},
             now);
    EXPECT_EQ(state(us, client), tcp::State::Established);

    const auto attempt = *us.connect_tcp({{}, kThem, 0, 80}, {}, now);
    const Packet syn = us.take_packets().at(0).packet;
    const Packet quote(syn.begin(), syn.begin() + 28);
    us.input(test::icmp({kRouter, kUs}, net::IcmpMessage::unreachable(net::UnreachableCode::Host),
                        quote),
             {kLan, false}, now);
    EXPECT_EQ(state(us, attempt), tcp::State::SynSent);  // a soft one: it may pass
    us.input(test::icmp({kThem, kUs}, hard, quote), {kLan, false}, now);
    EXPECT_EQ(state(us, attempt), tcp::State::Closed);
    EXPECT_EQ(us.tcp().find(attempt)->trouble(), tcp::Trouble::Unreachable);
}

TEST_F(HostTcp, a_closed_port_refuses) {
    const auto id = connect(81);
    EXPECT_EQ(us.tcp().find(id)->trouble(), tcp::Trouble::Refused);
    EXPECT_EQ(them.count(HostCounter::ResetSent), 1U);
}

// RFC 9293 MUST-57, MUST-63
TEST_F(HostTcp, nothing_is_begun_by_what_comes_from_or_to_many) {
    listener = *them.tcp().listen({}, kPort, {}, 4);
    net::TcpHeader syn;
    syn.source_port = 5000;
    syn.destination_port = kPort;
    syn.flags.syn = true;
    const auto receive = [&](net::Ipv4Address from, net::Ipv4Address to, bool group) {
        const auto actions = them.input(test::tcp({from, to}, syn), {kLan, group}, now);
        EXPECT_TRUE(actions.packets.empty());
    };
    receive(net::Ipv4Address(10, 0, 0, 255), kThem, false);
    receive(net::Ipv4Address(224, 0, 0, 5), kThem, false);
    receive(net::Ipv4Address(), kThem, false);
    receive(kUs, net::Ipv4Address(10, 0, 0, 255), true);
    receive(kUs, kThem, true);
    EXPECT_EQ(them.tcp().half_open(), 0U);
}

TEST_F(HostTcp, what_cannot_be_connected_to_says_why) {
    const auto refused = [&](const tcp::Flow& flow) {
        return us.connect_tcp(flow, {}, now).error();
    };
    EXPECT_EQ(refused({net::Ipv4Address(10, 0, 0, 77), kThem, 0, 80}).kind,
              Obstacle::Kind::BadSource);
    EXPECT_EQ(refused({{}, net::Ipv4Address(10, 0, 0, 255), 0, 80}).kind,
              Obstacle::Kind::BadDestination);
    EXPECT_EQ(refused({{}, net::Ipv4Address(224, 0, 0, 9), 0, 80}).kind,
              Obstacle::Kind::BadDestination);
    EXPECT_EQ(refused({{}, kThem, 0, 0}).kind, Obstacle::Kind::NoRoom);
}

}  // namespace
}  // namespace godwit::control
