// UDP sockets: who receives what, what leaves how, what ICMP tells, and every limit. Packets go
// through the whole Host, so what is checked there (checksums, sources, groups) is checked here.
#include "controlplane/host/udp/sockets.hpp"

#include <gtest/gtest.h>

#include <set>

#include "controlplane/host/host.hpp"
#include "tests/unit/controlplane/host/host_packets.hpp"

namespace godwit::control {
namespace {

using namespace std::chrono_literals;
using test::Packet;
using udp::Address;
using udp::PathReport;
using udp::SocketId;
using udp::Transmission;

const net::Ipv4Address kUs(10, 0, 0, 1);
const net::Ipv4Address kUsToo(10, 1, 0, 1);
const net::Ipv4Address kThem(10, 0, 0, 9);
const net::Ipv4Address kGroup(224, 0, 0, 9);
const net::InterfaceId kLan(1);
const net::InterfaceId kWan(2);
const net::InterfaceId kDown(3);

class UdpSockets : public testing::Test {
protected:
    UdpSockets() {
        Link lan{kLan, "lan0", 1500,
                 true, false,  {*net::Ipv4InterfaceAddress::parse("10.0.0.1/24")}};
        Link wan{kWan, "wan0", 1400,
                 true, false,  {*net::Ipv4InterfaceAddress::parse("10.1.0.1/24")}};
        Link down{kDown, "wan1", 1500,
                  false, false,  {*net::Ipv4InterfaceAddress::parse("10.2.0.1/24")}};
        Link loopback{net::InterfaceId(4),
                      "lo0",
                      1500,
                      true,
                      true,
                      {*net::Ipv4InterfaceAddress::parse("192.0.2.1/32")}};
        host.set_links(std::array{lan, wan, down, loopback});
    }

    // What a small RIB says: the two links, and everything else by a gateway on the second.
    static std::optional<RouteToward> route(net::Ipv4Address destination) {
        const auto lan = *net::Ipv4Prefix::parse("10.0.0.0/24");
        const auto wan = *net::Ipv4Prefix::parse("10.1.0.0/24");
        const auto unreachable = *net::Ipv4Prefix::parse("203.0.113.0/24");
        if (lan.contains(destination)) {
            return RouteToward{lan, destination == lan.last_address() ? RibNextHop::broadcast(kLan)
                                                                      : RibNextHop::glean(kLan)};
        }
        if (wan.contains(destination)) {
            return RouteToward{wan, RibNextHop::glean(kWan)};
        }
        if (unreachable.contains(destination)) {
            return RouteToward{unreachable, std::nullopt};
        }
        if (destination == net::Ipv4Address(8, 8, 8, 8)) {
            return std::nullopt;
        }
        return RouteToward{*net::Ipv4Prefix::parse("0.0.0.0/0"),
                           RibNextHop::gateway({10, 1, 0, 254}, kWan)};
    }

    SocketId open(const udp::Settings& settings) {
        const auto id = host.udp().open(settings);
        EXPECT_TRUE(id.has_value()) << (id ? "" : id.error());
        return id ? *id : SocketId{};
    }
    SocketId open(std::uint16_t port, net::Ipv4Address address = {}) {
        udp::Settings settings;
        settings.local = {address, port};
        return open(settings);
    }
    HostCounter receive(const Packet& packet, bool group = false, net::InterfaceId on = kLan) {
        std::array<std::uint64_t, kHostCounterCount> before{};
        for (std::size_t i = 0; i < before.size(); ++i) {
            before[i] = host.count(static_cast<HostCounter>(i));
        }
        answers = host.input(packet, {on, group}, now);
        for (std::size_t i = 0; i < before.size(); ++i) {
            if (host.count(static_cast<HostCounter>(i)) != before[i]) {
                return static_cast<HostCounter>(i);
            }
        }
        return HostCounter::kCount;
    }
    std::size_t waiting(SocketId id) { return host.udp().info(id)->queued_datagrams; }

