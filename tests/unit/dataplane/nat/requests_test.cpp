// Mappings on request: who gets which, who may change it, who may enter, when it ends.
#include <algorithm>
#include <map>
#include <set>

#include "tests/unit/dataplane/nat/nat_fixture.hpp"

namespace godwit::dataplane::nat::testing {
namespace {

constexpr MappingNonce kNonce{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
constexpr MappingNonce kOtherNonce{9};
constexpr Endpoint kService{{10, 0, 0, 5}, 8080};

MappingRequest request(Endpoint inside = kService, std::uint32_t lifetime = 600,
                       IpProtocol protocol = IpProtocol::Udp) {
    MappingRequest made;
    made.inside = inside;
    made.protocol = protocol;
    made.nonce = kNonce;
    made.lifetime = Seconds{lifetime};
    return made;
}

class Requests : public NatTest {
protected:
    MappingGrant ask(const MappingRequest& wanted) { return nat().request_mapping(wanted, now_); }
    MappingOutcome outcome(const MappingRequest& wanted) { return ask(wanted).outcome; }
    std::vector<MappingView> views() {
        std::vector<MappingView> all(100);
        std::uint32_t cursor = 0;
        all.resize(nat().read_mappings(cursor, 1000, all));
        EXPECT_EQ(cursor, kNone);
        return all;
    }
};

#define EXPECT_GRANTED(grant, endpoint, seconds)                                 \
    do {                                                                         \
        const MappingGrant given_ = (grant);                                     \
        EXPECT_EQ(given_.outcome, MappingOutcome::Done);                         \
        EXPECT_EQ(given_.outside, (endpoint))                                    \
            << given_.outside.address.to_string() << ":" << given_.outside.port; \
        EXPECT_EQ(given_.lifetime, Seconds{seconds});                            \
    } while (false)

// rfc6888: REQ-9
TEST_F(Requests, A_host_gets_a_port_that_leads_to_it_before_it_has_sent_anything) {
    const Endpoint outside{kOutside, kService.port};
    EXPECT_GRANTED(ask(request()), outside, 600);
    EXPECT_TRANSLATED(udp_in(kRemote, outside), kService);
    EXPECT_TRANSLATED(udp_in(kOtherRemote, outside), kService);
    EXPECT_EQ(nat().session_count(), 0U) << "nobody outside fills the table with datagrams";
}

// rfc6888: REQ-9
TEST_F(Requests, A_connection_from_outside_opens_a_session_of_its_own) {
    EXPECT_GRANTED(ask(request(kService, 600, IpProtocol::Tcp)), (Endpoint{kOutside, 8080}), 600);
    EXPECT_TRANSLATED(tcp_in(kSyn, kRemote, {kOutside, 8080}), kService);
    EXPECT_TRANSLATED(tcp_out(kSynAck, kService, kRemote), (Endpoint{kOutside, 8080}));
    EXPECT_EQ(nat().session_count(), 1U);
    EXPECT_EQ(views().front().sessions, 1U);
}

// RFC 6887 11: endpoint-independent mapping and filtering, whatever packets make else.
// rfc6888: REQ-9
TEST_F(Requests, Packets_of_the_host_leave_by_the_mapping_that_it_asked_for) {
    settings_.filtering = Filtering::AddressAndPortDependent;
    MappingRequest wanted = request();
    wanted.suggested = {{}, 9090};
    EXPECT_GRANTED(ask(wanted), (Endpoint{kOutside, 9090}), 600);
    EXPECT_TRANSLATED(udp_out(kService, kRemote), (Endpoint{kOutside, 9090}));
    EXPECT_TRANSLATED(udp_in(kOtherRemote, {kOutside, 9090}), kService);
}

// RFC 6887 11.3: an implicit mapping that there is becomes the explicit one.
// rfc6888: REQ-9
TEST_F(Requests, A_mapping_that_packets_made_stays_and_is_kept) {
    const Endpoint outside = udp_out(kService, kRemote).rewrite.endpoint;
    MappingRequest wanted = request();
    wanted.suggested = {kOutside, 9090};
    EXPECT_GRANTED(ask(wanted), outside, 600);
    pass_time(late(settings_.timeouts.udp.count()));
    EXPECT_EQ(nat().session_count(), 0U);
    EXPECT_TRANSLATED(udp_in(kRemote, outside), kService);
    EXPECT_EQ(nat().mapping_count(), 1U);
}

// rfc6888: REQ-9
TEST_F(Requests, It_ends_with_its_lifetime_and_not_before) {
    static_cast<void>(ask(request()));
    pass_time(599);
    EXPECT_TRANSLATED(udp_in(kRemote, {kOutside, 8080}), kService);
    pass_time(1);
    EXPECT_EQ(udp_in(kRemote, {kOutside, 8080}).verdict, Verdict::Unmapped);
    EXPECT_EQ(nat().mapping_count(), 0U);
    EXPECT_EQ(nat().subscriber_count(), 0U);
    EXPECT_EQ(nat().counters().requests_expired, 1U);
}

TEST_F(Requests, Its_sessions_outlive_it_and_the_mapping_lives_as_long_as_they_do) {
    static_cast<void>(ask(request()));
    pass_time(590);
    udp_out(kService, kRemote);
    pass_time(10);
    EXPECT_TRANSLATED(udp_in(kRemote, {kOutside, 8080}), kService);
    EXPECT_REFUSED(udp_in(kOtherRemote, {kOutside, 8080}), Filtered);
    EXPECT_TRUE(views().empty());
    pass_time(late(settings_.timeouts.udp.count()));
    EXPECT_EQ(nat().mapping_count(), 0U);
}

// rfc6888: REQ-9
TEST_F(Requests, A_renewal_with_the_same_nonce_has_the_same_port_and_the_new_lifetime) {
    static_cast<void>(ask(request()));
    pass_time(500);
    MappingRequest again = request(kService, 300);
    again.suggested = {kOutside, 9999};
    EXPECT_GRANTED(ask(again), (Endpoint{kOutside, 8080}), 300);
    pass_time(299);
    EXPECT_EQ(views().size(), 1U);
    EXPECT_EQ(nat().counters().requests_granted, 1U);
    EXPECT_EQ(nat().counters().requests_renewed, 1U);
    pass_time(1);
    EXPECT_TRUE(views().empty());
}

TEST_F(Requests, A_shorter_lifetime_ends_it_earlier) {
    static_cast<void>(ask(request(kService, 86400)));
    static_cast<void>(ask(request({kService.address, 8081}, 1000)));
    static_cast<void>(ask(request(kService, 120)));
    pass_time(120);
    ASSERT_EQ(views().size(), 1U);
    EXPECT_EQ(views().front().inside.port, 8081);
}

// RFC 6887 11.3, 15.1.
// rfc6888: REQ-9
TEST_F(Requests, Who_has_another_nonce_neither_renews_nor_ends_it) {
    static_cast<void>(ask(request()));
    MappingRequest strange = request(kService, 86400);
    strange.nonce = kOtherNonce;
    EXPECT_EQ(outcome(strange), MappingOutcome::NotAuthorized);
    strange.lifetime = Seconds{0};
    EXPECT_EQ(outcome(strange), MappingOutcome::NotAuthorized);
    pass_time(560);
    strange.lifetime = Seconds{600};
    EXPECT_EQ(ask(strange).lifetime, Seconds{40}) << "as long as the other one has it";
    pass_time(39);
    EXPECT_EQ(views().size(), 1U);
    wait(5);
    EXPECT_EQ(ask(strange).lifetime, Seconds{0}) << "its time is over, and nobody has looked yet";
    pass_time(0);
    EXPECT_TRUE(views().empty());
    const auto& refused = nat().counters().requests_refused;
    EXPECT_EQ(refused[static_cast<std::size_t>(MappingOutcome::NotAuthorized)], 4U);
}

// rfc6888: REQ-9
TEST_F(Requests, Its_host_ends_it_and_what_is_not_there_has_ended) {
    static_cast<void>(ask(request()));
    EXPECT_GRANTED(ask(request(kService, 0)), (Endpoint{kOutside, 8080}), 0);
    EXPECT_REFUSED(udp_in(kRemote, {kOutside, 8080}), Filtered);
    EXPECT_EQ(nat().statistics(now_).requested, 0U);
    EXPECT_TRUE(views().empty());
    EXPECT_EQ(outcome(request(kService, 0)), MappingOutcome::Done);
    EXPECT_EQ(nat().counters().requests_released, 1U);
    pass_time(30);
    EXPECT_EQ(udp_in(kRemote, {kOutside, 8080}).verdict, Verdict::Unmapped);
    EXPECT_EQ(nat().mapping_count(), 0U);
    EXPECT_EQ(nat().counters().requests_expired, 0U) << "it was ended, and counted as that";
}

TEST_F(Requests, One_that_was_ended_is_the_same_when_it_is_asked_for_again) {
    MappingRequest wanted = request();
    wanted.filter_count = 1;
    wanted.filters[0] = {{198, 51, 100, 0}, 0, 24};
    static_cast<void>(ask(wanted));
    static_cast<void>(ask(request(kService, 0)));
    pass_time(10);
    MappingRequest again = request();
    again.nonce = kOtherNonce;
    again.suggested = {kOutside, 9090};
    EXPECT_GRANTED(ask(again), (Endpoint{kOutside, 8080}), 600);
    EXPECT_TRANSLATED(udp_in(kOtherRemote, {kOutside, 8080}), kService);  // no filter is left
    EXPECT_EQ(outcome(request()), MappingOutcome::NotAuthorized) << "it has another nonce now";
    EXPECT_EQ(nat().counters().requests_granted, 2U);
    pass_time(599);
    EXPECT_EQ(views().size(), 1U);
}

// RFC 4787 REQ-6: else whoever connects often enough would keep open what its host has closed.
TEST_F(Requests, Connections_from_outside_do_not_keep_open_what_was_ended) {
    static_cast<void>(ask(request(kService, 600, IpProtocol::Tcp)));
    EXPECT_TRANSLATED(tcp_in(kSyn, kRemote, {kOutside, 8080}), kService);
    tcp_out(kSynAck, kService, kRemote);
    tcp_in(kAck, kRemote, {kOutside, 8080});
    static_cast<void>(ask(request(kService, 0, IpProtocol::Tcp)));
    EXPECT_EQ(tcp_in(kSyn, kOtherRemote, {kOutside, 8080}).verdict, Verdict::Unsolicited);
    EXPECT_TRANSLATED(tcp_in(kAck, kRemote, {kOutside, 8080}), kService);
    pass_time(31);
    EXPECT_EQ(tcp_in(kSyn, kOtherRemote, {kOutside, 8080}).verdict, Verdict::Unsolicited);
    EXPECT_TRANSLATED(tcp_in(kAck, kRemote, {kOutside, 8080}), kService);
    static_cast<void>(ask(request(kService, 600, IpProtocol::Tcp)));
    EXPECT_TRANSLATED(tcp_in(kSyn, kOtherRemote, {kOutside, 8080}), kService);
}

TEST_F(Requests, One_that_was_ended_is_open_again_when_its_host_sends_to_somebody_new) {
    static_cast<void>(ask(request()));
    static_cast<void>(ask(request(kService, 0)));
    udp_out(kService, kRemote);
    EXPECT_TRANSLATED(udp_in(kOtherRemote, {kOutside, 8080}), kService);
    pass_time(late(settings_.timeouts.udp.count()));
    EXPECT_EQ(nat().mapping_count(), 0U);
}

// rfc6888: REQ-4
TEST_F(Requests, Nobody_wears_out_the_ports_by_asking_and_ending) {
    settings_.most_requested = 4;
    for (std::uint16_t port = 2000; port < 3000; ++port) {
        static_cast<void>(ask(request({kService.address, port})));
        static_cast<void>(ask(request({kService.address, port}, 0)));
    }
    EXPECT_EQ(nat().counters().mappings_made, 4U);
    EXPECT_EQ(nat().statistics(now_).requested, 0U);
    pass_time(30);
    EXPECT_EQ(outcome(request({kService.address, 4000})), MappingOutcome::Done);
}

TEST_F(Requests, A_port_in_use_is_replaced_unless_it_must_be_that_one) {
    static_cast<void>(ask(request()));
    MappingRequest other = request({{10, 0, 0, 6}, 7000});
    other.suggested = {{}, 8080};
    other.exactly = true;
    EXPECT_EQ(outcome(other), MappingOutcome::NotAsSuggested);
    EXPECT_EQ(nat().subscriber_count(), 1U) << "nothing is left of the refused one";
    other.exactly = false;
    const MappingGrant given = ask(other);
    EXPECT_EQ(given.outcome, MappingOutcome::Done);
    EXPECT_NE(given.outside.port, 8080);
    EXPECT_EQ(given.outside.port % 2, 0) << "of the same parity";
    other.suggested = {{198, 51, 100, 99}, 0};
    other.inside.port = 7001;
    other.exactly = true;
    EXPECT_EQ(outcome(other), MappingOutcome::NotAsSuggested) << "an address that is not ours";
}

TEST_F(Requests, What_must_be_as_suggested_and_is_not_says_so_at_a_renewal_too) {
    static_cast<void>(ask(request()));
    MappingRequest again = request();
    again.exactly = true;
    again.suggested = {kOutside, 9090};
    EXPECT_EQ(outcome(again), MappingOutcome::NotAsSuggested);
    again.suggested = {kOutside, 8080};
    EXPECT_EQ(outcome(again), MappingOutcome::Done);
}

TEST_F(Requests, Ports_outside_the_range_of_the_rule_are_nobodys) {
    set_.source[0].ports = {1024, 65535};
    MappingRequest wanted = request();
    wanted.suggested = {{}, 443};
    wanted.exactly = true;
    EXPECT_EQ(outcome(wanted), MappingOutcome::NotAsSuggested);
    wanted.exactly = false;
    EXPECT_GE(ask(wanted).outside.port, 1024);
    EXPECT_TRUE(std::ranges::none_of(events(), [](const BindingEvent& event) {
        return event.event == NatEvent::PortsExhausted;
    })) << "no port was short";
}

TEST_F(Requests, The_routers_own_ports_are_not_given_away) {
    set_.own = {{IpProtocol::Udp, kOutside, {8080, 8080}}};
    MappingRequest wanted = request();
    wanted.exactly = true;
    wanted.suggested = {kOutside, 8080};
    EXPECT_EQ(outcome(wanted), MappingOutcome::NotAsSuggested);
    wanted.exactly = false;
    EXPECT_NE(ask(wanted).outside.port, 8080);
}

// RFC 6887 13.3.
TEST_F(Requests, Filters_say_who_enters) {
    MappingRequest wanted = request();
    wanted.filter_count = 1;
    wanted.filters[0] = {{198, 51, 100, 0}, 53, 24};
    EXPECT_EQ(outcome(wanted), MappingOutcome::Done);
    const Endpoint outside{kOutside, 8080};
    EXPECT_TRANSLATED(udp_in({{198, 51, 100, 200}, 53}, outside), kService);
    EXPECT_REFUSED(udp_in({{198, 51, 100, 200}, 54}, outside), Filtered);
    EXPECT_REFUSED(udp_in({{198, 51, 101, 1}, 53}, outside), Filtered);
    EXPECT_EQ(tcp_in(kSyn, kRemote, outside).verdict, Verdict::Unsolicited) << "of UDP only";

    wanted.filters[0] = {{203, 0, 113, 9}, 0, 32};
    EXPECT_EQ(outcome(wanted), MappingOutcome::Done);
    EXPECT_TRANSLATED(udp_in(kOtherRemote, outside), kService);
    EXPECT_TRANSLATED(udp_in({{198, 51, 100, 200}, 53}, outside), kService);  // both hold

    wanted.clears_filters = true;
    EXPECT_EQ(outcome(wanted), MappingOutcome::Done);
    EXPECT_REFUSED(udp_in({{198, 51, 100, 200}, 53}, outside), Filtered);
    wanted.filter_count = 0;
    EXPECT_EQ(outcome(wanted), MappingOutcome::Done);
    EXPECT_TRANSLATED(udp_in({{198, 51, 100, 200}, 54}, outside), kService);
}

TEST_F(Requests, Too_many_filters_change_nothing) {
    MappingRequest wanted = request();
    wanted.filter_count = kMaxMappingFilters;
    for (std::uint8_t at = 0; at < kMaxMappingFilters; ++at) {
        wanted.filters[at] = {{198, 51, 100, at}, 0, 32};
    }
    EXPECT_EQ(outcome(wanted), MappingOutcome::Done);
    pass_time(100);
    EXPECT_EQ(outcome(wanted), MappingOutcome::Done) << "the same ones again are no more";
    wanted.filters[0] = {{203, 0, 113, 1}, 0, 32};
    wanted.lifetime = Seconds{86400};
    EXPECT_EQ(outcome(wanted), MappingOutcome::TooManyFilters);
    EXPECT_EQ(views().front().deadline, now_ + Seconds{600});
}

// What it has is counted among the ports of the subscriber, and limited by itself too.
// rfc6888: REQ-4
TEST_F(Requests, A_subscriber_has_a_limit_of_its_own_for_them) {
    settings_.most_requested = 2;
    EXPECT_EQ(outcome(request({kService.address, 1001})), MappingOutcome::Done);
    EXPECT_EQ(outcome(request({kService.address, 1002})), MappingOutcome::Done);
    EXPECT_EQ(outcome(request({kService.address, 1003})), MappingOutcome::OverLimit);
    EXPECT_EQ(outcome(request({{10, 0, 0, 6}, 1003})), MappingOutcome::Done) << "another one";
    EXPECT_EQ(outcome(request({kService.address, 1001}, 0)), MappingOutcome::Done);
    EXPECT_EQ(outcome(request({kService.address, 1003})), MappingOutcome::OverLimit);
    pass_time(30);
    EXPECT_EQ(outcome(request({kService.address, 1003})), MappingOutcome::Done);
}

// rfc6888: REQ-4
TEST_F(Requests, The_ports_of_a_subscriber_are_limited_however_it_gets_them) {
    settings_.limits.ports = 2;
    EXPECT_EQ(outcome(request({kService.address, 1001})), MappingOutcome::Done);
    EXPECT_EQ(outcome(request({kService.address, 1002})), MappingOutcome::Done);
    EXPECT_EQ(outcome(request({kService.address, 1003})), MappingOutcome::OverLimit);
    EXPECT_REFUSED(udp_out({kService.address, 1003}, kRemote), SubscriberPorts);
}

// An expectation that is under way enters whatever filters its host has asked for.
TEST_F(Requests, Filters_do_not_keep_out_who_was_announced) {
    settings_.ftp = true;
    const Endpoint data{{10, 0, 0, 5}, 50000};
    MappingRequest wanted = request(data, 600, IpProtocol::Tcp);
    wanted.filter_count = 1;
    wanted.filters[0] = {{203, 0, 113, 0}, 0, 24};
    static_cast<void>(ask(wanted));
    const std::uint16_t port = nat().expect(data, {{198, 51, 100, 1}, 21}, kWan, now_);
    ASSERT_EQ(port, 50000);
    EXPECT_TRANSLATED(tcp_in(kSyn, {{198, 51, 100, 1}, 20}, {kOutside, port}), data);
}

TEST_F(Requests, A_full_table_counts_what_is_held_after_its_release) {
    settings_.most_requested = 60000;
    std::uint16_t port = 2000;
    while (outcome(request({kService.address, port})) == MappingOutcome::Done) {
        static_cast<void>(ask(request({kService.address, port}, 0)));
        ++port;
    }
    EXPECT_EQ(nat().statistics(now_).requested, 0U);
    EXPECT_EQ(nat().statistics(now_).released, nat().statistics(now_).max_requested);
    EXPECT_EQ(port - 2000U, nat().statistics(now_).max_requested);
    pass_time(30);
    EXPECT_EQ(nat().statistics(now_).released, 0U);
}

TEST_F(Requests, The_table_of_requests_has_an_end_and_nothing_is_lost_there) {
    settings_.most_requested = 60000;
    settings_.max_sessions = 1024;
    std::uint16_t port = 2000;
    while (outcome(request({kService.address, port})) == MappingOutcome::Done) {
        ++port;
    }
    EXPECT_EQ(port - 2000U, nat().statistics(now_).max_requested);
    EXPECT_EQ(outcome(request({kService.address, port})), MappingOutcome::NoRoom);
    EXPECT_EQ(nat().mapping_count(), nat().statistics(now_).requested);
    EXPECT_TRANSLATED(udp_out({kService.address, port}, kRemote), (Endpoint{kOutside, port}));
}

// RFC 6887 11.3: a static mapping is told, and nobody ends it.
TEST_F(Requests, What_a_rule_gives_the_host_is_told) {
    set_.forward = {
        {RuleId{2}, "web", IpProtocol::Tcp, kOutside, {443, 443}, kService.address, kService.port}};
    set_.one_to_one = {
        {RuleId{3}, "server", prefix("10.1.0.1/32"), prefix("192.0.2.128/32"), kWan}};
    EXPECT_GRANTED(ask(request(kService, 600, IpProtocol::Tcp)), (Endpoint{kOutside, 443}), 600);
    const Endpoint server{{10, 1, 0, 1}, 25};
    EXPECT_GRANTED(ask(request(server, 600, IpProtocol::Tcp)), (Endpoint{{192, 0, 2, 128}, 25}),
                   600);
    EXPECT_EQ(outcome(request(server, 0, IpProtocol::Tcp)), MappingOutcome::NotAuthorized);
    EXPECT_EQ(outcome(request(kService, 0, IpProtocol::Tcp)), MappingOutcome::NotAuthorized);
    MappingRequest filtered = request(kService, 600, IpProtocol::Tcp);
    filtered.filter_count = 1;
    EXPECT_EQ(outcome(filtered), MappingOutcome::TooManyFilters)
        << "what would not be applied is not promised";
    MappingRequest other = request(server, 600, IpProtocol::Tcp);
    other.suggested = {kOutside, 25};
    other.exactly = true;
    EXPECT_EQ(outcome(other), MappingOutcome::NotAsSuggested);
    EXPECT_TRUE(views().empty());
}

TEST_F(Requests, A_host_that_no_rule_is_for_gets_nothing) {
    EXPECT_EQ(outcome(request({{172, 16, 0, 1}, 80})), MappingOutcome::NotTranslated);
    EXPECT_EQ(outcome(request({{172, 16, 0, 1}, 80}, 0)), MappingOutcome::Done)
        << "what is not there has ended";
}

// A host behind two uplinks says by the address which one it means.
TEST_F(Requests, The_suggested_address_says_by_which_uplink) {
    SourceRule second = source_rule("192.0.2.2/32");
    second.id = RuleId{2};
    second.name = "second";
    second.out = net::InterfaceId{8};
    set_.source.push_back(second);
    MappingRequest wanted = request();
    wanted.suggested = {{192, 0, 2, 2}, 0};
    EXPECT_GRANTED(ask(wanted), (Endpoint{{192, 0, 2, 2}, 8080}), 600);
    EXPECT_GRANTED(ask(request()), (Endpoint{{192, 0, 2, 2}, 8080}), 600);
    EXPECT_EQ(views().size(), 1U) << "a renewal without the address is of the same one";
    EXPECT_GRANTED(ask(request({kService.address, 8081})), (Endpoint{kOutside, 8081}), 600);
    EXPECT_EQ(outcome(request(kService, 0)), MappingOutcome::Done);
    EXPECT_EQ(views().size(), 1U);
}

// What a host has outside by its own packets stays what it is: else answers would leave from
// another endpoint than requests came to.
TEST_F(Requests, Without_a_suggestion_it_is_the_uplink_that_its_packets_went_by) {
    SourceRule second = source_rule("192.0.2.2/32");
    second.id = RuleId{2};
    second.name = "second";
    second.out = net::InterfaceId{8};
    set_.source.push_back(second);
    const Flow flow{IpProtocol::Udp, kService, kRemote};
    const Endpoint outside = nat().outbound({flow}, net::InterfaceId{8}, now_).rewrite.endpoint;
    ASSERT_EQ(outside.address, (Ipv4Address{192, 0, 2, 2}));
    EXPECT_GRANTED(ask(request()), outside, 600);
    // Nor does a mapping that packets made by another rule hide the one that was asked for.
    udp_out(kService, kRemote);
    EXPECT_GRANTED(ask(request()), outside, 600);
    EXPECT_EQ(views().size(), 1U);
    EXPECT_EQ(nat().counters().requests_renewed, 1U);
}

// rfc6888: REQ-9
TEST_F(Requests, A_change_of_rules_ends_exactly_those_that_it_does_not_allow) {
    set_.source[0].from = {prefix("10.0.0.0/8"), prefix("172.16.0.0/12")};
    static_cast<void>(ask(request()));
    static_cast<void>(ask(request({{172, 16, 0, 1}, 80})));
    RuleSet next = set_;
    next.source[0].from = {prefix("10.0.0.0/8")};
    apply(next);
    while (!nat().sweep(1, now_)) {
    }
    ASSERT_EQ(views().size(), 1U);
    EXPECT_EQ(views().front().inside, kService);
    EXPECT_EQ(nat().counters().requests_revoked, 1U);
    EXPECT_EQ(nat().mapping_count(), 1U);
    EXPECT_EQ(nat().subscriber_count(), 1U);
}

// RFC 7422: the port lies in the range that follows from the address, so no log is needed.
TEST_F(Requests, A_deterministic_rule_keeps_to_the_ports_of_its_subscriber) {
    set_.source[0].allocation = PortAllocation::Deterministic;
    set_.source[0].from = {prefix("10.0.0.0/24")};
    const NatRules& rules = nat().rules();
    const Share share = rules.share_of(*rules.source_rule(RuleId{1}), kService.address);
    MappingRequest wanted = request();
    wanted.suggested = {{}, static_cast<std::uint16_t>(share.ports.last + 1)};
    EXPECT_TRUE(share.ports.contains(ask(wanted).outside.port));
}

TEST_F(Requests, With_blocks_it_takes_a_port_of_the_subscribers_and_begins_none_for_one_port) {
    set_.source[0].allocation = PortAllocation::Blocks;
    set_.source[0].block_ports = 64;
    MappingRequest wanted = request();
    wanted.suggested = {{}, 5000};
    wanted.exactly = true;
    EXPECT_EQ(outcome(wanted), MappingOutcome::NotAsSuggested);
    EXPECT_TRUE(events().empty());
    wanted.exactly = false;
    const Endpoint outside = ask(wanted).outside;
    EXPECT_TRANSLATED(udp_in(kRemote, outside), kService);
    EXPECT_EQ(events().size(), 1U);
}

// rfc6888: REQ-12
TEST_F(Requests, The_journal_has_the_binding_from_its_begin_to_its_end) {
    static_cast<void>(ask(request()));
    static_cast<void>(ask(request()));
    pass_time(600);
    const auto told = events();
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[0].event, NatEvent::BindingCreate);
    EXPECT_EQ(told[0].inside, kService);
    EXPECT_EQ(told[0].outside, (Endpoint{kOutside, 8080}));
    EXPECT_EQ(told[1].event, NatEvent::BindingDelete);
}

TEST_F(Requests, The_limit_of_a_subscriber_is_shared_out_among_the_workers) {
    settings_.place = {0, 2};
    settings_.most_requested = 3;
    EXPECT_EQ(outcome(request({kService.address, 1000})), MappingOutcome::Done);
    EXPECT_EQ(outcome(request({kService.address, 1001})), MappingOutcome::Done);
    EXPECT_EQ(outcome(request({kService.address, 1004})), MappingOutcome::OverLimit);
}

TEST_F(Requests, A_call_ends_no_more_than_it_may) {
    static_cast<void>(ask(request({kService.address, 1001})));
    static_cast<void>(ask(request({kService.address, 1002})));
    wait(600);
    EXPECT_EQ(nat().expire(now_, 1), 1U);
    EXPECT_EQ(views().size(), 1U);
    EXPECT_EQ(nat().expire(now_, 1), 1U);
    EXPECT_TRUE(views().empty());
}

TEST_F(Requests, They_end_by_order_those_that_a_filter_names) {
    static_cast<void>(ask(request({kService.address, 1001})));
    static_cast<void>(ask(request({kService.address, 1002})));
    static_cast<void>(ask(request({{10, 0, 0, 6}, 1001})));
    static_cast<void>(ask(request({{10, 0, 0, 6}, 1003}, 600, IpProtocol::Tcp)));
    const auto clear = [this](const SessionFilter& filter) {
        std::size_t count = 0;
        for (std::uint32_t cursor = 0; cursor != kNone;) {
            count += nat().clear_requests(cursor, 1, filter, now_);
        }
        return count;
    };
    EXPECT_EQ(clear({.remote = kRemote.address}), 0U) << "mappings have none";
    EXPECT_EQ(clear({.inside = kService.address, .inside_port = std::uint16_t{1002}}), 1U);
    EXPECT_EQ(clear({.protocol = IpProtocol::Tcp}), 1U);
    EXPECT_EQ(clear({.outside = Ipv4Address{192, 0, 2, 9}}), 0U);
    EXPECT_EQ(clear({.rule = RuleId{1}, .outside_port = std::uint16_t{1001}}), 1U);
    EXPECT_EQ(views().size(), 1U);
    EXPECT_EQ(clear({}), 1U);
    EXPECT_EQ(nat().counters().requests_cleared, 4U);
    EXPECT_EQ(nat().mapping_count(), 0U);
}

TEST_F(Requests, Only_the_worker_that_has_the_port_answers) {
    settings_.place = {0, 2};
    EXPECT_EQ(outcome(request({kService.address, 8080})), MappingOutcome::Done);
    EXPECT_EQ(outcome(request({kService.address, 8082})), MappingOutcome::WrongWorker);
}

TEST_F(Requests, An_expected_data_connection_of_ftp_becomes_everyones_when_asked_for) {
    settings_.ftp = true;
    const Endpoint data{{10, 0, 0, 5}, 50000};
    const std::uint16_t port = nat().expect(data, {{198, 51, 100, 1}, 21}, kWan, now_);
    ASSERT_NE(port, 0);
    EXPECT_GRANTED(ask(request(data, 600, IpProtocol::Tcp)), (Endpoint{kOutside, port}), 600);
    EXPECT_TRANSLATED(tcp_in(kSyn, kOtherRemote, {kOutside, port}), data);
    EXPECT_EQ(outcome(request(data, 0, IpProtocol::Tcp)), MappingOutcome::Done);
    EXPECT_EQ(tcp_in(kSyn, {{203, 0, 113, 77}, 20}, {kOutside, port}).verdict, Verdict::Unsolicited)
        << "given back, it is the expected one's again";
    pass_time(600);
    EXPECT_TRUE(views().empty());
}

// Against a plain model: random requests, renewals, ends and time.
TEST_F(Requests, Whatever_is_asked_in_whatever_order_the_books_balance) {
    settings_.max_sessions = 1024;
    settings_.most_requested = 20;
    settings_.timeouts.port_quarantine = Seconds{0};
    const auto seed = static_cast<std::uint32_t>(::testing::UnitTest::GetInstance()->random_seed());
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::uint32_t state = seed * 2654435761U + 1U;
    const auto draw = [&state](std::uint32_t below) {
        state = state * 1664525U + 1013904223U;
        return (state >> 8U) % below;
    };
    struct Known {
        Endpoint outside;
        Instant deadline;
    };
    std::map<Endpoint, Known> known;
    std::map<Endpoint, Known> held;  // ended by their hosts
    for (int step = 0; step < 20000; ++step) {
        const Endpoint inside{{10, 0, 0, static_cast<std::uint8_t>(1 + draw(6))},
                              static_cast<std::uint16_t>(1000 + draw(30))};
        const auto found = known.find(inside);
        MappingRequest wanted = request(inside, draw(5) == 0 ? 0 : 1 + draw(500));
        wanted.suggested.port = static_cast<std::uint16_t>(draw(2) * (2000 + draw(40)));
        const MappingGrant given = ask(wanted);
        if (wanted.lifetime == Seconds{0}) {
            EXPECT_EQ(given.outcome, MappingOutcome::Done);
            if (found != known.end()) {
                held[inside] = {found->second.outside, now_ + RequestedMappings::kReleasedHeld};
                known.erase(inside);
            }
        } else if (found != known.end()) {
            EXPECT_GRANTED(given, found->second.outside, wanted.lifetime.count());
            found->second.deadline = now_ + wanted.lifetime;
        } else if (given.outcome == MappingOutcome::Done) {
            if (held.contains(inside)) {
                EXPECT_EQ(given.outside, held[inside].outside);
                held.erase(inside);
            }
            known[inside] = {given.outside, now_ + wanted.lifetime};
        } else {
            EXPECT_TRUE(given.outcome == MappingOutcome::OverLimit ||
                        given.outcome == MappingOutcome::NoRoom);
        }
        pass_time(draw(10));
        for (auto* each : {&known, &held}) {
            std::erase_if(*each, [this](const auto& one) { return one.second.deadline <= now_; });
        }
        std::set<Endpoint> outside;
        for (const MappingView& view : views()) {
            ASSERT_TRUE(known.contains(view.inside));
            EXPECT_EQ(view.outside, known[view.inside].outside);
            EXPECT_EQ(view.deadline, known[view.inside].deadline);
            outside.insert(view.outside);
        }
        ASSERT_EQ(outside.size(), known.size()) << "at step " << step;
        ASSERT_EQ(nat().mapping_count(), known.size() + held.size());
    }
    EXPECT_GT(nat().counters().requests_expired, 100U);
    EXPECT_GT(nat().counters().requests_released, 100U);
}

}  // namespace
}  // namespace godwit::dataplane::nat::testing
