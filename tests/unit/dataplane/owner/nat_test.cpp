// NAT by configuration: what the workers' translators are told, what a change ends, and what it
// leaves alone. The workers stand still; the test does their part.
#include <gmock/gmock.h>

#include "dataplane/owner/nat_configure.hpp"
#include "net/router_ports.hpp"
#include "tests/unit/dataplane/owner/owner_fixture.hpp"

namespace godwit::dataplane {
namespace {

using namespace std::chrono_literals;

using api::ConfigureOutcome;
using net::IpProtocol;
using net::Ipv4Address;
using ::testing::HasSubstr;

constexpr const char* kInterfaces = R"(version: 1
interfaces:
  lan0: {vdev: net_null0, addresses: [10.0.0.1/24]}
  wan0: {vdev: net_null1, addresses: [192.0.2.1/24]}
)";
constexpr const char* kBehindWan = R"(nat:
  source: [{name: lan-out, out-interface: wan0, to: interface-address}]
)";

std::string behind(const std::string& nat) {
    return std::string(kInterfaces) + nat;
}

class NatOwner : public OwnerTest {
protected:
    NatOwner() : table_(2, kRandomKey) {
        shared.nat = &table_;
        restart(behind(kBehindWan));
    }
    ~NatOwner() override {
        // The owner goes before the table of this class.
        owner->shut_down();
        discard();
        owner.reset();
    }
    void restart(const std::string& yaml) {
        owner->shut_down();
        discard();
        table.replace(std::make_unique<InterfaceSnapshot>());  // as a new dataplane begins
        start(yaml);
        settle();
    }
    // What the workers do with their mail, until there is none.
    void settle() {
        for (int i = 0; i < 1000; ++i) {
            owner->turn(now);
            bool is_busy = false;
            for (unsigned worker = 0; worker < 2; ++worker) {
                is_busy |= table_.seat(worker).serve(clock_);
            }
            if (!is_busy && !table_.poll()) {
                return;
            }
        }
        FAIL() << "the workers never come to rest";
    }
    ConfigureOutcome apply(const std::string& yaml) {
        text.clear();
        const ConfigureOutcome outcome = configure(yaml, text);
        settle();
        return outcome;
    }
    // From inside to 198.51.100.9:53; the outside endpoint, or nothing when it was not translated.
    std::optional<nat::Endpoint> out(Ipv4Address inside, std::uint16_t port) {
        nat::Translator* const translator = table_.seat(nat::owner_of_port(port, 2)).translator();
        if (translator == nullptr) {
            return std::nullopt;
        }
        const nat::Flow flow{IpProtocol::Udp, {inside, port}, {{198, 51, 100, 9}, 53}};
        const nat::Decision decision = translator->outbound({flow}, id("wan0"), clock_);
        return decision.verdict == nat::Verdict::Translate
                   ? std::optional(decision.rewrite.endpoint)
                   : std::nullopt;
    }
    // As the control plane asks for a host's mapping, whatever it is answered.
    void ask_for(Ipv4Address inside, std::uint16_t port) {
        api::NatAskBody ask;
        ask.kind = api::NatAskKind::Map;
        ask.map.inside = inside.value();
        ask.map.inside_port = port;
        ask.map.protocol = static_cast<std::uint8_t>(IpProtocol::Udp);
        ask.map.lifetime_seconds = 600;
        owner->nat_asked(1, 1, ask);
        settle();
    }
    // The numbers that a query gives a second later, by the clock of the workers: the owner's may
    // stand.
    api::NatTotalsRecord totals() {
        clock_ += nat::Seconds{1};
        for (unsigned worker = 0; worker < 2; ++worker) {
            table_.seat(worker).publish(clock_);
        }
        std::vector<std::byte> room(4096);
        QueryPage page({api::QueryKind::NatTotals, 0, 0}, room);
        owner->query({api::QueryKind::NatTotals, 0, 0}, page);
        return *api::read_front<api::NatTotalsRecord>(room);
    }
    std::uint64_t made() {
        std::uint64_t sum = 0;
        for (unsigned worker = 0; worker < 2; ++worker) {
            if (const nat::Translator* translator = table_.seat(worker).translator()) {
                sum += translator->counters().sessions_made;
            }
        }
        return sum;
    }

    nat::NatTable table_;
    nat::Instant clock_{nat::Seconds{5000}};
    std::string text;
};

const Ipv4Address kHost(10, 0, 0, 7);

TEST_F(NatOwner, translates_to_the_address_of_the_interface) {
    const auto outside = out(kHost, 40000);
    ASSERT_TRUE(outside);
    EXPECT_EQ(outside->address, Ipv4Address(192, 0, 2, 1));
    EXPECT_EQ(outside->port, 40000);
}

