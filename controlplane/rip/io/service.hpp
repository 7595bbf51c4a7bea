// RIP as it runs: the core bound to a UDP socket of the router's own stack, to a timer, and to
// whoever takes its routes.
//
//   socket (port 520, in the group 224.0.0.9 on every interface that speaks RIP)
//      │ datagram                       ▲ Transmit
//      ▼                                │
//   core.receive(), core.advance() ─────┴──► routes(), event()
//
// All of it on the executor's thread. The callbacks run after the core has been asked, and may ask
// it again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controlplane/host/io/stack.hpp"
#include "controlplane/rip/core.hpp"
#include "controlplane/runtime/clock.hpp"

namespace godwit::control::rip {

struct ServiceCallbacks {
    std::function<void(const std::vector<RouteUpdate>&)> routes;
    std::function<void(const Event&)> event;
    std::function<void()> converged;  // once
};

struct ServiceCounters {
    std::uint64_t packets_not_sent = 0;  // the stack had a reason
    std::string last_reason;
};

class Service {
public:
    // `stack` and `timers` outlive this. The error is a sentence: the port is taken.
    static net::Result<std::unique_ptr<Service>, std::string> start(Stack& stack, Timers& timers,
                                                                    Surroundings surroundings,
                                                                    Settings settings,
                                                                    ServiceCallbacks callbacks);

    void configure(Settings settings);
    void set_links(const std::vector<Link>& links);
    void redistribute(const std::vector<Redistributed>& routes);
    void withdraw(const std::vector<net::Ipv4Prefix>& prefixes);
    void clear(const std::optional<NeighborId>& neighbor);
    void clear_counters() { core_.clear_counters(); }
    // Everybody is told that nothing leads here any more; the routes are withdrawn.
    void retire();

    [[nodiscard]] const Core& core() const { return core_; }
    [[nodiscard]] const ServiceCounters& counters() const { return counters_; }

private:
    Service(Timers& timers, Surroundings surroundings, Settings settings,
            ServiceCallbacks callbacks);

    void received(const udp::Datagram& datagram);
    void carry_out(const Actions& actions);
    void send(const Transmit& packet);
    void update_memberships();
    void arm();

    Timers& timers_;
    ServiceCallbacks callbacks_;
    Core core_;
    std::unique_ptr<UdpSocket> socket_;
    std::unique_ptr<Timer> timer_;
    std::set<net::InterfaceId> joined_;
    bool converged_told_ = false;
    ServiceCounters counters_;
};

}  // namespace godwit::control::rip
