// The server on the router's own stack, in virtual time: what a client sends arrives, and what it
// hears comes from the right address, port and interface.
#include "controlplane/pcp/io/service.hpp"

#include <gtest/gtest.h>

#include "controlplane/runtime/virtual_clock.hpp"
#include "net/udp.hpp"
#include "tests/unit/controlplane/host/host_packets.hpp"
#include "tests/unit/controlplane/pcp/requests.hpp"

namespace godwit::control::pcp {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::kOutside;
using test::map_request;

const net::InterfaceId kLan(1);
const net::InterfaceId kWan(2);

struct Heard {
    net::InterfaceId egress;
    Endpoint from;
    Endpoint to;
    std::uint8_t ttl_hops = 0;
    Bytes payload;
};

class PcpService : public ::testing::Test {
protected:
    PcpService() {
        Link lan;
        lan.interface = kLan;
        lan.name = "lan0";
        lan.up = true;
        lan.addresses = {*net::Ipv4InterfaceAddress::parse("10.0.0.1/24"),
                         *net::Ipv4InterfaceAddress::parse("10.0.1.1/24")};
        Link wan;
        wan.interface = kWan;
        wan.name = "wan0";
        wan.up = true;
        wan.addresses = {*net::Ipv4InterfaceAddress::parse("192.0.2.1/24")};
        host.set_links(std::array{lan, wan});
    }
    void start() {
        EXPECT_TRUE(service->configure({{kLan}, 120, 86'400}).has_value());
        service->set_epoch(1, 100s);
        clock.advance(5min);  // done with announcing
        sent.clear();
    }
    void arrive(const Bytes& payload, net::InterfaceId interface = kLan,
                net::Ipv4Address to = test::kUs) {
        stack.arrived(control::test::udp({test::kClient, to}, kServerPort, payload),
                      {interface, false}, clock.now());
    }
    // What was sent but ICMP errors.
    std::vector<Heard> heard() {
        std::vector<Heard> all;
        for (const Outgoing& packet : sent) {
            const auto ip = net::wire::Ipv4View::parse(packet.packet);
            if (!ip || ip->protocol() != net::IpProtocol::Udp) {
                continue;
            }
            const auto udp = net::wire::UdpView::parse(ip->payload());
            all.push_back({packet.egress,
                           {ip->source(), udp->source_port()},
                           {ip->destination(), udp->destination_port()},
                           ip->ttl_hops(),
                           Bytes(udp->payload().begin(), udp->payload().end())});
        }
        return all;
    }

    std::uint32_t next_random = 5;
    VirtualClock clock;
    Host host{
        HostLimits{}, [this] { return next_random += 7919; },
        [](net::Ipv4Address) {
            return RouteToward{*net::Ipv4Prefix::parse("10.0.0.0/16"), RibNextHop::glean(kLan)};
        }};
    std::vector<Outgoing> sent;
    Stack stack{
        host, clock,
        Stack::Surroundings{[this](const Outgoing& packet) { sent.push_back(packet); }, {}}};
    std::vector<MapWish> wishes;
    std::vector<OutcomeTeller> tellers;
    std::unique_ptr<Service> service = std::make_unique<Service>(
        stack, clock, [this](const MapWish& wish, OutcomeTeller answered) {
            wishes.push_back(wish);
            tellers.push_back(std::move(answered));
        });
};

// rfc6888: REQ-9
TEST_F(PcpService, a_subscriber_gets_a_mapping) {
    start();
    arrive(map_request());
    ASSERT_EQ(wishes.size(), 1U);
    EXPECT_EQ(wishes[0].inside, (Endpoint{test::kClient, 8080}));
    EXPECT_TRUE(sent.empty());
    clock.advance(1s);
    tellers[0]({MapResult::Done, kOutside, 3600});
    const auto answers = heard();
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(answers[0].egress, kLan);
    EXPECT_EQ(answers[0].from, (Endpoint{test::kUs, 5351}));
    EXPECT_EQ(answers[0].to, (Endpoint{test::kClient, 40000}));
    EXPECT_EQ(answers[0].payload.size(), 60U);
    EXPECT_EQ(answers[0].payload[1], 0x81);
    EXPECT_EQ(answers[0].payload[3], 0);
}

TEST_F(PcpService, an_answer_comes_from_the_address_that_was_asked) {
    start();
    arrive(test::announce_request(), kLan, net::Ipv4Address(10, 0, 1, 1));
    ASSERT_EQ(heard().size(), 1U);
    EXPECT_EQ(heard()[0].from, (Endpoint{{10, 0, 1, 1}, 5351}));
}

TEST_F(PcpService, a_keeper_of_mappings_may_answer_within_the_call) {
    service =
        std::make_unique<Service>(stack, clock, [](const MapWish&, const OutcomeTeller& answered) {
            answered({MapResult::NoResources, {}, 0});
        });
    start();
    arrive(map_request());
    ASSERT_EQ(heard().size(), 1U);
    EXPECT_EQ(heard()[0].payload[3], 8);
}

TEST_F(PcpService, what_is_not_answered_is_given_up_in_time) {
    start();
    arrive(map_request());
    clock.advance(5s);
    ASSERT_EQ(heard().size(), 1U);
    EXPECT_EQ(heard()[0].payload[3], 7);
    tellers[0]({MapResult::Done, kOutside, 3600});
    EXPECT_EQ(heard().size(), 1U);
}

TEST_F(PcpService, an_outcome_may_come_when_the_service_is_gone) {
    start();
    arrive(map_request());
    service.reset();
    tellers[0]({MapResult::Done, kOutside, 3600});
    EXPECT_TRUE(sent.empty());
}

TEST_F(PcpService, is_heard_on_its_interfaces_and_nowhere_else) {
    start();
    arrive(test::announce_request(), kWan, net::Ipv4Address(192, 0, 2, 1));
    EXPECT_TRUE(heard().empty());
    EXPECT_EQ(host.count(HostCounter::PortUnreachableSent), 1U);
    EXPECT_EQ(service->server().counters().received, 0U);
}

// The way back to 10.0.0.0/16 is by lan0.
TEST_F(PcpService, asks_for_nothing_in_the_name_of_who_is_elsewhere) {
    EXPECT_TRUE(service->configure({{kLan, kWan}, 120, 86'400}).has_value());
    service->set_epoch(1, 100s);
    arrive(map_request(), kWan, net::Ipv4Address(192, 0, 2, 1));
    EXPECT_TRUE(wishes.empty());
    EXPECT_EQ(service->server().counters().of(DropReason::FromElsewhere), 1U);
}

TEST_F(PcpService, closes_its_socket_where_there_are_no_clients_any_more) {
    start();
    EXPECT_TRUE(service->configure({{kWan}, 120, 86'400}).has_value());
    EXPECT_EQ(host.udp().size(), 1U);
    arrive(test::announce_request());
    EXPECT_TRUE(heard().empty());
    EXPECT_TRUE(service->configure({}).has_value());
    EXPECT_EQ(host.udp().size(), 0U);
}

TEST_F(PcpService, announcements_stay_on_the_link_and_come_from_an_address_of_it) {
    EXPECT_TRUE(service->configure({{kLan, kWan}, 120, 86'400}).has_value());
    service->set_epoch(1, 0s);
    ASSERT_EQ(heard().size(), 2U);
    EXPECT_EQ(heard()[0].egress, kLan);
    EXPECT_EQ(heard()[0].from, (Endpoint{test::kUs, 5351}));
    EXPECT_EQ(heard()[0].to, (Endpoint{{224, 0, 0, 1}, 5350}));
    EXPECT_EQ(heard()[0].ttl_hops, 1);
    EXPECT_EQ(heard()[1].egress, kWan);
    EXPECT_EQ(heard()[1].from, (Endpoint{{192, 0, 2, 1}, 5351}));
    clock.advance(249ms);
    EXPECT_EQ(heard().size(), 2U);
    clock.advance(1ms);
    EXPECT_EQ(heard().size(), 4U);
    clock.advance(5min);
    EXPECT_EQ(heard().size(), 20U);
}

TEST_F(PcpService, a_port_that_is_taken_is_said_and_the_others_are_served) {
    const auto other = stack.open_udp({.local = {{}, kServerPort}, .interface = kWan}, {});
    ASSERT_TRUE(other.has_value());
    const auto configured = service->configure({{kLan, kWan}, 120, 86'400});
    ASSERT_FALSE(configured.has_value());
    EXPECT_NE(configured.error().find("5351"), std::string::npos);
    service->set_epoch(1, 0s);
    ASSERT_EQ(heard().size(), 1U);
    EXPECT_EQ(heard()[0].egress, kLan);
}

TEST_F(PcpService, what_cannot_be_sent_is_counted_with_its_reason) {
    start();
    arrive(map_request());
    Link down;
    down.interface = kLan;
    down.name = "lan0";
    host.set_links(std::array{down});
    tellers[0]({MapResult::Done, kOutside, 3600});
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(service->counters().packets_not_sent, 1U);
    EXPECT_NE(service->counters().last_reason.find("down"), std::string::npos);
}

}  // namespace
}  // namespace godwit::control::pcp
