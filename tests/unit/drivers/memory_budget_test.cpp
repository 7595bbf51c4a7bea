#include <gtest/gtest.h>

#include "drivers/buffer_size.hpp"
#include "drivers/port.hpp"
#include "tests/unit/drivers/models.hpp"

namespace godwit::drivers {
namespace {

config::Model two_nulls() {
    config::Model model;
    model.workers.cores = {1};
    add(model, virtual_interface("lan0", "net_null0"));
    add(model, virtual_interface("wan0", "net_null1"));
    return model;
}

std::uint64_t without_fragments(const MemoryBudget& budget) {
    return budget.packet_count - budget.reassembly_packets;
}

TEST(MemoryBudget, counts_every_place_where_a_packet_can_be) {
    const MemoryBudget budget = memory_budget(two_nulls());

    const std::uint64_t descriptors = 2 * (1024 + 1024);
    const std::uint64_t caches_and_bursts = 2 * (768 + 640);  // the worker and the main lcore
    const std::uint64_t rings = 2048 + 4096 + 1024;
    const std::uint64_t held = 4096;
    const std::uint64_t sum = descriptors + caches_and_bursts + rings + held;
    const std::uint64_t fragments = budget.packet_count - (sum + sum / 8);
    EXPECT_LE(fragments - budget.reassembly_packets, 1U);  // a share is rounded down
    EXPECT_EQ(budget.packet_bytes, 64 + 128 + 64 + 128 + 2048 + 64U);
    EXPECT_EQ(budget.pool_bytes, budget.packet_count * budget.packet_bytes);
}

TEST(MemoryBudget, has_room_for_all_else_while_fragments_hold_their_share_of_the_pool) {
    config::Model model = two_nulls();
    for (std::uint16_t descriptors = 64; descriptors < 4'096; descriptors += 31) {
        model.interfaces["lan0"].rx_descriptors = descriptors;
        const MemoryBudget budget = memory_budget(model);
        // Reassembly may take an eighth of whatever the pool has.
        EXPECT_EQ(budget.reassembly_packets, budget.packet_count / 8);
        std::uint64_t rest = descriptors + 3 * 1024 + 2 * (768 + 640) + 2048 + 4096 + 1024 + 4096;
        rest += rest / 8;
        EXPECT_GE(without_fragments(budget), rest);
        EXPECT_LE(without_fragments(budget), rest + 1);
    }
}

TEST(MemoryBudget, grows_with_workers_that_each_get_a_transmit_queue) {
    config::Model model = two_nulls();
    const std::uint64_t one = without_fragments(memory_budget(model));
    model.workers.cores = {1, 2};

    const std::uint64_t more = 2 * 1024 + (768 + 640) + 2048;  // queues, cache and bursts, ring
    EXPECT_EQ(without_fragments(memory_budget(model)), one + more + more / 8);
}

TEST(MemoryBudget, gives_a_tap_as_many_transmit_queues_as_receive_queues) {
    config::Model model;
    add(model, virtual_interface("lan0", "net_tap0"));
    model.workers.cores = {1};
    const std::uint64_t one = without_fragments(memory_budget(model));
    model.workers.cores = {1, 2};

    const std::uint64_t more = (768 + 640) + 2048;
    // Eighths are rounded down.
    EXPECT_LE(without_fragments(memory_budget(model)) - (one + more + more / 8), 1U);
}

TEST(MemoryBudget, holds_a_whole_jumbo_frame_in_one_buffer) {
    config::Model model = two_nulls();
    model.interfaces["lan0"].mtu = 9216;

    EXPECT_GE(memory_budget(model).packet_bytes, 9216U + 14 + 4 + 128 + 128 + 64);
    EXPECT_EQ(data_room(9216), 10240 + 128);
    EXPECT_EQ(data_room(1500), 2048 + 128);
    EXPECT_EQ(data_room(2022), 2048 + 128);
    EXPECT_EQ(data_room(2023), 3072 + 128);
}

TEST(MemoryBudget, counts_no_packets_for_loopbacks_and_vlans) {
    config::Model model = two_nulls();
    const MemoryBudget before = memory_budget(model);
    config::Interface loopback;
    loopback.name = "lo0";
    loopback.kind = config::Loopback{};
    add(model, loopback);
    config::Interface vlan;
    vlan.name = "lan0.20";
    vlan.kind = config::VlanSubinterface{.parent = "lan0", .vlan = 20};
    add(model, vlan);

    EXPECT_EQ(memory_budget(model).total_bytes, before.total_bytes);
}

TEST(MemoryBudget, includes_the_areas_that_copying_devices_own) {
    config::Model plain = two_nulls();
    config::Model copying;
    copying.workers.cores = {1};
    add(copying, virtual_interface("lan0", "net_memif0"));
    add(copying, virtual_interface("wan0", "net_af_packet0", {{"iface", "eth0"}}));

    EXPECT_GT(memory_budget(copying).device_bytes, memory_budget(plain).device_bytes);
}

TEST(MemoryBudget, is_refused_with_the_figure_and_a_size_that_is_enough) {
    config::Model model = two_nulls();
    model.workers.memory = {32ULL << 20};

    const auto problem = check_memory(memory_budget(model));

    ASSERT_TRUE(problem);
    EXPECT_EQ(problem->id, "memory-too-small");
    EXPECT_NE(problem->what.find("32 MiB"), std::string::npos) << problem->what;
    EXPECT_NE(problem->mend.find("workers.memory: 128MiB"), std::string::npos) << problem->mend;
    model.workers.memory = {128ULL << 20};
    EXPECT_FALSE(check_memory(memory_budget(model)));
}

TEST(MemoryBudget, describes_itself_in_one_line) {
    const std::string line = describe(memory_budget(two_nulls()));

    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_NE(line.find("of 512 MiB"), std::string::npos) << line;
    EXPECT_NE(line.find("packet buffers of 2496 bytes"), std::string::npos) << line;
    EXPECT_NE(line.find("for fragments that wait"), std::string::npos) << line;
}

TEST(WorkerCount, is_one_on_the_main_core_when_no_core_is_named) {
    config::Model model;
    EXPECT_EQ(worker_count(model), 1U);
    model.workers.cores = {1, 2, 3};
    EXPECT_EQ(worker_count(model), 3U);
}

}  // namespace
}  // namespace godwit::drivers
