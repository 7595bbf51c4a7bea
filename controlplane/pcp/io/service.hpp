// PCP as it runs: the server bound to a UDP socket of the router's own stack on each interface
// where clients are, to a timer, and to whoever keeps the mappings.
//
//   sockets (port 5351, one an interface)
//      │ datagram                            ▲ Transmit
//      ▼                                     │
//   server.receive(), server.advance() ──────┴──► ask(wish, answered)
//                ▲                                          │
//                └───────────── answered(outcome) ──────────┘
//
// All of it on the executor's thread. A socket of its own for each interface leaves port 5351
// closed everywhere else. An answer leaves by the interface that the request came by, from the
// address that it was sent to: clients know the server by that (RFC 6887 8.3).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "controlplane/host/io/stack.hpp"
#include "controlplane/pcp/server.hpp"
#include "controlplane/runtime/clock.hpp"
#include "net/result.hpp"

namespace godwit::control::pcp {

// To be called once, at any time: within the call that gave it, later, or after the service is
// gone.
using OutcomeTeller = std::function<void(const MapOutcome&)>;
using MapAsker = std::function<void(const MapWish&, OutcomeTeller answered)>;

struct ServiceCounters {
    std::uint64_t packets_not_sent = 0;  // the stack had a reason
    std::string last_reason;
};

class Service {
public:
    // `stack` and `timers` outlive this. Nothing is heard before configure(), and nothing answered
    // before set_epoch().
    Service(Stack& stack, Timers& timers, MapAsker ask, const Limits& limits = {});
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    // Opens and closes sockets. The error is a sentence: the port is taken on an interface, which
    // is not served then; all others are.
    net::Result<void, std::string> configure(Settings settings);
    // As the server has it: to be said whenever a keeper of mappings is found.
    void set_epoch(std::uint64_t number, Duration age);

    [[nodiscard]] const Server& server() const { return server_; }
    [[nodiscard]] const ServiceCounters& counters() const { return counters_; }

private:
    void received(const udp::Datagram& datagram);
    void carry_out(const Actions& actions);
    void send(const Transmit& packet);
    void ask(const Ask& ask);
    void arm();

    Stack& stack_;
    Timers& timers_;
    MapAsker ask_;
    Server server_;
    std::map<net::InterfaceId, std::unique_ptr<UdpSocket>> sockets_;
    std::unique_ptr<Timer> timer_;
    std::shared_ptr<Service*> self_;  // what outcomes look at: expired when this is gone
    ServiceCounters counters_;
};

}  // namespace godwit::control::pcp
