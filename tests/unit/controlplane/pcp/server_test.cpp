// The server in virtual time: who is answered, with what, when; and what it asks of whoever keeps
// the mappings.
#include "controlplane/pcp/server.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "net/byte_reader.hpp"
#include "tests/unit/controlplane/pcp/requests.hpp"

namespace godwit::control::pcp {
namespace {

using namespace std::chrono_literals;
using test::announce_request;
using test::Bytes;
using test::from_hex;
using test::kClient;
using test::kOutside;
using test::kUs;
using test::map_request;
using test::MapText;
using test::to_hex;

const net::InterfaceId kLan(1);
const net::InterfaceId kWan(2);
const net::InterfaceId kOtherLan(3);

// How the fields of an answer read.
struct Answer {
    explicit Answer(const Transmit& transmit) : bytes(transmit.payload) {
        net::ByteReader reader(bytes);
        version = reader.u8();
        opcode = reader.u8();
        reader.skip(1);
        code = static_cast<ResultCode>(reader.u8());
        lifetime = reader.u32();
        epoch = reader.u32();
    }
    Bytes bytes;
    std::uint8_t version = 0;
    std::uint8_t opcode = 0;
    ResultCode code{};
    std::uint32_t lifetime = 0;
    std::uint32_t epoch = 0;
};

class PcpServer : public ::testing::Test {
protected:
    PcpServer() { make({}); }

    // Ready, and done with announcing.
    void make(const Limits& limits) {
        server = std::make_unique<Server>(limits);
        Settings settings;
        settings.interfaces = {kLan, kOtherLan};
        server->configure(settings);
        (void)server->set_epoch(1, 100s, now);
        while (server->announcements().left() > 0) {
            now = *server->next_deadline();
            (void)server->advance(now);
        }
        server->clear_counters();
    }
    Actions receive(const Bytes& bytes, std::uint16_t port = 6000,
                    net::InterfaceId interface = kLan) {
        return server->receive({interface, {kClient, port}, kUs, false, true, bytes}, now);
    }
    Answer answer_to(const Bytes& bytes) {
        const Actions actions = receive(bytes);
        EXPECT_EQ(actions.transmit.size(), 1U);
        EXPECT_TRUE(actions.asks.empty());
        return Answer(actions.transmit.at(0));
    }
    Ask ask_of(const Bytes& bytes, std::uint16_t port = 6000) {
        Actions actions = receive(bytes, port);
        EXPECT_TRUE(actions.transmit.empty());
        EXPECT_EQ(actions.asks.size(), 1U);
        return actions.asks.at(0);
    }
    Answer outcome(AskTag tag, const MapOutcome& outcome) {
        const Actions actions = server->answered(tag, outcome, now);
        EXPECT_EQ(actions.transmit.size(), 1U);
        return Answer(actions.transmit.at(0));
    }
    void expect_dropped(const Actions& actions, DropReason reason, std::uint64_t times = 1) {
        EXPECT_TRUE(actions.transmit.empty());
        EXPECT_TRUE(actions.asks.empty());
        EXPECT_EQ(server->counters().of(reason), times);
    }
    // A request for a mapping of its own.
    static Bytes numbered(std::uint16_t number) {
        Bytes bytes = map_request();
        bytes[40] = static_cast<std::uint8_t>(number >> 8U | 0x40U);
        bytes[41] = static_cast<std::uint8_t>(number);
        return bytes;
    }
    // Every datagram has become one thing.
    void expect_balance() {
        const Counters& counters = server->counters();
        const auto sum = [](const auto& of) {
            return std::accumulate(of.begin(), of.end(), std::uint64_t{0});
        };
        EXPECT_EQ(counters.received, sum(counters.drops) + sum(counters.answers) +
                                         server->asks_under_way() + server->requests_waiting());
    }