// rfc6888: REQ-6
TEST_F(NatOwner, leaves_public_sources_and_excluded_destinations_alone) {
    EXPECT_FALSE(out(Ipv4Address(203, 0, 113, 7), 40000)) << "a source outside RFC 1918";
    ASSERT_EQ(apply(behind("nat:\n"
                           "  source: [{name: lan-out, out-interface: wan0,\n"
                           "            to: interface-address, exclude: 198.51.100.0/24}]\n")),
              ConfigureOutcome::Done)
        << text;
    EXPECT_FALSE(out(kHost, 40000));
}

TEST_F(NatOwner, keeps_the_ports_that_the_router_begins_from_for_itself) {
    const auto outside = out(kHost, net::kFirstRouterPort + 5);
    ASSERT_TRUE(outside);
    EXPECT_LT(outside->port, net::kFirstRouterPort);
}

TEST_F(NatOwner, leaves_the_ports_where_the_router_listens_to_it) {
    std::uint8_t hosts = 10;  // a host keeps the port that it once got
    const auto inside_may_have = [&](std::uint16_t port) {
        const auto outside = out(Ipv4Address(10, 0, 0, hosts++), port);
        return outside && outside->port == port;
    };
    ASSERT_TRUE(inside_may_have(8080));
    const std::uint64_t before = made();
    const auto tell = [this](const std::vector<api::OwnPortRecord>& all) {
        const ConfigureOutcome outcome = owner->own_ports(all, text);
        settle();
        return outcome;
    };
    const auto udp = static_cast<std::uint8_t>(IpProtocol::Udp);
    const auto tcp = static_cast<std::uint8_t>(IpProtocol::Tcp);
    ASSERT_EQ(tell({{0, 8080, udp, 0}, {0, 8081, tcp, 0}}), ConfigureOutcome::Done) << text;
    EXPECT_NE(out(Ipv4Address(10, 0, 0, 10), 8080)->port, 8080) << "a session gives it up";
    EXPECT_EQ(made(), before + 1);
    EXPECT_FALSE(inside_may_have(8080));
    EXPECT_TRUE(inside_may_have(8081)) << "another protocol";
    // Of one address only, and that is another one.
    ASSERT_EQ(tell({{Ipv4Address(10, 0, 0, 1).value(), 8080, udp, 0}}), ConfigureOutcome::Done);
    clock_ += nat::Seconds{1000};  // the port has rested
    EXPECT_TRUE(inside_may_have(8080));
    ASSERT_EQ(tell({{0, 9090, udp, 0}}), ConfigureOutcome::Done);
    ASSERT_EQ(apply(behind("nat:\n"
                           "  source: [{name: lan-out, out-interface: wan0,\n"
                           "            to: interface-address}]\n"
                           "  limits: {sessions: 1000}\n")),
              ConfigureOutcome::Done)
        << text;
    EXPECT_FALSE(inside_may_have(9090)) << "what was told stays with every revision";
}

TEST_F(NatOwner, keeps_sessions_over_changes_that_do_not_concern_them) {
    ASSERT_TRUE(out(kHost, 40000));
    const std::uint64_t before = made();
    ASSERT_EQ(apply(behind("nat:\n"
                           "  source:\n"
                           "  - {name: first, out-interface: lan0, to: 192.0.2.77}\n"
                           "  - {name: lan-out, out-interface: wan0, to: interface-address}\n"
                           "  destination: [{name: web, in-interface: wan0, protocol: tcp,\n"
                           "                 port: 80, to: 10.0.0.80}]\n"
                           "  timeouts: {udp: 150s}\n"
                           "  limits: {sessions: 1000}\n")),
              ConfigureOutcome::Done)
        << text;
    EXPECT_EQ(out(kHost, 40000)->port, 40000);
    EXPECT_EQ(made(), before) << "the packet met its session";
}

TEST_F(NatOwner, ends_the_sessions_of_an_address_that_is_gone_and_of_no_other) {
    ASSERT_EQ(apply(behind("nat:\n"
                           "  source:\n"
                           "  - {name: some, out-interface: wan0, from: 10.0.0.0/28,\n"
                           "     to: 192.0.2.9}\n"
                           "  - {name: lan-out, out-interface: wan0, to: interface-address}\n")),
              ConfigureOutcome::Done)
        << text;
    ASSERT_EQ(out(kHost, 40000)->address, Ipv4Address(192, 0, 2, 9));
    ASSERT_TRUE(out(Ipv4Address(10, 0, 0, 99), 40001));
    const std::uint64_t before = made();
    ASSERT_EQ(apply(behind("nat:\n"
                           "  source:\n"
                           "  - {name: some, out-interface: wan0, from: 10.0.0.0/28,\n"
                           "     to: 192.0.2.10}\n"
                           "  - {name: lan-out, out-interface: wan0, to: interface-address}\n")),
              ConfigureOutcome::Done)
        << text;
    EXPECT_TRUE(out(Ipv4Address(10, 0, 0, 99), 40001));
    EXPECT_EQ(made(), before);
    EXPECT_EQ(out(kHost, 40000)->address, Ipv4Address(192, 0, 2, 10));
    EXPECT_EQ(made(), before + 1);
}

