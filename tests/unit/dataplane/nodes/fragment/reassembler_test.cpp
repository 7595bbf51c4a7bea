// Limits and time of the reassembler; what it makes of fragments is compared with a byte map in
// tests/fuzz/reassembler_fuzz.cpp, and frame by frame in tests/packet/cases/fragments.yaml.
#include "dataplane/nodes/fragment/reassembler.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "dataplane/graph/packet_bytes.hpp"
#include "net/ipv4.hpp"
#include "tests/support/loose_packet.hpp"

namespace godwit::dataplane {
namespace {

using api::DropReason;

constexpr std::uint64_t kSecond = 1'000;  // cycles
constexpr std::uint64_t kLifetime = Reassembler::kSeconds * kSecond;

class ReassemblerTest : public testing::Test {
protected:
    // The clock stands at `now_`.
    ~ReassemblerTest() override {
        // The packets have no pool, so none may be held when the reassembler goes.
        reassembler_.expire(UINT64_MAX, UINT32_MAX);
    }

    struct Part {
        std::uint16_t identification = 1;
        std::uint16_t units = 0;
        std::uint16_t bytes = 8;
        bool more = true;
        std::uint16_t interface = 1;
    };

    rte_mbuf* add(const Part& part) {
        net::Ipv4Header header;
        header.payload_bytes = part.bytes;
        header.identification = part.identification;
        header.fragment_units = part.units;
        header.more_fragments = part.more;
        header.protocol = net::IpProtocol::Udp;
        header.source = net::Ipv4Address(0x0a000002);
        header.destination = net::Ipv4Address(0x0a000001);
        std::array<std::uint8_t, 1'600> bytes{};
        net::ByteWriter writer(bytes);
        header.encode(writer);
        auto& made = packets_.emplace_back(std::span(bytes).first(20U + part.bytes));
        meta(&made.packet).ingress = net::InterfaceId(part.interface);
        rte_mbuf* whole = reassembler_.add(&made.packet, now_);
        count_ended();
        return whole;
    }
    void count_ended() {
        for (rte_mbuf* packet : reassembler_.ended()) {
            ++ended_[meta(packet).drop_reason];
        }
    }
    void expire() {
        reassembler_.expire(now_, UINT32_MAX);
        count_ended();
    }