    // The one packet that was sent, read back.
    struct Sent {
        Outgoing out;
        net::Ipv4Header ip;
        net::UdpHeader udp;
        Packet payload;
        bool valid = false;
    };
    Sent sent() {
        const std::vector<Outgoing> packets = host.take_packets();
        EXPECT_EQ(packets.size(), 1U);
        Sent result;
        if (packets.size() != 1) {
            return result;
        }
        result.out = packets[0];
        const auto ip = net::wire::Ipv4View::parse(packets[0].packet);
        const auto datagram = net::wire::UdpView::parse(ip->payload());
        result.ip = ip->header();
        result.udp = datagram->header();
        result.payload.assign(datagram->payload().begin(), datagram->payload().end());
        result.valid = ip->has_valid_checksum() && datagram->has_checksum() &&
                       datagram->has_valid_checksum(ip->source(), ip->destination());
        return result;
    }
    void expect_refused(SocketId id, const Transmission& how, Obstacle::Kind kind,
                        std::size_t bytes = 3) {
        const auto answer = host.udp().send(id, how, Packet(bytes));
        ASSERT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error().kind, kind) << answer.error().sentence;
        EXPECT_FALSE(answer.error().sentence.empty());
        EXPECT_TRUE(host.take_packets().empty());
    }

    std::uint32_t next_random = 99;
    Host host{HostLimits{}, [this] { return next_random += 7919; }, &UdpSockets::route};
    HostActions answers;
    Instant now{1h};
    const Packet hello{'h', 'e', 'l', 'l', 'o'};
};

// rfc1122-udp: 4.1.3.4/a, 4.1.3.5/a, 4.1.4/a, 4.1.4/c
TEST_F(UdpSockets, a_datagram_comes_with_all_that_is_known_about_it) {
    const SocketId socket = open(5000);
    Packet packet = test::udp({kThem, kUs, 17}, 5000, hello);
    packet[1] = 0xb8;  // the type of service, and the header's checksum for it
    packet[10] = packet[11] = 0;
    const net::Big16 sum = net::internet_checksum(std::span(packet).first(20));
    std::memcpy(&packet[10], &sum, sizeof sum);
    EXPECT_EQ(receive(packet), HostCounter::UdpDelivered);
    EXPECT_TRUE(answers.packets.empty());
    EXPECT_EQ(host.udp().take_ready(), std::vector{socket});
    const auto datagram = host.udp().receive(socket);
    ASSERT_TRUE(datagram.has_value());
    EXPECT_EQ(datagram->from, (Address{kThem, 40000}));
    EXPECT_EQ(datagram->to, (Address{kUs, 5000}));
    EXPECT_EQ(datagram->interface, kLan);
    EXPECT_FALSE(datagram->group);
    EXPECT_EQ(datagram->ttl_hops, 17);
    EXPECT_EQ(datagram->type_of_service, 0xb8);
    EXPECT_EQ(datagram->arrived, now);
    EXPECT_EQ(datagram->payload, hello);
    EXPECT_FALSE(host.udp().receive(socket).has_value());
    EXPECT_EQ(host.udp().counts().in_datagrams, 1U);
}

// rfc1122-udp: 4.1.3.1
TEST_F(UdpSockets, a_closed_socket_leaves_its_port_unreachable) {
    const SocketId socket = open(5000);
    host.udp().close(socket);
    EXPECT_EQ(receive(test::udp({}, 5000)), HostCounter::PortUnreachableSent);
    EXPECT_EQ(host.udp().counts().no_ports, 1U);
    EXPECT_EQ(answers.packets.size(), 1U);
}

// rfc1122-udp: 4.1.3.2/a
TEST_F(UdpSockets, options_of_the_ip_header_are_passed_up) {
    const SocketId socket = open(5000);
    const auto options = *net::HeaderOptions::from(std::array<std::uint8_t, 4>{148, 4, 0, 0});
    net::UdpHeader udp;
    udp.destination_port = 5000;
    udp.source_port = 1;
    net::Ipv4Header ip;
    ip.options = options;
    ip.protocol = net::IpProtocol::Udp;
    ip.source = kThem;
    ip.destination = kUs;
    ip.payload_bytes = net::kUdpHeaderBytes;
    Packet packet(ip.encoded_size() + net::kUdpHeaderBytes);
    net::ByteWriter writer(packet);
    ip.encode(writer);
    udp.encode_datagram(writer, kThem, kUs, {});
    EXPECT_EQ(receive(packet), HostCounter::UdpDelivered);
    EXPECT_EQ(host.udp().receive(socket)->ip_options, options);
}

// rfc1122-udp: 4.1.3.2/b, 4.1.3.2/c, 4.1.3.4/d, 4.1.4/a, 4.1.4/b
TEST_F(UdpSockets, what_is_sent_says_what_its_owner_asked_for) {
    const SocketId socket = open(5000);
    Transmission how;
    how.to = {kThem, 53};
    how.ttl_hops = 3;
    how.type_of_service = 0x20;
    how.ip_options = *net::HeaderOptions::from(std::array<std::uint8_t, 4>{148, 4, 0, 0});
    how.dont_fragment = true;
    ASSERT_TRUE(host.udp().send(socket, how, hello).has_value());
    const Sent packet = sent();
    EXPECT_TRUE(packet.valid);
    EXPECT_EQ(packet.ip.source, kUs);
    EXPECT_EQ(packet.ip.destination, kThem);
    EXPECT_EQ(packet.ip.ttl_hops, 3);
    EXPECT_EQ(packet.ip.type_of_service, 0x20);
    EXPECT_EQ(packet.ip.options, how.ip_options);
    EXPECT_TRUE(packet.ip.dont_fragment);
    EXPECT_EQ(packet.udp.source_port, 5000);
    EXPECT_EQ(packet.udp.destination_port, 53);
    EXPECT_EQ(packet.payload, hello);
    EXPECT_TRUE(packet.out.egress.is_none());  // by the routes
    EXPECT_EQ(host.udp().counts().out_datagrams, 1U);
}

// rfc1122-udp: 4.1.3.5/c
TEST_F(UdpSockets, the_source_is_an_address_of_the_interface_that_the_datagram_leaves_by) {
    const SocketId socket = open(5000);
    ASSERT_TRUE(host.udp().send(socket, {.to = {{198, 51, 100, 7}, 53}}, hello).has_value());
    EXPECT_EQ(sent().ip.source, kUsToo);
    ASSERT_TRUE(host.udp().send(socket, {.to = {{192, 0, 2, 1}, 53}}, hello).has_value());
    EXPECT_EQ(sent().ip.source, net::Ipv4Address(192, 0, 2, 1));  // to ourselves
}

// rfc1122-udp: 4.1.3.5/b, 4.1.3.6/b
TEST_F(UdpSockets, an_owner_may_choose_one_of_our_addresses_and_no_other) {
    const SocketId socket = open(5000);
    Transmission how{.to = {kThem, 53}};
    how.source = net::Ipv4Address(192, 0, 2, 1);
    ASSERT_TRUE(host.udp().send(socket, how, hello).has_value());
    EXPECT_EQ(sent().ip.source, net::Ipv4Address(192, 0, 2, 1));
    for (const net::Ipv4Address stolen :
         {net::Ipv4Address(10, 0, 0, 77), net::Ipv4Address(10, 0, 0, 255), kGroup,
          net::Ipv4Address(127, 0, 0, 1)}) {
        how.source = stolen;
        expect_refused(socket, how, Obstacle::Kind::BadSource);
    }
}

TEST_F(UdpSockets, a_socket_that_is_bound_speaks_from_its_address) {
    const SocketId socket = open(5000, kUsToo);
    ASSERT_TRUE(host.udp().send(socket, {.to = {kThem, 53}}, hello).has_value());
    EXPECT_EQ(sent().ip.source, kUsToo);
}

// rfc1122-udp: 4.1.3.5/d
TEST_F(UdpSockets, a_connected_socket_knows_what_it_speaks_from_and_hears_its_peer_only) {
    const SocketId socket = open(5000);
    ASSERT_TRUE(host.udp().connect(socket, {kThem, 40000}).has_value());
    EXPECT_EQ(host.udp().info(socket)->local, (Address{kUs, 5000}));
    ASSERT_TRUE(host.udp().send(socket, {}, hello).has_value());
    EXPECT_EQ(sent().udp.destination_port, 40000);
    EXPECT_EQ(receive(test::udp({}, 5000)), HostCounter::UdpDelivered);
    EXPECT_EQ(receive(test::udp({net::Ipv4Address(10, 0, 0, 8), kUs}, 5000)),
              HostCounter::PortUnreachableSent);
    host.udp().disconnect(socket);
    EXPECT_EQ(receive(test::udp({net::Ipv4Address(10, 0, 0, 8), kUs}, 5000)),
              HostCounter::UdpDelivered);
}

TEST_F(UdpSockets, the_socket_that_fits_best_receives_alone) {
    const SocketId open_to_all = open(5000);
    const SocketId bound = open(5000, kUs);
    udp::Settings on_lan;
    on_lan.local.port = 5000;
    on_lan.interface = kLan;
    const SocketId by_interface = open(on_lan);
    EXPECT_EQ(receive(test::udp({kThem, kUs}, 5000)), HostCounter::UdpDelivered);
    EXPECT_EQ(waiting(bound), 1U);
    EXPECT_EQ(receive(test::udp({kThem, kUsToo}, 5000)), HostCounter::UdpDelivered);
    EXPECT_EQ(waiting(by_interface), 1U);
    EXPECT_EQ(receive(test::udp({kThem, kUsToo}, 5000), false, kWan), HostCounter::UdpDelivered);
    EXPECT_EQ(waiting(open_to_all), 1U);
    ASSERT_TRUE(host.udp().connect(open_to_all, {kThem, 40000}).has_value());
    EXPECT_EQ(receive(test::udp({kThem, kUs}, 5000)), HostCounter::UdpDelivered);
    EXPECT_EQ(waiting(open_to_all), 2U);
    EXPECT_EQ(waiting(bound), 1U);
}

TEST_F(UdpSockets, one_port_is_given_once) {
    open(5000);
    EXPECT_FALSE(host.udp().open({.local = {{}, 5000}}).has_value());
    EXPECT_TRUE(host.udp().open({.local = {kUs, 5000}}).has_value());
    EXPECT_FALSE(host.udp().open({.local = {kUs, 5000}}).has_value());
    EXPECT_FALSE(host.udp().open({.local = {kThem, 5001}}).has_value());  // not ours
}

// ---- groups

TEST_F(UdpSockets, a_group_is_heard_on_the_interface_where_it_was_joined) {
    const SocketId member = open(520);
    udp::Settings on_wan;
    on_wan.local.port = 520;
    on_wan.interface = kWan;
    const SocketId other = open(on_wan);
    ASSERT_TRUE(host.udp().join(member, kGroup, kLan).has_value());
    ASSERT_TRUE(host.udp().join(other, kGroup, {}).has_value());
    EXPECT_EQ(receive(test::udp({kThem, kGroup}, 520), true), HostCounter::UdpDelivered);
    EXPECT_EQ(waiting(member), 1U);
    EXPECT_EQ(waiting(other), 0U);
    EXPECT_TRUE(host.udp().receive(member)->group);
    EXPECT_EQ(receive(test::udp({kThem, kGroup}, 520), true, kWan), HostCounter::UdpDelivered);
    EXPECT_EQ(waiting(other), 1U);
    host.udp().leave(member, kGroup, kLan);
    EXPECT_EQ(receive(test::udp({kThem, kGroup}, 520), true), HostCounter::GroupIgnored);
    EXPECT_TRUE(answers.packets.empty());
}

TEST_F(UdpSockets, every_member_of_a_group_receives) {
    const SocketId first = open(520);
    udp::Settings on_lan;
    on_lan.local.port = 520;
    on_lan.interface = kLan;
    const SocketId second = open(on_lan);
    ASSERT_TRUE(host.udp().join(first, kGroup, kLan).has_value());
    ASSERT_TRUE(host.udp().join(second, kGroup, kLan).has_value());
    receive(test::udp({kThem, kGroup}, 520), true);
    EXPECT_EQ(waiting(first), 1U);
    EXPECT_EQ(waiting(second), 1U);
    EXPECT_EQ(host.udp().counts().in_datagrams, 1U);
}

TEST_F(UdpSockets, a_broadcast_is_heard_by_all_who_are_not_bound_to_another_address) {
    const SocketId all = open(67);
    const SocketId bound = open(67, kUs);
    for (const net::Ipv4Address address :
         {net::Ipv4Address(10, 0, 0, 255), net::Ipv4Address(255, 255, 255, 255)}) {
        EXPECT_EQ(receive(test::udp({kThem, address}, 67), true), HostCounter::UdpDelivered);
    }
    EXPECT_EQ(waiting(all), 2U);
    EXPECT_EQ(waiting(bound), 0U);
}

// RFC 1122 3.3.6
TEST_F(UdpSockets, what_the_link_broadcasts_to_one_host_is_nobodys) {
    open(5000);
    EXPECT_EQ(receive(test::udp({}, 5000), true), HostCounter::GroupIgnored);
}

// RFC 1112 6.1
TEST_F(UdpSockets, a_datagram_to_a_group_leaves_by_the_interface_that_it_names) {
    const SocketId socket = open(520);
    Transmission how{.to = {kGroup, 520}};
    expect_refused(socket, how, Obstacle::Kind::BadInterface);
    how.egress = kWan;
    ASSERT_TRUE(host.udp().send(socket, how, hello).has_value());
    const Sent packet = sent();
    EXPECT_TRUE(packet.valid);
    EXPECT_EQ(packet.ip.source, kUsToo);
    EXPECT_EQ(packet.ip.ttl_hops, 1);
    EXPECT_EQ(packet.out.egress, kWan);
    EXPECT_EQ(packet.out.neighbor, kGroup);
    expect_refused(socket, how, Obstacle::Kind::TooLong, 1400);
    how.egress = kDown;
    expect_refused(socket, how, Obstacle::Kind::InterfaceDown);
    how.egress = net::InterfaceId(4);  // a loopback
    expect_refused(socket, how, Obstacle::Kind::BadInterface);
}

TEST_F(UdpSockets, broadcast_needs_permission) {
    const SocketId socket = open(67);
    Transmission how{.to = {{10, 0, 0, 255}, 68}};
    expect_refused(socket, how, Obstacle::Kind::Broadcast);
    how.to.address = {255, 255, 255, 255};
    how.egress = kLan;
    expect_refused(socket, how, Obstacle::Kind::Broadcast);
    host.udp().set_options(socket, {.broadcast = true});
    ASSERT_TRUE(host.udp().send(socket, how, hello).has_value());
    const Sent limited = sent();
    EXPECT_EQ(limited.out.egress, kLan);
    EXPECT_EQ(limited.ip.source, kUs);
    how = {.to = {{10, 0, 0, 255}, 68}};
    ASSERT_TRUE(host.udp().send(socket, how, hello).has_value());
    EXPECT_EQ(sent().out.neighbor, net::Ipv4Address(10, 0, 0, 255));
}

TEST_F(UdpSockets, a_neighbour_may_be_reached_by_an_interface_that_is_named) {
    const SocketId socket = open(520);
    ASSERT_TRUE(host.udp().send(socket, {.to = {kThem, 520}, .egress = kLan}, hello).has_value());
    const Sent packet = sent();
    EXPECT_EQ(packet.out.egress, kLan);
    EXPECT_EQ(packet.out.neighbor, kThem);
    expect_refused(socket, {.to = {kThem, 520}, .egress = kWan}, Obstacle::Kind::NotOnLink);
    ASSERT_TRUE(host.udp()
                    .send(socket, {.to = {{198, 51, 100, 7}, 520}, .egress = kWan}, hello)
                    .has_value());
    EXPECT_EQ(sent().out.neighbor, net::Ipv4Address(10, 1, 0, 254));  // by its gateway
}

TEST_F(UdpSockets, only_groups_can_be_joined_and_only_on_an_interface) {
    const SocketId socket = open(520);
    EXPECT_FALSE(host.udp().join(socket, kThem, kLan).has_value());
    EXPECT_FALSE(host.udp().join(socket, kGroup, {}).has_value());
}

// ---- where nothing can be sent

TEST_F(UdpSockets, what_cannot_be_sent_says_why) {
    const SocketId socket = open(5000);
    expect_refused(socket, {.to = {{8, 8, 8, 8}, 53}}, Obstacle::Kind::NoRoute);
    expect_refused(socket, {.to = {{203, 0, 113, 1}, 53}}, Obstacle::Kind::LeadsNowhere);
    expect_refused(socket, {.to = {kThem, 0}}, Obstacle::Kind::NoPort);
    expect_refused(socket, {.to = {{}, 53}}, Obstacle::Kind::BadDestination);
    expect_refused(socket, {.to = {kThem, 53}}, Obstacle::Kind::TooLong, 65'508);
    Transmission whole{.to = {kThem, 53}};
    whole.dont_fragment = true;
    expect_refused(socket, whole, Obstacle::Kind::TooLong, 1473);
    ASSERT_TRUE(host.udp().send(socket, {.to = {kThem, 53}}, Packet(65'507)).has_value());
    EXPECT_TRUE(sent().valid);
}

// ---- checksums

// rfc1122-udp: 4.1.3.4/b
TEST_F(UdpSockets, a_wrong_checksum_is_silently_discarded) {
    const SocketId socket = open(5000);
    Packet packet = test::udp({}, 5000);
    packet.back() ^= 1;
    EXPECT_EQ(receive(packet), HostCounter::BadUdpChecksum);
    EXPECT_TRUE(answers.packets.empty());
    EXPECT_EQ(waiting(socket), 0U);
    EXPECT_EQ(host.udp().counts().in_errors, 1U);
}

// rfc1122-udp: 4.1.3.4/e
TEST_F(UdpSockets, an_owner_decides_about_datagrams_without_a_checksum) {
    const SocketId socket = open(5000);
    Packet packet = test::udp({}, 5000);
    packet[26] = packet[27] = 0;
    EXPECT_EQ(receive(packet), HostCounter::UdpDelivered);
    host.udp().set_options(socket, {.require_checksum = true});
    EXPECT_EQ(receive(packet), HostCounter::UdpNoChecksum);
    EXPECT_EQ(host.udp().info(socket)->counts.without_checksum, 1U);
}

// rfc1122-udp: 4.1.3.4/a
TEST_F(UdpSockets, a_checksum_that_computes_to_zero_is_sent_as_all_ones) {
    const SocketId socket = open(5000);
    for (unsigned word = 0; word < 0x10000; ++word) {
        const Packet data{static_cast<std::uint8_t>(word >> 8), static_cast<std::uint8_t>(word)};
        ASSERT_TRUE(host.udp().send(socket, {.to = {kThem, 53}}, data).has_value());
        const std::vector<Outgoing> packets = host.take_packets();
        ASSERT_FALSE(packets[0].packet[26] == 0 && packets[0].packet[27] == 0);
    }
}

// rfc1122-udp: 4.1.3.6/a
TEST_F(UdpSockets, a_source_that_is_no_single_host_is_not_heard) {
    const SocketId socket = open(5000);
    for (const net::Ipv4Address source :
         {net::Ipv4Address(), net::Ipv4Address(127, 0, 0, 1), kGroup,
          net::Ipv4Address(255, 255, 255, 255), net::Ipv4Address(10, 0, 0, 255)}) {
        EXPECT_EQ(receive(test::udp({source, kUs}, 5000)), HostCounter::BadSourceIgnored);
    }
    EXPECT_EQ(waiting(socket), 0U);
}

// ---- what ICMP says

class UdpReports : public UdpSockets {
protected:
    // An error about the datagram that was just sent.
    HostCounter error(const net::IcmpMessage& message, std::size_t quoted = 28,
                      net::Ipv4Address teller = {10, 1, 0, 254}) {
        const Packet quote(last.begin(), last.begin() + static_cast<std::ptrdiff_t>(quoted));
        return receive(test::icmp({teller, kUs}, message, quote));
    }
    void send(SocketId socket, const Address& to) {
        ASSERT_TRUE(host.udp().send(socket, {.to = to}, hello).has_value());
        last = sent().out.packet;
    }
    Packet last;
};

// rfc1122-udp: 4.1.3.3
TEST_F(UdpReports, every_error_is_told_to_the_socket_that_sent_the_datagram) {
    struct Case {
        net::IcmpMessage message;
        PathReport::Kind kind;
    };
    const auto unreachable = [](unsigned code) {
        return net::IcmpMessage{net::IcmpType::DestinationUnreachable,
                                static_cast<std::uint8_t>(code), 0};
    };
    using Kind = PathReport::Kind;
    const SocketId socket = open(5000);
    for (const auto& [message, kind] : std::initializer_list<Case>{
             {unreachable(0), Kind::NetUnreachable},
             {unreachable(1), Kind::HostUnreachable},
             {unreachable(2), Kind::ProtocolUnreachable},
             {unreachable(3), Kind::PortUnreachable},
             {net::IcmpMessage{net::IcmpType::DestinationUnreachable, 4, 1300}, Kind::PacketTooBig},
             {unreachable(5), Kind::SourceRouteFailed},
             {unreachable(6), Kind::NetUnreachable},
             {unreachable(7), Kind::HostUnreachable},
             {unreachable(9), Kind::Prohibited},
             {unreachable(10), Kind::Prohibited},
             {unreachable(11), Kind::NetUnreachable},
             {unreachable(12), Kind::HostUnreachable},
             {unreachable(13), Kind::Prohibited},
             {{net::IcmpType::TimeExceeded, 0, 0}, Kind::TimeExceeded},
             {{net::IcmpType::ParameterProblem, 0, 0}, Kind::ParameterProblem},
         }) {
        send(socket, {kThem, 53});
        EXPECT_EQ(error(message), HostCounter::UdpError);
        EXPECT_EQ(host.udp().take_ready(), std::vector{socket});
        const auto report = host.udp().take_report(socket);
        ASSERT_TRUE(report.has_value());
        EXPECT_EQ(report->kind, kind);
        EXPECT_EQ(report->to, (Address{kThem, 53}));
        EXPECT_EQ(report->source, kUs);
        EXPECT_EQ(report->teller, net::Ipv4Address(10, 1, 0, 254));
        EXPECT_EQ(report->mtu, kind == Kind::PacketTooBig ? 1300 : 0);
    }
    EXPECT_TRUE(answers.packets.empty());  // an error is never answered
}

TEST_F(UdpReports, an_error_about_what_nobody_sent_is_told_to_nobody) {
    const SocketId socket = open(5000);
    last = test::udp({kUs, kThem}, 53);  // from port 40000
    EXPECT_EQ(error(net::IcmpMessage::unreachable(net::UnreachableCode::Port)),
              HostCounter::IcmpNotForUs);
    send(socket, {kThem, 53});
    EXPECT_EQ(error(net::IcmpMessage::unreachable(net::UnreachableCode::Port), 27),
              HostCounter::IcmpNotForUs);  // RFC 792: eight bytes are quoted, or nothing is known
    ASSERT_TRUE(host.udp().connect(socket, {kThem, 54}).has_value());
    EXPECT_EQ(error(net::IcmpMessage::unreachable(net::UnreachableCode::Port)),
              HostCounter::IcmpNotForUs);  // not about its peer
    EXPECT_FALSE(host.udp().take_report(socket).has_value());
}

TEST_F(UdpReports, reports_that_nobody_takes_are_bounded) {
    const SocketId socket = open(5000);
    send(socket, {kThem, 53});
    for (int i = 0; i < 100; ++i) {
        error(net::IcmpMessage::unreachable(net::UnreachableCode::Port));
    }
    EXPECT_EQ(host.udp().info(socket)->counts.reports, 16U);
    EXPECT_EQ(host.udp().info(socket)->counts.reports_dropped, 84U);
}

// ---- limits

TEST_F(UdpSockets, what_nobody_receives_is_bounded_by_number_and_by_bytes) {
    udp::Settings small;
    small.local.port = 5000;
    small.queue_datagrams = 3;
    const SocketId few = open(small);
    small.local.port = 5001;
    small.queue_datagrams = 100;
    small.queue_bytes = 2000;
    const SocketId short_ones = open(small);
    for (int i = 0; i < 5; ++i) {
        receive(test::udp({}, 5000, Packet(1, static_cast<std::uint8_t>(i))));
        receive(test::udp({}, 5001, Packet(900)));
    }
    EXPECT_EQ(waiting(few), 3U);
    EXPECT_EQ(host.udp().info(few)->counts.queue_full, 2U);
    EXPECT_EQ(host.udp().receive(few)->payload, Packet(1, 0));  // the oldest stay
    EXPECT_EQ(waiting(short_ones), 2U);
    EXPECT_EQ(host.count(HostCounter::UdpQueueFull), 5U);
    EXPECT_EQ(host.udp().take_ready().size(), 2U);
}

TEST_F(UdpSockets, sockets_and_memberships_are_bounded) {
    const SocketId first = open(0);
    for (std::size_t i = 1; i < udp::Limits{}.sockets; ++i) {
        ASSERT_TRUE(host.udp().open({}).has_value());
    }
    EXPECT_FALSE(host.udp().open({}).has_value());
    for (std::size_t i = 0; i < udp::Limits{}.memberships; ++i) {
        const net::Ipv4Address group(static_cast<std::uint32_t>(0xe0000100U + i));
        ASSERT_TRUE(host.udp().join(first, group, kLan).has_value());
    }
    EXPECT_FALSE(host.udp().join(first, kGroup, kLan).has_value());
}

// RFC 6056 3.3.1
TEST_F(UdpSockets, ports_are_drawn_at_random_and_never_twice) {
    std::set<std::uint16_t> ports;
    for (int i = 0; i < 500; ++i) {
        ports.insert(host.udp().info(open(0))->local.port);
    }
    EXPECT_EQ(ports.size(), 500U);
    EXPECT_GE(*ports.begin(), net::kFirstRouterPort);
    EXPECT_GT(*ports.rbegin() - *ports.begin(), 3'000);
}

TEST_F(UdpSockets, a_socket_that_is_closed_is_forgotten_in_every_way) {
    const SocketId socket = open(5000);
    receive(test::udp({}, 5000));
    host.udp().close(socket);
    EXPECT_TRUE(host.udp().take_ready().empty());
    EXPECT_FALSE(host.udp().receive(socket).has_value());
    EXPECT_FALSE(host.udp().info(socket).has_value());
    EXPECT_TRUE(host.udp().send(socket, {.to = {kThem, 53}}, hello).has_value());
    EXPECT_TRUE(host.take_packets().empty());
    EXPECT_TRUE(host.udp().open({.local = {{}, 5000}}).has_value());
}

}  // namespace
}  // namespace godwit::control
