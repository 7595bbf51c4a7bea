#include "drivers/reconnection.hpp"

#include <rte_alarm.h>
#include <rte_ethdev.h>

#include <chrono>
#include <thread>

#include "drivers/burst.hpp"

namespace godwit::drivers {
namespace {

constexpr auto kPatience = std::chrono::seconds(1);

}  // namespace

void Reconnection::on_alarm(void* self) {
    auto& reconnection = *static_cast<Reconnection*>(self);
    rte_eth_dev_stop(reconnection.port_);
    // A client whose server is not there fails to start, and is tried again by whoever began this.
    if (reconnection.start_again_ && rte_eth_dev_start(reconnection.port_) == 0) {
        resume_port(reconnection.port_);
    }
    reconnection.pending_.store(false, std::memory_order_release);
}

void Reconnection::run(std::uint16_t port, bool start_again) {
    port_ = port;
    start_again_ = start_again;
    pending_.store(true, std::memory_order_release);
    if (rte_eal_alarm_set(1, on_alarm, this) != 0) {
        pending_.store(false, std::memory_order_release);
    }
}

void Reconnection::begin(std::uint16_t port) {
    run(port, true);
}

void Reconnection::stop(std::uint16_t port) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    const auto wait = [&] {
        while (pending() && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::yield();
        }
    };
    wait();
    if (!pending()) {
        run(port, false);
        wait();
    }
    if (pending()) {
        rte_eal_alarm_cancel(on_alarm, this);  // waits for one that runs; `this` may go after it
    }
}

}  // namespace godwit::drivers