TEST_F(NatOwner, follows_the_address_of_its_interface) {
    ASSERT_TRUE(out(kHost, 40000));
    std::string yaml = behind(kBehindWan);
    yaml.replace(yaml.find("192.0.2.1/24"), 12, "192.0.2.8/24");
    ASSERT_EQ(apply(yaml), ConfigureOutcome::Done) << text;
    EXPECT_EQ(out(kHost, 40000)->address, Ipv4Address(192, 0, 2, 8));
}

TEST_F(NatOwner, stops_and_begins_with_its_rules) {
    ASSERT_TRUE(out(kHost, 40000));
    ASSERT_EQ(apply(kInterfaces), ConfigureOutcome::Done) << text;
    EXPECT_EQ(table_.seat(0).translator(), nullptr);
    ASSERT_EQ(apply(behind(kBehindWan)), ConfigureOutcome::Done) << text;
    EXPECT_TRUE(out(kHost, 40000));
}

TEST_F(NatOwner, asks_for_a_restart_where_tables_change_their_size) {
    EXPECT_EQ(apply(behind(std::string(kBehindWan) + "  max-sessions: 2048\n")),
              ConfigureOutcome::NeedsRestart);
    EXPECT_TRUE(out(kHost, 40000)) << "and goes on as it was";
}

TEST_F(NatOwner, refuses_other_sizes_of_blocks_while_their_addresses_stay) {
    const auto blocks = [](int size) {
        return behind(
            "nat:\n  source: [{name: b, out-interface: wan0, to: 192.0.2.9,\n"
            "            port-block: {size: " +
            std::to_string(size) + "}}]\n");
    };
    ASSERT_EQ(apply(blocks(64)), ConfigureOutcome::Done) << text;
    ASSERT_TRUE(out(kHost, 40000));
    EXPECT_EQ(apply(blocks(128)), ConfigureOutcome::Refused);
    EXPECT_THAT(text, HasSubstr("192.0.2.9"));
    EXPECT_TRUE(out(kHost, 40000));
}

TEST_F(NatOwner, forwards_both_protocols_of_one_rule) {
    ASSERT_EQ(apply(behind("nat:\n"
                           "  destination: [{name: dns, in-interface: wan0, protocol: tcp-udp,\n"
                           "                 port: 53, to: \"10.0.0.53:5353\"}]\n")),
              ConfigureOutcome::Done)
        << text;
    nat::Translator* const translator = table_.seat(nat::owner_of_port(53, 2)).translator();
    ASSERT_NE(translator, nullptr);
    const nat::Flow flow{IpProtocol::Udp, {{198, 51, 100, 9}, 7777}, {{192, 0, 2, 1}, 53}};
    const nat::Decision decision = translator->inbound({flow}, clock_);
    EXPECT_EQ(decision.verdict, nat::Verdict::Translate);
    EXPECT_EQ(decision.rewrite.endpoint, (nat::Endpoint{{10, 0, 0, 53}, 5353}));
    EXPECT_TRUE(translator->is_mapped(IpProtocol::Tcp, {{192, 0, 2, 1}, 53}));
}

// The numbers of the rules and of all workers, as queries give them.
TEST_F(NatOwner, counts_sessions_by_the_names_of_their_rules) {
    ASSERT_TRUE(out(kHost, 40000));
    ASSERT_TRUE(out(kHost, 40002));
    for (unsigned worker = 0; worker < 2; ++worker) {
        table_.seat(worker).publish(clock_);
    }
    std::vector<std::byte> room(4096);
    QueryPage rules({api::QueryKind::NatRules, 0, 0}, room);
    owner->query({api::QueryKind::NatRules, 0, 0}, rules);
    ASSERT_EQ(rules.count(), 1U);
    const auto rule = *api::read_front<api::NatRuleRecord>(room);
    EXPECT_EQ(api::bounded_text(rule.name), "lan-out");
    EXPECT_EQ(rule.sessions, 2U);
    EXPECT_EQ(rule.sessions_made, 2U);
    QueryPage page({api::QueryKind::NatTotals, 0, 0}, room);
    owner->query({api::QueryKind::NatTotals, 0, 0}, page);
    ASSERT_EQ(page.count(), 1U);
    const auto totals = *api::read_front<api::NatTotalsRecord>(room);
    EXPECT_EQ(totals.sessions[static_cast<std::size_t>(api::NatAge::Udp)], 2U);
    EXPECT_EQ(totals.max_sessions, 262144U);
    EXPECT_EQ(totals.subscribers, 2U) << "one at each worker";
}

