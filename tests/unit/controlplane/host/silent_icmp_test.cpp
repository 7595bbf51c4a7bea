// ICMP that this router neither answers nor believes: what is obsolete (RFC 6633, RFC 6918) and
// what only hosts take. RFC 1812 asks for some of it; docs/rfc-1812.md says where we deviate and
// why.
#include <gtest/gtest.h>

#include <array>
#include <chrono>

#include "controlplane/host/host.hpp"
#include "tests/unit/controlplane/host/host_packets.hpp"

namespace godwit::control::test {
namespace {

using namespace std::chrono_literals;

class SilentIcmp : public testing::Test {
protected:
    SilentIcmp() {
        const std::array own{*net::Ipv4InterfaceAddress::parse("10.0.0.1/24")};
        host_.set_links(test::one_link(own));
    }

    // Nobody is answered or told, and the next echo request is answered as before.
    void expect_ignored(std::uint8_t type, const Way& way, const Packet& body) {
        SCOPED_TRACE("ICMP type " + std::to_string(type));
        const net::IcmpMessage message{net::IcmpType{type}, 0, 0};
        const auto ignored = host_.count(HostCounter::IcmpIgnored);
        const HostActions actions = host_.input(icmp(way, message, body), {}, now_);
        EXPECT_TRUE(actions.packets.empty());
        EXPECT_TRUE(actions.reports.empty());
        EXPECT_EQ(host_.count(HostCounter::IcmpIgnored), ignored + 1);
        EXPECT_TRUE(host_.owns(net::Ipv4Address(10, 0, 0, 1)));
    }

    Host host_{HostLimits{}, [] { return 7U; }, {}};
    Instant now_{1h};
};

// rfc1812: 4.3.3.9/c, 4.3.3.9/d, 4.3.3.9/f, 10.3.2.3/e
TEST_F(SilentIcmp, address_masks_are_neither_told_nor_believed) {
    const Packet mask{0, 0, 0, 0};
    expect_ignored(17, {}, mask);
    const Packet another_mask{255, 255, 0, 0};
    expect_ignored(18, {}, another_mask);
}

// rfc1812: 4.3.3.7
TEST_F(SilentIcmp, information_requests_and_replies_are_ignored) {
    expect_ignored(15, {}, {});
    expect_ignored(16, {}, {});
}

// rfc1812: 4.3.3.3/a, 4.3.3.3/b, 4.3.3.2, 5.2.7.2/j
TEST_F(SilentIcmp, a_source_quench_slows_nobody_down_and_a_redirect_leads_nobody_elsewhere) {
    const Packet about = udp({net::Ipv4Address(10, 0, 0, 1), net::Ipv4Address(10, 0, 0, 9)}, 53);
    expect_ignored(4, {}, about);
    expect_ignored(5, {}, about);
}

// rfc1812: 4.3.3.10/a
TEST_F(SilentIcmp, router_advertisements_and_solicitations_are_ignored) {
    const Packet one_router{1, 2, 7, 8, 10, 0, 0, 9, 0, 0, 0, 1};
    expect_ignored(9, {}, one_router);
    expect_ignored(10, {}, {});
}

}  // namespace
}  // namespace godwit::control::test
