// A worker's sleep that a packet ends.
//
// A worker that found nothing for a while sleeps on the descriptors of its receive queues, and on
// one more that other threads write to when they hand it packets. A queue has a descriptor where
//  - its driver has receive interrupts (net_tap, NICs bound to vfio-pci, virtio-user): the port is
//    started with them when workers.idle is adaptive;
//  - or it polls a socket that the kernel tells the state of (net_af_packet).
// The others can only be waited for by time: net_ring and net_null have nothing to wait for,
// net_memif of DPDK 22.11 tells its peer not to kick, net_af_xdp keeps its sockets to itself.
//
// No packet is lost or left behind at the switch:
//
//     wait.arm();                              // from here on a packet leaves a trace
//     if (run_once() == 0) wait.wait(longest); // what came before arm() is found by this poll
//     wait.disarm();
//
// The drivers of taps and packet sockets leave their descriptor readable while a packet waits, so
// these are watched by level. Interrupts of devices are watched by edge, and not read: only that
// one came since arm() matters.
//
// A descriptor that is ready right after its queue was polled and found empty has nothing to say:
// its device is gone, its interface is disabled and not polled, or its driver has not heard of the
// packet yet (net_tap learns of packets by a signal that some other thread takes). After
// kFruitlessWakes of these in a row it is left out for kLeftOut of sleep, in which only time wakes
// for its queue; can_wake() says so.
//
// Made, used and destroyed on the worker's thread. Makes system calls: never for a packet.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

namespace godwit::drivers {

struct QueueId {
    std::uint16_t port = 0;
    std::uint16_t queue = 0;
};

class RxWait {
public:
    static constexpr unsigned kFruitlessWakes = 8;
    static constexpr std::chrono::microseconds kLeftOut = std::chrono::milliseconds(200);

    // The ports run. `extra_fd`, when not -1, is an eventfd: readable, it ends the sleep, and its
    // value is taken. It stays the caller's, and outlives this.
    explicit RxWait(std::span<const QueueId> queues, int extra_fd = -1);
    ~RxWait();
    RxWait(const RxWait&) = delete;
    RxWait& operator=(const RxWait&) = delete;

    // A packet on any of the queues ends the sleep, so it may be long.
    [[nodiscard]] bool can_wake() const { return epoll_ >= 0 && silent_queues_ == 0; }
    // Readable when wait() would return at once; -1 when the process has no descriptor left.
    [[nodiscard]] int fd() const { return epoll_; }

    void arm();
    void disarm();
    enum class Woke : std::uint8_t {
        Packet,  // something is there, most likely
        Time,    // nothing is; also when a signal ended the sleep early
    };
    Woke wait(std::chrono::microseconds longest);

private:
    struct Source {
        QueueId id;
        int fd = -1;
        bool interrupt = false;  // to be enabled and disabled in the device
        bool left_out = false;
        bool ready = false;
        unsigned fruitless = 0;
    };

    void watch(std::uint32_t number);  // of sources_
    void leave_out(Source& source);
    void take_back();
    // Which sources are ready now, as far as one call tells; how many descriptors are.
    std::size_t collect();
    void judge(bool all_told);  // those that were ready right after the poll

    int epoll_ = -1;
    int extra_fd_ = -1;
    std::vector<Source> sources_;    // of the queues that have a descriptor
    std::size_t silent_queues_ = 0;  // without a descriptor, or left out
    bool any_left_out_ = false;
    std::chrono::microseconds slept_without_{};  // since the first was left out
};

}  // namespace godwit::drivers
