// Sleeping on real devices: taps, packet sockets on a veth pair, rings. All of them live in a
// network namespace of this process, where the kernel sends nothing by itself; that needs root.
#include "drivers/rx_wait.hpp"

#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/drivers/in_process.hpp"
#include "tests/unit/drivers/models.hpp"

namespace godwit::drivers {
namespace {

using namespace std::chrono_literals;
using Woke = RxWait::Woke;

constexpr auto kLong = 10s;  // no test lasts as long: what returns was woken

// The kernel's end of a link, as a neighbour uses it.
class Station {
public:
    explicit Station(const std::string& interface)
        : socket_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {
        address_.sll_family = AF_PACKET;
        address_.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    }
    ~Station() { close(socket_); }
    Station(const Station&) = delete;
    Station& operator=(const Station&) = delete;

    // An IPv4 packet of UDP; the source port makes the flow.
    void send(std::uint16_t flow = 0) const {
        std::array<std::uint8_t, 60> frame{};
        frame.fill(0);
        std::fill_n(frame.begin(), 6, std::uint8_t{0xff});
        frame[6] = 0x02;
        frame[12] = 0x08;
        frame[14] = 0x45;
        frame[17] = 46;
        frame[22] = 64;
        frame[23] = 17;
        frame[26] = 10;
        frame[30] = 10;
        frame[34] = static_cast<std::uint8_t>(flow >> 8);
        frame[35] = static_cast<std::uint8_t>(flow);
        ASSERT_EQ(sendto(socket_, frame.data(), frame.size(), 0,
                         reinterpret_cast<const sockaddr*>(&address_), sizeof address_),
                  static_cast<ssize_t>(frame.size()))
            << std::strerror(errno);
    }

private:
    int socket_;
    sockaddr_ll address_{};
};

bool run(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

unsigned receive(const QueueId& id) {
    std::array<rte_mbuf*, 32> packets{};
    const unsigned count = rte_eth_rx_burst(id.port, id.queue, packets.data(), 32);
    rte_pktmbuf_free_bulk(packets.data(), count);
    return count;
}

bool is_ready(const RxWait& wait) {
    pollfd look{.fd = wait.fd(), .events = POLLIN, .revents = 0};
    return poll(&look, 1, 0) == 1;
}

class RxWaiting : public InProcessEal {
protected:
    static void SetUpTestSuite() {
        // The drivers look for interfaces in /sys, which shows those of where it was mounted.
        if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
            mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("godwit-test", "/sys", "sysfs", 0, nullptr) != 0) {
            return;
        }
        std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << 1;
        has_network_ = true;
        InProcessEal::SetUpTestSuite();
    }
    void SetUp() override {
        if (!has_network_) {
            GTEST_SKIP() << "only root can have a network namespace of its own";
        }
    }

    // One port, started as for workers that sleep.
    QueueId open_port(const config::Interface& interface) {
        config::Model model = small_model();
        model.workers.idle = config::IdleMode::Adaptive;
        add(model, interface);
        ports_ = open(model);
        const Port* port = ports_->find(interface.name);
        EXPECT_FALSE(port->failed) << port->problem->what;
        return {.port = port->port_id, .queue = 0};
    }
    QueueId open_tap() {
        static int number = 0;
        ++number;
        tap_ = "rxw" + std::to_string(number);
        return open_port(
            virtual_interface("lan0", "net_tap" + std::to_string(number), {{"iface", tap_}}));
    }
    // A packet socket on one end of a veth pair, whose other end is `far0`.
    QueueId open_packet_socket(std::uint16_t queues = 1) {
        static int number = 0;
        EXPECT_TRUE(run("ip link add near0 type veth peer name far0"));
        EXPECT_TRUE(run("ip link set near0 up") && run("ip link set far0 up"));
        auto interface = virtual_interface("lan0", "net_af_packet" + std::to_string(number++),
                                           {{"iface", "near0"}});
        interface.rx_queues = queues;
        const QueueId first = open_port(interface);
        const Station station("far0");
        EXPECT_TRUE(eventually([&] {
            station.send();
            return receives_on_any(first.port, queues);
        }));
        return first;
    }
    // The kernel takes the far end's queue into use a little after the link is up; what is sent
    // before is lost, and never comes later.
    static bool receives_on_any(std::uint16_t port, std::uint16_t queues) {
        std::this_thread::sleep_for(1ms);
        unsigned count = 0;
        for (std::uint16_t queue = 0; queue < queues; ++queue) {
            count += receive({port, queue});
        }
        return count > 0;
    }
    void TearDown() override {
        ports_.reset();
        run("ip link del near0");
    }

    static inline bool has_network_ = false;
    std::unique_ptr<Ports> ports_;
    std::string tap_;
};

TEST_F(RxWaiting, ends_with_a_packet_on_a_tap) {
    const QueueId queue = open_tap();
    RxWait wait({&queue, 1});
    ASSERT_TRUE(wait.can_wake());
    const Station station(tap_);
    for (int i = 0; i < 100; ++i) {
        std::thread sender([&station] { station.send(); });
        wait.arm();
        EXPECT_EQ(wait.wait(kLong), Woke::Packet);
        wait.disarm();
        sender.join();
        EXPECT_TRUE(eventually([&queue] { return receive(queue) == 1; }));
    }
}

TEST_F(RxWaiting, ends_with_a_packet_on_a_packet_socket) {
    const QueueId queue = open_packet_socket();
    RxWait wait({&queue, 1});
    ASSERT_TRUE(wait.can_wake());
    const Station station("far0");
    for (int i = 0; i < 100; ++i) {
        std::thread sender([&station] { station.send(); });
        wait.arm();
        EXPECT_EQ(wait.wait(kLong), Woke::Packet);
        wait.disarm();
        sender.join();
        EXPECT_EQ(receive(queue), 1U);
    }
}

TEST_F(RxWaiting, knows_which_packet_socket_is_of_which_queue) {
    const std::uint16_t port = open_packet_socket(2).port;
    const std::array<QueueId, 2> queues{{{port, 0}, {port, 1}}};
    RxWait first({queues.data(), 1});
    RxWait second({queues.data() + 1, 1});
    ASSERT_TRUE(first.can_wake() && second.can_wake());
    const Station station("far0");
    std::array<unsigned, 2> of_queue{};
    for (std::uint16_t flow = 1; flow <= 64; ++flow) {
        station.send(flow);
        ASSERT_TRUE(eventually([&] { return is_ready(first) || is_ready(second); }));
        const bool woke_first = first.wait(0us) == Woke::Packet;
        const bool woke_second = second.wait(0us) == Woke::Packet;
        EXPECT_NE(woke_first, woke_second) << "flow " << flow;
        EXPECT_EQ(receive(queues[0]), woke_first ? 1U : 0U) << "flow " << flow;
        EXPECT_EQ(receive(queues[1]), woke_second ? 1U : 0U) << "flow " << flow;
        // Emptied, as between two packets of a router: chance may give one queue many in a row.
        EXPECT_EQ(first.wait(0us), Woke::Time) << "flow " << flow;
        EXPECT_EQ(second.wait(0us), Woke::Time) << "flow " << flow;
        ++of_queue[woke_first ? 0 : 1];
    }
    EXPECT_GT(of_queue[0], 0U);
    EXPECT_GT(of_queue[1], 0U);
}

TEST_F(RxWaiting, is_over_at_once_when_a_packet_came_between_the_poll_and_the_sleep) {
    const QueueId queue = open_packet_socket();
    RxWait wait({&queue, 1});
    const Station station("far0");
    wait.arm();
    EXPECT_EQ(receive(queue), 0U);
    station.send();
    EXPECT_EQ(wait.wait(kLong), Woke::Packet);
    wait.disarm();
    EXPECT_EQ(receive(queue), 1U);
}

TEST_F(RxWaiting, lasts_its_time_when_nothing_comes) {
    const QueueId queue = open_tap();
    RxWait wait({&queue, 1});
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(wait.wait(2ms), Woke::Time);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 2ms);
}

TEST_F(RxWaiting, is_by_time_alone_where_a_device_has_nothing_to_wait_for) {
    const QueueId ring = open_port(virtual_interface("ring0", "net_ring0"));
    RxWait wait({&ring, 1});
    EXPECT_FALSE(wait.can_wake());
    EXPECT_EQ(wait.wait(0us), Woke::Time);
    ports_.reset();
    const QueueId null = open_port(virtual_interface("null0", "net_null0"));
    EXPECT_FALSE(RxWait({&null, 1}).can_wake());
}

TEST_F(RxWaiting, ends_for_what_another_thread_hands_over) {
    const QueueId ring = open_port(virtual_interface("ring0", "net_ring0"));
    const int handed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    RxWait wait({&ring, 1}, handed);
    EXPECT_FALSE(wait.can_wake());
    for (int i = 0; i < 100; ++i) {
        std::thread giver([handed] { EXPECT_EQ(eventfd_write(handed, 1), 0); });
        EXPECT_EQ(wait.wait(kLong), Woke::Packet);
        EXPECT_EQ(wait.wait(0us), Woke::Time) << "the value was taken";
        giver.join();
    }
    close(handed);
}

// Its interface is disabled, say: the descriptor is readable, and nobody reads.
TEST_F(RxWaiting, does_not_spin_on_a_queue_that_is_not_polled) {
    const QueueId queue = open_packet_socket();
    RxWait wait({&queue, 1});
    const Station station("far0");
    station.send();
    ASSERT_TRUE(eventually([&wait] { return is_ready(wait); }));
    for (unsigned i = 0; i < RxWait::kFruitlessWakes; ++i) {
        ASSERT_TRUE(wait.can_wake());
        ASSERT_EQ(wait.wait(kLong), Woke::Packet);
    }
    EXPECT_FALSE(wait.can_wake());
    EXPECT_EQ(wait.wait(RxWait::kLeftOut), Woke::Time);
    // And is asked again later.
    EXPECT_EQ(wait.wait(kLong), Woke::Packet);
    EXPECT_TRUE(wait.can_wake());
    EXPECT_EQ(receive(queue), 1U);
    EXPECT_EQ(wait.wait(0us), Woke::Time);
}

TEST_F(RxWaiting, does_not_spin_on_many_queues_that_are_not_polled) {
    constexpr std::uint16_t kQueues = 17;  // more than the kernel is asked about at once
    const std::uint16_t port = open_packet_socket(kQueues).port;
    std::vector<QueueId> queues;
    for (std::uint16_t queue = 0; queue < kQueues; ++queue) {
        queues.push_back({port, queue});
    }
    RxWait wait(queues);
    ASSERT_TRUE(wait.can_wake());
    const Station station("far0");
    for (std::uint16_t flow = 1; flow <= 800; ++flow) {
        station.send(flow);
    }
    for (const QueueId& queue : queues) {
        const RxWait alone({&queue, 1});
        ASSERT_TRUE(eventually([&alone] { return is_ready(alone); })) << "queue " << queue.queue;
    }
    unsigned wakes = 0;
    while (wait.wait(0us) == Woke::Packet) {
        ASSERT_LE(++wakes, kQueues * RxWait::kFruitlessWakes);
    }
    EXPECT_FALSE(wait.can_wake());
}

TEST_F(RxWaiting, keeps_a_queue_that_wakes_often_and_always_has_packets) {
    const QueueId queue = open_packet_socket();
    RxWait wait({&queue, 1});
    const Station station("far0");
    for (unsigned i = 0; i < 10 * RxWait::kFruitlessWakes; ++i) {
        EXPECT_EQ(wait.wait(0us), Woke::Time);
        station.send();
        EXPECT_EQ(wait.wait(kLong), Woke::Packet);
        EXPECT_EQ(receive(queue), 1U);
    }
    EXPECT_TRUE(wait.can_wake());
}

TEST_F(RxWaiting, survives_an_interface_that_goes_down_and_comes_back) {
    const QueueId queue = open_packet_socket();
    RxWait wait({&queue, 1});
    ASSERT_TRUE(run("ip link set near0 down"));
    unsigned wakes = 0;
    while (wait.wait(0us) == Woke::Packet) {
        ASSERT_LE(++wakes, 2U);
        receive(queue);
    }
    EXPECT_TRUE(wait.can_wake());
    ASSERT_TRUE(run("ip link set near0 up"));
    // The kernel takes the far end's queue into use a little later; what is sent before is lost.
    const Station station("far0");
    auto woke = Woke::Time;
    for (unsigned tries = 0; woke == Woke::Time && tries < 100; ++tries) {
        station.send();
        woke = wait.wait(100ms);
    }
    EXPECT_EQ(woke, Woke::Packet);
    EXPECT_GE(receive(queue), 1U);
}

TEST_F(RxWaiting, does_not_spin_on_a_tap_that_was_deleted) {
    const QueueId queue = open_tap();
    RxWait wait({&queue, 1});
    ASSERT_TRUE(run("ip link del " + tap_));
    unsigned wakes = 0;
    while (wait.wait(0us) == Woke::Packet) {
        ASSERT_LE(++wakes, RxWait::kFruitlessWakes);
        receive(queue);
    }
    EXPECT_EQ(wait.wait(1ms), Woke::Time);
}

}  // namespace
}  // namespace godwit::drivers
