#include "dataplane/nodes/fragment/fragment_plan.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

namespace godwit::dataplane {
namespace {

std::vector<std::uint8_t> header_of(const net::Ipv4Header& header) {
    std::vector<std::uint8_t> bytes(header.encoded_size() + header.payload_bytes);
    net::ByteWriter writer(bytes);
    header.encode(writer);
    bytes.resize(header.encoded_size());
    return bytes;
}

net::HeaderOptions options(std::initializer_list<std::uint8_t> bytes) {
    return *net::HeaderOptions::from(std::vector<std::uint8_t>(bytes));
}

struct Made {
    net::Ipv4Header header;
    std::uint16_t total_bytes;
};

std::vector<Made> cut(const net::Ipv4Header& header, std::uint16_t mtu) {
    auto plan = FragmentPlan::make(header_of(header), mtu);
    std::vector<Made> made;
    while (plan && plan->left() > 0) {
        std::array<std::uint8_t, net::kIpv4MaxHeaderBytes> bytes{};
        const FragmentPlan::Part part = plan->next(bytes);
        std::vector<std::uint8_t> packet(bytes.begin(), bytes.begin() + part.header_bytes);
        packet.resize(std::size_t{part.header_bytes} + part.payload_bytes);
        const auto view = net::wire::Ipv4View::parse(packet);
        EXPECT_TRUE(view && view->has_valid_checksum());
        made.push_back({view->header(), view->total_bytes()});
    }
    return made;
}

// rfc1812: 4.2.2.7/a, 4.2.2.7/b, 4.2.2.7/c
TEST(FragmentPlan, covers_every_packet_without_a_gap_in_as_few_parts_as_fit) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 3'000; ++round) {
        const auto mtu = static_cast<std::uint16_t>(68 + random() % 2'000);
        net::Ipv4Header header;
        if (random() % 2 == 0) {
            header.options = options({0x9e, 4, 1, 2, 0x1e, 4, 3, 4, 1, 1});
        }
        const std::size_t most = 65'535 - header.encoded_size();
        const std::size_t least = mtu - header.encoded_size() + 1;
        header.payload_bytes = static_cast<std::uint16_t>(least + random() % (most - least + 1));
        const std::vector<Made> made = cut(header, mtu);

        std::size_t next = 0;
        std::size_t room = 0;
        for (std::size_t i = 0; i < made.size(); ++i) {
            const net::Ipv4Header& part = made[i].header;
            EXPECT_EQ(part.fragment_units * std::size_t{8}, next);
            EXPECT_EQ(part.more_fragments, i + 1 < made.size());
            EXPECT_LE(made[i].total_bytes, mtu);
            EXPECT_GT(part.payload_bytes, 0U);
            EXPECT_TRUE(!part.more_fragments || part.payload_bytes % 8 == 0);
            next += part.payload_bytes;
            // What one part less could have carried.
            const std::size_t space = mtu - part.encoded_size();
            room += i + 1 == made.size() ? 0 : i + 2 == made.size() ? space : space / 8 * 8;
        }
        EXPECT_EQ(next, header.payload_bytes) << "MTU " << mtu;
        if (made.size() > 2) {
            EXPECT_LT(room, header.payload_bytes) << "MTU " << mtu << ": one part too many";
        }
        if (::testing::Test::HasFailure()) {
            return;
        }
    }
}

// rfc791: 3.2
TEST(FragmentPlan, of_a_fragment_counts_on_and_keeps_its_flag_for_the_last) {
    net::Ipv4Header header;
    header.payload_bytes = 1480;
    header.fragment_units = 185;
    header.more_fragments = true;
    const std::vector<Made> made = cut(header, 1000);
    ASSERT_EQ(made.size(), 2U);
    EXPECT_EQ(made[0].header.fragment_units, 185U);
    EXPECT_EQ(made[1].header.fragment_units, 185U + 744U / 8U);
    EXPECT_TRUE(made[1].header.more_fragments);
}

// rfc791: 3.1
TEST(FragmentPlan, copies_the_options_that_say_so) {
    net::Ipv4Header header;
    header.payload_bytes = 1480;
    header.options = options({1, 0x1e, 4, 3, 4, 0x9e, 5, 7, 8, 9, 0});
    const std::vector<Made> made = cut(header, 700);
    ASSERT_EQ(made.size(), 3U);
    EXPECT_EQ(made[0].header.options, header.options);
    EXPECT_EQ(made[1].header.options, options({0x9e, 5, 7, 8, 9, 0, 0, 0}));
    EXPECT_EQ(made[2].header.options, made[1].header.options);
}

// rfc1812: 5.2.5/c
TEST(FragmentPlan, copies_the_reserved_flag_and_sets_it_by_itself_never) {
    for (const std::uint16_t flag : {net::kIpv4ReservedFlag, std::uint16_t{0}}) {
        net::Ipv4Header header;
        header.payload_bytes = 1480;
        std::vector<std::uint8_t> bytes = header_of(header);
        bytes[6] = static_cast<std::uint8_t>(flag >> 8);
        auto plan = FragmentPlan::make(bytes, 700);
        ASSERT_TRUE(plan);
        while (plan->left() > 0) {
            std::array<std::uint8_t, net::kIpv4MaxHeaderBytes> part{};
            plan->next(part);
            EXPECT_EQ(part[6] & 0x80U, flag >> 8) << plan->left() << " parts are left";
            EXPECT_EQ((part[6] & 0x20U) != 0, plan->left() > 0);
        }
    }
}

TEST(FragmentPlan, refuses_what_has_no_offsets_and_links_without_room) {
    net::Ipv4Header header;
    header.payload_bytes = 600;
    header.fragment_units = 8191;
    EXPECT_FALSE(FragmentPlan::make(header_of(header), 576));
    header.fragment_units = 0;
    EXPECT_FALSE(FragmentPlan::make(header_of(header), 27));
    EXPECT_TRUE(FragmentPlan::make(header_of(header), 28));
}

}  // namespace
}  // namespace godwit::dataplane