    Instant now{1h};
    std::unique_ptr<Server> server;
};

// ---- what is not taken

TEST_F(PcpServer, hears_only_where_its_clients_are) {
    expect_dropped(receive(map_request(), 6000, kWan), DropReason::FromElsewhere);
}

// RFC 6887 8.2: nor in the name of who is at home elsewhere, and no token is spent on it.
TEST_F(PcpServer, hears_nobody_whose_packets_would_come_by_another_interface) {
    make({.requests_per_second = 1, .burst = 1});
    const Bytes bytes = map_request();
    for (std::uint64_t times = 1; times < 10; ++times) {
        expect_dropped(server->receive({kLan, {kClient, 6000}, kUs, false, false, bytes}, now),
                       DropReason::FromElsewhere, times);
    }
    ask_of(bytes);
}

TEST_F(PcpServer, hears_nothing_that_was_sent_to_many) {
    const Bytes bytes = map_request();
    expect_dropped(server->receive({kLan, {kClient, 6000}, {224, 0, 0, 1}, true, true, bytes}, now),
                   DropReason::NotUnicast);
}

TEST_F(PcpServer, drops_what_may_not_be_answered) {
    expect_dropped(receive({2}), DropReason::TooShort);
    expect_dropped(receive(from_hex("02010000")), DropReason::TooShort, 2);
    Bytes response = map_request();
    response[1] |= 0x80U;
    expect_dropped(receive(response), DropReason::IsResponse);
    expect_balance();
}

TEST_F(PcpServer, drops_requests_until_it_knows_how_old_the_mappings_are) {
    server = std::make_unique<Server>();
    server->configure({{kLan}, 120, 86'400});
    expect_dropped(receive(map_request()), DropReason::NotReady);
    expect_dropped(receive(announce_request()), DropReason::NotReady, 2);
    expect_dropped(receive(from_hex("0000")), DropReason::NotReady, 3);
    (void)server->set_epoch(2, 0s, now);
    EXPECT_EQ(receive(map_request()).asks.size(), 1U);
}

TEST_F(PcpServer, answers_so_many_requests_a_second) {
    make({64, 256, 10, 3, 5s});
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(receive(announce_request()).transmit.size(), 1U);
    }
    expect_dropped(receive(announce_request()), DropReason::OverRate);
    now += 100ms;
    EXPECT_EQ(receive(announce_request()).transmit.size(), 1U);
    expect_dropped(receive(announce_request()), DropReason::OverRate, 2);
    expect_balance();
}

TEST_F(PcpServer, answers_two_thousand_requests_a_second_unless_told_otherwise) {
    for (int i = 0; i < 2000; ++i) {
        ASSERT_EQ(receive(announce_request()).transmit.size(), 1U);
    }
    expect_dropped(receive(announce_request()), DropReason::OverRate);
}

// ---- what is answered at once

TEST_F(PcpServer, answers_an_error_to_who_sent_the_request_from_where_it_was_sent_to) {
    Bytes peer = map_request();
    peer[1] = 2;
    const Actions actions = receive(peer, 6123, kOtherLan);
    ASSERT_EQ(actions.transmit.size(), 1U);
    EXPECT_EQ(actions.transmit[0].interface, kOtherLan);
    EXPECT_EQ(actions.transmit[0].source, kUs);
    EXPECT_EQ(actions.transmit[0].to, (Endpoint{kClient, 6123}));
    const Answer answer(actions.transmit[0]);
    EXPECT_EQ(answer.version, 2);
    EXPECT_EQ(answer.opcode, 0x82);
    EXPECT_EQ(answer.code, ResultCode::UnsuppOpcode);
    EXPECT_EQ(answer.lifetime, 1800U);
    EXPECT_EQ(server->counters().of(RequestKind::Peer), 1U);
    EXPECT_EQ(server->counters().of(ResultCode::UnsuppOpcode), 1U);
}

TEST_F(PcpServer, tells_other_versions_which_one_it_speaks) {
    const Answer answer = answer_to(from_hex("0000"));
    EXPECT_EQ(answer.version, 2);
    EXPECT_EQ(answer.opcode, 0x80);
    EXPECT_EQ(answer.code, ResultCode::UnsuppVersion);
    EXPECT_EQ(answer.bytes.size(), 24U);
    EXPECT_EQ(server->counters().of(RequestKind::OtherVersion), 1U);
}

TEST_F(PcpServer, refuses_who_says_to_be_another) {
    EXPECT_EQ(answer_to(map_request({.client = "00000000000000000000ffff0a00000a"})).code,
              ResultCode::AddressMismatch);
    EXPECT_EQ(server->counters().of(RequestKind::Map), 1U);
}

TEST_F(PcpServer, answers_an_announce_with_the_epoch_alone) {
    const Answer answer = answer_to(announce_request());
    EXPECT_EQ(answer.opcode, 0x80);
    EXPECT_EQ(answer.code, ResultCode::Success);
    EXPECT_EQ(answer.lifetime, 0U);
    EXPECT_EQ(answer.bytes.size(), 24U);
    EXPECT_EQ(server->counters().of(RequestKind::Announce), 1U);
    EXPECT_EQ(server->counters().of(ResultCode::Success), 1U);
}

TEST_F(PcpServer, counts_opcodes_that_it_does_not_know) {
    Bytes unknown = map_request();
    unknown[1] = 77;
    EXPECT_EQ(answer_to(unknown).code, ResultCode::UnsuppOpcode);
    EXPECT_EQ(server->counters().of(RequestKind::UnknownOpcode), 1U);
}

// ---- mappings

// rfc6888: REQ-9
TEST_F(PcpServer, asks_for_a_mapping_and_answers_what_came_of_it) {
    const Ask ask = ask_of(map_request({.suggested_port = "0050"}));
    MapWish wish;
    wish.inside = {kClient, 8080};
    wish.protocol = net::IpProtocol::Tcp;
    wish.nonce = test::kNonce;
    wish.lifetime_seconds = 3600;
    wish.suggested.port = 80;
    EXPECT_EQ(ask.wish, wish);
    EXPECT_EQ(server->asks_under_way(), 1U);
    now += 1s;
    const Actions actions = server->answered(ask.tag, {MapResult::Done, kOutside, 1800}, now);
    ASSERT_EQ(actions.transmit.size(), 1U);
    EXPECT_EQ(actions.transmit[0].interface, kLan);
    EXPECT_EQ(actions.transmit[0].source, kUs);
    EXPECT_EQ(actions.transmit[0].to, (Endpoint{kClient, 6000}));
    Bytes expected = from_hex(
        "02810000 00000708 00000000 00000000 00000000 00000000"
        "a0a1a2a3 a4a5a6a7 a8a9aaab 06000000 1f909c40"
        "00000000 00000000 0000ffff c0000201");
    const std::uint32_t epoch = server->epoch().seconds(now);
    expected[10] = static_cast<std::uint8_t>(epoch >> 8U);
    expected[11] = static_cast<std::uint8_t>(epoch);
    EXPECT_EQ(to_hex(actions.transmit[0].payload), to_hex(expected));
    EXPECT_EQ(server->asks_under_way(), 0U);
    expect_balance();
}

// rfc6888: REQ-9
TEST_F(PcpServer, asks_for_what_the_options_say) {
    const Ask ask = ask_of(
        map_request({.suggested_port = "9c40",
                     .options = test::kPreferFailure +
                                test::filter("00", "0000", std::string(test::kNoAddress)) +
                                test::filter("78", "0035", "00000000000000000000ffffcb007100")}));
    EXPECT_TRUE(ask.wish.exactly);
    EXPECT_TRUE(ask.wish.clears_filters);
    EXPECT_EQ(ask.wish.filters,
              (std::vector<Filter>{{*net::Ipv4Prefix::parse("203.0.113.0/24"), 53}}));
    const Answer answer = outcome(ask.tag, {MapResult::Done, kOutside, 3600});
    EXPECT_EQ(answer.bytes.size(), 60U + 4U + 2 * 24U);  // the options again
}

TEST_F(PcpServer, decides_how_long_a_mapping_lives) {
    EXPECT_EQ(ask_of(map_request({.lifetime = "00000001", .internal_port = "0001"}))
                  .wish.lifetime_seconds,
              120U);
    EXPECT_EQ(ask_of(map_request({.lifetime = "ffffffff", .internal_port = "0002"}))
                  .wish.lifetime_seconds,
              86'400U);
    server->configure({{kLan}, 300, 600});
    EXPECT_EQ(ask_of(map_request({.lifetime = "00000001", .internal_port = "0003"}))
                  .wish.lifetime_seconds,
              300U);
    EXPECT_EQ(ask_of(map_request({.lifetime = "00000e10", .internal_port = "0004"}))
                  .wish.lifetime_seconds,
              600U);
}

// rfc6888: REQ-9
TEST_F(PcpServer, ends_a_mapping_when_no_lifetime_is_asked_for) {
    const Ask ask = ask_of(map_request({.lifetime = "00000000"}));
    EXPECT_EQ(ask.wish.lifetime_seconds, 0U);
    const Answer answer = outcome(ask.tag, {MapResult::Done, kOutside, 77});
    EXPECT_EQ(answer.code, ResultCode::Success);
    EXPECT_EQ(answer.lifetime, 0U);
}

TEST_F(PcpServer, says_why_there_is_no_mapping) {
    const std::vector<std::tuple<MapResult, ResultCode, std::uint32_t>> cases{
        {MapResult::NotAuthorized, ResultCode::NotAuthorized, 1800},
        {MapResult::NotTranslated, ResultCode::NotAuthorized, 1800},
        {MapResult::NoResources, ResultCode::NoResources, 30},
        {MapResult::QuotaExceeded, ResultCode::UserExQuota, 30},
        {MapResult::CannotProvideExternal, ResultCode::CannotProvideExternal, 30},
        {MapResult::ExcessivePeers, ResultCode::ExcessiveRemotePeers, 1800},
        {MapResult::Unavailable, ResultCode::NetworkFailure, 30},
    };
    const Bytes request = map_request({.options = "ff000000"});
    for (const auto& [result, code, lifetime] : cases) {
        const std::uint64_t before = server->counters().of(code);
        const Answer answer = outcome(ask_of(request).tag, {result, kOutside, 0});
        EXPECT_EQ(answer.code, code);
        EXPECT_EQ(answer.lifetime, lifetime);
        EXPECT_EQ(server->counters().of(code), before + 1);
        // All of the request from the nonce on.
        EXPECT_EQ(to_hex(Bytes(answer.bytes.begin() + 24, answer.bytes.end())),
                  to_hex(Bytes(request.begin() + 24, request.end())));
    }
    expect_balance();
}

// ---- requests on their way

TEST_F(PcpServer, does_not_ask_again_for_a_request_that_is_repeated) {
    const Ask ask = ask_of(map_request());
    expect_dropped(receive(map_request()), DropReason::Repeated);
    outcome(ask.tag, {MapResult::Done, kOutside, 3600});
    ask_of(map_request());  // it is new now
    expect_balance();
}

TEST_F(PcpServer, asks_for_another_client_port_nonce_protocol_and_mapping_beside_it) {
    const Bytes first = map_request();
    ask_of(first);
    ask_of(first, 6001);
    ask_of(map_request({.nonce = "000000000000000000000000"}));
    ask_of(map_request({.protocol = "11"}));
    ask_of(map_request({.internal_port = "1f91"}));
    EXPECT_EQ(server->asks_under_way(), 5U);
}

TEST_F(PcpServer, asks_one_thing_at_a_time_of_a_mapping_and_the_last_thing_last) {
    const Ask made = ask_of(map_request());
    const Actions ended = receive(map_request({.lifetime = "00000000"}));
    EXPECT_TRUE(ended.asks.empty());
    EXPECT_EQ(server->requests_waiting(), 1U);
    expect_dropped(receive(map_request({.lifetime = "00000000"})), DropReason::Repeated);
    const Actions then = server->answered(made.tag, {MapResult::Done, kOutside, 3600}, now);
    ASSERT_EQ(then.transmit.size(), 1U);
    EXPECT_EQ(Answer(then.transmit[0]).lifetime, 3600U);
    ASSERT_EQ(then.asks.size(), 1U);
    EXPECT_EQ(then.asks[0].wish.lifetime_seconds, 0U);
    expect_balance();
}

TEST_F(PcpServer, keeps_of_a_mapping_what_its_client_said_last_and_no_more) {
    const Ask made = ask_of(map_request());
    (void)receive(map_request({.lifetime = "00000000"}));
    expect_dropped(receive(map_request({.lifetime = "00000200"})), DropReason::Superseded);
    EXPECT_EQ(server->requests_waiting(), 1U);
    const Actions last = server->answered(made.tag, {MapResult::Done, kOutside, 3600}, now);
    ASSERT_EQ(last.asks.size(), 1U);
    EXPECT_EQ(last.asks[0].wish.lifetime_seconds, 0x200U);
    EXPECT_EQ(server->requests_waiting(), 0U);
    expect_balance();
}

// RFC 6887 11.3.
TEST_F(PcpServer, says_how_long_another_has_the_mapping) {
    EXPECT_EQ(outcome(ask_of(map_request()).tag, {MapResult::NotAuthorized, {}, 40}).lifetime, 40U);
    EXPECT_EQ(outcome(ask_of(map_request()).tag, {MapResult::NotAuthorized, {}, 0}).lifetime,
              1800U);
    EXPECT_EQ(outcome(ask_of(map_request()).tag, {MapResult::NoResources, {}, 40}).lifetime, 30U);
}

TEST_F(PcpServer, has_so_many_asks_under_way_and_requests_waiting) {
    std::vector<Ask> asks;
    for (std::uint16_t i = 0; i < 64; ++i) {
        asks.push_back(ask_of(numbered(i)));
    }
    for (std::uint16_t i = 64; i < 64 + 256; ++i) {
        const Actions actions = receive(numbered(i));
        ASSERT_TRUE(actions.asks.empty() && actions.transmit.empty());
    }
    EXPECT_EQ(server->requests_waiting(), 256U);
    expect_dropped(receive(numbered(400)), DropReason::QueueFull);
    expect_dropped(receive(numbered(64)), DropReason::Repeated);  // it waits
    const Actions next = server->answered(asks[7].tag, {MapResult::Done, kOutside, 3600}, now);
    ASSERT_EQ(next.asks.size(), 1U);
    EXPECT_EQ(next.asks[0].wish.inside.port, 0x4040);  // the first that waited
    EXPECT_EQ(server->asks_under_way(), 64U);
    EXPECT_EQ(server->requests_waiting(), 255U);
    expect_balance();
}

TEST_F(PcpServer, lets_no_request_wait_behind_one_that_cannot_be_asked_yet) {
    make({2, 8, 2000, 2000, 5s});
    const Ask first = ask_of(map_request());
    const Ask second = ask_of(numbered(1));
    (void)receive(map_request({.lifetime = "00000000"}));  // behind the first
    (void)receive(numbered(2));
    const Actions next = server->answered(second.tag, {MapResult::Done, kOutside, 3600}, now);
    ASSERT_EQ(next.asks.size(), 1U);
    EXPECT_EQ(next.asks[0].wish.inside.port, 0x4002);
    const Actions last = server->answered(first.tag, {MapResult::Done, kOutside, 3600}, now);
    ASSERT_EQ(last.asks.size(), 1U);
    EXPECT_EQ(last.asks[0].wish.lifetime_seconds, 0U);
}

TEST_F(PcpServer, gives_up_an_ask_that_is_not_answered) {
    const Ask ask = ask_of(map_request());
    EXPECT_EQ(server->next_deadline(), now + 5s);
    now += 5s - 1ms;
    EXPECT_TRUE(server->advance(now).transmit.empty());
    now += 1ms;
    const Actions actions = server->advance(now);
    ASSERT_EQ(actions.transmit.size(), 1U);
    EXPECT_EQ(Answer(actions.transmit[0]).code, ResultCode::NetworkFailure);
    EXPECT_EQ(server->counters().unanswered, 1U);
    EXPECT_EQ(server->next_deadline(), std::nullopt);
    // What comes after all is no news to anybody.
    const Actions late = server->answered(ask.tag, {MapResult::Done, kOutside, 3600}, now);
    EXPECT_TRUE(late.transmit.empty());
    EXPECT_EQ(server->counters().late_outcomes, 1U);
    ask_of(map_request());
    expect_balance();
}

TEST_F(PcpServer, asks_for_those_that_waited_when_it_gives_up) {
    make({1, 8, 2000, 2000, 5s});
    ask_of(numbered(1));
    (void)receive(numbered(2));
    now += 5s;
    const Actions actions = server->advance(now);
    EXPECT_EQ(actions.transmit.size(), 1U);
    ASSERT_EQ(actions.asks.size(), 1U);
    EXPECT_EQ(actions.asks[0].wish.inside.port, 0x4002);
    EXPECT_EQ(server->next_deadline(), now + 5s);
}

TEST_F(PcpServer, answers_once) {
    const Ask ask = ask_of(map_request());
    outcome(ask.tag, {MapResult::Done, kOutside, 3600});
    EXPECT_TRUE(server->answered(ask.tag, {MapResult::Done, kOutside, 3600}, now).transmit.empty());
    EXPECT_TRUE(server->answered(AskTag{999}, {}, now).transmit.empty());
    EXPECT_EQ(server->counters().late_outcomes, 2U);
}

TEST_F(PcpServer, says_nothing_any_more_where_clients_were) {
    make({1, 8, 2000, 2000, 5s});
    const Ask ask = ask_of(numbered(1));
    (void)receive(numbered(2));
    server->configure({{kOtherLan}, 120, 86'400});
    const Actions actions = server->answered(ask.tag, {MapResult::Done, kOutside, 3600}, now);
    expect_dropped(actions, DropReason::InterfaceGone, 2);
    EXPECT_EQ(server->requests_waiting(), 0U);
    expect_balance();
}

// ---- 8.5, 14.1: the epoch

TEST_F(PcpServer, counts_the_seconds_that_the_mappings_are_old) {
    server = std::make_unique<Server>();
    server->configure({{kLan}, 120, 86'400});
    (void)server->set_epoch(2, 1000s + 900ms, now);
    EXPECT_EQ(answer_to(announce_request()).epoch, 1000U);
    now += 100ms;
    EXPECT_EQ(answer_to(announce_request()).epoch, 1001U);
    now += 1h;
    EXPECT_EQ(answer_to(announce_request()).epoch, 4601U);
}

TEST_F(PcpServer, announces_ten_times_when_it_learns_the_epoch) {
    server = std::make_unique<Server>();
    server->configure({{kLan, kOtherLan}, 120, 86'400});
    EXPECT_EQ(server->next_deadline(), std::nullopt);
    const Instant start = now;
    Actions actions = server->set_epoch(2, 7s, now);
    Duration due = 0ms;
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(actions.transmit.size(), 2U) << i;
        for (const Transmit& sent : actions.transmit) {
            EXPECT_EQ(sent.to, (Endpoint{{224, 0, 0, 1}, 5350}));
            EXPECT_TRUE(sent.source.is_unspecified());
            const Answer answer(sent);
            EXPECT_EQ(answer.opcode, 0x80);
            EXPECT_EQ(answer.code, ResultCode::Success);
            EXPECT_EQ(answer.lifetime, 0U);
            EXPECT_EQ(answer.epoch,
                      std::chrono::duration_cast<std::chrono::seconds>(7s + due).count());
            EXPECT_EQ(answer.bytes.size(), 24U);
        }
        EXPECT_EQ(actions.transmit[0].interface, kLan);
        EXPECT_EQ(actions.transmit[1].interface, kOtherLan);
        if (i == 9) {
            break;
        }
        due += 250ms * (1 << i);
        EXPECT_EQ(server->next_deadline(), start + due) << i;
        now = start + due - 1ms;
        EXPECT_TRUE(server->advance(now).transmit.empty());
        now = start + due;
        actions = server->advance(now);
    }
    EXPECT_EQ(server->next_deadline(), std::nullopt);
    EXPECT_EQ(server->counters().announcements, 20U);
}

TEST_F(PcpServer, announces_that_mappings_are_lost) {
    now += 1min;
    const Actions actions = server->set_epoch(2, 0s, now);
    ASSERT_EQ(actions.transmit.size(), 2U);
    EXPECT_EQ(Answer(actions.transmit[0]).epoch, 0U);
    EXPECT_EQ(server->announcements().left(), 9U);
    EXPECT_EQ(answer_to(announce_request()).epoch, 0U);
}

TEST_F(PcpServer, begins_to_announce_anew_when_mappings_are_lost_again) {
    (void)server->set_epoch(2, 0s, now);
    for (int i = 0; i < 4; ++i) {
        now = *server->next_deadline();
        (void)server->advance(now);
    }
    EXPECT_EQ(server->announcements().left(), 5U);
    now += 2s;
    EXPECT_EQ(server->set_epoch(3, 0s, now).transmit.size(), 2U);
    EXPECT_EQ(server->announcements().left(), 9U);
    EXPECT_EQ(server->next_deadline(), now + 250ms);
}

TEST_F(PcpServer, goes_by_the_number_and_not_by_the_age_that_it_hears_later) {
    const Duration age = server->epoch().age(now);
    EXPECT_TRUE(server->set_epoch(1, age - 5s, now).transmit.empty());
    EXPECT_TRUE(server->set_epoch(1, age + 1h, now).transmit.empty());
    EXPECT_EQ(server->epoch().age(now), age);
    EXPECT_EQ(server->set_epoch(2, age, now).transmit.size(), 2U);
    EXPECT_EQ(server->set_epoch(1, 7s, now).transmit.size(), 2U) << "of another keeper";
    EXPECT_EQ(server->epoch().age(now), 7s);
}

TEST_F(PcpServer, does_not_hurry_announcements_that_were_late) {
    (void)server->set_epoch(2, 0s, now);
    now += 10s;
    EXPECT_EQ(server->advance(now).transmit.size(), 2U);
    EXPECT_EQ(server->next_deadline(), now + 500ms);
}

}  // namespace
}  // namespace godwit::control::pcp
