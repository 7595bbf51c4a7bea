// The guard around memif, with both ends of one link in this process. A peer that dies or
// misbehaves is played by cutting the shared file short under them: the next access beyond it is
// the SIGBUS that kills a router without the guard.
#include "drivers/burst.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "tests/unit/drivers/in_process.hpp"
#include "tests/unit/drivers/models.hpp"

namespace godwit::drivers {
namespace {

constexpr std::uint16_t kFrameBytes = 200;

// Both rings with their descriptors lie in front of the buffers: 2 × (128 + 1024 × 16) bytes. Taken
// from the next page on, buffers 0 and 1 of 2048 bytes still hold a short frame, and buffer 2 is
// gone.
constexpr std::uintptr_t kKeepTwoBuffers = 36864;

// Likewise: buffer 59 still holds a short frame, and buffer 60 is gone; 239 holds 1664 bytes, and
// buffer 240 is gone.
constexpr std::uintptr_t kTakeBuffersFrom60 = kKeepTwoBuffers + 29 * 4096;
constexpr std::uintptr_t kTakeBuffersFrom240 = kKeepTwoBuffers + 119 * 4096;
constexpr std::uintptr_t kTakeBuffersFrom480 = kKeepTwoBuffers + 239 * 4096;

class GuardedBursts : public InProcessEal {
protected:
    void SetUp() override {
        // A memif server stays until the process ends (drivers/ports.cpp): each test has its own.
        static int link = 0;
        ++link;
        const std::string socket = fmt::format("godwit-test-{}-{}", getpid(), link);
        config::Model model = small_model();
        add(model, virtual_interface("server", fmt::format("net_memif{}", link * 2),
                                     {{"id", "0"}, {"role", "server"}, {"socket", socket}}));
        add(model, virtual_interface("zclient", fmt::format("net_memif{}", link * 2 + 1),
                                     {{"id", "0"}, {"role", "client"}, {"socket", socket}}));
        ports_ = open(model);
        ASSERT_TRUE(ports_);
        server_ = ports_->find("server");
        client_ = ports_->find("zclient");
        ASSERT_FALSE(server_->failed) << server_->problem->what;
        ASSERT_FALSE(client_->failed) << client_->problem->what;
        ASSERT_TRUE(server_->may_vanish);
        ASSERT_TRUE(connected());
    }

    [[nodiscard]] bool connected() const {
        return eventually([this] {
            // Both are asked every time: asking is what lets them reconnect.
            const bool server_up = ports_->link(*server_).up;
            const bool client_up = ports_->link(*client_).up;
            return server_up && client_up;
        });
    }

    [[nodiscard]] std::vector<rte_mbuf*> make_frames(unsigned count) const {
        std::vector<rte_mbuf*> frames(count);
        for (unsigned i = 0; i < count; ++i) {
            frames[i] = rte_pktmbuf_alloc(ports_->pool());
            std::memset(rte_pktmbuf_append(frames[i], kFrameBytes), static_cast<int>(i),
                        kFrameBytes);
        }
        return frames;
    }

    // The same bytes in a chain of buffers.
    [[nodiscard]] std::vector<rte_mbuf*> make_chains(unsigned count, unsigned segments,
                                                     std::uint16_t segment_bytes) const {
        std::vector<rte_mbuf*> frames(count);
        for (unsigned i = 0; i < count; ++i) {
            for (unsigned segment = 0; segment < segments; ++segment) {
                rte_mbuf* buffer = rte_pktmbuf_alloc(ports_->pool());
                std::memset(rte_pktmbuf_append(buffer, segment_bytes), static_cast<int>(i),
                            segment_bytes);
                if (segment == 0) {
                    frames[i] = buffer;
                } else {
                    rte_pktmbuf_chain(frames[i], buffer);
                }
            }
        }
        return frames;
    }

    [[nodiscard]] std::uint16_t send(unsigned count) const { return send(make_frames(count)); }

    // Frees what was not sent.
    [[nodiscard]] std::uint16_t send(std::vector<rte_mbuf*> frames) const {
        const std::uint16_t sent = guarded_tx_burst(client_->port_id, 0, frames.data(),
                                                    static_cast<std::uint16_t>(frames.size()));
        for (std::size_t i = sent; i < frames.size(); ++i) {
            rte_pktmbuf_free(frames[i]);
        }
        return sent;
    }

    [[nodiscard]] rte_mempool_cache& cache() const {
        return *rte_mempool_default_cache(ports_->pool(), rte_lcore_id());
    }

    // This lcore's cache has that many buffers then; the others are in the pool.
    void keep_in_cache(unsigned count) const {
        rte_mempool_cache_flush(&cache(), ports_->pool());
        std::vector<void*> buffers(count);
        ASSERT_EQ(rte_mempool_generic_get(ports_->pool(), buffers.data(), count, nullptr), 0);
        for (void* const buffer : buffers) {
            rte_mempool_put(ports_->pool(), buffer);
        }
        ASSERT_EQ(cache().len, count);
    }

