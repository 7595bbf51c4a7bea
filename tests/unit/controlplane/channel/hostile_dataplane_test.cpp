// The control plane's end against a dataplane that lies: in its greeting, its memory, its rings and
// its answers. The session is lost with a sentence that says why, and the client tries again.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <csignal>
#include <memory>
#include <random>

#include "controlplane/channel/channel_client.hpp"
#include "controlplane/runtime/executor.hpp"
#include "controlplane/runtime/virtual_clock.hpp"
#include "dataplane/api/control_socket.hpp"
#include "dataplane/channel/memory.hpp"
#include "dataplane/channel/server.hpp"
#include "tests/unit/dataplane/channel/recording_handler.hpp"

namespace godwit::control {
namespace {

using dataplane::CountersMemory;
using dataplane::SessionMemory;
using std::chrono::milliseconds;

// A dataplane by hand. Its memory is real; what it says of it need not be.
class HostileDataplaneTest : public testing::Test {
protected:
    void SetUp() override {
        RecordProperty("seed", std::to_string(seed));
        listener = api::Descriptor(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = directory.socket();
        std::memcpy(address.sun_path, path.data(), path.size());
        ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
        ASSERT_EQ(listen(listener.get(), 4), 0);
        counters = std::move(*CountersMemory::create(2, 1, 1));
        client = std::make_unique<ChannelClient>(
            executor, clock, path,
            ChannelCallbacks{.session_opened = [this](const auto&) { ++opened; },
                             .session_lost = [this](const auto& reason) { lost = reason; },
                             .punted = [this](const auto&, auto) { ++punts; }});
        client->start();
    }
    void turn(int rounds = 10) {
        for (int i = 0; i < rounds; ++i) {
            executor.poll();
        }
    }
    [[nodiscard]] bool accept_client() {
        turn();
        connection = api::Descriptor(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
        return static_cast<bool>(connection);
    }
    void welcome(api::WelcomeBody body, std::vector<int> descriptors) {
        api::send_control(connection.get(),
                          api::encode_control(api::ControlType::Welcome, 0, api::bytes_of(body)),
                          descriptors);
        turn();
    }
    // A session that begins honestly.
    void open() {
        clock.advance(milliseconds(100));
        ASSERT_TRUE(accept_client());
        memory = std::move(*SessionMemory::create(dataplane::small_sizes()));
        welcome(honest_welcome(), honest_descriptors());
        ASSERT_TRUE(client->connected()) << client->problem();
    }
    [[nodiscard]] static api::WelcomeBody honest_welcome() {
        const auto sizes = dataplane::small_sizes();
        api::WelcomeBody body;
        body.worker_count = sizes.worker_count;
        body.punt_ring_bytes = sizes.punt_ring_bytes;
        body.inject_ring_bytes = sizes.inject_ring_bytes;
        body.route_ring_bytes = sizes.route_ring_bytes;
        body.event_ring_bytes = sizes.event_ring_bytes;
        return body;
    }
    [[nodiscard]] std::vector<int> honest_descriptors() const {
        return {counters->descriptor(),
                memory->punt_memory().descriptor.get(),
                memory->inject_memory().descriptor.get(),
                memory->route_memory().descriptor.get(),
                memory->event_memory().descriptor.get(),
                memory->punt_wake().sleeper.get(),
                memory->event_wake().sleeper.get(),
                memory->inject_wake().waker.get()};
    }
    api::RingHeader& header(std::span<std::byte> ring) {
        return *reinterpret_cast<api::RingHeader*>(ring.data());
    }

    const std::uint64_t seed = std::random_device{}();
    const testing::ScopedTrace trace{__FILE__, __LINE__, "seed " + std::to_string(seed)};
    std::mt19937_64 random{seed};
    dataplane::SocketDirectory directory;
    std::unique_ptr<CountersMemory> counters;
    std::unique_ptr<SessionMemory> memory;
    api::Descriptor listener;
    api::Descriptor connection;
    Executor executor;
    VirtualClock clock;
    std::unique_ptr<ChannelClient> client;
    std::string lost;
    int opened = 0;
    int punts = 0;
};

TEST_F(HostileDataplaneTest, another_version_is_told_in_words_and_tried_again) {
    ASSERT_TRUE(accept_client());
    api::RefusedBody refused;
    refused.version = api::kChannelVersion + 1;
    api::set_bounded_text(refused.reason, "install both programs from one build");
    api::send_control(connection.get(),
                      api::encode_control(api::ControlType::Refused, 0, api::bytes_of(refused)));
    turn();
    const std::string told = fmt::format(
        "install both programs from one build (it speaks version {}", api::kChannelVersion + 1);
    EXPECT_NE(client->problem().find(told), std::string::npos) << client->problem();
    EXPECT_EQ(opened, 0);
    EXPECT_TRUE(lost.empty());  // there was no session to lose
    clock.advance(milliseconds(100));
    EXPECT_TRUE(accept_client());
}

TEST_F(HostileDataplaneTest, one_that_never_answers_the_greeting_is_left_after_5_s) {
    ASSERT_TRUE(accept_client());
    clock.advance(std::chrono::seconds(5));
    EXPECT_NE(client->problem().find("greeting within 5 s"), std::string::npos);
    clock.advance(milliseconds(100));
    EXPECT_TRUE(accept_client());
}

TEST_F(HostileDataplaneTest, memory_that_is_not_as_announced_is_refused) {
    memory = std::move(*SessionMemory::create(dataplane::small_sizes()));
    const api::Descriptor open_memory(memfd_create("open", MFD_ALLOW_SEALING | MFD_CLOEXEC));
    ASSERT_EQ(ftruncate(open_memory.get(), static_cast<off_t>(api::ring_region_bytes(
                                               dataplane::small_sizes().route_ring_bytes))),
              0);
    for (int lie = 0; lie < 6; ++lie) {
        clock.advance(milliseconds(100));
        ASSERT_TRUE(accept_client()) << lie;
        auto body = honest_welcome();
        auto descriptors = honest_descriptors();
        switch (lie) {
            case 0:
                descriptors[3] = open_memory.get();  // can be truncated under us
                break;
            case 1:
                descriptors.pop_back();
                break;
            case 2:
                body.route_ring_bytes *= 2;
                break;
            case 3:
                body.worker_count = 3;
                break;
            case 4:
                body.event_ring_bytes = 0;
                break;
            default:
                std::swap(descriptors[0], descriptors[1]);
                break;
        }
        welcome(body, descriptors);
        EXPECT_FALSE(client->connected()) << lie;
        EXPECT_FALSE(client->problem().empty());
    }
    EXPECT_EQ(opened, 0);
}

TEST_F(HostileDataplaneTest, a_broken_punt_ring_ends_the_session) {
    open();
    header(memory->punt(1, api::PuntPriority::Rest)).tail = 12;
    api::wake(memory->punt_wake().waker.get());
    turn();
    EXPECT_EQ(lost, "a punt ring is broken");
    EXPECT_FALSE(client->connected());
    open();
    EXPECT_EQ(opened, 2);
}

TEST_F(HostileDataplaneTest, a_punt_record_in_another_workers_ring_ends_the_session) {
    open();
    api::RingProducer ring(memory->punt(1, api::PuntPriority::Control),
                           dataplane::small_sizes().punt_ring_bytes);
    const auto place = ring.reserve(api::kPuntRecord, sizeof(api::PuntRecord) + 8);
    api::PuntRecord record;
    record.packet_bytes = 8;
    std::memcpy(place.data(), &record, sizeof(record));
    (void)ring.publish();
    api::wake(memory->punt_wake().waker.get());
    turn();
    EXPECT_EQ(lost, "a punt record names another worker than its ring's");
}

TEST_F(HostileDataplaneTest, a_punt_record_in_the_ring_of_another_priority_ends_the_session) {
    open();
    api::RingProducer ring(memory->punt(0, api::PuntPriority::Routing),
                           dataplane::small_sizes().punt_ring_bytes);
    const auto place = ring.reserve(api::kPuntRecord, sizeof(api::PuntRecord) + 8);
    api::PuntRecord record;
    record.punt_class = api::PuntClass::Udp;
    record.packet_bytes = 8;
    std::memcpy(place.data(), &record, sizeof(record));
    (void)ring.publish();
    api::wake(memory->punt_wake().waker.get());
    turn();
    EXPECT_EQ(lost, "a punt record lies in the ring of another priority than its class's");
}

TEST_F(HostileDataplaneTest, an_acknowledgement_of_what_was_never_sent_ends_the_session) {
    open();
    ASSERT_TRUE(client->routes().sync_begin(1));
    header(memory->route()).acknowledged = 2;
    api::wake(memory->event_wake().waker.get());
    turn();
    EXPECT_EQ(lost, "the dataplane acknowledges what was never sent");
}

TEST_F(HostileDataplaneTest, an_acknowledgement_that_is_taken_back_ends_the_session) {
    open();
    ASSERT_TRUE(client->routes().sync_begin(1));
    header(memory->route()).acknowledged = 1;
    api::wake(memory->event_wake().waker.get());
    turn();
    EXPECT_TRUE(client->connected());
    header(memory->route()).acknowledged = 0;
    api::wake(memory->event_wake().waker.get());
    turn();
    EXPECT_FALSE(client->connected());
}

TEST_F(HostileDataplaneTest, broken_rings_found_while_writing_end_the_session) {
    open();
    header(memory->route()).head = 4;
    while (client->routes().sync_begin(1)) {
    }
    EXPECT_TRUE(client->connected());  // nobody is told from inside the call
    turn();
    EXPECT_EQ(lost, "the route ring is broken");

    open();
    header(memory->inject()).head = UINT64_MAX;
    const std::vector<std::byte> packet(2000);
    while (client->inject({.mode = api::InjectMode::Routed}, packet)) {
    }
    turn();
    EXPECT_EQ(lost, "the inject ring is broken");
}

TEST_F(HostileDataplaneTest, answers_that_do_not_fit_their_question_end_the_session) {
    for (int lie = 0; lie < 5; ++lie) {
        open();
        bool refused = false;
        client->query(api::QueryKind::Fib,
                      [&](net::Result<QueryAnswer, std::string> result) { refused = !result; });
        turn();
        std::vector<std::byte> buffer(api::kMaxControlMessageBytes);
        api::ReceivedControl received;
        api::receive_control(connection.get(), buffer, received);  // the Hello
        api::receive_control(connection.get(), buffer, received);
        const std::uint32_t request = api::read_control(received.message)->header.request;
        api::QueryReplyBody body;
        body.kind = api::QueryKind::Fib;
        body.record_bytes = sizeof(api::FibRecord);
        std::vector<std::byte> answer;
        const auto reply = [&](std::uint32_t number) {
            return api::encode_control(api::ControlType::QueryReply, number, api::bytes_of(body));
        };
        switch (lie) {
            case 0:
                answer = reply(request + 100);
                break;
            case 1:
                body.kind = api::QueryKind::Neighbors;
                answer = reply(request);
                break;
            case 2:
                body.next_cursor = 5;  // no rows, and there is more: for ever
                answer = reply(request);
                break;
            case 3:
                body.record_count = 1;
                answer = reply(request);
                break;
            default:
                answer = api::encode_control(api::ControlType::ConfigureReply, request,
                                             api::bytes_of(api::ConfigureReplyBody{}));
                break;
        }
        api::send_control(connection.get(), answer);
        turn();
        EXPECT_FALSE(client->connected()) << lie;
        EXPECT_TRUE(refused) << lie;
    }
}

TEST_F(HostileDataplaneTest, thousands_of_random_headers_and_messages_do_no_harm) {
    for (int round = 0; round < 3000; ++round) {
        if (!client->connected()) {
            ASSERT_NO_FATAL_FAILURE(open()) << round;
        }
        const std::array<std::span<std::byte>, 5> rings{
            memory->punt(0, api::PuntPriority::Routing), memory->punt(1, api::PuntPriority::Rest),
            memory->inject(), memory->route(), memory->event()};
        const auto ring = rings[random() % rings.size()];
        const std::uint64_t number = random() % 2 == 0 ? random() : 8 * (random() % 64);
        switch (random() % 6) {
            case 0:
                header(ring).tail = number;
                break;
            case 1:
                header(ring).head = number;
                break;
            case 2:
                header(ring).acknowledged = random() % 3;
                break;
            case 3:
                header(ring).consumer_waiting = static_cast<std::uint32_t>(random());
                break;
            case 4:
                for (int i = 0; i < 64; ++i) {
                    ring[sizeof(api::RingHeader) + random() % 512] =
                        static_cast<std::byte>(random() % 40);
                }
                header(ring).tail = 8 * (random() % 64);
                break;
            default: {
                std::vector<std::byte> bytes(random() % 80);
                for (auto& byte : bytes) {
                    byte = static_cast<std::byte>(random() % 5);
                }
                api::send_control(
                    connection.get(),
                    random() % 2 == 0
                        ? bytes
                        : api::encode_control(static_cast<api::ControlType>(random() % 9),
                                              static_cast<std::uint32_t>(random() % 4), bytes));
                break;
            }
        }
        (void)client->routes().sync_begin(1);
        client->query(api::QueryKind::Fib, [](net::Result<QueryAnswer, std::string>) {});
        (void)client->inject({.mode = api::InjectMode::Routed}, std::vector<std::byte>(1500));
        api::wake(memory->punt_wake().waker.get());
        api::wake(memory->event_wake().waker.get());
        turn(4);
    }
    EXPECT_GT(opened, 300);
    client->stop();
}

// Two processes and real time, as it will be: the dataplane is killed, and its death is noticed.
TEST(TwoProcesses, the_end_of_a_killed_dataplane_is_noticed_at_once) {
    dataplane::SocketDirectory directory;
    const pid_t child = fork();
    if (child == 0) {
        dataplane::RecordingHandler handler;
        const auto counters = std::move(*CountersMemory::create(2, 1, 1));
        auto server = dataplane::ChannelServer::listen(directory.socket(), dataplane::small_sizes(),
                                                       *counters, handler);
        handler.server = server->get();
        for (;;) {
            (*server)->poll(64);
            if ((*server)->prepare_to_wait()) {
                pollfd look{(*server)->poll_fd(), POLLIN, 0};
                ::poll(&look, 1, 1000);
            }
        }
    }
    Executor executor;
    AsioTimers timers(executor);
    std::uint64_t acknowledged = 0;
    std::string lost;
    ChannelClient client(executor, timers, directory.socket(),
                         {.session_opened =
                              [&](const api::WelcomeBody&) {
                                  (void)client.routes().sync_begin(1);
                                  (void)client.routes().sync_end(1);
                              },
                          .session_lost =
                              [&](const std::string& reason) {
                                  lost = reason;
                                  executor.stop();
                              },
                          .routes_acknowledged =
                              [&](std::uint64_t sequence) {
                                  acknowledged = sequence;
                                  if (sequence == 2) {
                                      kill(child, SIGKILL);
                                  }
                              }});
    client.start();
    executor.run_for(std::chrono::seconds(20));
    waitpid(child, nullptr, 0);
    EXPECT_EQ(acknowledged, 2U);
    EXPECT_EQ(lost, "the dataplane has left");
}

}  // namespace
}  // namespace godwit::control
