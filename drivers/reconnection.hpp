// Disconnecting and connecting a memif port while its driver is at work.
//
// The driver handles its control socket on EAL's interrupt thread without a lock against
// rte_eth_dev_stop: both would tear down one connection at once. So stop and start run on that very
// thread, as an alarm, and the main lcore looks at the outcome later. The port is paused
// (drivers/burst.hpp) meanwhile.
#pragma once

#include <atomic>
#include <cstdint>

namespace godwit::drivers {

class Reconnection {
public:
    // Stops and starts the port; resumes its polling when the start succeeds. Until then pending().
    void begin(std::uint16_t port);
    [[nodiscard]] bool pending() const { return pending_.load(std::memory_order_acquire); }

    // Stops the port for good and waits for it, after what was begun; at most a second.
    void stop(std::uint16_t port);

private:
    void run(std::uint16_t port, bool start_again);
    static void on_alarm(void* self);

    std::atomic<bool> pending_{false};
    std::uint16_t port_ = 0;
    bool start_again_ = false;
};

}  // namespace godwit::drivers
