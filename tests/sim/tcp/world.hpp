// Two hosts and the path between them, in virtual time: whole TCP endpoints, real bytes, a link
// that can do everything a link can do to a packet.
//
// The link has, for each direction: a rate and a queue in front of it, a delay with jitter, loss
// (independent, and in bursts by two states), reordering (a packet that waits longer than others),
// duplication, corruption of one bit, marks of congestion, an MTU (told by ICMP, or kept silent: a
// black hole), and times at which it carries nothing. All chance comes from one seeded generator,
// so a run is the same every time.
//
// While the world runs it checks every segment that a host sends: no byte beyond what the other
// side has offered (but for the byte of a window probe), and no offer smaller than an earlier one
// (but for what the rounding of a scaled window takes away). What was violated is kept as words.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "controlplane/host/tcp/endpoint.hpp"

namespace godwit::sim {

namespace tcp = control::tcp;
using control::Instant;
using tcp::Duration;

struct LinkModel {
    std::uint64_t bits_per_second = 0;  // zero: no limit
    Duration delay = std::chrono::milliseconds(10);
    Duration jitter{};  // added evenly; a late packet does not overtake, unless `reorder` says so
    std::size_t queue_bytes = 256 * 1024;
    double loss = 0;
    double burst_begin = 0;  // chance a packet, into the state in which all are lost
    double burst_end = 0.5;  // and out of it
    double reorder = 0;      // chance to be held for `reorder_by`
    Duration reorder_by = std::chrono::milliseconds(5);
    double duplicate = 0;
    double corrupt = 0;
    double congested = 0;  // chance that a router marks what may be marked (RFC 3168)
    std::uint16_t mtu = 1500;
    bool tells_mtu = true;
    Instant dark_from{};  // nothing passes between these
    Instant dark_until{};
};

class World;

class SimHost final : public tcp::SegmentSink {
public:
    SimHost(World& world, unsigned index, net::Ipv4Address address, std::uint64_t seed,
            const tcp::Limits& limits);
    void transmit(const tcp::Flow& flow, const tcp::Segment& segment) override;

    tcp::Endpoint endpoint;
    const net::Ipv4Address address;
    LinkModel out;  // the way from here to the other host
    std::uint64_t segments_sent = 0;
    std::uint64_t data_bytes_sent = 0;

private:
    friend class World;
    void check(const tcp::Segment& segment);

    World& world_;
    unsigned index_;
    std::mt19937_64 random_;
    Instant busy_until_{};
    Instant last_arrival_{};
    bool in_burst_ = false;
    // of the one connection that is checked
    std::uint8_t offered_scale_ = 0;
    bool scaling_ = false;
    bool offered_ = false;
    net::Sequence offered_edge_;  // the furthest offered by this host
    net::Sequence allowed_edge_;  // the furthest that this host has been told by the other
    bool allowed_ = false;
};

class World {
public:
    explicit World(std::uint64_t seed, const tcp::Limits& limits = {});

    // The next event: a packet that arrives, or a deadline. False when nothing will ever happen.
    bool step();
    // Until `done`, until nothing is left, or until `limit`.
    void run(Instant limit, const std::function<bool()>& done = {});
    void call_at(Instant at, std::function<void()> what);

    [[nodiscard]] Instant now() const { return now_; }
    [[nodiscard]] SimHost& client() { return *hosts_[0]; }
    [[nodiscard]] SimHost& server() { return *hosts_[1]; }
    // The first thing that must not happen, or nothing.
    [[nodiscard]] const std::string& violation() const { return violation_; }
    // Called after every step with whichever host changed.
    std::function<void()> after_step;
    bool check_windows = true;
    // Every segment as a host sends it, and as one arrives, for whoever looks for the cause of a
    // failure (pcapng.hpp).
    struct Sighting {
        unsigned host = 0;  // who sees it
        bool outgoing = false;
        Instant at;
        net::Ipv4Address source;
        net::Ipv4Address destination;
        tcp::IpMarks marks;
        std::span<const std::uint8_t> segment;
    };
    std::function<void(const Sighting&)> capture;

private:
    friend class SimHost;
    struct Arrival {
        Instant at;
        std::uint64_t order;  // first come, first served
        unsigned to;
        std::vector<std::uint8_t> segment;
        tcp::IpMarks marks;
        std::function<void()> call;  // instead of a packet
        friend bool operator>(const Arrival& a, const Arrival& b) {
            return a.at != b.at ? a.at > b.at : a.order > b.order;
        }
    };
    void send(SimHost& from, std::vector<std::uint8_t> segment, tcp::IpMarks marks);
    void deliver(const Arrival& arrival);
    void violated(std::string what);

    Instant now_ = Instant() + std::chrono::hours(1);
    std::unique_ptr<SimHost> hosts_[2];
    std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> arrivals_;
    std::uint64_t order_ = 0;
    std::string violation_;
};

}  // namespace godwit::sim
