// The dataplane's end against a control plane that was taken over: whatever it writes into the
// rings or says on the connection, the dataplane lives, its memory is its own, and the session
// ends.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <memory>
#include <random>
#include <thread>

#include "dataplane/channel/server.hpp"
#include "tests/unit/dataplane/channel/raw_peer.hpp"
#include "tests/unit/dataplane/channel/recording_handler.hpp"

namespace godwit::dataplane {
namespace {

class HostilePeerTest : public testing::Test {
protected:
    void SetUp() override {
        counters = std::move(*CountersMemory::create(2, 1, 1));
        server = std::move(
            *ChannelServer::listen(directory.socket(), small_sizes(), *counters, handler));
        handler.server = server.get();
        RecordProperty("seed", std::to_string(seed));
    }
    void poll(int rounds = 3) {
        for (int i = 0; i < rounds; ++i) {
            server->poll(64);
        }
    }
    [[nodiscard]] bool open(RawPeer& peer) {
        if (!peer.connect(directory.socket())) {
            return false;
        }
        peer.hello();
        poll();
        return peer.welcomed() && server->connected();
    }
    [[nodiscard]] std::uint64_t ended(SessionEnd why) const {
        return server->statistics().sessions_ended[static_cast<std::size_t>(why)];
    }
    [[nodiscard]] std::uint64_t any_number(std::uint64_t near) {
        const std::uint64_t raw = random();
        switch (random() % 4) {
            case 0:
                return raw;
            case 1:
                return raw % near;
            case 2:
                return raw % near & ~std::uint64_t{7};
            default:
                return 0 - raw % near;
        }
    }

