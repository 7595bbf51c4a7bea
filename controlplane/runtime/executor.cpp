// The executor on Asio. Every wait that Asio holds owns a share of what it touches, so an object of
// ours may be destroyed at any time, its own callback included.
#include "controlplane/runtime/executor.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace godwit::control {

namespace asio = boost::asio;

struct Executor::State {
    asio::io_context context{1};  // one thread runs it
    asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
};

Executor::Executor() : state_(std::make_unique<State>()) {}
Executor::~Executor() = default;

void Executor::run() {
    state_->context.restart();
    state_->context.run();
}

std::size_t Executor::run_for(Duration time) {
    state_->context.restart();
    return state_->context.run_for(time);
}

std::size_t Executor::poll() {
    state_->context.restart();
    return state_->context.poll();
}

void Executor::post(std::function<void()> work) {
    asio::post(state_->context, std::move(work));
}

void Executor::stop() {
    state_->context.stop();
}

boost::asio::io_context& Executor::io_context() {
    return state_->context;
}

namespace {

class AsioTimer final : public Timer {
public:
    explicit AsioTimer(asio::io_context& context) : state_(std::make_shared<State>(context)) {}
    ~AsioTimer() override { cancel(); }
    AsioTimer(const AsioTimer&) = delete;
    AsioTimer& operator=(const AsioTimer&) = delete;

    void arm(Instant deadline, std::function<void()> expired) override {
        state_->expired = std::move(expired);
        state_->timer.expires_at(deadline);  // cancels the wait before
        // Asio may have queued the completion of an older wait already; the number tells it apart.
        const std::uint64_t number = ++state_->number;
        state_->timer.async_wait([state = state_, number](const boost::system::error_code& error) {
            if (error || state->number != number) {
                return;
            }
            ++state->number;
            const auto call = std::exchange(state->expired, nullptr);
            if (call) {
                call();
            }
        });
    }

    void cancel() override {
        ++state_->number;
        state_->expired = nullptr;
        state_->timer.cancel();
    }

    [[nodiscard]] bool armed() const override { return static_cast<bool>(state_->expired); }

private:
    struct State {
        explicit State(asio::io_context& context) : timer(context) {}
        asio::steady_timer timer;
        std::function<void()> expired;
        std::uint64_t number = 0;  // of the wait that counts
    };
    std::shared_ptr<State> state_;  // shared with the wait that is under way
};

}  // namespace

std::unique_ptr<Timer> AsioTimers::make_timer() {
    return std::make_unique<AsioTimer>(executor_.io_context());
}

struct Signals::State : std::enable_shared_from_this<Signals::State> {
    State(asio::io_context& context, std::function<void(int)> on_signal)
        : set(context), handler(std::move(on_signal)) {}

    void wait() {
        set.async_wait([self = shared_from_this()](const boost::system::error_code& error,
                                                   int signal) {
            if (error || !self->handler) {
                return;
            }
            self->wait();
            const auto call = self->handler;  // outlives this, should it be destroyed in the call
            call(signal);
        });
    }

    asio::signal_set set;
    std::function<void(int)> handler;
};

Signals::Signals(Executor& executor, const std::vector<int>& signals,
                 std::function<void(int)> handler)
    : state_(std::make_shared<State>(executor.io_context(), std::move(handler))) {
    for (const int signal : signals) {
        state_->set.add(signal);
    }
    state_->wait();
}

Signals::~Signals() {
    state_->handler = nullptr;
    state_->set.cancel();
}

}  // namespace godwit::control
