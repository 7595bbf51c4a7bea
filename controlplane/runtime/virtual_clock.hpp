// A clock that moves only when told, and the timers on it: virtual time for tests and simulations.
//
// advance() runs what falls due, in the order of deadlines (and of arming, where they are equal),
// with now() standing at each deadline in turn; so timers that arm timers behave as in real time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "controlplane/runtime/clock.hpp"

namespace godwit::control {

class VirtualClock final : public Clock, public Timers {
public:
    explicit VirtualClock(Instant start = Instant{std::chrono::hours{1}});
    ~VirtualClock() override;
    VirtualClock(const VirtualClock&) = delete;
    VirtualClock& operator=(const VirtualClock&) = delete;

    [[nodiscard]] Instant now() const override;
    [[nodiscard]] const Clock& clock() const override { return *this; }
    [[nodiscard]] std::unique_ptr<Timer> make_timer() override;

    void advance(Duration time);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

private:
    class VirtualTimer;
    using Key = std::pair<Instant, std::uint64_t>;
    struct State {
        Instant now;
        std::uint64_t armed_count = 0;  // orders equal deadlines
        std::map<Key, std::function<void()>> due;
    };
    std::shared_ptr<State> state_;  // shared with the timers, which may outlive the clock
};

}  // namespace godwit::control