    // Receives and frees; how many.
    [[nodiscard]] std::uint16_t receive() const {
        std::array<rte_mbuf*, 64> packets{};
        const std::uint16_t received =
            guarded_rx_burst(server_->port_id, 0, packets.data(), packets.size());
        for (std::uint16_t i = 0; i < received; ++i) {
            EXPECT_EQ(rte_pktmbuf_pkt_len(packets[i]), kFrameBytes);
            EXPECT_EQ(*rte_pktmbuf_mtod(packets[i], std::uint8_t*), i);
            rte_pktmbuf_free(packets[i]);
        }
        return received;
    }

    // Takes the shared memory behind its first `keep` bytes away from both ends, as the driver's
    // interrupt thread does when a peer dies.
    static void take_shared_memory(std::uintptr_t keep) {
        unsigned areas = 0;
        std::ifstream maps("/proc/self/maps");
        for (std::string line; std::getline(maps, line);) {
            std::uintptr_t begin = 0;
            std::uintptr_t end = 0;
            if (line.find("memif") != std::string::npos && line.find("rw-s") != std::string::npos &&
                std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR, &begin, &end) == 2) {
                ASSERT_EQ(
                    mprotect(reinterpret_cast<void*>(begin + keep), end - begin - keep, PROT_NONE),
                    0);
                ++areas;
            }
        }
        ASSERT_EQ(areas, 2U) << "one mapping an end";
    }

    void expect_the_link_to_come_back() const {
        const auto passes = [this] {
            (void)ports_->link(*server_);
            (void)ports_->link(*client_);
            return send(1) == 1 && receive() == 1;
        };
        EXPECT_TRUE(eventually(passes));
        EXPECT_EQ(ports_->packets_in_use(), 0U);
    }