// rfc6888: REQ-9
TEST_F(NatOwner, asks_the_worker_that_owns_the_port_for_a_hosts_mapping) {
    ask_for(kHost, 40000);
    ask_for(kHost, 40002);
    EXPECT_EQ(table_.seat(0).translator()->counters().requests_granted, 1U);
    EXPECT_EQ(table_.seat(1).translator()->counters().requests_granted, 1U);
    EXPECT_EQ(totals().requested, 2U);
    EXPECT_EQ(out(kHost, 40000)->port, 40000);
}

// RFC 6887 8.5.
// rfc6888: REQ-9
TEST_F(NatOwner, begins_a_new_epoch_exactly_when_it_took_a_hosts_mapping_away) {
    ask_for(kHost, 40000);
    ask_for(kHost, 40002);
    now += 7s;
    settle();
    const api::NatEpoch first = totals().epoch;
    EXPECT_NE(first.number, 0U);
    now += 5s;
    ASSERT_EQ(apply(behind(std::string(kBehindWan) + "  timeouts: {udp: 600s}\n")),
              ConfigureOutcome::Done);
    EXPECT_EQ(totals().epoch.number, first.number);
    EXPECT_EQ(totals().epoch.age_ms, first.age_ms + 5000);
    ASSERT_EQ(apply(behind("nat:\n"
                           "  source: [{name: lan-out, out-interface: wan0,\n"
                           "            to: interface-address, ports: 40001-50000}]\n")),
              ConfigureOutcome::Done)
        << text;
    EXPECT_EQ(totals().requests_revoked, 1U);
    const api::NatEpoch second = totals().epoch;
    EXPECT_NE(second.number, first.number);
    EXPECT_EQ(second.age_ms, 0U);
    now += 1500ms;
    settle();
    EXPECT_EQ(totals().epoch.age_ms, 1500U);
    ASSERT_EQ(apply(kInterfaces), ConfigureOutcome::Done);
    ASSERT_EQ(apply(behind(kBehindWan)), ConfigureOutcome::Done);
    const api::NatTotalsRecord after = totals();
    EXPECT_EQ(after.requested, 0U);
    EXPECT_NE(after.epoch.number, second.number) << "what there was is gone with the old tables";
    EXPECT_EQ(after.epoch.age_ms, 0U);
}

TEST_F(NatOwner, has_room_for_pages_beside_as_many_requests_as_may_wait) {
    api::NatAskBody ask;
    ask.kind = api::NatAskKind::Map;
    ask.map.protocol = static_cast<std::uint8_t>(IpProtocol::Udp);
    ask.map.lifetime_seconds = 600;
    ask.map.inside = kHost.value();
    for (std::uint16_t at = 0; at < api::kMaxNatMaps + 8; ++at) {
        ask.map.inside_port = static_cast<std::uint16_t>(40000 + at);
        owner->nat_asked(1, 1, ask);
    }
    api::NatAskBody clear;
    clear.kind = api::NatAskKind::Clear;
    ASSERT_TRUE(out(kHost, 50000));
    owner->nat_asked(1, 2, clear);
    settle();
    const api::NatTotalsRecord now_there = totals();
    EXPECT_EQ(now_there.requested, api::kMaxNatMaps);
    EXPECT_EQ(now_there.sessions_cleared, 1U);
}

TEST(NatRuleNumbers, stay_with_their_names_and_come_back_last) {
    NatRuleNumbers numbers;
    const NatRuleKey a{NatRuleKind::Source, "a", {}};
    const NatRuleKey b{NatRuleKind::Source, "b", {}};
    const nat::RuleId first = numbers.number(a);
    const nat::RuleId second = numbers.number(b);
    EXPECT_NE(first, second);
    numbers.keep_only({{b, second}});
    EXPECT_EQ(numbers.number(b), second);
    for (unsigned at = 2; at < nat::kMaxRules; ++at) {
        EXPECT_NE(numbers.number({NatRuleKind::Source, std::to_string(at), {}}), first);
    }
    EXPECT_EQ(numbers.number(a), first) << "when there is no other";
}

}  // namespace
}  // namespace godwit::dataplane
