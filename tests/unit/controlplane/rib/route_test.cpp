// The routes that addresses of interfaces bring.
#include "controlplane/rib/route.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controlplane/rib/route_builders.hpp"

namespace godwit::control::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<net::Ipv4InterfaceAddress> addresses(std::initializer_list<const char*> texts) {
    std::vector<net::Ipv4InterfaceAddress> all;
    for (const char* text : texts) {
        all.push_back(net::Ipv4InterfaceAddress::parse(text).value());
    }
    return all;
}

Route local(std::string_view to, RibNextHop next_hop) {
    return route(RouteSource::Local, to, {next_hop});
}

// rfc1812: 4.2.3.1/a, 4.2.3.4/c
TEST(ConnectedRoutes, A_subnet_brings_itself_its_address_and_both_broadcast_addresses) {
    EXPECT_THAT(connected_routes(kLan, addresses({"10.0.0.1/24"}), true),
                UnorderedElementsAre(connected("10.0.0.0/24", kLan),
                                     local("10.0.0.1/32", RibNextHop::receive(kLan)),
                                     local("10.0.0.255/32", RibNextHop::broadcast(kLan)),
                                     local("10.0.0.0/32", RibNextHop::broadcast(kLan))));
}

TEST(ConnectedRoutes, A_31_has_no_broadcast_address_RFC_3021) {
    EXPECT_THAT(connected_routes(kLan, addresses({"198.51.100.1/31"}), true),
                UnorderedElementsAre(connected("198.51.100.0/31", kLan),
                                     local("198.51.100.1/32", RibNextHop::receive(kLan))));
}

TEST(ConnectedRoutes, A_32_is_an_address_and_a_destination_that_can_be_announced) {
    EXPECT_THAT(connected_routes(kLan, addresses({"192.0.2.1/32"}), true),
                UnorderedElementsAre(
                    local("192.0.2.1/32", RibNextHop::receive(kLan)),
                    route(RouteSource::Connected, "192.0.2.1/32", {RibNextHop::receive(kLan)})));
}

// rfc1812: 5.3.12.3/a
TEST(ConnectedRoutes, An_interface_that_is_down_brings_nothing) {
    EXPECT_THAT(connected_routes(kLan, addresses({"10.0.0.1/24"}), false), IsEmpty());
}

TEST(ConnectedRoutes, Two_addresses_in_one_subnet_bring_the_subnet_once) {
    const auto routes = connected_routes(kLan, addresses({"10.0.0.1/24", "10.0.0.2/24"}), true);
    EXPECT_EQ(std::count(routes.begin(), routes.end(), connected("10.0.0.0/24", kLan)), 1);
    EXPECT_EQ(routes.size(), 5U);
}

TEST(ConnectedRoutes, An_address_of_ours_is_not_a_broadcast_address_of_another_subnet) {
    const auto routes = connected_routes(kLan, addresses({"10.0.0.127/24", "10.0.0.1/25"}), true);
    EXPECT_EQ(
        std::count(routes.begin(), routes.end(), local("10.0.0.127/32", RibNextHop::receive(kLan))),
        1);
    EXPECT_EQ(std::count(routes.begin(), routes.end(),
                         local("10.0.0.127/32", RibNextHop::broadcast(kLan))),
              0);
}

// rfc1812: 5.2.4.4
TEST(Route, The_administrative_distances_are_those_of_the_architecture) {
    EXPECT_EQ(distance_of(RouteSource::Connected), 0);
    EXPECT_EQ(distance_of(RouteSource::Local), 0);
    EXPECT_EQ(distance_of(RouteSource::Static), 1);
    EXPECT_EQ(distance_of(RouteSource::ExternalBgp), 20);
    EXPECT_EQ(distance_of(RouteSource::Ospf), 110);
    EXPECT_EQ(distance_of(RouteSource::Rip), 120);
    EXPECT_EQ(distance_of(RouteSource::InternalBgp), 200);
}

}  // namespace
}  // namespace godwit::control::testing
