#include "controlplane/management/convergence.hpp"

#include <algorithm>
#include <utility>

namespace godwit::control {

Convergence::Convergence(Timers& timers, std::function<void()> done,
                         std::function<void(const std::string&)> late)
    : timers_(timers),
      timer_(timers.make_timer()),
      done_(std::move(done)),
      late_(std::move(late)) {}

Convergence::~Convergence() {
    timer_->cancel();
}

Convergence::Token Convergence::expect(std::string protocol, Duration patience) {
    const Token token{next_token_++};
    expected_[token] = {std::move(protocol), timers_.now() + patience};
    arm();
    return token;
}

void Convergence::reached(Token token) {
    if (expected_.erase(token) == 0) {
        return;
    }
    arm();
    if (expected_.empty()) {
        done_();
    }
}

std::vector<std::string> Convergence::waiting_for() const {
    std::vector<std::string> protocols;
    for (const auto& [token, expected] : expected_) {
        protocols.push_back(expected.protocol);
    }
    return protocols;
}

void Convergence::arm() {
    if (expected_.empty()) {
        timer_->cancel();
        return;
    }
    const auto first = std::min_element(
        expected_.begin(), expected_.end(),
        [](const auto& left, const auto& right) { return left.second.until < right.second.until; });
    timer_->arm(first->second.until, [this] { give_up_late(); });
}

void Convergence::give_up_late() {
    const Instant now = timers_.now();
    for (auto at = expected_.begin(); at != expected_.end();) {
        if (at->second.until > now) {
            ++at;
            continue;
        }
        if (late_) {
            late_(at->second.protocol);
        }
        ++given_up_;
        at = expected_.erase(at);
    }
    arm();
    if (expected_.empty()) {
        done_();
    }
}

}  // namespace godwit::control