    std::uint64_t now_ = 5'000;
    std::deque<test::LoosePacket<1'600>> packets_;
    std::map<DropReason, unsigned> ended_;
    Reassembler reassembler_{1, kSecond};
};

// rfc1122: 3.3.2
TEST_F(ReassemblerTest, a_datagram_has_a_minute_from_its_first_fragment_on) {
    reassembler_.set_limits({10, 10, 100});
    add({});
    now_ += kLifetime - 1;
    add({.units = 1});
    expire();
    EXPECT_TRUE(ended_.empty());
    ++now_;
    expire();
    EXPECT_EQ(ended_, (std::map<DropReason, unsigned>{{DropReason::ReassemblyTimeout, 2}}));
    EXPECT_EQ(reassembler_.buffers(), 0U);
}

TEST_F(ReassemblerTest, a_fragment_that_comes_late_begins_anew_even_before_anyone_looked) {
    reassembler_.set_limits({10, 10, 100});
    add({});
    now_ += kLifetime;
    EXPECT_EQ(add({.units = 1, .more = false}), nullptr);
    EXPECT_EQ(ended_[DropReason::ReassemblyTimeout], 1U);
    EXPECT_EQ(reassembler_.datagrams(), 1U);
}

TEST_F(ReassemblerTest, at_the_limit_the_oldest_gives_its_place) {
    reassembler_.set_limits({3, 3, 100});
    for (std::uint16_t id = 1; id <= 4; ++id) {
        add({.identification = id, .interface = id});
    }
    EXPECT_EQ(ended_, (std::map<DropReason, unsigned>{{DropReason::ReassemblyFull, 1}}));
    EXPECT_NE(add({.identification = 2, .units = 1, .more = false}), nullptr);
    EXPECT_EQ(add({.identification = 1, .units = 1, .more = false}), nullptr);
}

TEST_F(ReassemblerTest, a_flood_on_one_interface_takes_no_place_of_another) {
    reassembler_.set_limits({100, 3, 100});
    add({.identification = 1, .interface = 2});
    for (std::uint16_t id = 2; id < 1'000; ++id) {
        add({.identification = id});
    }
    EXPECT_EQ(ended_, (std::map<DropReason, unsigned>{{DropReason::ReassemblyInterfaceFull, 995}}));
    EXPECT_EQ(reassembler_.datagrams(), 4U);
    EXPECT_NE(add({.identification = 1, .units = 1, .more = false, .interface = 2}), nullptr);
}

TEST_F(ReassemblerTest, buffers_are_bounded_whatever_is_in_them) {
    reassembler_.set_limits({1'000, 1'000, 130});
    for (std::uint16_t id = 0; id < 500; ++id) {
        add({.identification = id});
        ASSERT_LE(reassembler_.buffers(), 130U);
    }
    EXPECT_EQ(ended_, (std::map<DropReason, unsigned>{{DropReason::ReassemblyFull, 370}}));
}

TEST_F(ReassemblerTest, a_datagram_alone_that_wants_more_than_all_buffers_ends) {
    reassembler_.set_limits({10, 10, 4});
    for (std::uint16_t units = 0; units < 5; ++units) {
        add({.units = units});
    }
    EXPECT_EQ(ended_, (std::map<DropReason, unsigned>{{DropReason::ReassemblyFull, 5}}));
    EXPECT_TRUE(reassembler_.is_idle());
}

TEST_F(ReassemblerTest, the_longest_datagram_of_576_byte_links_comes_together_backwards) {
    reassembler_.set_limits({10, 10, 200});
    constexpr std::uint16_t kPartUnits = 552 / 8;
    constexpr std::uint16_t kLast = 65'515 / 552;
    EXPECT_EQ(add({.units = kLast * kPartUnits, .bytes = 65'515 % 552, .more = false}), nullptr);
    for (std::uint16_t part = kLast; part-- > 1;) {
        const auto units = static_cast<std::uint16_t>(part * kPartUnits);
        EXPECT_EQ(add({.units = units, .bytes = 552}), nullptr);
    }
    rte_mbuf* whole = add({.bytes = 552});
    ASSERT_NE(whole, nullptr);
    EXPECT_EQ(whole->pkt_len, 65'535U);
    EXPECT_EQ(whole->nb_segs, kLast + 1);
    EXPECT_EQ(reassembler_.merged().size(), std::size_t{kLast});
    EXPECT_TRUE(ended_.empty());
    EXPECT_EQ(reassembler_.buffers(), 0U);
}

TEST_F(ReassemblerTest, one_fragment_more_than_the_limit_refuses_the_datagram) {
    reassembler_.set_limits({10, 10, 1'000});
    for (std::uint16_t units = 0; units <= Reassembler::kMaxFragments; ++units) {
        EXPECT_EQ(add({.units = units}), nullptr);
    }
    add({.units = 500, .more = false});
    EXPECT_EQ(ended_, (std::map<DropReason, unsigned>{
                          {DropReason::ReassemblyTooMany, Reassembler::kMaxFragments + 2}}));
}

// rfc5722: 4
TEST_F(ReassemblerTest, a_refused_datagram_is_forgotten_when_its_time_is_over) {
    reassembler_.set_limits({10, 10, 100});
    add({.bytes = 16});
    add({.units = 1});
    EXPECT_EQ(reassembler_.buffers(), 0U);
    EXPECT_EQ(add({.units = 2, .more = false}), nullptr);
    EXPECT_EQ(ended_, (std::map<DropReason, unsigned>{{DropReason::ReassemblyOverlap, 3}}));
    now_ += kLifetime;
    expire();
    EXPECT_TRUE(reassembler_.is_idle());
    add({.bytes = 16});
    EXPECT_NE(add({.units = 2, .more = false}), nullptr);
}

TEST_F(ReassemblerTest, a_higher_limit_keeps_what_is_there) {
    reassembler_.set_limits({2, 2, 100});
    add({.identification = 1});
    add({.identification = 2});
    reassembler_.set_limits({5'000, 5'000, 100});
    EXPECT_NE(add({.identification = 1, .units = 1, .more = false}), nullptr);
    EXPECT_NE(add({.identification = 2, .units = 1, .more = false}), nullptr);
    reassembler_.set_limits({1, 1, 100});
    add({.identification = 3});
    add({.identification = 4});
    EXPECT_EQ(reassembler_.datagrams(), 1U);
}

TEST_F(ReassemblerTest, expiry_is_bounded_a_call_and_goes_on_where_it_stopped) {
    reassembler_.set_limits({1'000, 1'000, 1'000});
    for (std::uint16_t id = 0; id < 500; ++id) {
        add({.identification = id});
    }
    now_ += kLifetime;
    reassembler_.expire(now_, 64);
    EXPECT_LE(reassembler_.ended().size(), 64U);
    EXPECT_GT(reassembler_.ended().size(), 0U);
    expire();
    EXPECT_TRUE(reassembler_.is_idle());
}

}  // namespace
}  // namespace godwit::dataplane
