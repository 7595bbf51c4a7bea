// The file of a run: what is in it, block by block.
#include "tests/sim/tcp/pcapng.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "tests/sim/tcp/transfer.hpp"

namespace godwit::sim {
namespace {

TEST(Pcapng_of_a_run, holds_every_segment_of_both_hosts) {
    const auto file = std::filesystem::path(testing::TempDir()) / "godwit-pcapng-test.pcapng";
    World world(1);
    {
        Pcapng capture(file, world);
        TransferPlan plan;
        plan.up = 5000;
        Transfer transfer(world, plan);
        world.run(world.now() + std::chrono::hours(1));
        EXPECT_TRUE(transfer.over());
        EXPECT_TRUE(capture.written());
        world.capture = nullptr;
    }
    std::ifstream stream(file, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
    const auto word = [&](std::size_t at) {
        std::uint32_t value = 0;
        std::memcpy(&value, bytes.data() + at, sizeof(value));
        return value;
    };
    std::uint64_t packets = 0;
    std::size_t at = 0;
    while (at < bytes.size()) {
        const std::uint32_t length = word(at + 4);
        ASSERT_GE(length, 12U);
        ASSERT_LE(at + length, bytes.size());
        EXPECT_EQ(word(at + length - 4), length);
        if (word(at) == 6) {
            ++packets;
            EXPECT_LT(word(at + 8), 2U);
            EXPECT_EQ(bytes[at + 28], 0x45) << "an IPv4 header";
        }
        at += length;
    }
    // Nothing is lost on this link: each is seen twice.
    EXPECT_EQ(packets, 2 * (world.client().segments_sent + world.server().segments_sent));
    std::filesystem::remove(file);
}

}  // namespace
}  // namespace godwit::sim