    const std::uint64_t seed = std::random_device{}();
    const testing::ScopedTrace trace{__FILE__, __LINE__, "seed " + std::to_string(seed)};
    std::mt19937_64 random{seed};
    SocketDirectory directory;
    RecordingHandler handler;
    std::unique_ptr<CountersMemory> counters;
    std::unique_ptr<ChannelServer> server;
};

TEST_F(HostilePeerTest, a_broken_route_ring_ends_the_session_only) {
    RawPeer peer;
    ASSERT_TRUE(open(peer));
    reinterpret_cast<api::RingHeader*>(peer.map(api::WelcomeFd::Route).data())->tail = 3;
    poll();
    EXPECT_FALSE(server->connected());
    EXPECT_EQ(ended(SessionEnd::RingBroken), 1U);
    EXPECT_EQ(handler.closed_count, 1);
    EXPECT_TRUE(peer.closed());
    RawPeer next;
    EXPECT_TRUE(open(next));
}

TEST_F(HostilePeerTest, a_record_that_does_not_decode_ends_the_session) {
    RawPeer peer;
    ASSERT_TRUE(open(peer));
    ASSERT_TRUE(peer.write(peer.routes, 99, api::bytes_of(api::SyncRecord{})));
    poll();
    EXPECT_EQ(ended(SessionEnd::BadRecord), 1U);
    ASSERT_TRUE(open(peer));
    ASSERT_TRUE(peer.write(peer.inject, api::kInjectRecord, api::bytes_of(api::InjectRecord{})));
    poll();
    EXPECT_EQ(ended(SessionEnd::BadRecord), 2U);
}

TEST_F(HostilePeerTest, a_head_of_the_event_ring_that_cannot_be_ends_the_session) {
    RawPeer peer;
    ASSERT_TRUE(open(peer));
    reinterpret_cast<api::RingHeader*>(peer.map(api::WelcomeFd::Event).data())->head = UINT64_MAX;
    api::NeighborRecord neighbor;
    while (server->emit(api::EventType::NeighborChanged, neighbor)) {
    }
    EXPECT_TRUE(server->connected());  // nobody is called back from inside emit()
    EXPECT_FALSE(server->prepare_to_wait());
    poll();
    EXPECT_FALSE(server->connected());
    EXPECT_EQ(ended(SessionEnd::RingBroken), 1U);
}

TEST_F(HostilePeerTest, a_configuration_that_can_still_change_ends_the_session) {
    RawPeer peer;
    ASSERT_TRUE(open(peer));
    const api::Descriptor open_text(memfd_create("yaml", MFD_ALLOW_SEALING | MFD_CLOEXEC));
    api::ConfigureBody body;
    body.phase = api::ConfigurePhase::Prepare;
    const std::array<int, 1> descriptor{open_text.get()};
    peer.send(api::ControlType::Configure, body, 1, descriptor);
    poll();
    EXPECT_EQ(ended(SessionEnd::BadDescriptor), 1U);
    EXPECT_EQ(handler.configured.revision, 0U);
}

TEST_F(HostilePeerTest, descriptors_that_were_not_asked_for_end_the_session_and_are_closed) {
    RawPeer peer;
    ASSERT_TRUE(open(peer));
    const auto wakes = api::make_wake_pair();
    const std::array<int, 2> descriptors{wakes->waker.get(), wakes->waker.get()};
    api::QueryBody query;
    query.kind = api::QueryKind::Fib;
    const int next_before = dup(0);
    close(next_before);
    peer.send(api::ControlType::Query, query, 1, descriptors);
    server->poll(64);
    EXPECT_EQ(ended(SessionEnd::BadMessage), 1U);
    const int next_after = dup(0);
    close(next_after);
    EXPECT_LE(next_after, next_before);
}

TEST_F(HostilePeerTest, messages_out_of_place_end_the_session) {
    RawPeer peer;
    for (const auto type : {api::ControlType::Hello, api::ControlType::Welcome,
                            api::ControlType::QueryReply, api::ControlType::Configure}) {
        ASSERT_TRUE(open(peer));
        peer.send(type, api::QueryBody{});
        poll();
        EXPECT_FALSE(server->connected());
    }
    EXPECT_EQ(ended(SessionEnd::BadMessage), 4U);
}

TEST_F(HostilePeerTest, a_wake_up_channel_that_it_fills_does_not_hold_the_owner) {
    RawPeer peer;
    ASSERT_TRUE(open(peer));
    for (const auto which : {api::WelcomeFd::PuntSignal, api::WelcomeFd::EventSignal}) {
        ASSERT_EQ(fcntl(peer.fd(which), F_SETFL, 0), 0);
    }
    for (int i = 0; i < 10000; ++i) {
        api::wake(handler.rings.punt_signal_fd);
        server->acknowledge(1);
        (void)server->prepare_to_wait();
    }
    for (int i = 0; i < 100; ++i) {
        peer.wake();
    }
    poll();
    EXPECT_TRUE(server->connected());
}

TEST_F(HostilePeerTest, ports_that_cannot_be_end_the_session) {
    const api::OwnPortRecord right{0, 179, 6, 0};
    RawPeer peer;
    ASSERT_TRUE(open(peer));
    peer.send(api::ControlType::OwnPorts, right, 1);
    poll();
    EXPECT_EQ(handler.ports, std::vector{right});
    std::uint64_t ends = 0;
    for (const api::OwnPortRecord wrong :
         {api::OwnPortRecord{0, 0, 6, 0}, api::OwnPortRecord{0, 179, 1, 0}}) {
        peer.send(api::ControlType::OwnPorts, wrong, 2);
        poll();
        EXPECT_EQ(ended(SessionEnd::BadMessage), ++ends);
        ASSERT_TRUE(open(peer));
    }
    peer.send(api::ControlType::OwnPorts, std::array<std::byte, 9>{}, 3);
    poll();
    EXPECT_EQ(ended(SessionEnd::BadMessage), ++ends);
    ASSERT_TRUE(open(peer));
    peer.send(api::ControlType::OwnPorts,
              std::array<std::byte, (api::kMaxOwnPorts + 1) * sizeof(api::OwnPortRecord)>{}, 4);
    poll();
    EXPECT_EQ(ended(SessionEnd::BadMessage), ++ends);
    EXPECT_EQ(handler.ports, std::vector{right});
}

TEST_F(HostilePeerTest, thousands_of_mutated_messages_do_no_harm) {
    RawPeer peer;
    bool there = false;
    for (int round = 0; round < 5000; ++round) {
        if (!there) {
            ASSERT_TRUE(open(peer));
        }
        api::ControlHeader header;
        header.type = static_cast<api::ControlType>(random() % 12);
        header.request = static_cast<std::uint32_t>(random());
        std::vector<std::byte> bytes(sizeof(header) + random() % 40);
        for (auto& byte : bytes) {
            byte = static_cast<std::byte>(random() % 6);
        }
        header.body_bytes = static_cast<std::uint32_t>(bytes.size() - sizeof(header));
        std::memcpy(bytes.data(), &header, sizeof(header));
        if (random() % 4 == 0) {
            bytes[random() % bytes.size()] = static_cast<std::byte>(random());
        }
        bytes.resize(random() % 4 == 0 ? random() % (bytes.size() + 1) : bytes.size());
        const std::array<int, 1> descriptor{0};
        peer.send(bytes, std::span(descriptor).first(random() % 8 == 0 ? 1 : 0));
        poll(1);
        while (peer.receive()) {
        }
        there = server->connected();
    }
    EXPECT_GT(ended(SessionEnd::BadMessage), 1000U);
    EXPECT_EQ(handler.opened_count, handler.closed_count + (server->connected() ? 1 : 0));
}

// Between two looks of the dataplane: every field of every ring header, and the data.
TEST_F(HostilePeerTest, random_ring_headers_end_the_session_and_nothing_else) {
    RawPeer peer;
    for (int round = 0; round < 3000; ++round) {
        if (!server->connected()) {
            ASSERT_TRUE(open(peer)) << round;
        }
        const auto which = static_cast<api::WelcomeFd>(static_cast<int>(api::WelcomeFd::Punt) +
                                                       static_cast<int>(random() % 4));
        const auto region = peer.map(which);
        auto* header = reinterpret_cast<api::RingHeader*>(region.data());
        switch (random() % 5) {
            case 0:
                header->tail = any_number(1U << 16U);
                break;
            case 1:
                header->head = any_number(1U << 16U);
                break;
            case 2:
                header->consumer_waiting = static_cast<std::uint32_t>(random());
                break;
            case 3:
                header->acknowledged = random();
                break;
            default:
                for (int i = 0; i < 64; ++i) {
                    region[sizeof(api::RingHeader) + random() % 4096] =
                        static_cast<std::byte>(random() % 32);
                }
                header->tail = 8 * (random() % 64);
                break;
        }
        for (PuntProducers& punts : handler.rings.punt) {
            api::RingProducer& punt = punts[random() % punts.size()];
            const auto place = punt.reserve(api::kPuntRecord, 100);
            std::fill(place.begin(), place.end(), std::byte{1});
            (void)punt.publish();
        }
        api::NeighborRecord neighbor;
        for (int i = 0; i < 20; ++i) {
            server->emit(api::EventType::NeighborChanged, neighbor);
        }
        poll(2);
    }
    EXPECT_EQ(handler.opened_count, handler.closed_count + (server->connected() ? 1 : 0));
    EXPECT_GT(ended(SessionEnd::RingBroken), 500U);
    RawPeer honest;
    peer.leave();
    EXPECT_TRUE(open(honest));
}

// While the dataplane looks: another process writes into all regions without pause.
TEST_F(HostilePeerTest, a_process_that_scribbles_all_the_time_ends_its_sessions_only) {
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0) {
        std::mt19937_64 noise(seed);
        for (;;) {
            RawPeer peer;
            if (getppid() != parent || !peer.connect(directory.socket())) {
                _exit(0);
            }
            peer.hello();
            pollfd look{peer.connection(), POLLIN, 0};
            if (::poll(&look, 1, 10000) != 1 || !peer.welcomed()) {
                continue;
            }
            peer.wake();
            const int last = 200 + static_cast<int>(noise() % 3000);
            for (int i = 0; i < last; ++i) {
                for (std::size_t map = 1; map < 5; ++map) {
                    const auto region = peer.maps[map].bytes();
                    auto* header = reinterpret_cast<api::RingHeader*>(region.data());
                    region[sizeof(api::RingHeader) + noise() % 4096] =
                        static_cast<std::byte>(noise() % 32);
                    // Mostly plausible at first, so that data is read while it changes.
                    header->tail = i < last - 20 ? 8 * (noise() % 512) : noise();
                    header->head = i < last - 20 ? header->head.load() : noise();
                }
            }
            peer.wake();
        }
    }
    api::NeighborRecord neighbor;
    int rounds = 0;
    while (handler.closed_count < 300 && rounds < 20'000'000) {
        ++rounds;
        server->poll(64);
        server->emit(api::EventType::NeighborChanged, neighbor);
        for (PuntProducers& punts : handler.rings.punt) {
            api::RingProducer& punt = punts[random() % punts.size()];
            const auto place = punt.reserve(api::kPuntRecord, 100);
            std::fill(place.begin(), place.end(), std::byte{1});
            if (punt.publish()) {
                api::wake(handler.rings.punt_signal_fd);
            }
        }
        if (!server->connected()) {
            std::this_thread::yield();
        }
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_GE(handler.closed_count, 300);
    EXPECT_GT(ended(SessionEnd::RingBroken) + ended(SessionEnd::BadRecord), 0U);
    RawPeer honest;
    EXPECT_TRUE(open(honest));
}

}  // namespace
}  // namespace godwit::dataplane
