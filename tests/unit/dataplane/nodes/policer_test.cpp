// What goes up to the control plane by class and interface: a flood on one link against the others,
// in virtual time.
#include "dataplane/nodes/punt/policer.hpp"

#include <gtest/gtest.h>

namespace godwit::dataplane {
namespace {

using api::PuntClass;
using net::InterfaceId;

constexpr std::uint64_t kCyclesPerSecond = 1'000'000'000;
constexpr InterfaceId kFlooded{1};
constexpr InterfaceId kQuiet{2};

PuntPolicer::Rate rate_of(PuntClass punt_class) {
    return PuntPolicer::kRates[static_cast<std::size_t>(punt_class)];
}

// How many of so many packets at one moment pass.
unsigned admitted(PuntPolicer& policer, PuntClass punt_class, InterfaceId ingress, unsigned packets,
                  std::uint64_t now_cycles) {
    unsigned count = 0;
    for (unsigned i = 0; i < packets; ++i) {
        count += policer.admits(punt_class, ingress, now_cycles) ? 1U : 0U;
    }
    return count;
}

TEST(PuntPolicer, one_interface_alone_has_the_whole_burst_of_each_class) {
    PuntPolicer policer(kCyclesPerSecond);
    for (std::size_t i = 0; i < api::kPuntClassCount; ++i) {
        const auto punt_class = static_cast<PuntClass>(i);
        EXPECT_EQ(admitted(policer, punt_class, kFlooded, 20'000, 1), rate_of(punt_class).burst);
    }
}

TEST(PuntPolicer, forged_ospf_on_one_link_leaves_another_its_own_part) {
    PuntPolicer policer(kCyclesPerSecond);
    const PuntPolicer::Rate own = PuntPolicer::own_part(PuntClass::Ospf);
    unsigned through = 0;
    // 10 s of 100,000 packets a second, and of hellos as many as a quiet link's part.
    for (unsigned millisecond = 0; millisecond < 10'000; ++millisecond) {
        const std::uint64_t now = millisecond * (kCyclesPerSecond / 1'000) + 1;
        through += admitted(policer, PuntClass::Ospf, kFlooded, 100, now);
        if (millisecond % 1'000 == 500) {
            EXPECT_EQ(admitted(policer, PuntClass::Ospf, kQuiet, own.burst, now), own.burst)
                << "after " << millisecond << " ms of the flood";
        }
    }
    const PuntPolicer::Rate whole = rate_of(PuntClass::Ospf);
    EXPECT_LE(through, whole.burst + 10 * whole.packets_per_second * 101 / 100);
    EXPECT_GE(through, 10 * whole.packets_per_second * 99 / 100);
}

TEST(PuntPolicer, a_flood_of_one_class_takes_nothing_from_another_class_of_its_interface) {
    PuntPolicer policer(kCyclesPerSecond);
    admitted(policer, PuntClass::Icmp, kFlooded, 100'000, 1);
    EXPECT_EQ(admitted(policer, PuntClass::Bgp, kFlooded, 1'000, 1), 1'000U);
}

TEST(PuntPolicer, all_interfaces_together_get_the_common_rest_and_a_part_each) {
    PuntPolicer policer(kCyclesPerSecond);
    const PuntPolicer::Rate own = PuntPolicer::own_part(PuntClass::Tcp);
    unsigned through = 0;
    for (std::uint16_t interface = 1; interface <= 20; ++interface) {
        through += admitted(policer, PuntClass::Tcp, InterfaceId(interface), 10'000, 1);
    }
    EXPECT_EQ(through, rate_of(PuntClass::Tcp).burst + 19 * own.burst);
}

}  // namespace
}  // namespace godwit::dataplane
