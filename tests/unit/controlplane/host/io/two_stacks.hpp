// Two hosts with their stacks on one executor, and a link between them, in virtual time: what is
// ready runs first, and only then does time pass. The link may be cut, or lose every n-th packet.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "controlplane/host/io/stack.hpp"
#include "controlplane/runtime/executor.hpp"
#include "controlplane/runtime/virtual_clock.hpp"
#include "tests/unit/controlplane/host/host_packets.hpp"

namespace godwit::control::test {

inline const net::Ipv4Address kNear(10, 0, 0, 1);
inline const net::Ipv4Address kFar(10, 0, 0, 9);

class TwoStacks : public testing::Test {
protected:
    struct Side {
        Side(TwoStacks& world, const char* address, std::uint32_t seed)
            : random(seed),
              host(
                  HostLimits{}, [this] { return random = random * 1664525U + 1013904223U; },
                  [](net::Ipv4Address) {
                      return RouteToward{*net::Ipv4Prefix::parse("10.0.0.0/24"),
                                         RibNextHop::glean(net::InterfaceId(1))};
                  }),
              stack(std::make_unique<Stack>(
                  host, world.clock,
                  Stack::Surroundings{
                      [this, &world](const Outgoing& out) { world.carry(*this, out.packet); },
                      {}})) {
            host.set_links(one_link(std::array{*net::Ipv4InterfaceAddress::parse(address)}));
        }
        std::uint32_t random;
        Host host;
        std::unique_ptr<Stack> stack;
    };

    void carry(Side& from, const Packet& packet) {
        ++packets;
        if (watch) {
            watch(&from == &near, packet);
        }
        if (cut || (lose_every != 0 && packets % lose_every == 0)) {
            return;
        }
        Side& to = &from == &near ? far : near;
        executor.post([this, &to, packet] {
            if (to.stack) {
                to.stack->arrived(packet, {net::InterfaceId(1), false}, clock.now());
            }
        });
    }
    // Until `done`, or an hour has passed without it.
    void run_until(const std::function<bool()>& done) {
        const Instant end = clock.now() + std::chrono::hours(1);
        while (!done()) {
            if (executor.poll() > 0) {
                continue;
            }
            ASSERT_LT(clock.now(), end) << "nothing more happens";
            const auto next = clock.next_deadline();
            clock.advance(next && *next > clock.now()
                              ? std::min<Duration>(*next - clock.now(), std::chrono::seconds(10))
                              : Duration(std::chrono::milliseconds(1)));
        }
    }
    // All that follows from what has been said so far, and nothing that time brings.
    void run_ready() {
        while (executor.poll() > 0) {
        }
    }
    [[nodiscard]] boost::asio::any_io_executor on() { return executor.io_context().get_executor(); }

    Executor executor;
    VirtualClock clock;
    std::uint64_t packets = 0;
    std::uint64_t lose_every = 0;
    std::function<void(bool from_near, const Packet& packet)> watch;  // all that is sent
    bool cut = false;
    Side near{*this, "10.0.0.1/24", 11};
    Side far{*this, "10.0.0.9/24", 12};
};

}  // namespace godwit::control::test
