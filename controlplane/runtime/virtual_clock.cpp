// Virtual time; the promises are in virtual_clock.hpp.
#include "controlplane/runtime/virtual_clock.hpp"

namespace godwit::control {

class VirtualClock::VirtualTimer final : public Timer {
public:
    explicit VirtualTimer(std::shared_ptr<State> state) : state_(std::move(state)) {}
    ~VirtualTimer() override { cancel(); }
    VirtualTimer(const VirtualTimer&) = delete;
    VirtualTimer& operator=(const VirtualTimer&) = delete;

    void arm(Instant deadline, std::function<void()> expired) override {
        cancel();
        key_ = Key{deadline, ++state_->armed_count};
        state_->due.emplace(*key_, std::move(expired));
    }

    void cancel() override {
        if (key_) {
            state_->due.erase(*key_);
            key_.reset();
        }
    }

    [[nodiscard]] bool armed() const override { return key_ && state_->due.contains(*key_); }

private:
    std::shared_ptr<State> state_;
    std::optional<Key> key_;
};

VirtualClock::VirtualClock(Instant start) : state_(std::make_shared<State>()) {
    state_->now = start;
}

VirtualClock::~VirtualClock() = default;

Instant VirtualClock::now() const {
    return state_->now;
}

std::unique_ptr<Timer> VirtualClock::make_timer() {
    return std::make_unique<VirtualTimer>(state_);
}

void VirtualClock::advance(Duration time) {
    const Instant end = state_->now + time;
    while (!state_->due.empty() && state_->due.begin()->first.first <= end) {
        auto node = state_->due.extract(state_->due.begin());
        if (node.key().first > state_->now) {
            state_->now = node.key().first;
        }
        node.mapped()();
    }
    state_->now = end;
}

std::optional<Instant> VirtualClock::next_deadline() const {
    if (state_->due.empty()) {
        return std::nullopt;
    }
    return state_->due.begin()->first.first;
}

}  // namespace godwit::control
