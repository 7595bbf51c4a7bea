// The wire forms of RIP: what is read, what is refused, and that both directions agree.
#include <gtest/gtest.h>

#include <random>

#include "controlplane/rip/packet/seal.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/seeds.hpp"

namespace godwit::control::rip {
namespace {

using testing::from_hex;
using testing::to_hex;

Message one_route() {
    Entry entry;
    entry.tag = 7;
    entry.address = net::Ipv4Address(10, 9, 0, 0);
    entry.mask = net::Ipv4Address(255, 255, 0, 0);
    entry.metric = 3;
    return {Command::Response, 2, {entry}};
}

PacketFault fault_of(std::string_view hex) {
    const auto bytes = from_hex(hex);
    const auto view = wire::MessageView::parse(bytes);
    return view ? PacketFault::kCount : view.error().fault;
}

constexpr std::string_view kEntry = "00020000 0a090000 ffff0000 00000000 00000003";

TEST(RipMessage, is_written_as_RFC_2453_4_draws_it) {
    EXPECT_EQ(encode(one_route()),
              from_hex("02020000 00020007 0a090000 ffff0000 00000000 00000003"));
    EXPECT_EQ(encode(request_for_everything(2)),
              from_hex("01020000 00000000 00000000 00000000 00000000 00000010"));
}

TEST(RipMessage, of_random_content_reads_as_it_was_written) {
    for (const std::uint64_t seed : testing::seeds(200)) {
        std::mt19937_64 random(seed);
        Message message{random() % 2 != 0 ? Command::Request : Command::Response,
                        static_cast<std::uint8_t>(2 + random() % 3),
                        {}};
        for (std::uint64_t i = random() % (kMostEntries + 1); i > 0; --i) {
            const auto word = [&] { return static_cast<std::uint32_t>(random()); };
            message.entries.push_back({static_cast<std::uint16_t>(random() % 0xffff),
                                       static_cast<std::uint16_t>(random()),
                                       net::Ipv4Address(word()), net::Ipv4Address(word()),
                                       net::Ipv4Address(word()), word()});
        }
        const auto bytes = encode(message);
        const auto view = wire::MessageView::parse(bytes);
        ASSERT_TRUE(view) << "seed " << seed;
        EXPECT_EQ(view->message(), message) << "seed " << seed;
        EXPECT_FALSE(view->authentication_type()) << "seed " << seed;
    }
}

TEST(RipMessage, is_refused_by_the_first_thing_that_is_wrong) {
    const std::string entry(kEntry);
    EXPECT_EQ(fault_of(""), PacketFault::Truncated);
    EXPECT_EQ(fault_of("020200"), PacketFault::Truncated);
    EXPECT_EQ(fault_of("02000000" + entry), PacketFault::BadVersion);
    EXPECT_EQ(fault_of("03020000" + entry), PacketFault::UnknownCommand);
    EXPECT_EQ(fault_of("02010001" + entry), PacketFault::ReservedNotZero);
    EXPECT_EQ(fault_of("02020000" + entry + "00"), PacketFault::BadLength);
    std::string many = "02020000";
    for (std::size_t i = 0; i <= kMostEntries; ++i) {
        many += entry;
    }
    EXPECT_EQ(fault_of(many), PacketFault::TooManyEntries);
}

TEST(RipMessage, of_a_later_version_may_have_bytes_where_version_1_has_zeros) {
    EXPECT_EQ(fault_of("02030102" + std::string(kEntry)), PacketFault::kCount);  // RFC 2453 5
}

TEST(RipMessage, of_version_1_has_no_authentication) {
    const auto bytes = from_hex("02010000 ffff0002 70617373 776f7264 00000000 00000000");
    const auto view = wire::MessageView::parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_FALSE(view->authentication_type());
    EXPECT_EQ(view->entry(0).family, kFamilyAuthentication);
}

TEST(RipPassword, stands_in_the_first_entry_filled_with_zeros) {
    const auto bytes = encode_with_password(one_route(), "password");
    EXPECT_EQ(bytes, from_hex("02020000 ffff0002 70617373 776f7264 00000000 00000000"
                              "00020007 0a090000 ffff0000 00000000 00000003"));
    const auto view = wire::MessageView::parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->authentication_type(), 2);
    EXPECT_EQ(view->message(), one_route());
}

// Made by an independent program (hashlib and hmac of Python) from the text of RFC 4822.
TEST(RipSeal, gives_the_digests_of_an_independent_implementation) {
    const std::string head = "02020000ffff0003002c05";
    const std::string rest =
        "0012d6870000000000000000000200070a090000ffff00000000000000000003ffff0001";
    const auto sealed = [](Algorithm algorithm, const std::string& secret) {
        return encode_sealed(one_route(), {algorithm, 5, 1234567, DataLength::Digest}, secret);
    };
    EXPECT_EQ(sealed(Algorithm::KeyedMd5, "secret"),
              from_hex(head + "10" + rest + "567bf707530e62d2e4e80c8525881439"));
    EXPECT_EQ(sealed(Algorithm::HmacSha1, "secret"),
              from_hex(head + "14" + rest + "94f51c7f6a67533ccda6d2253bff85b3f37aa8d3"));
    EXPECT_EQ(sealed(Algorithm::HmacSha256, "secret"),
              from_hex(head + "20" + rest +
                       "871f930f5583970f61822304d0f1bb268fb07b4e7fcc7554b19a431402c1ccb7"));
    EXPECT_EQ(sealed(Algorithm::HmacSha384, "secret"),
              from_hex(head + "30" + rest +
                       "66444bb7de4dbc1f193522359c4ccda7ec008700776e2994f7c8db575ee54e0f"
                       "1b471e3ffc30932f76ac8d1a43582be7"));
    EXPECT_EQ(sealed(Algorithm::HmacSha512, "secret"),
              from_hex(head + "40" + rest +
                       "fa2cda5e2116b8892101e5bd73a7507a27c9ba7060ac30042eec6de7b5b224f8"
                       "6aa90331e52d24b04958f7e213e279da4e232ee68a941c6daff2e2d98d48af5d"));
    EXPECT_EQ(sealed(Algorithm::HmacSha1, "a secret that is longer than the digest"),
              from_hex(head + "14" + rest + "7ccbd6c034d845cf5bb4269df31486ead132c251"));
}

TEST(RipSeal, is_read_with_either_meaning_of_the_data_length) {
    for (const DataLength length : {DataLength::Digest, DataLength::DigestAndTrailer}) {
        for (const Algorithm algorithm :
             {Algorithm::KeyedMd5, Algorithm::HmacSha1, Algorithm::HmacSha256,
              Algorithm::HmacSha384, Algorithm::HmacSha512}) {
            const auto bytes = encode_sealed(one_route(), {algorithm, 9, 42, length}, "secret");
            const auto view = wire::MessageView::parse(bytes);
            ASSERT_TRUE(view) << to_hex(bytes);
            EXPECT_EQ(view->message(), one_route());
            EXPECT_EQ(view->trailer().key_id, 9);
            EXPECT_EQ(view->trailer().sequence, 42U);
            EXPECT_TRUE(same_bytes(view->trailer().digest,
                                   digest_of(algorithm, "secret", view->trailer().sealed).span()));
        }
    }
}

TEST(RipSeal, never_makes_a_packet_longer_than_512_bytes) {
    for (const Algorithm algorithm :
         {Algorithm::KeyedMd5, Algorithm::HmacSha1, Algorithm::HmacSha256, Algorithm::HmacSha512}) {
        Message full{Command::Response, 2, {}};
        full.entries.resize(entries_with(algorithm));
        EXPECT_LE(encode_sealed(full, {algorithm, 1, 1, DataLength::Digest}, "x").size(),
                  kMostBytes);
    }
}

TEST(RipSeal, whose_parts_are_not_where_it_says_is_refused) {
    const auto good = encode_sealed(one_route(), {Algorithm::KeyedMd5, 1, 1, {}}, "secret");
    const auto with = [&](std::size_t at, std::uint8_t value) {
        auto bytes = good;
        bytes[at] = value;
        const auto view = wire::MessageView::parse(bytes);
        return view ? PacketFault::kCount : view.error().fault;
    };
    EXPECT_EQ(with(9, 0xff), PacketFault::BadTrailer);  // behind the end
    EXPECT_EQ(with(9, 0x17), PacketFault::BadTrailer);  // inside the authentication
    EXPECT_EQ(with(9, 0x2b), PacketFault::BadTrailer);  // no mark there
    EXPECT_EQ(with(11, 15), PacketFault::BadTrailer);   // another length of the data
    EXPECT_EQ(fault_of("02020000 ffff0003 002c"), PacketFault::Truncated);
}

}  // namespace
}  // namespace godwit::control::rip
