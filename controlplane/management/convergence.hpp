// Which protocols still learn again what they knew before this program was started.
//
// The dataplane goes on with the routes of the program before until it is told that everything has
// been mentioned; then what was not is swept (dataplane/api/messages.hpp). Static and connected
// routes are known at once, learned ones are not: so the end of the first synchronisation waits
// for each protocol that was expected here, and for none longer than its patience.
//
//   const auto token = convergence.expect("rip", std::chrono::seconds(40));   // while composing
//   convergence.reached(token);          // the neighbours have told what they know, or there are
//   none
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/runtime/clock.hpp"

namespace godwit::control {

class Convergence {
public:
    enum class Token : std::uint32_t {};

    // `done` is called each time that nothing is waited for any more. `timers` outlives this.
    // `late` is told of each protocol that is waited for no longer.
    Convergence(Timers& timers, std::function<void()> done,
                std::function<void(const std::string& protocol)> late = {});
    ~Convergence();
    Convergence(const Convergence&) = delete;
    Convergence& operator=(const Convergence&) = delete;

    // `protocol` is for people. The patience counts from now.
    Token expect(std::string protocol, Duration patience);
    // The protocol has converged, or is gone. Saying so twice does nothing.
    void reached(Token token);

    [[nodiscard]] bool pending() const { return !expected_.empty(); }
    [[nodiscard]] std::vector<std::string> waiting_for() const;
    // Protocols that did not say so in time.
    [[nodiscard]] std::uint64_t given_up() const { return given_up_; }

private:
    struct Expected {
        std::string protocol;
        Instant until{};
    };
    void arm();
    void give_up_late();

    Timers& timers_;
    std::unique_ptr<Timer> timer_;
    std::function<void()> done_;
    std::function<void(const std::string&)> late_;
    std::map<Token, Expected> expected_;
    std::uint32_t next_token_ = 1;
    std::uint64_t given_up_ = 0;
};

}  // namespace godwit::control
