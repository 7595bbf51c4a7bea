#include "drivers/device_arguments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "drivers/eal_arguments.hpp"
#include "tests/unit/drivers/models.hpp"

namespace godwit::drivers {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(DeviceArguments, size_packet_sockets_for_a_tagged_frame_and_the_descriptors) {
    auto interface = virtual_interface("core0", "net_af_packet0", {{"iface", "eth2"}});
    interface.rx_descriptors = 1000;
    interface.tx_descriptors = 512;

    const DeviceArguments arguments = device_arguments(interface, 4);

    EXPECT_EQ(arguments.bus, "vdev");
    EXPECT_EQ(arguments.name, "net_af_packet0");
    EXPECT_EQ(arguments.arguments, "blocksz=65536,framecnt=1024,framesz=2048,iface=eth2,qpairs=1");
}

TEST(DeviceArguments, leave_alone_what_the_person_wrote) {
    const auto interface = virtual_interface(
        "core0", "net_af_packet0", {{"iface", "eth2"}, {"framesz", "4096"}, {"qpairs", "2"}});

    EXPECT_EQ(device_arguments(interface, 1).arguments, "framesz=4096,iface=eth2,qpairs=2");
}

TEST(DeviceArguments, give_memif_a_ring_of_the_descriptors_as_a_power_of_two) {
    auto interface = virtual_interface("m", "net_memif0", {{"role", "server"}});
    EXPECT_EQ(device_arguments(interface, 1).arguments, "role=server,rsize=10");
    interface.rx_descriptors = 1025;
    EXPECT_EQ(device_arguments(interface, 1).arguments, "role=server,rsize=11");
}

TEST(DeviceArguments, name_a_nic_by_its_address) {
    const DeviceArguments arguments = device_arguments(nic_interface("wan0", "0000:8a:00.0"), 2);
    EXPECT_EQ(arguments.bus, "pci");
    EXPECT_EQ(arguments.name, "0000:8a:00.0");
    EXPECT_EQ(arguments.arguments, "");
}

TEST(DerivedMac, is_stable_local_unicast_and_different_for_every_interface) {
    std::set<net::MacAddress> seen;
    for (int i = 0; i < 200; ++i) {
        const auto mac = derived_mac("router", "lan" + std::to_string(i));
        EXPECT_EQ(mac, derived_mac("router", "lan" + std::to_string(i)));
        EXPECT_FALSE(mac.is_group());
        EXPECT_EQ(mac.bytes()[0] & 0x02, 0x02);
        EXPECT_TRUE(seen.insert(mac).second);
    }
    EXPECT_NE(derived_mac("router", "lan0"), derived_mac("other", "lan0"));
}

TEST(EalArguments, map_the_main_thread_and_every_worker_to_its_cpu) {
    config::Model model;
    model.workers.main_core = 2;
    model.workers.cores = {2, 5};

    EXPECT_THAT(eal_arguments(model, {.bytes = 512ULL << 20}, "p"),
                Contains("--lcores=0@2,1@2,2@5"));
    model.workers.cores.clear();
    EXPECT_THAT(eal_arguments(model, {.bytes = 512ULL << 20}, "p"), Contains("--lcores=0@2,1@2"));
}

TEST(EalArguments, choose_memory_without_the_two_options_that_exclude_each_other) {
    const config::Model model;
    const auto huge = eal_arguments(model, {.hugepages = true, .bytes = 256ULL << 20}, "p");
    const auto plain = eal_arguments(model, {.hugepages = false, .bytes = 256ULL << 20}, "p");

    EXPECT_THAT(huge, AllOf(Contains("--in-memory"), Not(Contains("--no-huge"))));
    EXPECT_THAT(plain, AllOf(Contains("--no-huge"), Not(Contains("--in-memory"))));
    EXPECT_THAT(huge, AllOf(Contains("-m"), Contains("256")));
    EXPECT_THAT(huge, Contains("--iova-mode=va"));
}

TEST(EalArguments, look_at_the_pci_bus_only_for_a_model_with_a_nic) {
    config::Model model;
    add(model, virtual_interface("lan0", "net_tap0"));
    EXPECT_THAT(eal_arguments(model, {}, "p"), Contains("--no-pci"));

    add(model, nic_interface("wan0", "0000:8a:00.0"));
    const auto arguments = eal_arguments(model, {}, "p");
    EXPECT_THAT(arguments, AllOf(Not(Contains("--no-pci")), Contains("-a")));
    // Probed one by one afterwards: a NIC that fails must not stop the others.
    EXPECT_THAT(arguments, Not(Contains("0000:8a:00.0")));
}

}  // namespace
}  // namespace godwit::drivers
