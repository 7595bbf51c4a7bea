// The control plane's end against the dataplane's real one, in one thread and in virtual time: the
// two are turned by hand until nothing moves any more.
#include "controlplane/channel/channel_client.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/runtime/executor.hpp"
#include "controlplane/runtime/virtual_clock.hpp"
#include "dataplane/api/wake.hpp"
#include "dataplane/channel/server.hpp"
#include "tests/unit/dataplane/channel/recording_handler.hpp"

namespace godwit::control {
namespace {

using dataplane::ChannelServer;
using dataplane::CountersMemory;
using std::chrono::milliseconds;
using std::chrono::seconds;

class ChannelClientTest : public testing::Test {
protected:
    void SetUp() override {
        counters = std::move(*CountersMemory::create(2, 2'000'000'000, 0xB007));
        client = std::make_unique<ChannelClient>(
            executor, clock, directory.socket(),
            ChannelCallbacks{
                .session_opened = [this](const api::WelcomeBody&) { log("opened"); },
                .session_lost = [this](const std::string& reason) { log("lost: " + reason); },
                .event =
                    [this](api::EventType type, std::span<const std::byte>) {
                        log(type == api::EventType::RouteRejected ? "rejected" : "event");
                    },
                .punted =
                    [this](const api::PuntRecord& header, std::span<const std::byte> packet) {
                        punts.emplace_back(header.worker, packet.size());
                        if (on_punt) {
                            on_punt();
                        }
                    },
                .routes_acknowledged =
                    [this](std::uint64_t sequence) {
                        acknowledged = sequence;
                        log("acknowledged");
                    },
                .routes_have_room = [this] { ++rooms; }});
    }
    void start_server() {
        auto made =
            ChannelServer::listen(directory.socket(), dataplane::small_sizes(), *counters, handler);
        ASSERT_TRUE(made) << made.error();
        server = std::move(*made);
        handler.server = server.get();
    }
    void stop_server() {
        server->close();
        server.reset();
        handler.server = nullptr;
    }
    // Both ends, in turn. Everything is local, so a fixed number of turns is enough.
    void turn(int rounds = 20) {
        for (int i = 0; i < rounds; ++i) {
            executor.poll();
            if (server) {
                server->poll(64);
                (void)server->prepare_to_wait();
            }
        }
    }
    void open() {
        start_server();
        client->start();
        turn();
        ASSERT_TRUE(client->connected()) << client->problem();
    }
    void log(std::string what) { told.push_back(std::move(what)); }
    // A packet as worker `worker` would punt it.
    bool punt(std::uint8_t worker, std::size_t bytes,
              api::PuntClass punt_class = api::PuntClass::Udp) {
        const auto priority = static_cast<std::size_t>(api::priority_of(punt_class));
        api::RingProducer& ring = handler.rings.punt[worker][priority];
        const auto place = ring.reserve(api::kPuntRecord, sizeof(api::PuntRecord) + bytes);
        if (place.empty()) {
            return false;
        }
        api::PuntRecord header;
        header.worker = worker;
        header.punt_class = punt_class;
        header.packet_bytes = static_cast<std::uint32_t>(bytes);
        std::memcpy(place.data(), &header, sizeof(header));
        if (ring.publish()) {
            api::wake(handler.rings.punt_signal_fd);
        }
        return true;
    }

    dataplane::SocketDirectory directory;
    dataplane::RecordingHandler handler;
    std::unique_ptr<CountersMemory> counters;
    std::unique_ptr<ChannelServer> server;
    Executor executor;
    VirtualClock clock;
    std::vector<std::string> told;
    std::vector<std::pair<int, std::size_t>> punts;
    std::function<void()> on_punt;
    std::uint64_t acknowledged = 0;
    int rooms = 0;
    std::unique_ptr<ChannelClient> client;
};

TEST_F(ChannelClientTest, opens_a_session_and_reads_the_counters) {
    open();
    EXPECT_EQ(told, std::vector<std::string>{"opened"});
    EXPECT_TRUE(client->problem().empty());
    ASSERT_TRUE(client->welcome());
    EXPECT_EQ(client->welcome()->boot_id, 0xB007U);
    counters->region().blocks[0].sent.add(3);
    ASSERT_NE(client->counters(), nullptr);
    EXPECT_EQ(client->counters()->blocks[0].sent.read(), 3U);
}

TEST_F(ChannelClientTest, tries_every_100_ms_until_there_is_a_dataplane) {
    client->start();
    turn();
    EXPECT_FALSE(client->connected());
    EXPECT_NE(client->problem().find("no dataplane answers"), std::string::npos);
    for (int i = 0; i < 50; ++i) {
        clock.advance(milliseconds(100));
        turn(1);
    }
    EXPECT_EQ(client->statistics().attempts, 51U);
    start_server();
    clock.advance(milliseconds(100));
    turn();
    EXPECT_TRUE(client->connected());
    EXPECT_EQ(told, std::vector<std::string>{"opened"});
}

TEST_F(ChannelClientTest, notices_the_end_of_the_dataplane_and_finds_the_next) {
    open();
    ASSERT_TRUE(client->routes().sync_begin(1));
    ASSERT_EQ(client->routes().sync_end(1), 2U);
    turn();
    stop_server();
    turn();
    EXPECT_EQ(told.back(), "lost: the dataplane has left");
    EXPECT_EQ(client->counters(), nullptr);
    EXPECT_FALSE(client->routes().sync_begin(2));
    EXPECT_FALSE(client->inject({.mode = api::InjectMode::Routed}, std::vector<std::byte>(20)));
    start_server();
    clock.advance(milliseconds(100));
    turn();
    EXPECT_TRUE(client->connected());
    EXPECT_EQ(client->routes().sync_begin(2), 1U);  // numbered anew
}

TEST_F(ChannelClientTest, tells_events_and_punted_packets_of_every_worker) {
    open();
    api::InterfaceRecord interface;
    interface.type = api::InterfaceType::Port;
    ASSERT_TRUE(server->emit(api::EventType::InterfaceChanged, interface));
    ASSERT_TRUE(punt(0, 60));
    ASSERT_TRUE(punt(1, 1500));
    ASSERT_TRUE(punt(0, 61));
    turn();
    EXPECT_EQ(told, (std::vector<std::string>{"opened", "event"}));
    EXPECT_EQ(punts, (std::vector<std::pair<int, std::size_t>>{{0, 60}, {1, 1500}, {0, 61}}));
}

TEST_F(ChannelClientTest, is_woken_again_and_again) {
    open();
    for (std::size_t i = 1; i <= 100; ++i) {
        ASSERT_TRUE(punt(static_cast<std::uint8_t>(i % 2), i));
        turn(3);
        ASSERT_EQ(punts.size(), i);
    }
}

TEST_F(ChannelClientTest, lets_others_have_their_turn_in_a_flood_of_punted_packets) {
    open();
    for (int i = 0; i < 500; ++i) {
        ASSERT_TRUE(punt(0, 60));
    }
    std::size_t seen_by_other = 0;
    on_punt = [&] {
        if (punts.size() == 1) {
            executor.post([&] { seen_by_other = punts.size(); });
        }
    };
    turn();
    EXPECT_EQ(punts.size(), 500U);
    EXPECT_LE(seen_by_other, ChannelClient::kRecordsAWake);
    EXPECT_GT(seen_by_other, 0U);
}

TEST_F(ChannelClientTest, tells_routing_protocols_before_icmp_and_icmp_before_the_rest) {
    open();
    ASSERT_TRUE(punt(0, 60, api::PuntClass::Udp));
    ASSERT_TRUE(punt(0, 61, api::PuntClass::Icmp));
    ASSERT_TRUE(punt(1, 62, api::PuntClass::OtherProtocol));
    ASSERT_TRUE(punt(1, 63, api::PuntClass::Ospf));
    ASSERT_TRUE(punt(0, 64, api::PuntClass::Bgp));
    turn();
    EXPECT_EQ(punts, (std::vector<std::pair<int, std::size_t>>{
                         {0, 64}, {1, 63}, {0, 61}, {0, 60}, {1, 62}}));
}

// A Hello that comes in the middle of a flood is the next packet that is looked at.
TEST_F(ChannelClientTest, a_flood_of_the_rest_never_delays_a_routing_protocol_or_icmp) {
    open();
    for (int i = 0; i < 500; ++i) {
        ASSERT_TRUE(punt(0, 60));
        ASSERT_TRUE(punt(1, 60));
    }
    on_punt = [&] {
        if (punts.size() == 100) {
            ASSERT_TRUE(punt(1, 1, api::PuntClass::Icmp));
            ASSERT_TRUE(punt(0, 2, api::PuntClass::Ospf));
        }
    };
    turn(40);
    ASSERT_EQ(punts.size(), 1002U);
    EXPECT_EQ(punts[100], (std::pair<int, std::size_t>{0, 2}));
    EXPECT_EQ(punts[101], (std::pair<int, std::size_t>{1, 1}));
}

TEST_F(ChannelClientTest, carries_the_longest_packet_both_ways) {
    open();
    ASSERT_TRUE(punt(0, api::kMaxPacketBytes));
    const std::vector<std::byte> packet(api::kMaxPacketBytes, std::byte{0x45});
    ASSERT_TRUE(client->inject({.mode = api::InjectMode::Routed}, packet));
    turn();
    EXPECT_EQ(punts,
              (std::vector<std::pair<int, std::size_t>>{{0, std::size_t{api::kMaxPacketBytes}}}));
    ASSERT_EQ(handler.injects.size(), 1U);
    EXPECT_EQ(handler.injects[0].second, packet);
}

TEST_F(ChannelClientTest, injects_packets) {
    open();
    const std::vector<std::byte> packet(84, std::byte{0x45});
    ASSERT_TRUE(client->inject({.mode = api::InjectMode::Neighbor, .interface = 4}, packet));
    turn();
    ASSERT_EQ(handler.injects.size(), 1U);
    EXPECT_EQ(handler.injects[0].first.interface, 4);
    EXPECT_EQ(handler.injects[0].second, packet);
    EXPECT_FALSE(client->inject({.mode = api::InjectMode::Routed}, {}));
    EXPECT_FALSE(client->inject({.mode = api::InjectMode::Routed},
                                std::vector<std::byte>(api::kMaxPacketBytes + 1)));
    EXPECT_EQ(client->statistics().inject_refused, 2U);
}

TEST_F(ChannelClientTest, refuses_to_inject_into_a_full_ring_and_counts) {
    open();
    const std::vector<std::byte> packet(1000);
    int taken = 0;
    while (client->inject({.mode = api::InjectMode::Routed}, packet)) {
        ++taken;
    }
    EXPECT_GT(taken, 50);
    turn();
    EXPECT_EQ(handler.injects.size(), static_cast<std::size_t>(taken));
    EXPECT_TRUE(client->inject({.mode = api::InjectMode::Routed}, packet));
}

TEST_F(ChannelClientTest, shows_routes_at_the_end_of_the_turn_and_hears_that_they_are_in) {
    open();
    RouteWriter& routes = client->routes();
    EXPECT_EQ(routes.sync_begin(1), 1U);
    EXPECT_EQ(routes.next_hop_set({.number = 5, .kind = api::NextHopKind::Blackhole}), 2U);
    const std::vector<std::uint32_t> members{5, 6, 7};
    EXPECT_EQ(routes.group_set(9, members), 3U);
    EXPECT_EQ(routes.route_set({.prefix = 0x0A000000, .number = 5, .length = 8}), 4U);
    EXPECT_EQ(routes.route_delete({.prefix = 0x0A000000, .length = 8}), 5U);
    EXPECT_EQ(routes.next_hop_delete(5), 6U);
    EXPECT_EQ(routes.sync_end(1), 7U);
    server->poll(64);
    EXPECT_TRUE(handler.route_types.empty());
    turn();
    using enum api::RouteType;
    EXPECT_EQ(handler.route_types, (std::vector{SyncBegin, NextHopSet, GroupSet, RouteSet,
                                                RouteDelete, NextHopDelete, SyncEnd}));
    EXPECT_EQ(acknowledged, 7U);
    EXPECT_EQ(routes.acknowledged(), 7U);
}

TEST_F(ChannelClientTest, says_full_and_later_that_there_is_room) {
    open();
    const std::uint32_t kRoutes = 5000;  // several times what the ring holds
    std::uint32_t written = 0;
    const auto write_more = [&] {
        while (written < kRoutes &&
               client->routes().route_set({.prefix = written, .number = 1, .length = 32})) {
            ++written;
        }
    };
    write_more();
    EXPECT_LT(written, kRoutes);
    EXPECT_TRUE(client->routes().full());
    int rounds = 0;
    while (written < kRoutes && rounds < 10000) {
        const int before = rooms;
        turn(1);
        ++rounds;
        if (rooms > before) {
            write_more();
        }
    }
    turn(200);
    EXPECT_EQ(handler.route_types.size(), kRoutes);
    EXPECT_EQ(acknowledged, kRoutes);
    EXPECT_GT(rooms, 2);
}

TEST_F(ChannelClientTest, tells_a_rejection_before_the_acknowledgement_that_covers_it) {
    open();
    told.clear();
    handler.acknowledges = false;
    ASSERT_TRUE(client->routes().route_set({.number = 99, .length = 8}));
    turn();
    api::RouteRejectedRecord rejected;
    rejected.sequence = 1;
    rejected.reason = api::RouteRejection::UnknownNextHop;
    ASSERT_TRUE(server->emit(api::EventType::RouteRejected, rejected));
    server->acknowledge(1);
    turn();
    EXPECT_EQ(told, (std::vector<std::string>{"rejected", "acknowledged"}));
}

TEST_F(ChannelClientTest, collects_all_pages_of_a_table) {
    handler.neighbor_count = 10000;
    open();
    std::optional<QueryAnswer> answer;
    client->query(api::QueryKind::Neighbors, [&](net::Result<QueryAnswer, std::string> result) {
        ASSERT_TRUE(result) << result.error();
        answer = std::move(*result);
    });
    EXPECT_FALSE(answer);
    turn();
    ASSERT_TRUE(answer);
    const auto rows = answer->rows<api::NeighborRecord>();
    ASSERT_EQ(rows.size(), 10000U);
    EXPECT_EQ(rows[9999].address, 10000U);
    EXPECT_GT(handler.query_count, 1);
}

TEST_F(ChannelClientTest, gives_single_pages_with_the_cursor_of_the_next) {
    handler.neighbor_count = 10;
    open();
    std::optional<QueryAnswer> answer;
    client->query_page(
        {.kind = api::QueryKind::Neighbors, .max_records = 4, .cursor = 3},
        [&](net::Result<QueryAnswer, std::string> result) { answer = std::move(*result); });
    turn();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->count(), 4U);
    EXPECT_EQ(answer->rows<api::NeighborRecord>()[0].address, 4U);
    EXPECT_EQ(answer->next_cursor, 7U);
}

// Workers look when they can; other answers need not wait for theirs.
TEST_F(ChannelClientTest, takes_an_answer_about_nat_whenever_it_comes) {
    handler.neighbor_count = 3;
    open();
    std::optional<NatAnswer> nat;
    bool has_neighbors = false;
    api::NatAskBody ask;
    ask.kind = api::NatAskKind::Ports;
    client->ask_nat(ask, [&](net::Result<NatAnswer, std::string> result) {
        ASSERT_TRUE(result) << result.error();
        nat = std::move(*result);
    });
    client->query(api::QueryKind::Neighbors, [&](net::Result<QueryAnswer, std::string> result) {
        has_neighbors = result.has_value();
    });
    turn();
    ASSERT_EQ(handler.nat_asks.size(), 1U);
    EXPECT_TRUE(has_neighbors);
    EXPECT_FALSE(nat);
    const std::vector<api::NatPortRecord> records = {{1, 2, 3, 4}, {5, 6, 7, 8}};
    api::NatAnswerBody header;
    header.kind = api::NatAskKind::Ports;
    header.outcome = api::NatAskOutcome::Done;
    header.record_count = 2;
    header.record_bytes = sizeof(api::NatPortRecord);
    header.next_cursor = 99;
    const auto& asked = handler.nat_asks.front();
    server->answer_nat(asked.session + 1, asked.request, header, {});  // of another session
    server->answer_nat(asked.session, asked.request, header, std::as_bytes(std::span(records)));
    turn();
    ASSERT_TRUE(nat);
    EXPECT_EQ(nat->header.next_cursor, 99U);
    EXPECT_EQ(nat->rows<api::NatPortRecord>().at(1).udp, 7U);
}

TEST_F(ChannelClientTest, answers_many_questions_at_once_and_refuses_too_many) {
    handler.neighbor_count = 3000;
    open();
    int good = 0;
    int refused = 0;
    for (int i = 0; i < 80; ++i) {
        client->query(api::QueryKind::Neighbors, [&](net::Result<QueryAnswer, std::string> result) {
            (result && result->count() == 3000 ? good : refused) += 1;
        });
    }
    EXPECT_EQ(good + refused, 0);  // never from inside the call
    turn(400);
    EXPECT_EQ(good, static_cast<int>(Requests::kMaxWaiting));
    EXPECT_EQ(refused, 80 - good);
}

TEST_F(ChannelClientTest, gives_up_on_an_answer_after_5_s_and_ignores_it_then) {
    open();
    std::string error;
    int calls = 0;
    client->query(api::QueryKind::Neighbors, [&](net::Result<QueryAnswer, std::string> result) {
        ++calls;
        error = result ? "" : result.error();
    });
    clock.advance(milliseconds(4999));
    EXPECT_EQ(calls, 0);
    clock.advance(milliseconds(1));
    EXPECT_NE(error.find("did not answer within 5 s"), std::string::npos) << error;
    turn();  // now the answer comes
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(client->connected());
}

TEST_F(ChannelClientTest, tells_waiting_questions_that_the_session_is_lost) {
    open();
    std::string error;
    client->query(api::QueryKind::Fib, [&](net::Result<QueryAnswer, std::string> result) {
        error = result ? "" : result.error();
        log("refused");
    });
    stop_server();
    turn();
    EXPECT_EQ(error, "the dataplane has left");
    EXPECT_EQ(told,
              (std::vector<std::string>{"opened", "lost: the dataplane has left", "refused"}));
    client->query(api::QueryKind::Fib, [&](net::Result<QueryAnswer, std::string> result) {
        error = result ? "" : result.error();
    });
    turn();
    EXPECT_NE(error.find("not connected"), std::string::npos) << error;
}

TEST_F(ChannelClientTest, hands_a_configuration_over_and_gets_the_verdict) {
    handler.configure_outcome = api::ConfigureOutcome::NeedsRestart;
    handler.configure_text = "workers.cores: needs a restart\n";
    open();
    std::optional<ConfigureAnswer> answer;
    client->configure(
        api::ConfigurePhase::Prepare, 8, "version: 1\n",
        [&](net::Result<ConfigureAnswer, std::string> result) { answer = std::move(*result); });
    turn();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->outcome, api::ConfigureOutcome::NeedsRestart);
    EXPECT_EQ(answer->text, handler.configure_text);
    EXPECT_EQ(handler.configured.yaml, "version: 1\n");
    EXPECT_EQ(handler.configured.revision, 8U);

