// The dataplane's end with a well-behaved control plane: greeting, rings, questions, limits.
#include "dataplane/channel/server.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <memory>

#include "tests/unit/dataplane/channel/raw_peer.hpp"
#include "tests/unit/dataplane/channel/recording_handler.hpp"

namespace godwit::dataplane {
namespace {

class ChannelServerTest : public testing::Test {
protected:
    void SetUp() override {
        counters = std::move(*CountersMemory::create(2, 2'000'000'000, 0xB007));
        auto made = ChannelServer::listen(directory.socket(), small_sizes(), *counters, handler);
        ASSERT_TRUE(made) << made.error();
        server = std::move(*made);
        handler.server = server.get();
    }
    void poll(int rounds = 3) {
        for (int i = 0; i < rounds; ++i) {
            server->poll(64);
        }
    }
    void open(RawPeer& peer) {
        ASSERT_TRUE(peer.connect(directory.socket()));
        peer.hello();
        poll();
        ASSERT_TRUE(peer.welcomed());
        ASSERT_TRUE(server->connected());
    }
    [[nodiscard]] std::uint64_t ended(SessionEnd why) const {
        return server->statistics().sessions_ended[static_cast<std::size_t>(why)];
    }
    [[nodiscard]] bool readable(int descriptor) const {
        pollfd look{descriptor, POLLIN, 0};
        return ::poll(&look, 1, 0) == 1;
    }

    SocketDirectory directory;
    RecordingHandler handler;
    std::unique_ptr<CountersMemory> counters;
    std::unique_ptr<ChannelServer> server;
};

TEST_F(ChannelServerTest, welcomes_a_control_plane_with_its_rings) {
    server->set_config_sha256(std::string(64, 'a'));
    RawPeer peer;
    open(peer);
    EXPECT_EQ(peer.welcome.session, 1U);
    EXPECT_EQ(peer.welcome.boot_id, 0xB007U);
    EXPECT_EQ(peer.welcome.worker_count, 2U);
    EXPECT_EQ(peer.welcome.config_sha256[63], 'a');
    EXPECT_EQ(handler.opened_count, 1);
    EXPECT_EQ(handler.rings.punt.size(), 2U);
}

TEST_F(ChannelServerTest, shows_counters_that_the_peer_cannot_write) {
    RawPeer peer;
    open(peer);
    counters->region().blocks[1].received.add(5);
    const auto* region =
        reinterpret_cast<const api::CountersRegion*>(peer.map(api::WelcomeFd::Counters).data());
    EXPECT_EQ(region->blocks[1].received.read(), 5U);
    EXPECT_EQ(region->worker_count, 2U);

    const int fd = peer.fd(api::WelcomeFd::Counters);
    EXPECT_EQ(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    EXPECT_EQ(mprotect(peer.maps[0].address(), 4096, PROT_READ | PROT_WRITE), -1);
    EXPECT_EQ(ftruncate(fd, 0), -1);
    EXPECT_EQ(pwrite(fd, "x", 1, 0), -1);
}

TEST_F(ChannelServerTest, gives_rings_that_the_peer_cannot_truncate) {
    RawPeer peer;
    open(peer);
    for (const auto which : {api::WelcomeFd::Punt, api::WelcomeFd::Inject, api::WelcomeFd::Route,
                             api::WelcomeFd::Event}) {
        EXPECT_EQ(ftruncate(peer.fd(which), 0), -1);
        EXPECT_EQ(ftruncate(peer.fd(which), 1 << 24), -1);
    }
}

TEST_F(ChannelServerTest, hands_over_routes_and_injected_packets) {
    RawPeer peer;
    open(peer);
    api::RouteSetRecord route;
    route.sequence = 1;
    ASSERT_TRUE(peer.write_route(api::RouteType::RouteSet, route));
    struct Injected {
        api::InjectRecord header;
        std::array<std::uint8_t, 24> packet{};
    } injected;
    injected.header.mode = api::InjectMode::Routed;
    injected.header.packet_bytes = 24;
    injected.packet[0] = 0x45;
    ASSERT_TRUE(peer.write(peer.inject, api::kInjectRecord, api::bytes_of(injected)));
    poll();
    EXPECT_EQ(handler.route_types, std::vector{api::RouteType::RouteSet});
    EXPECT_EQ(peer.routes.acknowledged(), 1U);
    ASSERT_EQ(handler.injects.size(), 1U);
    EXPECT_EQ(handler.injects[0].second.size(), 24U);
    EXPECT_EQ(handler.injects[0].second[0], std::byte{0x45});
    EXPECT_TRUE(readable(peer.fd(api::WelcomeFd::EventSignal)));  // for the acknowledgement
}

TEST_F(ChannelServerTest, takes_no_more_than_its_budget_and_says_that_more_waits) {
    RawPeer peer;
    open(peer);
    api::RouteDeleteRecord route;
    for (route.sequence = 1; route.sequence <= 10; ++route.sequence) {
        ASSERT_TRUE(peer.write_route(api::RouteType::RouteDelete, route));
    }
    EXPECT_TRUE(server->poll(4));
    EXPECT_EQ(handler.route_types.size(), 4U);
    EXPECT_TRUE(server->poll(4));
    EXPECT_FALSE(server->poll(4));
    EXPECT_EQ(handler.route_types.size(), 10U);
}

TEST_F(ChannelServerTest, is_woken_from_its_sleep_by_a_record) {
    RawPeer peer;
    open(peer);
    ASSERT_TRUE(server->prepare_to_wait());
    EXPECT_FALSE(readable(server->poll_fd()));
    api::RouteDeleteRecord route;
    ASSERT_TRUE(peer.write_route(api::RouteType::RouteDelete, route));
    EXPECT_TRUE(readable(server->poll_fd()));
    EXPECT_FALSE(server->prepare_to_wait());
    poll();
    EXPECT_TRUE(server->prepare_to_wait());
    EXPECT_FALSE(readable(server->poll_fd()));
}

TEST_F(ChannelServerTest, counts_lost_events_and_asks_for_a_resync_once_there_is_room) {
    RawPeer peer;
    open(peer);
    api::NeighborRecord neighbor;
    neighbor.state = api::NeighborState::Reachable;
    while (server->emit(api::EventType::NeighborChanged, neighbor)) {
    }
    EXPECT_EQ(server->statistics().events_lost, 1U);
    EXPECT_FALSE(server->take_resync_due());
    std::array<std::byte, 512> buffer;
    api::Record record;
    while (peer.events.next(buffer, record) == api::RingConsumer::Outcome::Record) {
        ASSERT_TRUE(api::check_event(record));
    }
    EXPECT_TRUE(server->take_resync_due());
    EXPECT_FALSE(server->take_resync_due());
    EXPECT_TRUE(server->emit(api::EventType::NeighborChanged, neighbor));
}

TEST_F(ChannelServerTest, answers_a_long_table_page_by_page) {
    handler.neighbor_count = 10000;
    constexpr std::size_t kBytes = 10000 * sizeof(api::NeighborRecord);
    static_assert(kBytes > 4 * api::kMaxControlMessageBytes);
    RawPeer peer;
    open(peer);
    api::QueryBody query;
    query.kind = api::QueryKind::Neighbors;
    std::uint32_t rows = 0;
    std::size_t pages = 0;
    do {
        peer.send(api::ControlType::Query, query, 7);
        poll();
        const auto message = peer.receive();
        ASSERT_TRUE(message);
        EXPECT_EQ(message->header.request, 7U);
        const auto reply = api::read_query_reply(message->body);
        ASSERT_TRUE(reply) << reply.error();
        EXPECT_EQ(api::read_front<api::NeighborRecord>(reply->records)->address, rows + 1);
        rows += reply->header.record_count;
        query.cursor = reply->header.next_cursor;
        ++pages;
    } while (query.cursor != 0);
    EXPECT_EQ(rows, 10000U);
    EXPECT_EQ(pages, kBytes / api::kMaxControlMessageBytes + 1);
}

TEST_F(ChannelServerTest, gives_no_more_rows_than_asked) {
    handler.neighbor_count = 100;
    RawPeer peer;
    open(peer);
    api::QueryBody query;
    query.kind = api::QueryKind::Neighbors;
    query.max_records = 3;
    peer.send(api::ControlType::Query, query);
    poll();
    const auto message = peer.receive();
    ASSERT_TRUE(message);
    const auto reply = api::read_query_reply(message->body);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->header.record_count, 3U);
    EXPECT_EQ(reply->header.next_cursor, 3U);
}

TEST_F(ChannelServerTest, stops_reading_questions_while_an_answer_does_not_go_out) {
    handler.neighbor_count = 10000;
    RawPeer peer;
    open(peer);
    api::QueryBody query;
    query.kind = api::QueryKind::Neighbors;
    int asked = 0;
    for (int round = 0; round < 200; ++round) {
        asked += peer.send(api::ControlType::Query, query) == api::SendOutcome::Sent ? 1 : 0;
        poll(1);
    }
    EXPECT_LT(handler.query_count, asked);  // the rest waits in the socket, not in our memory
    EXPECT_LT(handler.query_count, 20);
    int answers = 0;
    for (int round = 0; round < 2000 && answers < asked; ++round) {
        answers += peer.receive() ? 1 : 0;
        poll(1);
    }
    EXPECT_EQ(answers, asked);
    EXPECT_TRUE(server->connected());
}

TEST_F(ChannelServerTest, hands_a_sealed_configuration_to_the_owner_and_its_answer_back) {
    handler.configure_outcome = api::ConfigureOutcome::Refused;
    handler.configure_text = "wan0: the device's MTU ends at 1504\n";
    RawPeer peer;
    open(peer);
    const auto yaml = api::make_sealed_text("yaml", "version: 1\n");
    api::ConfigureBody body;
    body.phase = api::ConfigurePhase::Commit;
    body.revision = 12;
    const std::array<int, 1> descriptor{yaml->get()};
    peer.send(api::ControlType::Configure, body, 3, descriptor);
    poll();
    EXPECT_EQ(handler.configured.yaml, "version: 1\n");
    EXPECT_EQ(handler.configured.revision, 12U);
    EXPECT_EQ(handler.configured.phase, api::ConfigurePhase::Commit);
    const auto message = peer.receive();
    ASSERT_TRUE(message);
    const auto reply = api::read_configure_reply(message->body);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->outcome, api::ConfigureOutcome::Refused);
    EXPECT_EQ(reply->text, handler.configure_text);
}

TEST_F(ChannelServerTest, passes_a_restart_on) {
    RawPeer peer;
    open(peer);
    peer.send(api::encode_control(api::ControlType::Restart, 0, {}));
    poll();
    EXPECT_EQ(handler.restart_count, 1);
}

TEST_F(ChannelServerTest, refuses_another_version_with_the_reason) {
    RawPeer peer;
    ASSERT_TRUE(peer.connect(directory.socket()));
    peer.hello(api::kChannelVersion + 1);
    poll();
    const auto message = peer.receive();
    ASSERT_TRUE(message);
    ASSERT_EQ(message->header.type, api::ControlType::Refused);
    const auto refused = api::read_exact<api::RefusedBody>(message->body);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->version, api::kChannelVersion);
    EXPECT_NE(api::bounded_text(refused->reason).find("version"), std::string_view::npos);
    EXPECT_TRUE(peer.closed());
    EXPECT_EQ(handler.opened_count, 0);
}

TEST_F(ChannelServerTest, refuses_a_second_control_plane_while_one_lives) {
    RawPeer first;
    open(first);
    RawPeer second;
    ASSERT_TRUE(second.connect(directory.socket()));
    second.hello();
    poll();
    const auto message = second.receive();
    ASSERT_TRUE(message);
    EXPECT_EQ(message->header.type, api::ControlType::Refused);
    EXPECT_TRUE(server->connected());
    EXPECT_EQ(handler.closed_count, 0);
}

TEST_F(ChannelServerTest, welcomes_the_next_control_plane_at_once_when_the_last_has_left) {
    RawPeer first;
    open(first);
    first.leave();
    RawPeer second;  // greets before the server has looked at the first's end
    ASSERT_TRUE(second.connect(directory.socket()));
    second.hello();
    poll();
    ASSERT_TRUE(second.welcomed());
    EXPECT_EQ(second.welcome.session, 2U);
    EXPECT_EQ(handler.opened_count, 2);
    EXPECT_EQ(handler.closed_count, 1);
    EXPECT_EQ(ended(SessionEnd::PeerLeft), 1U);
}

TEST_F(ChannelServerTest, keeps_the_rings_mapped_as_long_as_the_owner_holds_them) {
    RawPeer peer;
    open(peer);
    SessionRings held = handler.rings;
    peer.leave();
    poll();
    EXPECT_FALSE(server->connected());
    const auto place = held.punt[1][0].reserve(api::kPuntRecord, 100);  // a worker that is late
    ASSERT_FALSE(place.empty());
    place[99] = std::byte{1};
    (void)held.punt[1][0].publish();
    api::wake(held.punt_signal_fd);
}

TEST_F(ChannelServerTest, drops_the_oldest_of_too_many_that_do_not_greet) {
    std::array<RawPeer, 6> silent;
    for (RawPeer& peer : silent) {
        ASSERT_TRUE(peer.connect(directory.socket()));
        poll();
    }
    EXPECT_EQ(server->statistics().greetings_dropped, 2U);
    EXPECT_TRUE(silent[0].closed());
    EXPECT_FALSE(silent[5].closed());
    RawPeer peer;
    open(peer);
}

TEST_F(ChannelServerTest, notices_a_control_plane_that_is_killed) {
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        RawPeer peer;
        const bool connected = peer.connect(directory.socket());
        peer.hello();
        (void)!write(ready[1], connected ? "y" : "n", 1);
        for (;;) {
            pause();
        }
    }
    char answer = 0;
    ASSERT_EQ(read(ready[0], &answer, 1), 1);
    ASSERT_EQ(answer, 'y');
    poll();
    EXPECT_TRUE(server->connected());
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_TRUE(readable(server->poll_fd()));
    poll();
    EXPECT_FALSE(server->connected());
    EXPECT_EQ(handler.closed_count, 1);
    close(ready[0]);
    close(ready[1]);
}

TEST_F(ChannelServerTest, ends_the_session_and_removes_its_socket_on_close) {
    RawPeer peer;
    open(peer);
    server->close();
    EXPECT_EQ(handler.closed_count, 1);
    EXPECT_TRUE(peer.closed());
    EXPECT_NE(access(directory.socket().c_str(), F_OK), 0);
}

TEST_F(ChannelServerTest, says_so_when_a_dataplane_already_runs) {
    auto second = ChannelServer::listen(directory.socket(), small_sizes(), *counters, handler);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().find("a dataplane already runs (pid " + std::to_string(getpid())),
              std::string::npos)
        << second.error();
    RawPeer peer;
    open(peer);  // and the first still answers
}

