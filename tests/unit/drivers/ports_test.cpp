#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include <array>

#include "drivers/buffer_size.hpp"
#include "drivers/port.hpp"
#include "drivers/ring_port.hpp"
#include "tests/unit/drivers/in_process.hpp"
#include "tests/unit/drivers/models.hpp"

namespace godwit::drivers {
namespace {

// Start-up mistakes are found before EAL is touched, so they come first and in any number.
TEST(StartUp, refuses_a_core_that_does_not_exist) {
    config::Model model = small_model();
    model.workers.cores = {999};

    const auto eal = Eal::start(model, {.in_process_test = true});

    ASSERT_FALSE(eal);
    EXPECT_EQ(eal.error().id, "core-missing");
    EXPECT_NE(eal.error().what.find("CPU 999"), std::string::npos) << eal.error().what;
}

TEST(StartUp, refuses_memory_that_is_too_small_for_the_interfaces) {
    config::Model model = small_model();
    model.workers.memory = {16ULL << 20};

    const auto eal = Eal::start(model, {.in_process_test = true});

    ASSERT_FALSE(eal);
    EXPECT_EQ(eal.error().id, "memory-too-small");
}

TEST(StartUp, refuses_more_memory_than_the_machine_has) {
    config::Model model = small_model();
    model.workers.memory = {1ULL << 50};

    const auto eal = Eal::start(model, {.in_process_test = true});

    ASSERT_FALSE(eal);
    EXPECT_EQ(eal.error().id, "memory-missing");
}

class RunningPorts : public InProcessEal {};

TEST_F(RunningPorts, run_beside_one_that_fails) {
    config::Model model = small_model();
    add(model, virtual_interface("good0", "net_null0"));
    add(model, virtual_interface("broken0", "net_af_packet0", {{"iface", "gw-none"}}));
    add(model, virtual_interface("good1", "net_null1"));

    const auto ports = open(model);

    ASSERT_TRUE(ports);
    ASSERT_EQ(ports->all().size(), 3U);
    const Port* broken = ports->find("broken0");
    ASSERT_TRUE(broken->failed && broken->problem);
    EXPECT_EQ(broken->problem->id, "interface-missing");
    EXPECT_FALSE(ports->link(*broken).up);
    EXPECT_TRUE(ports->set_mtu("broken0", 1400));
    for (const char* name : {"good0", "good1"}) {
        EXPECT_FALSE(ports->find(name)->failed);
        EXPECT_TRUE(ports->link(*ports->find(name)).up);
    }
    EXPECT_EQ(ports->find("nobody"), nullptr);
}

TEST_F(RunningPorts, report_an_unknown_driver_in_one_line) {
    config::Model model = small_model();
    add(model, virtual_interface("odd0", "net_odd0"));

    const auto ports = open(model);

    const Port* port = ports->find("odd0");
    ASSERT_TRUE(port->failed);
    EXPECT_EQ(port->problem->id, "device-failed");
    EXPECT_EQ(port->problem->what.find('\n'), std::string::npos) << port->problem->what;
}

TEST_F(RunningPorts, get_a_transmit_queue_for_every_worker) {
    config::Model model = small_model();
    add(model, virtual_interface("bench0", "net_null0"));

    const auto ports = open(model);

    EXPECT_EQ(ports->find("bench0")->tx_queues, 2);
    EXPECT_EQ(ports->find("bench0")->rx_queues, 1);
    EXPECT_FALSE(ports->find("bench0")->device_rss);
}

TEST_F(RunningPorts, deliver_packets_to_a_bench) {
    config::Model model = small_model();
    add(model, virtual_interface("bench0", "net_null0"));
    const auto ports = open(model);
    const std::uint16_t port = ports->find("bench0")->port_id;

    std::array<rte_mbuf*, 32> packets{};
    const std::uint16_t received = rte_eth_rx_burst(port, 0, packets.data(), 32);
    const std::uint16_t sent = rte_eth_tx_burst(port, 1, packets.data(), received);

    EXPECT_EQ(received, 32);
    EXPECT_EQ(sent, 32);
    EXPECT_EQ(ports->packets_in_use(), 0U);
}

TEST_F(RunningPorts, of_rings_are_connected_to_their_peer) {
    config::Model model = small_model();
    add(model, virtual_interface("left0", "net_ring0", {{"peer", "right0"}}));
    add(model, virtual_interface("right0", "net_ring1", {{"peer", "left0"}}));
    const auto ports = open(model);
    const Port* left = ports->find("left0");
    const Port* right = ports->find("right0");
    ASSERT_FALSE(left->failed) << left->problem->what;
    ASSERT_FALSE(right->failed) << right->problem->what;

    rte_mbuf* packet = rte_pktmbuf_alloc(ports->pool());
    ASSERT_EQ(rte_eth_tx_burst(left->port_id, 0, &packet, 1), 1);
    rte_mbuf* arrived = nullptr;
    EXPECT_EQ(rte_eth_rx_burst(left->port_id, 0, &arrived, 1), 0);
    ASSERT_EQ(rte_eth_rx_burst(right->port_id, 0, &arrived, 1), 1);

    EXPECT_EQ(arrived, packet);
    rte_pktmbuf_free(arrived);
}

TEST_F(RunningPorts, of_rings_refuse_a_peer_that_names_another) {
    config::Model model = small_model();
    add(model, virtual_interface("left0", "net_ring0", {{"peer", "right0"}}));
    add(model, virtual_interface("right0", "net_ring1"));

    const auto ports = open(model);

    ASSERT_TRUE(ports->find("left0")->failed);
    EXPECT_EQ(ports->find("left0")->problem->id, "ring-peer-missing");
    EXPECT_FALSE(ports->find("right0")->failed);
}

TEST_F(RunningPorts, give_back_all_packets_when_they_close) {
    config::Model model = small_model();
    add(model, virtual_interface("left0", "net_ring0"));
    const auto ports = open(model);
    rte_mbuf* packet = rte_pktmbuf_alloc(ports->pool());
    ASSERT_EQ(rte_eth_tx_burst(ports->find("left0")->port_id, 0, &packet, 1), 1);
    ASSERT_EQ(ports->packets_in_use(), 1U);

    ports->close();

    EXPECT_EQ(ports->packets_in_use(), 0U);
    EXPECT_TRUE(ports->find("left0")->failed);
}

TEST_F(RunningPorts, take_the_configured_address_or_a_stable_one_of_their_own) {
    config::Model model = small_model();
    add(model, virtual_interface("bench0", "net_null0"));
    auto fixed = virtual_interface("bench1", "net_null1");
    fixed.mac = net::MacAddress::parse("02:00:5e:10:00:01");
    add(model, fixed);

    const net::MacAddress first = open(model)->find("bench0")->mac;
    const auto ports = open(model);

    EXPECT_EQ(ports->find("bench0")->mac, first);
    EXPECT_FALSE(first.is_zero());
    EXPECT_EQ(ports->find("bench1")->mac, *fixed.mac);
    const auto other = *net::MacAddress::parse("02:00:5e:10:00:02");
    EXPECT_FALSE(ports->set_mac("bench1", other));
    EXPECT_EQ(ports->find("bench1")->mac, other);
}

TEST_F(RunningPorts, have_an_mtu_within_the_limit_of_their_device_and_buffers) {
    config::Model model = small_model();
    auto memif =
        virtual_interface("m0", "net_memif0", {{"role", "server"}, {"socket", "godwit-test-mtu"}});
    memif.mtu = 1501;
    add(model, memif);
    auto wide = virtual_interface("ring0", "net_ring0");
    wide.mtu = 2022;
    add(model, wide);
    const auto ports = open(model);

    ASSERT_TRUE(ports->find("m0")->failed);
    EXPECT_EQ(ports->find("m0")->problem->id, "mtu-too-large");
    EXPECT_NE(ports->find("m0")->problem->what.find("which is 1500"), std::string::npos);
    ASSERT_FALSE(ports->find("ring0")->failed);
    EXPECT_EQ(ports->find("ring0")->mtu, 2022);
    EXPECT_FALSE(ports->set_mtu("ring0", 1280));
    EXPECT_EQ(ports->find("ring0")->mtu, 1280);
    const auto problem = ports->set_mtu("ring0", 9000);
    ASSERT_TRUE(problem);
    EXPECT_EQ(problem->id, "mtu-needs-restart");
    EXPECT_EQ(ports->find("ring0")->mtu, 1280);
}

TEST_F(RunningPorts, are_down_while_disabled) {
    config::Model model = small_model();
    auto bench = virtual_interface("bench0", "net_null0");
    bench.enabled = false;
    add(model, bench);
    const auto ports = open(model);

    EXPECT_FALSE(ports->link(*ports->find("bench0")).up);
    EXPECT_FALSE(ports->set_enabled("bench0", true));
    EXPECT_TRUE(ports->link(*ports->find("bench0")).up);
}

TEST_F(RunningPorts, keep_their_pool_within_its_budget) {
    config::Model model = small_model();
    add(model, virtual_interface("bench0", "net_null0"));
    const MemoryBudget budget = memory_budget(model);
    const auto ports = open(model);

    const rte_mempool* pool = ports->pool();
    const std::uint64_t buffer = pool->header_size + pool->elt_size + pool->trailer_size;
    EXPECT_EQ(pool->size, budget.packet_count);
    EXPECT_LE(buffer, budget.packet_bytes);
    EXPECT_GE(buffer + kChannelPaddingBytes, budget.packet_bytes);
    EXPECT_EQ(pool->cache_size, kCachePackets);
}

TEST_F(RunningPorts, carry_what_a_test_feeds_into_a_ring_port) {
    config::Model model = small_model();
    const auto ports = open(model);
    {
        auto port = RingPort::open("fed", 1, 2, ports->pool());
        ASSERT_TRUE(port) << port.error().what;
        rte_mbuf* packet = rte_pktmbuf_alloc(ports->pool());
        ASSERT_EQ(rte_ring_enqueue(port->to_port(0), packet), 0);

        rte_mbuf* received = nullptr;
        ASSERT_EQ(rte_eth_rx_burst(port->port_id(), 0, &received, 1), 1);
        ASSERT_EQ(rte_eth_tx_burst(port->port_id(), 1, &received, 1), 1);

        EXPECT_EQ(rte_ring_count(port->from_port(0)), 0U);
        EXPECT_EQ(rte_ring_count(port->from_port(1)), 1U);
    }
    EXPECT_EQ(ports->packets_in_use(), 0U);
    EXPECT_TRUE(RingPort::open("fed", 1, 1, ports->pool())) << "the name is free again";
}

}  // namespace
}  // namespace godwit::drivers
