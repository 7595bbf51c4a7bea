// Rules: exclusions, forwards, one-to-one, contradictions, and what a new revision ends.
#include "tests/unit/dataplane/nat/nat_fixture.hpp"

namespace godwit::dataplane::nat::testing {
namespace {

constexpr Endpoint kServer{{10, 0, 0, 10}, 8443};

class Rules : public NatTest {
protected:
    static ForwardRule web() {
        return {RuleId{3}, "web", IpProtocol::Tcp, kOutside, {443, 443}, kServer.address, 8443};
    }
    std::string refusal() {
        const auto made = NatRules::compile(set_);
        return made ? "" : made.error();
    }
    bool sweep() {
        while (!nat().sweep(100, now_)) {
        }
        return true;
    }
};

// rfc6888: REQ-6
// rfc6888: REQ-6
TEST_F(Rules, Excluded_destinations_are_not_translated) {
    set_.exclusions = {{prefix("0.0.0.0/0"), prefix("198.51.100.0/24"), IpProtocol::Udp, {53, 53}}};
    EXPECT_EQ(udp_out(kHost, kRemote).verdict, Verdict::Untouched);
    EXPECT_EQ(udp_out(kHost, {kRemote.address, 54}).verdict, Verdict::Translate);
    EXPECT_EQ(tcp_out(kSyn).verdict, Verdict::Translate);
}

TEST_F(Rules, A_forwarded_port_leads_inside_and_its_answers_come_from_it) {
    set_.forward = {web()};
    settings_.filtering = Filtering::AddressAndPortDependent;
    const Endpoint outside{kOutside, 443};
    EXPECT_TRANSLATED(tcp_in(kSyn, kRemote, outside), kServer);
    EXPECT_TRANSLATED(tcp_out(kSynAck, kServer, kRemote), outside);
    EXPECT_EQ(nat().session_count(AgeClass::TcpEstablished), 1U);
    EXPECT_EQ(nat().mapping_count(), 0U);
    // What the server opens itself has the same outside endpoint.
    EXPECT_TRANSLATED(tcp_out(kSyn, kServer, kOtherRemote), outside);
}

TEST_F(Rules, A_forwarded_flow_has_one_owner_although_its_port_differs) {
    set_.forward = {web()};
    const auto rules = compiled(set_);
    for (unsigned workers = 1; workers < 9; ++workers) {
        EXPECT_EQ(
            rules->owner(Direction::Inbound, {IpProtocol::Tcp, kRemote, {kOutside, 443}}, workers),
            rules->owner(Direction::Outbound, {IpProtocol::Tcp, kServer, kRemote}, workers));
    }
}

TEST_F(Rules, A_forwarded_port_is_never_given_out) {
    set_.source[0].ports = {440, 445};
    set_.forward = {web()};
    for (std::uint8_t number = 1; number <= 5; ++number) {
        const Decision made = tcp_out(kSyn, {{10, 0, 1, number}, 443}, kRemote);
        ASSERT_EQ(made.verdict, Verdict::Translate);
        EXPECT_NE(made.rewrite.endpoint.port, 443);
    }
    EXPECT_REFUSED(tcp_out(kSyn, {{10, 0, 1, 6}, 443}, kRemote), PortsExhausted);
}

// rfc5382: REQ-8
// rfc4787: REQ-9, rfc5382: REQ-8, REQ-8/a
TEST_F(Rules, A_forwarded_port_is_reached_from_inside_by_hairpin) {
    set_.forward = {web()};
    const Endpoint outside{kOutside, 443};
    const Decision out = tcp_out(kSyn, kHost, outside);
    EXPECT_TRUE(out.is_hairpin);
    EXPECT_TRANSLATED(tcp_in(kSyn, out.rewrite.endpoint, outside), kServer);
    const Decision answer = tcp_out(kSynAck, kServer, out.rewrite.endpoint);
    EXPECT_TRUE(answer.is_hairpin);
    EXPECT_TRANSLATED(tcp_in(kSynAck, outside, answer.is_hairpin ? out.rewrite.endpoint : kHost),
                      kHost);
}

TEST_F(Rules, A_range_of_forwarded_ports_keeps_its_order) {
    set_.forward = {
        {RuleId{3}, "game", IpProtocol::Udp, kOutside, {3000, 3009}, kServer.address, 7000}};
    EXPECT_TRANSLATED(udp_in(kRemote, {kOutside, 3004}), (Endpoint{kServer.address, 7004}));
    EXPECT_TRANSLATED(udp_out({kServer.address, 7004}, kRemote), (Endpoint{kOutside, 3004}));
    EXPECT_EQ(udp_in(kRemote, {kOutside, 3010}).verdict, Verdict::Unmapped);
    EXPECT_TRUE(nat().is_mapped(IpProtocol::Udp, {kOutside, 3004}));
    EXPECT_FALSE(nat().is_mapped(IpProtocol::Udp, {kOutside, 3010}));
}

TEST_F(Rules, Other_protocols_pass_by_one_to_one_only) {
    set_.one_to_one = {{RuleId{2}, "server", prefix("10.0.0.10/32"), prefix("192.0.2.9/32"), kWan}};
    for (const IpProtocol protocol : {IpProtocol::Gre, IpProtocol{50}, IpProtocol{132}}) {
        const Decision out =
            nat().outbound({{protocol, {kServer.address, 0}, kRemote}}, kWan, now_);
        EXPECT_TRANSLATED(out, (Endpoint{{192, 0, 2, 9}, 0}));
        EXPECT_EQ(out.rewrite.transport.raw(), 0);
        EXPECT_TRANSLATED(nat().inbound({{protocol, kRemote, {{192, 0, 2, 9}, 0}}}, now_),
                          (Endpoint{kServer.address, 0}));
        EXPECT_REFUSED(nat().outbound({{protocol, {kHost.address, 0}, kRemote}}, kWan, now_),
                       UntranslatableProtocol);
        EXPECT_EQ(nat().inbound({{protocol, kRemote, {kOutside, 0}}}, now_).verdict,
                  Verdict::Unmapped);
    }
}

TEST_F(Rules, Contradictions_are_refused_by_name) {
    set_.forward = {web(), web()};
    EXPECT_NE(refusal().find("'web': its number 3"), std::string::npos) << refusal();
    set_.forward[1].id = RuleId{4};
    set_.forward[1].name = "mail";
    EXPECT_NE(refusal().find("is forwarded by 'web' already"), std::string::npos) << refusal();
    set_.forward[1].ports = {444, 444};
    EXPECT_NE(refusal().find("an answer could not tell"), std::string::npos) << refusal();
    set_.forward = {};
    set_.one_to_one = {{RuleId{2}, "s", prefix("10.0.0.10/32"), prefix("192.0.2.1/32"), kWan}};
    EXPECT_NE(refusal().find("in the pool of a source rule too"), std::string::npos) << refusal();
    set_.one_to_one[0].outside = prefix("192.0.2.8/31");
    EXPECT_NE(refusal().find("not of one length"), std::string::npos) << refusal();
    set_.one_to_one = {};
    set_.source[0].allocation = PortAllocation::Deterministic;
    EXPECT_NE(refusal().find("leaves each"), std::string::npos) << refusal();
    set_.source[0].ports = {5, 4};
    EXPECT_NE(refusal().find("port range"), std::string::npos) << refusal();
}

TEST_F(Rules, A_host_that_leaves_by_two_uplinks_has_the_address_of_each) {
    constexpr net::InterfaceId kSecondWan{8};
    SourceRule second = source_rule("192.0.2.2/32");
    second.id = RuleId{2};
    second.name = "lan-out-too";
    second.out = kSecondWan;
    set_.source.push_back(second);
    EXPECT_TRANSLATED(udp_out(kHost, kRemote), (Endpoint{kOutside, kHost.port}));
    EXPECT_TRANSLATED(nat().outbound({{IpProtocol::Udp, kHost, kOtherRemote}}, kSecondWan, now_),
                      (Endpoint{{192, 0, 2, 2}, kHost.port}));
    EXPECT_TRANSLATED(udp_in(kOtherRemote, {{192, 0, 2, 2}, kHost.port}), kHost);
    EXPECT_TRANSLATED(udp_out(kHost, {kOtherRemote.address, 1}), (Endpoint{kOutside, kHost.port}));
}

// rfc4787: REQ-11
TEST_F(Rules, A_revision_that_does_not_concern_a_session_leaves_it) {
    const Decision before = udp_out(kHost, kRemote);
    set_.forward = {web()};
    set_.source[0].pool.push_back(prefix("192.0.2.64/28"));
    apply(set_);
    sweep();
    EXPECT_TRANSLATED(udp_in(kRemote, before.rewrite.endpoint), kHost);
    EXPECT_TRANSLATED(udp_out(kHost, kRemote), before.rewrite.endpoint);
    EXPECT_EQ(nat().counters().sessions_made, 1U);
}

TEST_F(Rules, A_revision_ends_the_sessions_whose_rule_is_gone_at_once) {
    SourceRule second = source_rule("192.0.2.2/32");
    second.id = RuleId{2};
    second.name = "guests";
    second.from = {prefix("172.16.0.0/12")};
    set_.source.push_back(second);
    const Endpoint guest{{172, 16, 0, 1}, 5000};
    udp_out(kHost, kRemote);
    udp_out(guest, kRemote);
    set_.source.pop_back();
    apply(set_);
    EXPECT_EQ(udp_in(kRemote, {{192, 0, 2, 2}, 5000}).verdict, Verdict::Untouched);
    EXPECT_EQ(udp_out(guest, kRemote).verdict, Verdict::Untouched);
    sweep();
    EXPECT_EQ(nat().session_count(), 1U);
    EXPECT_EQ(nat().counters().sessions_revoked, 1U);
    EXPECT_EQ(udp_out(kHost, kRemote).verdict, Verdict::Translate);
}

TEST_F(Rules, A_revision_ends_the_sessions_whose_address_is_gone) {
    const Decision before = udp_out(kHost, kRemote);
    set_.source[0].pool = {prefix("192.0.2.2/32")};
    apply(set_);
    EXPECT_TRANSLATED(udp_out(kHost, kRemote), (Endpoint{{192, 0, 2, 2}, kHost.port}));
    EXPECT_EQ(udp_in(kRemote, before.rewrite.endpoint).verdict, Verdict::Untouched);
    EXPECT_EQ(nat().mapping_count(), 1U);
}

TEST_F(Rules, A_mapping_whose_rule_is_gone_is_given_to_nobody_new) {
    udp_out(kHost, kRemote);
    set_.source[0].pool = {prefix("192.0.2.2/32")};
    apply(set_);
    // A new remote, while the old session has not been swept yet.
    EXPECT_TRANSLATED(udp_out(kHost, kOtherRemote), (Endpoint{{192, 0, 2, 2}, kHost.port}));
    EXPECT_EQ(nat().mapping_count(), 2U);
    sweep();
    EXPECT_EQ(nat().mapping_count(), 1U);
    EXPECT_EQ(nat().session_count(), 1U);
}

TEST_F(Rules, A_port_that_becomes_forwarded_is_taken_from_who_had_it) {
    const Endpoint taken{{10, 0, 0, 77}, 443};
    tcp_out(kSyn, taken, kRemote);
    set_.forward = {web()};
    apply(set_);
    EXPECT_TRANSLATED(tcp_in(kSyn, kRemote, {kOutside, 443}), kServer);
    sweep();
    EXPECT_NE(tcp_out(kSyn, taken, kOtherRemote).rewrite.endpoint.port, 443);
}

TEST_F(Rules, An_exclusion_ends_the_sessions_that_it_excludes) {
    udp_out(kHost, kRemote);
    udp_out(kHost, kOtherRemote);
    set_.exclusions = {{prefix("0.0.0.0/0"), prefix("198.51.100.0/24"), {}}};
    apply(set_);
    EXPECT_EQ(udp_out(kHost, kRemote).verdict, Verdict::Untouched);
    sweep();
    EXPECT_EQ(nat().session_count(), 1U);
}

TEST_F(Rules, A_second_revision_waits_for_the_sweep_of_the_first) {
    nat();
    apply(set_);
    ASSERT_TRUE(nat().is_sweeping());
    const NatRules* const before = &nat().rules();
    auto revision = *nat().prepare(compiled(set_));
    revision = nat().apply(std::move(revision));
    EXPECT_EQ(&nat().rules(), before);
    sweep();
    revision = nat().apply(std::move(revision));
    EXPECT_NE(&nat().rules(), before);
}

TEST_F(Rules, Ports_that_are_out_stay_out_over_a_revision) {
    udp_out(kHost, kRemote);
    set_.source[0].pool.push_back(prefix("192.0.2.0/32"));
    apply(set_);
    sweep();
    EXPECT_EQ(nat().ports_out(kOutside, IpProtocol::Udp), 1U);
    set_.source[0].allocation = PortAllocation::Blocks;
    EXPECT_NE(nat().prepare(compiled(set_)).error().find("blocks of another size"),
              std::string::npos);
}

}  // namespace
}  // namespace godwit::dataplane::nat::testing
