#include "drivers/host.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "drivers/hugepages.hpp"
#include "tests/unit/drivers/machine_tree.hpp"
#include "tests/unit/drivers/models.hpp"

namespace godwit::drivers {
namespace {

// A machine on which nothing is to be mended: four CPUs of which two are isolated.
void furnish(MachineTree& machine) {
    machine.privileged(true);
    machine.file("proc/cpuinfo", "flags\t\t: fpu sse4_2 avx2 constant_tsc\n");
    machine.file("proc/meminfo", "MemTotal: 8388608 kB\nMemFree: 1 kB\nMemAvailable: 4194304 kB\n");
    machine.file("proc/cmdline", "root=/dev/vda1 isolcpus=2-3 nohz_full=2-3\n");
    machine.file("proc/net/packet", "");
    machine.file("proc/net/protocols", "PACKET 1\nXDP 1\n");
    machine.file("sys/devices/system/cpu/online", "0-3\n");
    machine.file("sys/devices/system/cpu/isolated", "2-3\n");
    machine.file("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
    machine.file("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "512\n");
    machine.file("sys/kernel/iommu_groups/0/type", "DMA\n");
    machine.file("dev/vfio/vfio", "");
    machine.file("dev/net/tun", "");
}

class HostInspection : public ::testing::Test {
protected:
    HostInspection() {
        furnish(machine_);
        model_.workers.cores = {2, 3};
    }
    [[nodiscard]] Finding find(const std::string& id) const {
        const auto findings = inspect_host(machine_.root(), &model_);
        const auto found = std::ranges::find(findings, id, &Finding::id);
        if (found == findings.end()) {
            ADD_FAILURE() << "no finding " << id;
            return {};
        }
        return *found;
    }
    MachineTree machine_;
    config::Model model_;
};

TEST_F(HostInspection, finds_nothing_to_mend_on_a_well_furnished_machine) {
    machine_.nic("0000:8a:00.0", "vfio-pci");
    machine_.file("sys/bus/pci/devices/0000:8a:00.0/iommu_group/type", "DMA\n");
    add(model_, nic_interface("wan0", "0000:8a:00.0"));

    for (const Finding& finding : inspect_host(machine_.root(), &model_)) {
        EXPECT_EQ(finding.severity, Severity::Ok) << finding.id << ": " << finding.what;
    }
}

TEST_F(HostInspection, works_without_a_model) {
    const auto findings = inspect_host(machine_.root(), nullptr);
    EXPECT_TRUE(std::ranges::none_of(
        findings, [](const Finding& finding) { return finding.severity == Severity::Bad; }));
}

TEST_F(HostInspection, survives_a_machine_that_tells_nothing) {
    const MachineTree empty;
    EXPECT_FALSE(inspect_host(empty.root(), &model_).empty());
    EXPECT_FALSE(inspect_host(empty.root(), nullptr).empty());
}

TEST_F(HostInspection, gives_the_command_that_reserves_hugepages) {
    machine_.file("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "100\n");
    machine_.file("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "56\n");

    const Finding finding = find("hugepages");

    EXPECT_EQ(finding.severity, Severity::Warning);
    EXPECT_EQ(finding.mend, "echo 300 > /proc/sys/vm/nr_hugepages");  // 44 in use, 256 needed
    model_.workers.hugepages = config::HugepageUse::Required;
    EXPECT_EQ(find("hugepages").severity, Severity::Bad);
    model_.workers.hugepages = config::HugepageUse::Off;
    EXPECT_EQ(find("hugepages").severity, Severity::Ok);
}

TEST_F(HostInspection, warns_of_a_core_that_is_shared_and_refuses_one_that_is_missing) {
    model_.workers.cores = {0, 1};
    EXPECT_EQ(find("cores").severity, Severity::Warning);  // 0 is the main core
    model_.workers.cores = {4};
    EXPECT_EQ(find("cores").severity, Severity::Bad);
    EXPECT_NE(find("cores").mend.find("0-3"), std::string::npos);
}

TEST_F(HostInspection, tells_how_to_isolate_the_workers) {
    model_.workers.cores = {1, 2};
    const Finding finding = find("isolation");
    EXPECT_EQ(finding.severity, Severity::Warning);
    EXPECT_NE(finding.mend.find("isolcpus=1,2 nohz_full=1,2"), std::string::npos) << finding.mend;

    model_.workers.cores = {2, 3};
    machine_.file("proc/cmdline", "isolcpus=2-3\n");
    EXPECT_NE(find("isolation").what.find("tick"), std::string::npos);
}

TEST_F(HostInspection, needs_the_iommu_only_for_nics) {
    machine_.erase("sys/kernel/iommu_groups");
    EXPECT_EQ(find("iommu").severity, Severity::Ok);
    machine_.nic("0000:8a:00.0", "vfio-pci");
    add(model_, nic_interface("wan0", "0000:8a:00.0"));
    EXPECT_EQ(find("iommu").severity, Severity::Bad);
}

TEST_F(HostInspection, lists_every_nic_with_its_driver_and_the_command_to_bind_it) {
    machine_.nic("0000:00:03.0", "virtio-pci");
    machine_.file("sys/bus/pci/devices/0000:00:03.0/net/eth0/mtu", "1500\n");
    machine_.file("sys/bus/pci/devices/0000:00:04.0/class", "0x010000\n");  // a disk

    const auto findings = inspect_host(machine_.root(), nullptr);

    EXPECT_EQ(std::ranges::count(findings, "nic", &Finding::id), 1);
    const auto nic = std::ranges::find(findings, "nic", &Finding::id);
    EXPECT_NE(nic->what.find("virtio-pci, kernel interface eth0"), std::string::npos) << nic->what;
    EXPECT_NE(nic->mend.find("--bind=vfio-pci 0000:00:03.0"), std::string::npos) << nic->mend;
}

TEST_F(HostInspection, checks_the_devices_of_the_model) {
    add(model_, virtual_interface("core0", "net_af_packet0", {{"iface", "eth9"}}));
    const Finding finding = find("device");
    EXPECT_EQ(finding.severity, Severity::Bad);
    EXPECT_NE(finding.what.find("eth9"), std::string::npos);
}

TEST_F(HostInspection, compares_the_memory_with_what_the_model_takes) {
    model_.workers.memory = {16ULL << 30};
    EXPECT_EQ(find("memory").severity, Severity::Bad);
    model_.workers.memory = {16ULL << 20};
    EXPECT_EQ(find("memory-budget").severity, Severity::Bad);
}

TEST_F(HostInspection, sees_a_user_who_may_not_open_ports) {
    machine_.privileged(false);
    EXPECT_EQ(find("privilege").severity, Severity::Warning);
}

TEST_F(HostInspection, sees_a_cpu_that_dpdk_does_not_run_on) {
    machine_.file("proc/cpuinfo", "flags\t\t: fpu sse2 constant_tsc\n");
    EXPECT_EQ(find("cpu").severity, Severity::Bad);
}

TEST(Hugepages, required_are_refused_with_the_figure_and_the_command) {
    MachineTree machine;
    furnish(machine);
    machine.file("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "3\n");
    machine.file("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "3\n");

    const auto grant = obtain_hugepages(config::HugepageUse::Required, 64ULL << 20, machine.root());

    ASSERT_FALSE(grant);
    EXPECT_EQ(grant.error().id, "hugepages-missing");
    EXPECT_NE(grant.error().what.find("of 32 hugepages"), std::string::npos) << grant.error().what;
    EXPECT_NE(grant.error().mend.find("echo 32 > /proc/sys/vm/nr_hugepages"), std::string::npos);
}

TEST(Hugepages, auto_goes_without_and_says_why) {
    MachineTree machine;  // has no hugepages at all
    const auto grant = obtain_hugepages(config::HugepageUse::Auto, 64ULL << 20, machine.root());
    ASSERT_TRUE(grant);
    EXPECT_FALSE(grant->use);
    EXPECT_NE(grant->note.find("no 2 MiB pages"), std::string::npos) << grant->note;
}

TEST(Hugepages, auto_takes_no_more_than_half_of_the_free_memory) {
    MachineTree machine;
    furnish(machine);
    machine.file("proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 102400 kB\n");
    machine.file("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0\n");

    const auto grant = obtain_hugepages(config::HugepageUse::Auto, 64ULL << 20, machine.root());

    ASSERT_TRUE(grant);
    EXPECT_FALSE(grant->use);
    EXPECT_NE(grant->note.find("half of the free memory"), std::string::npos) << grant->note;
    EXPECT_EQ(count_hugepages(machine.root()).total, 512U);
}

TEST(Hugepages, that_were_reserved_are_given_back) {
    MachineTree machine;
    furnish(machine);
    release_hugepages(200, machine.root());
    EXPECT_EQ(count_hugepages(machine.root()).total, 312U);
}

}  // namespace
}  // namespace godwit::drivers
