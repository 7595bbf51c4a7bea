// A table owner with real tables, rings and packets in one process; the workers stand still, and
// the test takes what they would be given. Time is the test's.
#pragma once

#include <gtest/gtest.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <sched.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "config/load/load.hpp"
#include "dataplane/graph/packet.hpp"
#include "dataplane/owner/owner.hpp"
#include "net/arp.hpp"
#include "net/byte_writer.hpp"
#include "net/checksum.hpp"
#include "net/ethernet.hpp"
#include "net/ipv4.hpp"
#include "net/siphash.hpp"
#include "tests/unit/dataplane/owner/fake_ports.hpp"

namespace godwit::dataplane {

// What chance is drawn from here, the same in each run.
constexpr net::SipKey kRandomKey{7, 11};

constexpr const char* kRouter = R"(version: 1
interfaces:
  lan0: {vdev: net_null0, addresses: [10.0.0.1/24]}
  wan0: {vdev: net_null1, addresses: [192.0.2.1/30]}
  lan0.20: {parent: lan0, vlan: 20, addresses: [10.0.20.1/24]}
  lo0: {loopback: true, addresses: [198.51.100.1/32]}
)";

inline config::Model model_of(const std::string& yaml) {
    auto loaded = config::load_text(yaml, "test.yaml");
    EXPECT_TRUE(loaded) << (loaded ? "" : config::render(loaded.error()));
    return loaded ? loaded->model : config::Model{};
}

// What a worker got: where it is to go on, and its bytes.
struct Given {
    api::NodeId resume{};
    PacketMeta about;
    std::vector<std::uint8_t> bytes;
};