TEST_F(ChannelServerTest, takes_the_place_of_a_socket_file_left_by_a_killed_one) {
    server.reset();
    RawPeer stale;
    {
        const api::Descriptor old(socket(AF_UNIX, SOCK_SEQPACKET, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, directory.socket().data(), directory.socket().size());
        ASSERT_EQ(bind(old.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    }
    auto made = ChannelServer::listen(directory.socket(), small_sizes(), *counters, handler);
    ASSERT_TRUE(made) << made.error();
    server = std::move(*made);
    RawPeer peer;
    open(peer);
}

TEST_F(ChannelServerTest, does_not_remove_a_file_that_is_no_socket) {
    server.reset();
    std::ofstream(directory.socket()) << "mine";
    auto made = ChannelServer::listen(directory.socket(), small_sizes(), *counters, handler);
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().find("no socket"), std::string::npos) << made.error();
    EXPECT_EQ(access(directory.socket().c_str(), F_OK), 0);
}

TEST_F(ChannelServerTest, makes_a_socket_for_its_user_and_group_only) {
    struct stat status {};
    ASSERT_EQ(stat(directory.socket().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0660U);
}

TEST_F(ChannelServerTest, refuses_a_user_that_the_rule_does_not_name) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root to become another user";
    }
    chmod(directory.path().c_str(), 0755);
    chmod(directory.socket().c_str(), 0666);  // only the credentials stand in the way now
    const pid_t child = fork();
    if (child == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0) {
            _exit(2);
        }
        RawPeer peer;
        if (!peer.connect(directory.socket())) {
            _exit(3);
        }
        pollfd answer{peer.connection(), POLLIN, 0};
        ::poll(&answer, 1, 10000);
        const auto message = peer.receive();
        _exit(message && message->header.type == api::ControlType::Refused ? 0 : 1);
    }
    pollfd knock{server->poll_fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&knock, 1, 10000), 1);
    poll();
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_EQ(server->statistics().connections_refused, 1U);
}

TEST(ChannelServerStart, names_what_is_wrong_and_the_mend) {
    SocketDirectory directory;
    RecordingHandler handler;
    const auto counters = std::move(*CountersMemory::create(2, 1, 1));
    auto made = ChannelServer::listen(directory.path() + "/nowhere/channel.sock", small_sizes(),
                                      *counters, handler);
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().find("make its directory"), std::string::npos) << made.error();

    auto sizes = small_sizes();
    sizes.route_ring_bytes = 5000;
    EXPECT_FALSE(ChannelServer::listen(directory.socket(), sizes, *counters, handler));
    sizes = small_sizes();
    sizes.punt_ring_bytes = api::kMinPacketRingBytes / 2;
    EXPECT_FALSE(ChannelServer::listen(directory.socket(), sizes, *counters, handler));
    EXPECT_FALSE(ChannelServer::listen(directory.socket(), small_sizes(3), *counters, handler));
    EXPECT_FALSE(CountersMemory::create(0, 1, 1));
    EXPECT_FALSE(CountersMemory::create(65, 1, 1));
}

}  // namespace
}  // namespace godwit::dataplane
