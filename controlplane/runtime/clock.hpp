// Time for the control plane: one monotonic clock, and timers that tell it.
//
// Cores take `now` as an argument; what stands around them (the channel, the host stack's sockets,
// the control socket) takes a `Timers&` by constructor. In the program that is AsioTimers on the
// executor; in a test it is VirtualClock, where an hour passes in a microsecond and always the same
// way. Wall-clock time appears in log lines and revision dates only.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace godwit::control {

using Duration = std::chrono::steady_clock::duration;
using Instant = std::chrono::steady_clock::time_point;

class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Instant now() const = 0;
};

class SteadyClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return std::chrono::steady_clock::now(); }
};

// One deadline. Arming anew replaces the old one; destroying cancels. The callback runs on the
// executor's thread, never inside arm(), and may arm, cancel or destroy the timer.
class Timer {
public:
    virtual ~Timer() = default;
    virtual void arm(Instant deadline, std::function<void()> expired) = 0;
    virtual void cancel() = 0;
    [[nodiscard]] virtual bool armed() const = 0;
};

class Timers {
public:
    virtual ~Timers() = default;
    [[nodiscard]] virtual const Clock& clock() const = 0;
    [[nodiscard]] virtual std::unique_ptr<Timer> make_timer() = 0;

    [[nodiscard]] Instant now() const { return clock().now(); }
};

}  // namespace godwit::control
