// A translator with the rules that most tests need, a clock that is moved by hand, and short words
// for packets. Addresses: inside 10.0.0.0/8, outside 192.0.2.0/24, remotes 198.51.100.0/24 and
// 203.0.113.0/24.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/nat/translator.hpp"

namespace godwit::dataplane::nat::testing {

using net::IpProtocol;
using net::Ipv4Address;
using net::Ipv4Prefix;

constexpr net::InterfaceId kWan{7};
constexpr Ipv4Address kOutside{192, 0, 2, 1};
constexpr Endpoint kHost{{10, 0, 0, 5}, 40000};
constexpr Endpoint kOtherHost{{10, 0, 0, 6}, 40000};
constexpr Endpoint kRemote{{198, 51, 100, 1}, 53};
constexpr Endpoint kOtherRemote{{203, 0, 113, 9}, 4500};
constexpr net::TcpFlags kSyn{.syn = true};
constexpr net::TcpFlags kSynAck{.syn = true, .ack = true};
constexpr net::TcpFlags kAck{.ack = true};
constexpr net::TcpFlags kFin{.fin = true, .ack = true};
constexpr net::TcpFlags kRst{.rst = true};

inline Ipv4Prefix prefix(const std::string& text) {
    return Ipv4Prefix::parse(text).value();
}

inline SourceRule source_rule(const std::string& pool = "192.0.2.1/32") {
    SourceRule rule;
    rule.id = RuleId{1};
    rule.name = "lan-out";
    rule.from = {prefix("10.0.0.0/8")};
    rule.out = kWan;
    rule.pool = {prefix(pool)};
    rule.ports = {1, 65535};
    return rule;
}

inline std::shared_ptr<const NatRules> compiled(RuleSet rules) {
    auto made = NatRules::compile(std::move(rules));
    EXPECT_TRUE(made) << made.error();
    return made ? *made : nullptr;
}

class NatTest : public ::testing::Test {
protected:
    NatTest() {
        set_.source = {source_rule()};
        settings_.key = {1, 2};
        settings_.max_sessions = 1024;
    }

    void start() {
        auto made = Translator::create(settings_, compiled(set_));
        ASSERT_TRUE(made) << made.error();
        nat_ = std::move(*made);
    }
    Translator& nat() {
        if (!nat_) {
            start();
        }
        return *nat_;
    }
    void wait(std::uint32_t seconds) { now_ += Seconds{seconds}; }
    // Time, and everything that it ends.
    void pass_time(std::uint32_t seconds) {
        wait(seconds);
        while (nat().expire(now_, 64) == 64) {
        }
    }
    static constexpr std::uint32_t late(std::uint32_t lifetime) { return lifetime + lifetime / 16; }

    Decision udp_out(Endpoint from, Endpoint to) {
        return nat().outbound({{IpProtocol::Udp, from, to}}, kWan, now_);
    }
    Decision udp_in(Endpoint from, Endpoint to) {
        return nat().inbound({{IpProtocol::Udp, from, to}}, now_);
    }
    Decision tcp_out(net::TcpFlags flags, Endpoint from = kHost, Endpoint to = kRemote,
                     std::uint32_t sequence = 0, std::uint32_t acknowledgment = 0) {
        return nat().outbound({{IpProtocol::Tcp, from, to}, {flags, sequence, acknowledgment}},
                              kWan, now_);
    }
    Decision tcp_in(net::TcpFlags flags, Endpoint from = kRemote,
                    Endpoint to = {kOutside, kHost.port}, std::uint32_t sequence = 0,
                    std::uint32_t acknowledgment = 0) {
        return nat().inbound({{IpProtocol::Tcp, from, to}, {flags, sequence, acknowledgment}},
                             now_);
    }
    Decision ping_out(Ipv4Address from, std::uint16_t identifier, Ipv4Address to) {
        return nat().outbound({{IpProtocol::Icmp, {from, identifier}, {to, 0}}}, kWan, now_);
    }
    Decision ping_in(Ipv4Address from, Endpoint to) {
        return nat().inbound({{IpProtocol::Icmp, {from, 0}, to}}, now_);
    }
    void apply(RuleSet rules) {
        auto revision = nat().prepare(compiled(std::move(rules)));
        ASSERT_TRUE(revision) << revision.error();
        nat().apply(std::move(*revision));
    }
    std::vector<BindingEvent> events() {
        std::vector<BindingEvent> all(100);
        all.resize(nat().take_events(all));
        return all;
    }

    RuleSet set_;
    Settings settings_;
    Instant now_{Seconds{100000}};
    std::unique_ptr<Translator> nat_;
};

#define EXPECT_TRANSLATED(decision, expected)                                                    \
    do {                                                                                         \
        const Decision made_ = (decision);                                                       \
        EXPECT_EQ(made_.verdict, Verdict::Translate);                                            \
        EXPECT_EQ(made_.rewrite.endpoint, (expected))                                            \
            << made_.rewrite.endpoint.address.to_string() << ":" << made_.rewrite.endpoint.port; \
    } while (false)
#define EXPECT_REFUSED(decision, expected)         \
    do {                                           \
        const Decision made_ = (decision);         \
        EXPECT_EQ(made_.verdict, Verdict::Drop);   \
        EXPECT_EQ(made_.reason, Reason::expected); \
    } while (false)

}  // namespace godwit::dataplane::nat::testing
