// Sockets as their owners hold them: callbacks, and what an owner may do in one.
#include "controlplane/host/io/stack.hpp"

#include <gtest/gtest.h>

#include "controlplane/runtime/virtual_clock.hpp"
#include "tests/unit/controlplane/host/host_packets.hpp"

namespace godwit::control {
namespace {

using test::Packet;

const net::Ipv4Address kUs(10, 0, 0, 1);
const net::Ipv4Address kThem(10, 0, 0, 9);
const net::InterfaceId kLan(1);

class StackTest : public testing::Test {
protected:
    StackTest() {
        const std::array own{*net::Ipv4InterfaceAddress::parse("10.0.0.1/24")};
        host.set_links(test::one_link(own));
    }
    void arrive(const Packet& packet) { stack->arrived(packet, {kLan, false}, clock.now()); }

    std::uint32_t next_random = 5;
    VirtualClock clock;
    Host host{
        HostLimits{}, [this] { return next_random += 7919; },
        [](net::Ipv4Address) {
            return RouteToward{*net::Ipv4Prefix::parse("10.0.0.0/24"), RibNextHop::glean(kLan)};
        }};
    std::vector<Outgoing> sent;
    std::unique_ptr<Stack> stack = std::make_unique<Stack>(
        host, clock,
        Stack::Surroundings{[this](const Outgoing& packet) { sent.push_back(packet); }, {}});
};

TEST_F(StackTest, a_datagram_is_told_to_its_owner_and_an_answer_leaves_at_once) {
    std::unique_ptr<UdpSocket> socket;
    const auto echo = [&](const udp::Datagram& datagram) {
        EXPECT_EQ(datagram.arrived, clock.now());
        EXPECT_TRUE(socket->send({.to = datagram.from}, datagram.payload).has_value());
        EXPECT_EQ(sent.size(), 1U);
    };
    socket = std::move(*stack->open_udp({.local = {{}, 7}}, {.received = echo}));
    arrive(test::udp({}, 7, {1, 2, 3}));
    ASSERT_EQ(sent.size(), 1U);
    const auto answer = net::wire::Ipv4View::parse(sent[0].packet);
    EXPECT_EQ(answer->destination(), kThem);
    EXPECT_EQ(answer->source(), kUs);
}

TEST_F(StackTest, an_owner_may_close_its_socket_in_the_callback) {
    int heard = 0;
    std::unique_ptr<UdpSocket> socket;
    socket = std::move(*stack->open_udp({.local = {{}, 7}}, {.received = [&](const auto&) {
                                            ++heard;
                                            socket.reset();
                                        }}));
    arrive(test::udp({}, 7));
    arrive(test::udp({}, 7));
    EXPECT_EQ(heard, 1);
    ASSERT_EQ(sent.size(), 1U);  // port unreachable
}

TEST_F(StackTest, an_owner_hears_what_became_of_its_datagram) {
    std::vector<udp::PathReport> reports;
    const auto socket = std::move(*stack->open_udp(
        {.local = {{}, 7}}, {.reported = [&](const auto& report) { reports.push_back(report); }}));
    ASSERT_TRUE(socket->send({.to = {kThem, 53}}, Packet{1}).has_value());
    const Packet quote(sent[0].packet.begin(), sent[0].packet.begin() + 28);
    arrive(test::icmp({}, net::IcmpMessage::unreachable(net::UnreachableCode::Port), quote));
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].kind, udp::PathReport::Kind::PortUnreachable);
}

TEST_F(StackTest, a_socket_that_outlives_the_stack_does_nothing) {
    const auto socket = std::move(*stack->open_udp({.local = {{}, 7}}, {}));
    stack.reset();
    EXPECT_TRUE(socket->send({.to = {kThem, 53}}, Packet{1}).has_value());
    EXPECT_TRUE(sent.empty());
    EXPECT_FALSE(socket->info().has_value());
}

}  // namespace
}  // namespace godwit::control
