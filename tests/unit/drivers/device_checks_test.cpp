#include "drivers/device_checks.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/drivers/machine_tree.hpp"
#include "tests/unit/drivers/models.hpp"

namespace godwit::drivers {
namespace {

class DeviceChecks : public ::testing::Test {
protected:
    DeviceChecks() {
        machine_.privileged(true);
        machine_.file("dev/net/tun", "");
        machine_.file("sys/class/net/eth2/mtu", "1500\n");
    }
    [[nodiscard]] std::string problem_id(const config::Interface& interface) const {
        const auto problem = check_device(interface, machine_.root());
        if (!problem) {
            return "none";
        }
        EXPECT_NE(problem->what.find(interface.name), std::string::npos) << problem->what;
        EXPECT_FALSE(problem->mend.empty());
        return problem->id;
    }
    MachineTree machine_;
};

TEST_F(DeviceChecks, finds_nothing_wrong_with_devices_that_can_start) {
    machine_.nic("0000:8a:00.0", "vfio-pci");

    EXPECT_EQ(problem_id(virtual_interface("lan0", "net_tap0", {{"iface", "lan0"}})), "none");
    EXPECT_EQ(problem_id(virtual_interface("core0", "net_af_packet0", {{"iface", "eth2"}})),
              "none");
    EXPECT_EQ(problem_id(nic_interface("wan0", "0000:8a:00.0")), "none");
    EXPECT_EQ(problem_id(virtual_interface("bench0", "net_null0")), "none");
}

TEST_F(DeviceChecks, names_a_kernel_interface_that_does_not_exist) {
    const auto missing = virtual_interface("core0", "net_af_packet0", {{"iface", "eth9"}});
    EXPECT_EQ(problem_id(missing), "interface-missing");
    EXPECT_NE(check_device(missing, machine_.root())->what.find("eth9"), std::string::npos);
    EXPECT_EQ(problem_id(virtual_interface("core0", "net_af_xdp0", {{"iface", "eth9"}})),
              "interface-missing");
    EXPECT_EQ(problem_id(virtual_interface("core0", "net_af_packet0")), "device-argument-missing");
}

TEST_F(DeviceChecks, refuses_an_interface_name_longer_than_the_kernel_takes) {
    EXPECT_EQ(problem_id(virtual_interface("l", "net_tap0", {{"iface", "sixteen-letters-"}})),
              "interface-name-too-long");
    EXPECT_EQ(problem_id(virtual_interface("l", "net_tap0", {{"iface", "fifteen-letters"}})),
              "none");
}

TEST_F(DeviceChecks, needs_the_tun_device_for_a_tap) {
    machine_.erase("dev/net/tun");
    EXPECT_EQ(problem_id(virtual_interface("lan0", "net_tap0")), "tun-missing");
}

TEST_F(DeviceChecks, needs_privilege_for_what_the_kernel_guards) {
    machine_.privileged(false);
    EXPECT_EQ(problem_id(virtual_interface("lan0", "net_tap0")), "not-privileged");
    EXPECT_EQ(problem_id(virtual_interface("core0", "net_af_packet0", {{"iface", "eth2"}})),
              "not-privileged");
    EXPECT_EQ(problem_id(virtual_interface("bench0", "net_ring0")), "none");
}

TEST_F(DeviceChecks, sees_a_tap_that_another_program_holds) {
    const auto tap = virtual_interface("lan0", "net_tap0", {{"iface", "tap7"}});
    machine_.file("sys/class/net/tap7/tun_flags", "0x1102\n");  // not persistent
    EXPECT_EQ(problem_id(tap), "device-in-use");

    machine_.file("sys/class/net/tap7/tun_flags", "0x1902\n");
    machine_.file("sys/class/net/tap7/carrier", "1\n");
    EXPECT_EQ(problem_id(tap), "device-in-use");

    machine_.file("sys/class/net/tap7/carrier", "0\n");
    EXPECT_EQ(problem_id(tap), "none");

    EXPECT_EQ(problem_id(virtual_interface("lan0", "net_tap0", {{"iface", "eth2"}})),
              "device-name-taken");
}

TEST_F(DeviceChecks, says_how_to_bind_a_nic) {
    machine_.nic("0000:8a:00.0", "i40e");
    machine_.nic("0000:8a:00.1", "");
    machine_.nic("0000:8a:00.2", "mlx5_core");

    EXPECT_EQ(problem_id(nic_interface("wan0", "0000:99:00.0")), "nic-missing");
    EXPECT_EQ(problem_id(nic_interface("wan0", "0000:8a:00.0")), "nic-not-bound");
    EXPECT_EQ(problem_id(nic_interface("wan0", "0000:8a:00.1")), "nic-not-bound");
    EXPECT_EQ(problem_id(nic_interface("wan0", "0000:8a:00.2")), "none");
    const auto problem = check_device(nic_interface("wan0", "0000:8a:00.0"), machine_.root());
    EXPECT_NE(problem->what.find("i40e"), std::string::npos);
    EXPECT_NE(problem->mend.find("dpdk-devbind.py --bind=vfio-pci 0000:8a:00.0"),
              std::string::npos);
}

TEST_F(DeviceChecks, ask_for_physical_addresses_only_where_no_iommu_translates) {
    config::Model model;
    add(model, nic_interface("wan0", "0000:8a:00.0"));
    machine_.nic("0000:8a:00.0", "vfio-pci");
    EXPECT_TRUE(needs_physical_addresses(model, machine_.root()));

    machine_.file("sys/bus/pci/devices/0000:8a:00.0/iommu_group/type", "DMA\n");
    EXPECT_FALSE(needs_physical_addresses(model, machine_.root()));
}

TEST(MtuCheck, names_the_limit_of_the_device) {
    const auto tap = virtual_interface("lan0", "net_tap0");
    EXPECT_FALSE(check_mtu(tap, 1504, 0, 1504));
    const auto problem = check_mtu(tap, 1505, 0, 1504);
    ASSERT_TRUE(problem);
    EXPECT_EQ(problem->id, "mtu-too-large");
    EXPECT_NE(problem->what.find("1504"), std::string::npos) << problem->what;
    EXPECT_NE(problem->mend.find("interfaces.lan0.mtu to 1504"), std::string::npos);
}

TEST(MtuCheck, leaves_room_for_the_tag_of_a_vlan) {
    const auto tap = virtual_interface("lan0", "net_tap0");
    EXPECT_FALSE(check_mtu(tap, 1500, 1500, 1504));
    EXPECT_TRUE(check_mtu(tap, 1504, 1501, 1504));
    EXPECT_TRUE(check_mtu(nic_interface("wan0", "0000:8a:00.0"), 1500, 1500, 1500));
    // Their buffers have room that their stated limit does not show.
    EXPECT_FALSE(check_mtu(virtual_interface("c", "net_af_packet0"), 1500, 1500, 1500));
    EXPECT_FALSE(check_mtu(virtual_interface("m", "net_memif0"), 1500, 1500, 1500));
}

TEST(MtuCheck, asks_the_vlans_of_this_interface_only) {
    config::Model model;
    config::Interface vlan;
    vlan.name = "lan0.20";
    vlan.mtu = 1400;
    vlan.kind = config::VlanSubinterface{.parent = "lan0", .vlan = 20};
    add(model, vlan);

    EXPECT_EQ(largest_tagged_mtu(model, "lan0"), 1400);
    EXPECT_EQ(largest_tagged_mtu(model, "wan0"), 0);
}

TEST(MemifSocketFile, of_a_dead_server_is_removed_and_any_other_file_is_not) {
    MachineTree folder;
    const std::string path = (folder.root() / "memif.sock").string();
    const auto server = virtual_interface(
        "m", "net_memif0", {{"role", "server"}, {"socket", path}, {"socket-abstract", "no"}});
    EXPECT_FALSE(free_memif_socket(server));

    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    const int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener, 1), 0);
    const auto busy = free_memif_socket(server);
    ASSERT_TRUE(busy);
    EXPECT_EQ(busy->id, "device-in-use");
    close(listener);
    EXPECT_FALSE(free_memif_socket(server));
    EXPECT_FALSE(std::filesystem::exists(path));

    folder.file("memif.sock", "precious");
    const auto problem = free_memif_socket(server);
    ASSERT_TRUE(problem);
    EXPECT_EQ(problem->id, "socket-path-taken");
    EXPECT_TRUE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace godwit::drivers