    std::string error;
    client->configure(api::ConfigurePhase::Prepare, 9,
                      std::string(api::kMaxSealedTextBytes + 1, '#'),
                      [&](net::Result<ConfigureAnswer, std::string> result) {
                          error = result ? "" : result.error();
                      });
    turn();
    EXPECT_NE(error.find("limit"), std::string::npos) << error;
}

TEST_F(ChannelClientTest, asks_for_a_restart_once) {
    EXPECT_FALSE(client->restart());
    open();
    EXPECT_TRUE(client->restart());
    EXPECT_TRUE(client->restart());
    turn();
    EXPECT_EQ(handler.restart_count, 1);
}

TEST_F(ChannelClientTest, may_be_stopped_from_its_own_callback_and_started_again) {
    open();
    for (int i = 0; i < 10; ++i) {
        ASSERT_TRUE(punt(0, 60));
    }
    on_punt = [&] { client->stop(); };
    bool heard = false;
    client->query(api::QueryKind::Fib,
                  [&](net::Result<QueryAnswer, std::string> result) { heard = !result; });
    turn();
    EXPECT_EQ(punts.size(), 1U);
    EXPECT_FALSE(client->connected());
    EXPECT_TRUE(heard);
    EXPECT_EQ(told, std::vector<std::string>{"opened"});  // a stop is no loss
    on_punt = nullptr;
    client->start();
    turn();
    EXPECT_TRUE(client->connected());
}

TEST_F(ChannelClientTest, leaves_no_call_behind_when_it_is_destroyed) {
    open();
    client->query(api::QueryKind::Fib, [](net::Result<QueryAnswer, std::string>) { FAIL(); });
    ASSERT_TRUE(client->routes().sync_begin(1));
    client.reset();
    turn();
    EXPECT_EQ(handler.closed_count, 1);
    clock.advance(seconds(60));
}

}  // namespace
}  // namespace godwit::control
