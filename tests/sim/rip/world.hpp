// Many routers that speak RIP, in one process and in virtual time: each a whole core with a whole
// RIB, joined by wires that lose, delay and reorder.
//
// A wire is a network segment with two or more routers on it. It can be cut in two ways: with its
// carrier, so that the routers see their links go down, or silently, so that only time tells them.
// Each router has a stub network of its own beside. All chance comes from one seeded generator: a
// run is the same every time.
//
// (The link of tests/sim/tcp joins two hosts with rates and queues; nothing of that matters here,
// and everything that does, more than two ends and carriers, is missing there.)
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "controlplane/rib/rib.hpp"
#include "controlplane/rip/core.hpp"

namespace godwit::sim::rip {

namespace control_rip = control::rip;
using control_rip::Duration;
using control_rip::Instant;

using RouterIndex = std::size_t;
using WireIndex = std::size_t;

struct WireModel {
    Duration delay = std::chrono::milliseconds(5);
    Duration jitter = std::chrono::milliseconds(20);  // late packets are overtaken
    double loss = 0;
};

struct WireEnd {
    RouterIndex router = 0;
    net::InterfaceId interface;
    net::Ipv4InterfaceAddress address;
    control_rip::Cost cost = 1;
};

enum class WireState : std::uint8_t { Whole, NoCarrier, Silent };

struct Wire {
    WireModel model;
    net::Ipv4Prefix subnet;
    std::vector<WireEnd> ends;
    WireState state = WireState::Whole;
};

struct Router {
    control_rip::Settings settings;
    std::vector<control_rip::Link> links;
    std::unique_ptr<control_rip::Core> core;
    std::unique_ptr<control::Rib> rib;
    net::Ipv4Prefix stub;
    std::optional<Instant> wakes_at;
    std::uint64_t packets_sent = 0;
};

class World {
public:
    explicit World(std::uint64_t seed);

    // Before start(). Routers get a stub network each, the ends of a wire its next addresses.
    RouterIndex add_router();
    WireIndex add_wire(const std::vector<std::pair<RouterIndex, control_rip::Cost>>& ends,
                       const WireModel& model);
    // For all routers.
    control_rip::Settings settings;
    control_rip::SplitHorizon split_horizon = control_rip::SplitHorizon::PoisonReverse;
    void start();

    void run_for(Duration time);
    void set_wire(WireIndex wire, WireState state);

    [[nodiscard]] Instant now() const { return now_; }
    [[nodiscard]] std::mt19937_64& random() { return random_; }
    [[nodiscard]] const std::vector<Router>& routers() const { return routers_; }
    [[nodiscard]] const std::vector<Wire>& wires() const { return wires_; }
    // Every network: those of the wires and the stubs.
    [[nodiscard]] std::vector<net::Ipv4Prefix> networks() const;
    // The routers that this one sends packets for `network` to; none when it has no route, or is
    // on it.
    struct Hop {
        RouterIndex router = 0;
        bool arrives = true;  // not when the wire is cut
    };
    [[nodiscard]] std::vector<Hop> next_routers(RouterIndex from,
                                                const net::Ipv4Prefix& network) const;
    [[nodiscard]] bool is_attached(RouterIndex router, const net::Ipv4Prefix& network) const;

private:
    struct Arrival {
        Instant at;
        std::uint64_t order = 0;
        RouterIndex to = 0;
        WireIndex wire = 0;
        control_rip::Datagram datagram;
        std::shared_ptr<const std::vector<std::uint8_t>> bytes;
        friend bool operator>(const Arrival& left, const Arrival& right) {
            return left.at != right.at ? left.at > right.at : left.order > right.order;
        }
    };

    void step(Instant limit);
    void carry_out(RouterIndex router, const control_rip::Actions& actions);
    void transmit(RouterIndex from, const control_rip::Transmit& packet);
    void wake_later(RouterIndex router);
    void tell_links(RouterIndex router);

    std::mt19937_64 random_;
    Instant now_ = Instant(std::chrono::hours(1));
    std::vector<Router> routers_;
    std::vector<Wire> wires_;
    std::map<std::pair<RouterIndex, net::InterfaceId>, WireIndex> wire_of_;
    std::map<net::Ipv4Address, std::pair<RouterIndex, WireIndex>> owner_;
    std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> arrivals_;
    std::set<std::pair<Instant, RouterIndex>> wakes_;
    std::uint64_t order_ = 0;
};

}  // namespace godwit::sim::rip
