// Every reader takes what is right and refuses what is one byte or one number off.
#include "dataplane/api/decode.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/api/control_socket.hpp"
#include "dataplane/api/counters.hpp"

namespace godwit::api {
namespace {

std::vector<std::byte> joined(std::span<const std::byte> front, std::size_t more) {
    std::vector<std::byte> bytes(front.begin(), front.end());
    bytes.resize(bytes.size() + more, std::byte{0x45});
    return bytes;
}

template <class Header>
std::vector<std::byte> packet_record(Header header, std::size_t packet) {
    header.packet_bytes = static_cast<std::uint32_t>(packet);
    return joined(bytes_of(header), packet);
}

PuntRecord punt_header() {
    PuntRecord header;
    header.punt_class = PuntClass::Udp;
    header.interface = 3;
    return header;
}

TEST(PuntRecord, with_its_packet_is_read) {
    const auto body = packet_record(punt_header(), 60);
    const auto punt = read_punt({kPuntRecord, body});
    ASSERT_TRUE(punt) << punt.error();
    EXPECT_EQ(punt->header.interface, 3);
    EXPECT_EQ(punt->packet.size(), 60U);
}

TEST(PuntRecord, that_is_off_in_type_length_or_number_is_refused) {
    const auto good = packet_record(punt_header(), 60);
    EXPECT_FALSE(read_punt({kInjectRecord, good}));
    for (std::size_t length = 0; length < good.size(); ++length) {
        EXPECT_FALSE(read_punt({kPuntRecord, std::span(good).first(length)})) << length;
    }
    EXPECT_FALSE(read_punt({kPuntRecord, packet_record(punt_header(), 0)}));
    EXPECT_FALSE(read_punt({kPuntRecord, packet_record(punt_header(), kMaxPacketBytes + 1)}));
    EXPECT_TRUE(read_punt({kPuntRecord, packet_record(punt_header(), kMaxPacketBytes)}));
    auto header = punt_header();
    header.interface = kMaxInterfaces;
    EXPECT_FALSE(read_punt({kPuntRecord, packet_record(header, 60)}));
    header = punt_header();
    header.punt_class = PuntClass::kCount;
    EXPECT_FALSE(read_punt({kPuntRecord, packet_record(header, 60)}));
    header = punt_header();
    header.worker = kMaxWorkers;
    EXPECT_FALSE(read_punt({kPuntRecord, packet_record(header, 60)}));
}

TEST(InjectRecord, needs_a_known_mode_and_its_length) {
    InjectRecord header;
    EXPECT_FALSE(read_inject({kInjectRecord, packet_record(header, 28)}));
    header.mode = InjectMode::Neighbor;
    const auto good = packet_record(header, 28);
    const auto inject = read_inject({kInjectRecord, good});
    ASSERT_TRUE(inject) << inject.error();
    EXPECT_EQ(inject->packet.size(), 28U);
    for (std::size_t length = 0; length < good.size(); ++length) {
        EXPECT_FALSE(read_inject({kInjectRecord, std::span(good).first(length)})) << length;
    }
    header.mode = static_cast<InjectMode>(3);
    EXPECT_FALSE(read_inject({kInjectRecord, packet_record(header, 28)}));
}

template <class Message>
void expect_exact_route(RouteType type) {
    Message message;
    message.sequence = 77;
    const auto number = static_cast<std::uint32_t>(type);
    const auto good = check_route({number, bytes_of(message)});
    ASSERT_TRUE(good) << good.error();
    EXPECT_EQ(*good, 77U);
    EXPECT_FALSE(check_route({number, bytes_of(message).first(sizeof(Message) - 1)}));
    EXPECT_FALSE(check_route({number, joined(bytes_of(message), 8)}));
    EXPECT_FALSE(check_route({number, {}}));
}

TEST(RouteRecord, has_exactly_the_length_of_its_type) {
    expect_exact_route<SyncRecord>(RouteType::SyncBegin);
    expect_exact_route<SyncRecord>(RouteType::SyncEnd);
    expect_exact_route<NextHopSetRecord>(RouteType::NextHopSet);
    expect_exact_route<NextHopDeleteRecord>(RouteType::NextHopDelete);
    expect_exact_route<RouteSetRecord>(RouteType::RouteSet);
    expect_exact_route<RouteDeleteRecord>(RouteType::RouteDelete);
    EXPECT_FALSE(check_route({99, bytes_of(SyncRecord{})}));
    EXPECT_FALSE(check_route({0, bytes_of(SyncRecord{})}));
}

TEST(GroupRecord, has_as_many_members_as_it_says_and_not_too_many) {
    const auto group = [](std::uint32_t count, std::size_t members) {
        GroupSetRecord record;
        record.count = count;
        return joined(bytes_of(record), members * 4);
    };
    const auto type = static_cast<std::uint32_t>(RouteType::GroupSet);
    EXPECT_TRUE(check_route({type, group(1, 1)}));
    EXPECT_TRUE(check_route({type, group(kMaxGroupMembers, kMaxGroupMembers)}));
    EXPECT_FALSE(check_route({type, group(0, 0)}));
    EXPECT_FALSE(check_route({type, group(2, 1)}));
    EXPECT_FALSE(check_route({type, group(1, 2)}));
    EXPECT_FALSE(check_route({type, group(kMaxGroupMembers + 1, kMaxGroupMembers + 1)}));
    EXPECT_FALSE(check_route({type, group(0x40000001U, 1)}));  // 4 * count overflows 32 bits
}

TEST(EventRecord, has_the_length_and_the_codes_of_its_type) {
    InterfaceRecord interface;
    interface.type = InterfaceType::Vlan;
    const auto changed = static_cast<std::uint32_t>(EventType::InterfaceChanged);
    EXPECT_TRUE(check_event({changed, bytes_of(interface)}));
    EXPECT_FALSE(check_event({changed, joined(bytes_of(interface), 1)}));
    interface.interface = kMaxInterfaces;
    EXPECT_FALSE(check_event({changed, bytes_of(interface)}));
    interface = {};
    EXPECT_FALSE(check_event({changed, bytes_of(interface)}));  // no type

    NeighborRecord neighbor;
    neighbor.state = NeighborState::Stale;
    const auto conflict = static_cast<std::uint32_t>(EventType::AddressConflict);
    EXPECT_TRUE(check_event({conflict, bytes_of(neighbor)}));
    neighbor.state = static_cast<NeighborState>(7);
    EXPECT_FALSE(check_event({conflict, bytes_of(neighbor)}));

    RouteRejectedRecord rejected;
    rejected.reason = RouteRejection::TableFull;
    const auto rejection = static_cast<std::uint32_t>(EventType::RouteRejected);
    EXPECT_TRUE(check_event({rejection, bytes_of(rejected)}));
    rejected.length = 33;
    EXPECT_FALSE(check_event({rejection, bytes_of(rejected)}));
    EXPECT_FALSE(check_event({1, bytes_of(rejected)}));

    RoomReturnedRecord room;
    const auto returned = static_cast<std::uint32_t>(EventType::RoomReturned);
    EXPECT_FALSE(check_event({returned, bytes_of(room)}));  // of what?
    room.reason = RouteRejection::NextHopInUse;             // is for want of nothing
    EXPECT_FALSE(check_event({returned, bytes_of(room)}));
    room.reason = RouteRejection::NeighborsFull;
    EXPECT_TRUE(check_event({returned, bytes_of(room)}));
}

TEST(ControlMessage, reads_back_as_it_was_encoded) {
    QueryBody query;
    query.kind = QueryKind::Fib;
    const auto bytes = encode_control(ControlType::Query, 42, bytes_of(query));
    const auto message = read_control(bytes);
    ASSERT_TRUE(message) << message.error();
    EXPECT_EQ(message->header.request, 42U);
    const auto body = read_query(message->body);
    ASSERT_TRUE(body) << body.error();
    EXPECT_EQ(body->kind, QueryKind::Fib);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_FALSE(read_control(std::span(bytes).first(length))) << length;
    }
    auto other = bytes;
    other[0] ^= std::byte{1};
    EXPECT_FALSE(read_control(other));
    other = bytes;
    other[4] = std::byte{99};
    EXPECT_FALSE(read_control(other));
}

TEST(Welcome, with_impossible_sizes_is_refused) {
    WelcomeBody welcome;
    welcome.worker_count = 2;
    welcome.punt_ring_bytes = welcome.inject_ring_bytes = kMinPacketRingBytes;
    welcome.route_ring_bytes = welcome.event_ring_bytes = 8192;
    EXPECT_TRUE(read_welcome(bytes_of(welcome)));
    auto bad = welcome;
    bad.worker_count = 0;
    EXPECT_FALSE(read_welcome(bytes_of(bad)));
    bad.worker_count = kMaxWorkers + 1;
    EXPECT_FALSE(read_welcome(bytes_of(bad)));
    for (const std::uint32_t bytes : {0U, 64U, 4097U, 6144U, 1U << 29U, UINT32_MAX}) {
        bad = welcome;
        bad.route_ring_bytes = bytes;
        EXPECT_FALSE(read_welcome(bytes_of(bad))) << bytes;
    }
    bad = welcome;
    bad.inject_ring_bytes = kMinPacketRingBytes / 2;  // no room for the longest packet
    EXPECT_FALSE(read_welcome(bytes_of(bad)));
    bad = welcome;
    bad.punt_ring_bytes = kMinPacketRingBytes / 2;
    EXPECT_FALSE(read_welcome(bytes_of(bad)));
    for (const std::uint32_t rings : {0U, 1U, 4U, UINT32_MAX}) {
        bad = welcome;
        bad.punt_rings = rings;
        EXPECT_FALSE(read_welcome(bytes_of(bad))) << rings;
    }
}

TEST(QueryReply, holds_whole_records_of_its_kind) {
    QueryReplyBody header;
    header.kind = QueryKind::Neighbors;
    header.record_bytes = sizeof(NeighborRecord);
    header.record_count = 1;
    NeighborRecord neighbor;
    neighbor.state = NeighborState::Reachable;
    auto bytes = joined(bytes_of(header), 0);
    bytes.insert(bytes.end(), bytes_of(neighbor).begin(), bytes_of(neighbor).end());
    EXPECT_TRUE(read_query_reply(bytes));
    EXPECT_FALSE(read_query_reply(std::span(bytes).first(bytes.size() - 1)));
    const auto with = [&](auto change) {
        auto copy = bytes;
        QueryReplyBody other = header;
        change(other);
        std::memcpy(copy.data(), &other, sizeof(other));
        return copy;
    };
    EXPECT_FALSE(read_query_reply(with([](QueryReplyBody& body) { body.record_count = 2; })));
    EXPECT_FALSE(read_query_reply(with([](QueryReplyBody& body) { body.record_bytes = 12; })));
    EXPECT_FALSE(
        read_query_reply(with([](QueryReplyBody& body) { body.kind = QueryKind::NextHops; })));
    EXPECT_FALSE(read_query_reply(with([](QueryReplyBody& body) {
        body.record_bytes = 0;
        body.record_count = 0;
    })));
}

TEST(QueryReply, may_tell_of_every_limit_and_of_no_other) {
    for (auto number = static_cast<std::uint32_t>(TableLimit::Routes);
         number <= static_cast<std::uint32_t>(TableLimit::NatEvents) + 1; ++number) {
        LimitRecord record;
        record.limit = static_cast<TableLimit>(number);
        QueryReplyBody header;
        header.kind = QueryKind::Limits;
        header.record_bytes = sizeof record;
        header.record_count = 1;
        const auto front = bytes_of(header);
        std::vector<std::byte> body(front.begin(), front.end());
        const auto rest = bytes_of(record);
        body.insert(body.end(), rest.begin(), rest.end());
        EXPECT_EQ(read_query_reply(body).has_value(), record.limit <= TableLimit::NatEvents)
            << number;
    }
}

TEST(NatQuestion, has_known_kinds_and_fields_only) {
    NatAskBody ask;
    ask.kind = NatAskKind::Sessions;
    ask.filter.fields = kNatAllFields;
    ask.filter.age = NatAge::Icmp;
    ASSERT_TRUE(read_nat_ask(bytes_of(ask)));
    EXPECT_FALSE(read_nat_ask(bytes_of(ask).first(sizeof ask - 1)));
    auto wrong = ask;
    wrong.kind = static_cast<NatAskKind>(8);
    EXPECT_FALSE(read_nat_ask(bytes_of(wrong)));
    wrong = ask;
    wrong.filter.fields = kNatAllFields + 1;
    EXPECT_FALSE(read_nat_ask(bytes_of(wrong)));
    wrong = ask;
    wrong.filter.age = NatAge::kCount;
    EXPECT_FALSE(read_nat_ask(bytes_of(wrong)));
}

TEST(NatQuestion, for_a_mapping_names_an_endpoint_and_filters_that_can_be) {
    NatAskBody ask;
    ask.kind = NatAskKind::Map;
    ask.map.protocol = 17;
    ask.map.inside_port = 5000;
    ask.map.flags = kNatMapExactly | kNatMapClearsFilters;
    ask.map.filter_count = kNatMapFilters;
    ask.map.filters.fill({0, 0, 32, 0});
    ASSERT_TRUE(read_nat_ask(bytes_of(ask)));
    const auto refused = [&ask](auto change) {
        NatAskBody wrong = ask;
        change(wrong.map);
        return !read_nat_ask(bytes_of(wrong));
    };
    EXPECT_TRUE(refused([](NatMapRequest& map) { map.protocol = 1; }));
    EXPECT_TRUE(refused([](NatMapRequest& map) { map.inside_port = 0; }));
    EXPECT_TRUE(refused([](NatMapRequest& map) { map.flags = 4; }));
    EXPECT_TRUE(refused([](NatMapRequest& map) { map.filter_count = kNatMapFilters + 1; }));
    EXPECT_TRUE(refused([](NatMapRequest& map) { map.filters[3].length = 33; }));
    ask.kind = NatAskKind::Sessions;
    ask.map = {};
    EXPECT_TRUE(read_nat_ask(bytes_of(ask))) << "no other question has a mapping";
}

TEST(NatAnswer, about_mappings_has_outcomes_and_filters_that_can_be) {
    NatAnswerBody header;
    header.outcome = NatAskOutcome::Done;
    header.record_count = 1;
    const auto taken = [&header](NatAskKind kind, const auto& record) {
        header.kind = kind;
        header.record_bytes = sizeof record;
        std::vector<std::byte> bytes(bytes_of(header).begin(), bytes_of(header).end());
        bytes.insert(bytes.end(), bytes_of(record).begin(), bytes_of(record).end());
        return read_nat_answer(bytes).has_value();
    };
    NatMapRecord granted;
    granted.outcome = NatMapOutcome::RulesChange;
    EXPECT_TRUE(taken(NatAskKind::Map, granted));
    EXPECT_FALSE(taken(NatAskKind::Mappings, granted));
    granted.outcome = NatMapOutcome::kCount;
    EXPECT_FALSE(taken(NatAskKind::Map, granted));
    NatMappingRecord mapping;
    mapping.filter_count = kNatMapFilters;
    EXPECT_TRUE(taken(NatAskKind::Mappings, mapping));
    mapping.filter_count = kNatMapFilters + 1;
    EXPECT_FALSE(taken(NatAskKind::Mappings, mapping));
    mapping.filter_count = 0;
    mapping.filters[0].length = 33;
    EXPECT_FALSE(taken(NatAskKind::Mappings, mapping));
}

TEST(NatAnswer, holds_whole_records_of_its_kind) {
    NatAnswerBody header;
    header.kind = NatAskKind::Sessions;
    header.outcome = NatAskOutcome::Done;
    header.record_count = 1;
    header.record_bytes = sizeof(NatSessionRecord);
    NatSessionRecord session;
    session.age = NatAge::Udp;
    const auto with = [](const NatAnswerBody& front, const NatSessionRecord& record) {
        std::vector<std::byte> bytes(bytes_of(front).begin(), bytes_of(front).end());
        bytes.insert(bytes.end(), bytes_of(record).begin(), bytes_of(record).end());
        return bytes;
    };
    ASSERT_TRUE(read_nat_answer(with(header, session)));
    auto odd = header;
    odd.record_count = 2;
    EXPECT_FALSE(read_nat_answer(with(odd, session)));
    odd = header;
    odd.kind = NatAskKind::Clear;
    EXPECT_FALSE(read_nat_answer(with(odd, session)));
    odd = header;
    odd.outcome = static_cast<NatAskOutcome>(3);
    EXPECT_FALSE(read_nat_answer(with(odd, session)));
    auto strange = session;
    strange.tcp = NatTcpState::kCount;
    EXPECT_FALSE(read_nat_answer(with(header, strange)));
    strange = session;
    strange.age = NatAge::kCount;
    EXPECT_FALSE(read_nat_answer(with(header, strange)));
}

TEST(BoundedText, ends_at_its_zero_or_at_the_array) {
    std::array<char, 8> text{};
    set_bounded_text(text, "wan0");
    EXPECT_EQ(bounded_text(text), "wan0");
    set_bounded_text(text, "longer than eight");
    EXPECT_EQ(bounded_text(text), "longer ");
    text.fill('x');
    EXPECT_EQ(bounded_text(text).size(), 8U);
}

}  // namespace
}  // namespace godwit::api