class OwnerTest : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        if (pool_ != nullptr) {
            return;
        }
        spdlog::set_level(spdlog::level::off);
        cpu_set_t allowed;
        sched_getaffinity(0, sizeof allowed, &allowed);
        config::Model model;
        while (!CPU_ISSET(model.workers.main_core, &allowed)) {
            ++model.workers.main_core;
        }
        model.workers.memory = {128ULL << 20};
        auto eal = drivers::Eal::start(model, {.in_process_test = true});
        ASSERT_TRUE(eal) << eal.error().what;
        eal_ = eal->release();  // one for the program; it goes when the program does
        pool_ = rte_pktmbuf_pool_create("owner-test", 2047, 0, kPacketPrivateBytes, 2048, 0);
        ASSERT_NE(pool_, nullptr);
    }

    OwnerTest() : OwnerTest(2) {}
    explicit OwnerTest(unsigned worker_count)
        : reclaimer(worker_count),
          fib(reclaimer, 10000),
          next_hops(reclaimer, 1024, 1100, 16),
          table(reclaimer),
          links(worker_count),
          shared{.reclaimer = reclaimer,
                 .fib = fib,
                 .next_hops = next_hops,
                 .interfaces = table,
                 .links = links,
                 .pool = pool_,
                 .random_key = kRandomKey},
          region(std::make_unique<api::CountersRegion>()) {
        ports.add("lan0");
        ports.add("wan0");
        for (unsigned number = 0; number < worker_count; ++number) {
            workers.push_back(std::make_unique<Worker>(number, shared, region->blocks[number],
                                                       std::vector<RxQueue>{},
                                                       config::IdleMode::Poll));
        }
        start(kRouter);
    }
    ~OwnerTest() override {
        if (owner) {
            owner->shut_down();
        }
        discard();
        EXPECT_EQ(in_flight(), 0);
        owner.reset();
        EXPECT_EQ(rte_mempool_in_use_count(pool_), 0U) << "packet buffers are missing";
    }

    void start(const std::string& yaml) {
        owner = std::make_unique<Owner>(OwnerParts{shared, ports, counters(), workers},
                                        model_of(yaml), yaml, OwnerSettings{}, now);
        owner->turn(now);
        pass(std::chrono::seconds(5));  // the announcements
        discard();
    }
    void pass(Duration time) {
        const Instant end = now + time;
        while (owner->next_deadline() < end) {
            now = std::max(now, owner->next_deadline());
            owner->turn(now);
        }
        now = end;
        owner->turn(now);
    }
    api::CounterBlock& counters() { return region->blocks[workers.size()]; }
    std::int64_t in_flight() {
        const api::CounterBlock& block = counters();
        return static_cast<std::int64_t>(block.received.read() + block.handed_in.read() +
                                         block.originated.read() + block.injected.read()) -
               static_cast<std::int64_t>(block.sent.read() + block.punted.read() +
                                         block.dropped.read() + block.handed_out.read());
    }
    std::uint64_t drops(api::DropReason reason) {
        return counters().drops[static_cast<std::size_t>(reason)].read();
    }
    net::InterfaceId id(const std::string& name) { return *owner->interfaces().id_of(name); }

    // ---- packets
    static std::vector<std::uint8_t> ipv4(net::Ipv4Address source, net::Ipv4Address destination,
                                          std::size_t payload = 20) {
        std::vector<std::uint8_t> bytes(20 + payload);
        bytes[0] = 0x45;
        bytes[2] = static_cast<std::uint8_t>(bytes.size() >> 8);
        bytes[3] = static_cast<std::uint8_t>(bytes.size());
        bytes[8] = 64;
        bytes[9] = 253;
        const auto put = [&](std::size_t at, net::Ipv4Address address) {
            const net::Big32 wire = address.to_wire();
            std::memcpy(bytes.data() + at, &wire, 4);
        };
        put(12, source);
        put(16, destination);
        return bytes;
    }
    rte_mbuf* packet(const std::vector<std::uint8_t>& bytes, api::NodeId resume) {
        rte_mbuf* result = rte_pktmbuf_alloc(pool_);
        reset_meta(result);
        meta(result).resume = resume;
        char* place = rte_pktmbuf_append(result, static_cast<std::uint16_t>(bytes.size()));
        std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::uint8_t*>(place));
        return result;
    }
    // As worker 0 hands over a packet that came in on wan0.
    void to_resolve(net::Ipv4Address gateway, const std::string& egress = "lan0") {
        rte_mbuf* one =
            packet(ipv4(net::Ipv4Address(192, 0, 2, 2), gateway), api::NodeId::ArpResolve);
        meta(one).ingress = id("wan0");
        meta(one).egress = id(egress);
        meta(one).gateway = gateway.value();
        give(one);
    }
    void arp(const std::string& ingress, net::ArpOperation operation, net::Ipv4Address sender,
             net::Ipv4Address target, const net::MacAddress& mac) {
        std::vector<std::uint8_t> bytes(net::ArpMessage::encoded_size());
        net::ByteWriter writer(bytes);
        net::ArpMessage{operation, mac, sender, net::MacAddress(), target}.encode(writer);
        rte_mbuf* one = packet(bytes, api::NodeId::ArpInput);
        meta(one).ingress = id(ingress);
        give(one);
    }
    void give(rte_mbuf* one) {
        const bool is_arp = meta(one).resume == api::NodeId::ArpInput;
        ASSERT_EQ(is_arp ? links.give_owner_arp(0, std::span(&one, 1))
                         : links.give_owner(0, std::span(&one, 1)),
                  1U);
        owner->turn(now);
    }
    std::vector<Given> taken() {
        std::vector<Given> result;
        for (unsigned worker = 0; worker < workers.size(); ++worker) {
            rte_mbuf* one = nullptr;
            while (links.take_handed(worker, std::span(&one, 1)) == 1) {
                std::vector<std::uint8_t> bytes;
                for (const rte_mbuf* part = one; part != nullptr; part = part->next) {
                    const auto* data = rte_pktmbuf_mtod(part, const std::uint8_t*);
                    bytes.insert(bytes.end(), data, data + part->data_len);
                }
                result.push_back({meta(one).resume, meta(one), std::move(bytes)});
                rte_pktmbuf_free(one);
            }
        }
        return result;
    }
    void discard() { taken(); }

    api::ConfigureOutcome configure(const std::string& yaml, std::string& text) {
        const auto prepared = owner->configure(api::ConfigurePhase::Prepare, 2, yaml, text);
        if (prepared != api::ConfigureOutcome::Done) {
            return prepared;
        }
        const auto outcome = owner->configure(api::ConfigurePhase::Commit, 2, yaml, text);
        owner->turn(now);
        return outcome;
    }

    inline static drivers::Eal* eal_ = nullptr;
    inline static rte_mempool* pool_ = nullptr;

    Instant now{std::chrono::hours(1)};
    Reclaimer reclaimer;
    Fib fib;
    NextHops next_hops;
    InterfaceTable table;
    Links links;
    Shared shared;
    std::unique_ptr<api::CountersRegion> region;
    FakePorts ports;
    std::vector<std::unique_ptr<Worker>> workers;
    std::unique_ptr<Owner> owner;
};

}  // namespace godwit::dataplane