    std::unique_ptr<Ports> ports_;
    const Port* server_ = nullptr;
    const Port* client_ = nullptr;
};

TEST_F(GuardedBursts, carry_packets_like_plain_ones) {
    EXPECT_EQ(send(40), 40);
    EXPECT_EQ(receive(), 40);
    EXPECT_EQ(ports_->packets_in_use(), 0U);
}

TEST_F(GuardedBursts, keep_what_does_not_fit_with_the_caller) {
    std::uint16_t sent = 0;
    for (int i = 0; i < 20; ++i) {
        sent = static_cast<std::uint16_t>(sent + send(64));
    }
    EXPECT_EQ(sent, 1024);  // the ring
    EXPECT_EQ(ports_->packets_in_use(), 0U);
}

TEST_F(GuardedBursts, survive_a_receive_ring_that_is_gone) {
    const auto before = burst_faults(server_->port_id).rx;
    ASSERT_EQ(send(5), 5);
    take_shared_memory(0);

    EXPECT_EQ(receive(), 0);

    EXPECT_EQ(burst_faults(server_->port_id).rx, before + 1);
    EXPECT_TRUE(is_paused(server_->port_id));
    EXPECT_EQ(receive(), 0) << "a paused port is not polled";
    EXPECT_EQ(burst_faults(server_->port_id).rx, before + 1);
    EXPECT_EQ(ports_->packets_in_use(), 0U);
    expect_the_link_to_come_back();
}

TEST_F(GuardedBursts, return_the_whole_packets_and_recover_the_half_received_one) {
    const BurstFaults before = burst_faults(server_->port_id);
    ASSERT_EQ(send(5), 5);
    take_shared_memory(kKeepTwoBuffers);

    EXPECT_EQ(receive(), 2);

    const BurstFaults after = burst_faults(server_->port_id);
    EXPECT_EQ(after.rx, before.rx + 1);
    EXPECT_EQ(after.buffers_recovered, before.buffers_recovered + 1);
    EXPECT_EQ(after.buffers_lost, before.buffers_lost);
    EXPECT_EQ(ports_->packets_in_use(), 0U);
    EXPECT_EQ(ports_->statistics(*server_).rx_errors, after.rx);
    expect_the_link_to_come_back();
}

TEST_F(GuardedBursts, know_which_packets_a_transmit_fault_had_freed) {
    const BurstFaults before = burst_faults(client_->port_id);
    take_shared_memory(kKeepTwoBuffers);

    EXPECT_EQ(send(5), 2);

    EXPECT_EQ(burst_faults(client_->port_id).tx, before.tx + 1);
    EXPECT_EQ(ports_->packets_in_use(), 0U);
    EXPECT_FALSE(ports_->link(*client_).up && is_paused(client_->port_id));
    expect_the_link_to_come_back();
}

TEST_F(GuardedBursts, know_which_chains_a_transmit_fault_had_freed) {
    take_shared_memory(kKeepTwoBuffers);

    EXPECT_EQ(send(make_chains(5, 4, kFrameBytes / 4)), 2);

    EXPECT_EQ(ports_->packets_in_use(), 0U);
    expect_the_link_to_come_back();
}

TEST_F(GuardedBursts, know_it_when_the_cache_was_full_before_the_burst) {
    const BurstFaults before = burst_faults(client_->port_id);
    auto frames = make_frames(5);
    keep_in_cache(cache().flushthresh);
    take_shared_memory(kKeepTwoBuffers);

    EXPECT_EQ(send(frames), 2);

    EXPECT_EQ(burst_faults(client_->port_id).buffers_lost, before.buffers_lost);
    EXPECT_EQ(ports_->packets_in_use(), 0U);
    expect_the_link_to_come_back();
}

// Frees more buffers than the cache has room for, and then faults: what was sent cannot be known.
TEST_F(GuardedBursts, rather_lose_buffers_than_free_them_twice) {
    const BurstFaults before = burst_faults(client_->port_id);
    const unsigned frames = 64;
    const unsigned segments = 16;
    take_shared_memory(kTakeBuffersFrom60);

    EXPECT_EQ(send(make_chains(frames, segments, 10)), frames);

    EXPECT_EQ(burst_faults(client_->port_id).buffers_lost, before.buffers_lost + 1);
    EXPECT_LE(ports_->packets_in_use(), (frames - 60) * segments);
}

TEST_F(GuardedBursts, return_whole_packets_that_took_more_buffers_than_the_cache_had) {
    const BurstFaults before = burst_faults(server_->port_id);
    // 16000 bytes fill eight buffers of the link each; the 61st frame begins with buffer 480.
    ASSERT_EQ(send(make_chains(70, 16, 1000)), 70);
    keep_in_cache(200);
    take_shared_memory(kTakeBuffersFrom480);

    std::array<rte_mbuf*, 80> packets{};
    const std::uint16_t received =
        guarded_rx_burst(server_->port_id, 0, packets.data(), packets.size());

    ASSERT_EQ(received, 60);
    for (std::uint16_t i = 0; i < received; ++i) {
        EXPECT_EQ(rte_pktmbuf_pkt_len(packets[i]), 16000U);
        EXPECT_EQ(*rte_pktmbuf_mtod(rte_pktmbuf_lastseg(packets[i]), std::uint8_t*), i);
        rte_pktmbuf_free(packets[i]);
    }
    EXPECT_EQ(burst_faults(server_->port_id).buffers_lost, before.buffers_lost + 1);
    EXPECT_LE(ports_->packets_in_use(), 16U) << "those of the frame that was cut";
}

TEST_F(GuardedBursts, recover_the_buffers_of_a_half_received_chain) {
    const BurstFaults before = burst_faults(server_->port_id);
    ASSERT_EQ(send(make_chains(40, 16, 1000)), 40);
    keep_in_cache(512);
    take_shared_memory(kTakeBuffersFrom240 + 4096);  // two buffers into the frame

    std::array<rte_mbuf*, 64> packets{};
    const std::uint16_t received =
        guarded_rx_burst(server_->port_id, 0, packets.data(), packets.size());

    EXPECT_EQ(received, 30);
    rte_pktmbuf_free_bulk(packets.data(), received);
    EXPECT_GT(burst_faults(server_->port_id).buffers_recovered, before.buffers_recovered + 1);
    EXPECT_EQ(burst_faults(server_->port_id).buffers_lost, before.buffers_lost);
    EXPECT_EQ(ports_->packets_in_use(), 0U);
    expect_the_link_to_come_back();
}

TEST_F(GuardedBursts, leave_the_pool_whole_after_many_faults) {
    for (int round = 0; round < 5; ++round) {
        ASSERT_TRUE(connected());
        (void)send(32);
        take_shared_memory(round % 2 == 0 ? kKeepTwoBuffers : 0);
        (void)receive();
        (void)send(32);
        expect_the_link_to_come_back();
    }
    EXPECT_EQ(burst_faults(server_->port_id).buffers_lost, 0U);
}

TEST_F(GuardedBursts, wait_for_a_pause_to_end) {
    ASSERT_TRUE(pause_port(server_->port_id));
    ASSERT_EQ(send(3), 3);
    EXPECT_EQ(receive(), 0);
    resume_port(server_->port_id);
    EXPECT_EQ(receive(), 3);
}

TEST(BurstGuard, does_not_hide_a_fault_of_the_program_itself) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            install_burst_guard();
            // Address 8 belongs to nobody; no guard is armed here.
            *reinterpret_cast<volatile std::uint64_t*>(std::uintptr_t{8}) = 1;
        },
        "");
}

}  // namespace
}  // namespace godwit::drivers
