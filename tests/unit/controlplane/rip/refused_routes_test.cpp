// What is remembered of refused routes, for how long, and how many of them.
#include "controlplane/rip/refused_routes.hpp"

#include <gtest/gtest.h>

#include <iterator>

namespace godwit::control::rip {
namespace {

using std::chrono::seconds;

const net::InterfaceId kEth0(1);
const net::InterfaceId kEth1(2);

Instant at(int second) {
    return Instant(std::chrono::hours(1)) + seconds(second);
}

RefusedRoutes::Key key(const char* prefix, std::uint8_t last, net::InterfaceId interface = kEth0) {
    return {net::Ipv4Prefix::parse(prefix).value(), {interface, net::Ipv4Address(10, 0, 0, last)}};
}

RefusedRoute heard(int second, std::uint32_t metric = 2) {
    return {{Metric::of(metric), 7}, net::Ipv4Address(10, 0, 0, 9), at(second)};
}

std::ptrdiff_t count_of(const RefusedRoutes& routes, const char* prefix) {
    const auto [first, last] = routes.of(net::Ipv4Prefix::parse(prefix).value());
    return std::distance(first, last);
}

TEST(RipRefusedRoutes, are_found_by_prefix_and_neighbour_as_they_were_told_last) {
    RefusedRoutes routes;
    routes.note(key("10.9.0.0/16", 2), heard(1, 2), 10);
    routes.note(key("10.9.0.0/16", 3), heard(1, 4), 10);
    routes.note(key("10.9.0.0/17", 2), heard(1), 10);
    routes.note(key("10.9.0.0/16", 2), heard(5, 3), 10);
    EXPECT_EQ(routes.count(), 3U);
    EXPECT_EQ(count_of(routes, "10.9.0.0/16"), 2);
    EXPECT_EQ(count_of(routes, "10.0.0.0/8"), 0);
    const auto [first, last] = routes.of(net::Ipv4Prefix::parse("10.9.0.0/16").value());
    EXPECT_EQ(first->second.said.metric, Metric::of(3));
    EXPECT_EQ(first->second.said.tag, 7);
    EXPECT_EQ(first->second.heard, at(5));
}

TEST(RipRefusedRoutes, are_no_more_than_the_limit_and_what_is_beyond_is_counted) {
    RefusedRoutes routes;
    routes.note(key("10.1.0.0/16", 2), heard(1), 2);
    routes.note(key("10.2.0.0/16", 2), heard(1), 2);
    routes.note(key("10.3.0.0/16", 2), heard(1), 2);
    routes.note(key("10.3.0.0/16", 2), heard(2), 2);
    EXPECT_EQ(routes.count(), 2U);
    EXPECT_EQ(count_of(routes, "10.3.0.0/16"), 0);
    EXPECT_EQ(routes.over_limit(), 2U);
    routes.note(key("10.2.0.0/16", 2), heard(3), 2);  // known already
    EXPECT_EQ(routes.over_limit(), 2U);
    routes.forget(key("10.1.0.0/16", 2));
    routes.note(key("10.3.0.0/16", 2), heard(4), 2);
    EXPECT_EQ(count_of(routes, "10.3.0.0/16"), 1);
}

TEST(RipRefusedRoutes, are_forgotten_one_by_one_with_a_neighbour_with_an_interface_and_by_age) {
    RefusedRoutes routes;
    const auto fill = [&] {
        routes.note(key("10.1.0.0/16", 2), heard(10), 10);
        routes.note(key("10.2.0.0/16", 2), heard(20), 10);
        routes.note(key("10.1.0.0/16", 3), heard(30), 10);
        routes.note(key("10.1.0.0/16", 2, kEth1), heard(40), 10);
    };
    fill();
    routes.forget(key("10.1.0.0/16", 2));
    EXPECT_EQ(routes.count(), 3U);
    fill();
    routes.forget(key("10.1.0.0/16", 2).neighbor);
    EXPECT_EQ(routes.count(), 2U);
    fill();
    routes.forget(kEth0);
    EXPECT_EQ(routes.count(), 1U);
    fill();
    routes.forget_until(at(20));
    EXPECT_EQ(routes.count(), 2U);
    EXPECT_EQ(count_of(routes, "10.2.0.0/16"), 0);
}

}  // namespace
}  // namespace godwit::control::rip
