// Mappings, filters, times and hairpin of UDP: RFC 4787, and what RFC 7857 says of it.
#include <set>

#include "net/checksum.hpp"
#include "tests/unit/dataplane/nat/nat_fixture.hpp"

namespace godwit::dataplane::nat::testing {
namespace {

using Mapping = NatTest;

// rfc4787: REQ-1
// rfc6888: REQ-1
// rfc4787: REQ-1
TEST_F(Mapping, One_inside_endpoint_has_one_outside_endpoint_for_all_remotes) {
    const Decision first = udp_out(kHost, kRemote);
    ASSERT_EQ(first.verdict, Verdict::Translate);
    EXPECT_TRANSLATED(udp_out(kHost, kOtherRemote), first.rewrite.endpoint);
    EXPECT_TRANSLATED(udp_out(kHost, {kRemote.address, 54}), first.rewrite.endpoint);
    EXPECT_EQ(nat().mapping_count(), 1U);
    EXPECT_EQ(nat().session_count(), 3U);
}

// rfc7857: 5
// rfc7857: 5/a, 5/b
TEST_F(Mapping, Each_protocol_has_mappings_of_its_own) {
    udp_out(kHost, kRemote);
    EXPECT_EQ(tcp_in(kAck, kRemote, {kOutside, kHost.port}).verdict, Verdict::Unmapped);
    tcp_out(kSyn);
    EXPECT_EQ(nat().mapping_count(), 2U);
}

// rfc7857: 6
// rfc7857: 6/a, 6/b
TEST_F(Mapping, A_udp_mapping_lets_no_tcp_in) {
    udp_out(kHost, kRemote);
    EXPECT_EQ(tcp_in(kSyn, kOtherRemote).verdict, Verdict::Unsolicited);
}

// rfc4787: REQ-2
// rfc6888: REQ-2, REQ-3
// rfc7857: 4
// rfc4787: REQ-2, rfc6888: REQ-2, rfc7857: 4/c
TEST_F(Mapping, A_host_has_the_same_outside_address_for_every_protocol_on_every_worker) {
    set_.source[0].pool = {prefix("192.0.2.0/27"), prefix("192.0.2.77/32")};
    settings_.max_subscribers = 100;
    std::vector<std::unique_ptr<Translator>> workers;
    for (unsigned worker = 0; worker < 3; ++worker) {
        settings_.place = {worker, 3};
        settings_.key = {worker, 99};
        workers.push_back(std::move(*Translator::create(settings_, compiled(set_))));
    }
    std::set<Ipv4Address> used;
    for (std::uint8_t host = 1; host < 100; ++host) {
        std::set<Ipv4Address> of_host;
        for (std::uint16_t port = 5000; port < 5006; ++port) {
            for (const IpProtocol protocol : {IpProtocol::Tcp, IpProtocol::Udp, IpProtocol::Icmp}) {
                const Packet packet{{protocol, {{10, 0, 0, host}, port}, kRemote}, {kSyn, 0, 0}};
                const Decision made = workers[owner_of_port(port, 3)]->outbound(packet, kWan, now_);
                ASSERT_EQ(made.verdict, Verdict::Translate);
                of_host.insert(made.rewrite.endpoint.address);
            }
        }
        EXPECT_EQ(of_host.size(), 1U);
        used.insert(of_host.begin(), of_host.end());
    }
    EXPECT_GT(used.size(), 20U);  // and hosts are spread over the pool
}

// rfc4787: REQ-3
// rfc5382: REQ-7
// rfc4787: REQ-3, rfc5382: REQ-7
TEST_F(Mapping, Two_hosts_never_share_an_outside_port) {
    const Decision first = udp_out(kHost, kRemote);
    const Decision second = udp_out(kOtherHost, kRemote);
    ASSERT_EQ(second.verdict, Verdict::Translate);
    EXPECT_NE(first.rewrite.endpoint, second.rewrite.endpoint);
    const Decision third = tcp_out(kSyn, kHost);
    const Decision fourth = tcp_out(kSyn, kOtherHost);
    ASSERT_EQ(fourth.verdict, Verdict::Translate);
    EXPECT_NE(third.rewrite.endpoint, fourth.rewrite.endpoint);
}

// rfc4787: REQ-5
// rfc4787: REQ-5, REQ-5/c
TEST_F(Mapping, A_udp_mapping_lives_five_minutes_by_default_and_never_less) {
    udp_out(kHost, kRemote);
    pass_time(300);
    EXPECT_TRANSLATED(udp_in(kRemote, {kOutside, kHost.port}), kHost);
    pass_time(late(300) - 300);
    EXPECT_EQ(udp_in(kRemote, {kOutside, kHost.port}).verdict, Verdict::Unmapped);
    EXPECT_EQ(nat().mapping_count(), 0U);
}

// rfc4787: REQ-5
// rfc5382: REQ-5
// rfc5508: REQ-2
// rfc4787: REQ-5, REQ-5/b, rfc5382: REQ-5, REQ-5/a, rfc5508: REQ-2
TEST_F(Mapping, Times_below_the_least_are_refused_with_the_clause) {
    settings_.timeouts.udp = Seconds{119};
    EXPECT_EQ(check(settings_),
              "nat.timeouts.udp: 119s is less than RFC 4787 REQ-5 allows; make it at least 120s");
    settings_.timeouts = {};
    settings_.timeouts.tcp_established = Seconds{7439};
    EXPECT_NE(check(settings_).find("RFC 5382 REQ-5"), std::string::npos);
    settings_.timeouts = {};
    settings_.timeouts.icmp = Seconds{59};
    EXPECT_NE(check(settings_).find("RFC 5508 REQ-2"), std::string::npos);
    settings_.timeouts = {};
    EXPECT_EQ(check(settings_), "");
}

// rfc4787: REQ-6
// rfc4787: REQ-6
TEST_F(Mapping, What_goes_out_refreshes) {
    udp_out(kHost, kRemote);
    for (int round = 0; round < 10; ++round) {
        pass_time(299);
        EXPECT_TRANSLATED(udp_out(kHost, kRemote), (Endpoint{kOutside, kHost.port}));
    }
    EXPECT_EQ(nat().counters().mappings_made, 1U);
}

// rfc4787: REQ-6
// rfc7857: 7
// rfc4787: REQ-6/a, rfc7857: 7/a
TEST_F(Mapping, What_comes_in_does_not_refresh_and_makes_no_session) {
    udp_out(kHost, kRemote);
    for (std::uint32_t waited = 0; waited < late(300) + 10; waited += 10) {
        pass_time(10);
        static_cast<void>(udp_in(kRemote, {kOutside, kHost.port}));
        static_cast<void>(udp_in(kOtherRemote, {kOutside, kHost.port}));
    }
    EXPECT_EQ(nat().mapping_count(), 0U);
    EXPECT_EQ(nat().counters().sessions_made, 1U);
}

// rfc4787: REQ-6/a
TEST_F(Mapping, What_comes_in_refreshes_where_that_is_asked_for) {
    settings_.inbound_refreshes = true;
    udp_out(kHost, kRemote);
    for (int round = 0; round < 20; ++round) {
        pass_time(100);
        EXPECT_TRANSLATED(udp_in(kRemote, {kOutside, kHost.port}), kHost);
    }
}

// rfc4787: REQ-8
// rfc6888: REQ-7
// rfc4787: REQ-8, rfc6888: REQ-7
TEST_F(Mapping, Anyone_may_answer_to_a_mapping_by_default) {
    udp_out(kHost, kRemote);
    EXPECT_TRANSLATED(udp_in(kOtherRemote, {kOutside, kHost.port}), kHost);
}

// rfc4787: REQ-8/a
TEST_F(Mapping, A_rule_may_have_a_filter_of_its_own) {
    settings_.filtering = Filtering::AddressAndPortDependent;
    settings_.keeps_peers = true;
    SourceRule open = source_rule("192.0.2.2/32");
    open.id = RuleId{2};
    open.name = "open";
    open.from = {prefix("10.8.0.0/16")};
    open.policy.filtering = Filtering::EndpointIndependent;
    SourceRule half = source_rule("192.0.2.3/32");
    half.id = RuleId{3};
    half.name = "half";
    half.from = {prefix("10.9.0.0/16")};
    half.policy.filtering = Filtering::AddressDependent;
    set_.source.insert(set_.source.begin(), {open, half});
    const Endpoint opens{{10, 8, 0, 1}, 5000};
    const Endpoint halfs{{10, 9, 0, 1}, 5000};
    for (const Endpoint& host : {kHost, opens, halfs}) {
        udp_out(host, kRemote);
    }
    EXPECT_TRANSLATED(udp_in(kOtherRemote, {{192, 0, 2, 2}, 5000}), opens);
    EXPECT_REFUSED(udp_in(kOtherRemote, {{192, 0, 2, 3}, 5000}), Filtered);
    EXPECT_TRANSLATED(udp_in({kRemote.address, 1}, {{192, 0, 2, 3}, 5000}), halfs);
    EXPECT_REFUSED(udp_in({kRemote.address, 1}, {kOutside, kHost.port}), Filtered);
}

// rfc4787: REQ-8
// rfc4787: REQ-8, REQ-8/a
TEST_F(Mapping, Address_dependent_filtering_asks_for_the_address_only) {
    settings_.filtering = Filtering::AddressDependent;
    udp_out(kHost, kRemote);
    udp_out(kHost, {kRemote.address, 99});
    EXPECT_TRANSLATED(udp_in({kRemote.address, 1000}, {kOutside, kHost.port}), kHost);
    EXPECT_REFUSED(udp_in(kOtherRemote, {kOutside, kHost.port}), Filtered);
    // It holds as long as one session with that address does, whichever that is.
    for (int round = 0; round < 4; ++round) {
        pass_time(200);
        udp_out(kHost, {kRemote.address, 99});
    }
    EXPECT_EQ(nat().session_count(), 1U);
    EXPECT_TRANSLATED(udp_in({kRemote.address, 1000}, {kOutside, kHost.port}), kHost);
}

// rfc4787: REQ-8
// rfc4787: REQ-8/a
TEST_F(Mapping, Address_and_port_dependent_filtering_asks_for_both) {
    settings_.filtering = Filtering::AddressAndPortDependent;
    udp_out(kHost, kRemote);
    EXPECT_TRANSLATED(udp_in(kRemote, {kOutside, kHost.port}), kHost);
    EXPECT_REFUSED(udp_in({kRemote.address, 1000}, {kOutside, kHost.port}), Filtered);
}

// rfc4787: REQ-9
// rfc5382: REQ-8
// rfc4787: REQ-9, REQ-9/a
TEST_F(Mapping, Two_inside_hosts_meet_by_their_outside_endpoints) {
    for (const IpProtocol protocol : {IpProtocol::Udp, IpProtocol::Tcp}) {
        const Endpoint to =
            nat()
                .outbound({{protocol, kOtherHost, kRemote}, {kSyn, 0, 0}}, kWan, now_)
                .rewrite.endpoint;
        const Decision out = nat().outbound({{protocol, kHost, to}, {kSyn, 0, 0}}, kWan, now_);
        ASSERT_EQ(out.verdict, Verdict::Translate);
        EXPECT_TRUE(out.is_hairpin);
        // The receiver sees the outside endpoint of the sender, and answers to it.
        const Decision in =
            nat().inbound({{protocol, out.rewrite.endpoint, to}, {kSyn, 0, 0}}, now_);
        EXPECT_TRANSLATED(in, kOtherHost);
        const Decision answer = nat().outbound(
            {{protocol, kOtherHost, out.rewrite.endpoint}, {kSynAck, 0, 0}}, kWan, now_);
        EXPECT_TRANSLATED(answer, to);
        EXPECT_TRUE(answer.is_hairpin);
        EXPECT_TRANSLATED(
            nat().inbound({{protocol, to, out.rewrite.endpoint}, {kSynAck, 0, 0}}, now_), kHost);
    }
}

// rfc4787: REQ-11
// rfc4787: REQ-11
TEST_F(Mapping, A_port_that_must_differ_changes_nothing_about_who_may_answer) {
    udp_out(kHost, kRemote);
    const Endpoint other = udp_out(kOtherHost, kRemote).rewrite.endpoint;
    EXPECT_NE(other.port, kOtherHost.port);
    EXPECT_TRANSLATED(udp_in(kOtherRemote, other), kOtherHost);
    EXPECT_TRANSLATED(udp_out(kOtherHost, kOtherRemote), other);
}

TEST_F(Mapping, The_differences_make_the_checksums_of_the_packet_that_leaves) {
    const Decision out = udp_out(kHost, kRemote);
    const std::vector<std::uint8_t> before{0x9c, 0x40, 0x00, 0x35, 0x00, 0x0a, 0, 0, 0xab, 0xcd};
    std::vector<std::uint8_t> after = before;
    const Endpoint to = out.rewrite.endpoint;
    after[0] = static_cast<std::uint8_t>(to.port >> 8U);
    after[1] = static_cast<std::uint8_t>(to.port);
    const net::Big16 old_sum =
        net::transport_checksum(kHost.address, kRemote.address, IpProtocol::Udp, before);
    const net::Big16 new_sum =
        net::transport_checksum(to.address, kRemote.address, IpProtocol::Udp, after);
    EXPECT_EQ(out.rewrite.transport.applied_to(old_sum), new_sum);
    const Decision in = udp_in(kRemote, to);
    EXPECT_EQ(in.rewrite.transport.applied_to(new_sum), old_sum);
    EXPECT_EQ(in.rewrite.ip.applied_to(out.rewrite.ip.applied_to(old_sum)), old_sum);
}

TEST_F(Mapping, A_session_that_is_found_needs_no_search_of_mappings_or_rules) {
    const Decision out = udp_out(kHost, kRemote);
    nat().prefetch_session(nat().prefetch(Direction::Outbound, {IpProtocol::Udp, kHost, kRemote}));
    nat().prefetch_session(
        nat().prefetch(Direction::Outbound, {IpProtocol::Udp, kHost, kOtherRemote}));
    EXPECT_EQ(nat().find(Direction::Outbound, {IpProtocol::Udp, kHost, kRemote}), out.session);
    EXPECT_EQ(nat().find(Direction::Inbound, {IpProtocol::Udp, kRemote, out.rewrite.endpoint}),
              out.session);
    EXPECT_EQ(nat().find(Direction::Inbound, {IpProtocol::Udp, kHost, kRemote}), kNone);
}

// A burst of new flows is prepared as a whole before the first is decided about.
TEST_F(Mapping, Flows_that_were_prepared_together_get_what_they_would_have_got_one_by_one) {
    const std::vector<Flow> burst{{IpProtocol::Udp, kHost, kRemote},
                                  {IpProtocol::Udp, kOtherHost, kRemote},  // the same port
                                  {IpProtocol::Udp, kHost, kOtherRemote},  // the same mapping
                                  {IpProtocol::Udp, kHost, kRemote},       // the same flow
                                  {IpProtocol::Tcp, kHost, kRemote},
                                  {IpProtocol::Icmp, kHost, {kRemote.address, 0}}};
    udp_out({{10, 0, 0, 9}, kHost.port + 2U}, kRemote);
    const auto same_port_taken = Flow{IpProtocol::Udp, {{10, 0, 0, 8}, kHost.port + 2U}, kRemote};
    std::vector<Flow> flows = burst;
    flows.push_back(same_port_taken);
    std::vector<Translator::Opening> openings;
    for (const Flow& flow : flows) {
        EXPECT_EQ(nat().prefetch_session(nat().prefetch(Direction::Outbound, flow)), kNone);
        openings.push_back(nat().prefetch_opening(flow, kWan));
    }
    for (std::size_t at = 0; at < flows.size(); ++at) {
        nat().prefetch_port(flows[at], openings[at], now_);
    }
    for (std::size_t at = 0; at < flows.size(); ++at) {
        nat().prefetch_binding(flows[at], openings[at], now_);
    }
    EXPECT_EQ(nat().session_count(), 1U);
    std::vector<Decision> out;
    for (std::size_t at = 0; at < flows.size(); ++at) {
        const net::TcpFlags flags = flows[at].protocol == IpProtocol::Tcp ? kSyn : net::TcpFlags{};
        out.push_back(nat().outbound({flows[at], {flags}}, kWan, now_, openings[at]));
        ASSERT_EQ(out.back().verdict, Verdict::Translate) << at;
    }
    EXPECT_EQ(out[0].rewrite.endpoint, (Endpoint{kOutside, kHost.port}));
    EXPECT_NE(out[1].rewrite.endpoint.port, kHost.port);
    EXPECT_EQ(out[1].rewrite.endpoint.port % 2, kHost.port % 2);
    EXPECT_EQ(out[2].rewrite.endpoint, out[0].rewrite.endpoint);
    EXPECT_EQ(out[3].session, out[0].session);
    EXPECT_EQ(out[4].rewrite.endpoint.port, kHost.port);
    EXPECT_EQ(out[5].rewrite.endpoint.port, kHost.port);
    EXPECT_NE(openings[6].random, 0U);  // its port was out already
    EXPECT_NE(out[6].rewrite.endpoint.port, out[1].rewrite.endpoint.port);
    EXPECT_NE(out[6].rewrite.endpoint.port, kHost.port + 2U);
    EXPECT_EQ(nat().session_count(), 7U);
    EXPECT_EQ(nat().counters().ports_preserved, 4U);
}

TEST_F(Mapping, A_source_without_a_rule_passes_untouched) {
    EXPECT_EQ(udp_out({{172, 16, 0, 1}, 5}, kRemote).verdict, Verdict::Untouched);
    EXPECT_EQ(
        nat().outbound({{IpProtocol::Udp, kHost, kRemote}}, net::InterfaceId{3}, now_).verdict,
        Verdict::Untouched);
    EXPECT_EQ(udp_in(kRemote, {{192, 0, 2, 9}, 5}).verdict, Verdict::Untouched);
}

TEST_F(Mapping, A_flow_of_another_worker_is_refused) {
    settings_.place = {1, 2};
    EXPECT_REFUSED(udp_out(kHost, kRemote), NotOwner);
    EXPECT_REFUSED(udp_in(kRemote, {kOutside, 40000}), NotOwner);
}

// rfc6888: REQ-12
// rfc6888: REQ-12
TEST_F(Mapping, Bindings_are_told_without_remotes) {
    udp_out(kHost, kRemote);
    pass_time(late(300));
    const auto told = events();
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[0].event, NatEvent::BindingCreate);
    EXPECT_EQ(told[0].inside, kHost);
    EXPECT_EQ(told[0].outside, (Endpoint{kOutside, kHost.port}));
    EXPECT_EQ(told[0].remote, Endpoint{});
    EXPECT_EQ(told[0].time, now_ - Seconds{late(300)});
    EXPECT_EQ(told[1].event, NatEvent::BindingDelete);
}

// rfc6888: REQ-12
TEST_F(Mapping, Sessions_are_told_with_remotes_where_that_is_asked_for) {
    settings_.logging = Logging::Sessions;
    settings_.event_capacity = 2;
    udp_out(kHost, kRemote);
    udp_out(kHost, kOtherRemote);
    udp_out(kOtherHost, kRemote);
    const auto told = events();
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[1].event, NatEvent::SessionCreate);
    EXPECT_EQ(told[1].remote, kOtherRemote);
    EXPECT_EQ(nat().lost_events(), 1U);
}

TEST_F(Mapping, A_session_costs_at_most_128_bytes) {
    settings_.max_sessions = 1U << 18U;
    EXPECT_LE(nat().session_bytes(), std::size_t{128} << 18U);
    RecordProperty("bytes_a_session", std::to_string(static_cast<double>(nat().session_bytes()) /
                                                     settings_.max_sessions));
}

}  // namespace
}  // namespace godwit::dataplane::nat::testing
