#include "drivers/rx_wait.hpp"

#include <poll.h>
#include <rte_ethdev.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <ctime>

#include "drivers/packet_socket.hpp"

namespace godwit::drivers {
namespace {

constexpr std::uint32_t kExtra = UINT32_MAX;
constexpr std::size_t kToldAtOnce = 16;  // the kernel tells of the others the next time

bool add_to(int epoll, int fd, std::uint32_t events, std::uint32_t number) {
    epoll_event event{};
    event.events = events;
    event.data.u32 = number;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

timespec timespec_of(std::chrono::microseconds time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    return {.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count() * 1000};
}

}  // namespace

RxWait::RxWait(std::span<const QueueId> queues, int extra_fd)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), extra_fd_(extra_fd) {
    if (epoll_ < 0) {
        return;  // wait() is by time alone
    }
    if (extra_fd_ >= 0) {
        add_to(epoll_, extra_fd_, EPOLLIN, kExtra);
    }
    for (const QueueId& id : queues) {
        Source source{.id = id, .fd = rte_eth_dev_rx_intr_ctl_q_get_fd(id.port, id.queue)};
        if (source.fd >= 0) {
            // A driver without the call has a descriptor that is readable while packets wait.
            source.interrupt = rte_eth_dev_rx_intr_enable(id.port, id.queue) == 0;
            if (source.interrupt) {
                rte_eth_dev_rx_intr_disable(id.port, id.queue);
            }
        } else {
            source.fd = packet_socket_of(id.port, id.queue);
        }
        if (source.fd < 0) {
            ++silent_queues_;
            continue;
        }
        sources_.push_back(source);
        watch(static_cast<std::uint32_t>(sources_.size() - 1));
    }
}

RxWait::~RxWait() {
    if (epoll_ >= 0) {
        close(epoll_);
    }
}

void RxWait::arm() {
    for (const Source& source : sources_) {
        if (source.interrupt) {
            rte_eth_dev_rx_intr_enable(source.id.port, source.id.queue);
        }
    }
}

void RxWait::disarm() {
    for (const Source& source : sources_) {
        if (source.interrupt) {
            rte_eth_dev_rx_intr_disable(source.id.port, source.id.queue);
        }
    }
}

RxWait::Woke RxWait::wait(std::chrono::microseconds longest) {
    const timespec time = timespec_of(longest);
    if (epoll_ < 0) {
        nanosleep(&time, nullptr);
        return Woke::Time;
    }
    if (any_left_out_ && slept_without_ >= kLeftOut) {
        take_back();
    }
    if (const std::size_t ready = collect(); ready > 0) {
        judge(ready < kToldAtOnce);
        return Woke::Packet;
    }
    for (Source& source : sources_) {
        source.fruitless = 0;
    }
    pollfd sleep{.fd = epoll_, .events = POLLIN, .revents = 0};
    if (ppoll(&sleep, 1, &time, nullptr) != 0 && collect() > 0) {
        return Woke::Packet;
    }
    slept_without_ += longest;
    return Woke::Time;
}

void RxWait::watch(std::uint32_t number) {
    Source& source = sources_[number];
    const std::uint32_t how = source.interrupt ? EPOLLIN | EPOLLPRI | EPOLLET : EPOLLIN;
    source.fruitless = 0;
    source.left_out = !add_to(epoll_, source.fd, how, number);
    if (source.left_out) {
        ++silent_queues_;
    }
}

void RxWait::leave_out(Source& source) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, source.fd, nullptr);
    source.left_out = true;
    ++silent_queues_;
    if (!any_left_out_) {
        any_left_out_ = true;
        slept_without_ = {};
    }
}

void RxWait::take_back() {
    any_left_out_ = false;
    for (std::uint32_t number = 0; number < sources_.size(); ++number) {
        if (sources_[number].left_out) {
            --silent_queues_;
            watch(number);
        }
    }
}

std::size_t RxWait::collect() {
    std::array<epoll_event, kToldAtOnce> events{};
    const int told = epoll_wait(epoll_, events.data(), events.size(), 0);
    const std::size_t count = told < 0 ? 0 : static_cast<std::size_t>(told);
    for (Source& source : sources_) {
        source.ready = false;
    }
    for (const epoll_event& event : std::span(events).first(count)) {
        if (event.data.u32 == kExtra) {
            std::uint64_t times = 0;
            [[maybe_unused]] const ssize_t taken = read(extra_fd_, &times, sizeof times);
            continue;
        }
        Source& source = sources_[event.data.u32];
        source.ready = true;
        if ((event.events & EPOLLERR) != 0) {
            // A packet socket says once that its interface went down, and goes on when it is back.
            int error = 0;
            socklen_t bytes = sizeof error;
            getsockopt(source.fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
        }
    }
    return count;
}

void RxWait::judge(bool all_told) {
    bool fruitless = false;
    for (Source& source : sources_) {
        if (!source.ready) {
            source.fruitless = all_told ? 0 : source.fruitless;
        } else if (++source.fruitless == kFruitlessWakes) {
            leave_out(source);
        }
        fruitless = fruitless || source.ready;
    }
    if (fruitless) {
        sched_yield();  // to who has to tell the driver, when it waits for this CPU
    }
}

}  // namespace godwit::drivers
