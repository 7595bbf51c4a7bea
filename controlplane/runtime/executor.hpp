// The thread of the control plane: owner of one Asio io_context, and the timers on it.
//
// One thread calls run(); everything that is not thread-safe in the control plane is touched on it
// only. Other threads talk to it by post(). Asio's headers stay out of this one: who needs the
// io_context itself (channel, host/io, management) includes Asio in its own .cpp.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "controlplane/runtime/clock.hpp"

namespace boost::asio {
class io_context;
}

namespace godwit::control {

class Executor {
public:
    Executor();
    ~Executor();
    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;

    void run();  // until stop(), even when there is nothing to do for a while
    std::size_t run_for(Duration time);  // for tests and short programs
    std::size_t poll();                  // what is ready now, without waiting

    // From any thread. `work` runs later, on the thread that runs the executor; posted work runs in
    // the order in which one thread posted it.
    void post(std::function<void()> work);
    void stop();

    [[nodiscard]] boost::asio::io_context& io_context();

private:
    struct State;
    std::unique_ptr<State> state_;
};

class AsioTimers final : public Timers {
public:
    explicit AsioTimers(Executor& executor) : executor_(executor) {}
    [[nodiscard]] const Clock& clock() const override { return clock_; }
    [[nodiscard]] std::unique_ptr<Timer> make_timer() override;

private:
    Executor& executor_;
    SteadyClock clock_;
};

// Calls `handler` on the executor each time one of `signals` arrives, as long as this lives. The
// default action (ending the program) is replaced.
class Signals {
public:
    Signals(Executor& executor, const std::vector<int>& signals, std::function<void(int)> handler);
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with the wait that is under way
};

}  // namespace godwit::control
