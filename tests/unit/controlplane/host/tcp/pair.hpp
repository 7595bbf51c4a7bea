// Two endpoints and a wire between them that a test can watch and cut. Segments travel as bytes,
// with the marks of their IP header, and arrive at once, in order.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "controlplane/host/tcp/endpoint.hpp"

namespace godwit::control::tcp {

struct OnTheWire {
    unsigned from = 0;  // 0: the router, 1: its peer
    Flow flow;          // as the sender sees it
    std::vector<std::uint8_t> bytes;
    IpMarks marks;
};

class Pair {
public:
    static constexpr net::Ipv4Address kRouter = net::Ipv4Address(192, 0, 2, 1);
    static constexpr net::Ipv4Address kPeer = net::Ipv4Address(192, 0, 2, 2);

    explicit Pair(std::uint64_t seed = 1, const Limits& limits = {}) {
        for (unsigned side = 0; side < 2; ++side) {
            sinks_[side].pair = this;
            sinks_[side].side = side;
            endpoints_[side] = std::make_unique<Endpoint>(
                limits, net::SipKey{seed, seed + side},
                [engine = std::mt19937(static_cast<unsigned>(seed) + side)]() mutable {
                    return static_cast<std::uint32_t>(engine());
                },
                sinks_[side]);
        }
    }

    [[nodiscard]] Endpoint& router() { return *endpoints_[0]; }
    [[nodiscard]] Endpoint& peer() { return *endpoints_[1]; }

    // Delivers what is under way until nothing is; `touch` may change it, or lose it (false).
    void settle(const std::function<bool(OnTheWire&)>& touch = {}) {
        for (int i = 0; i < 10'000 && !wire.empty(); ++i) {
            OnTheWire packet = std::move(wire.front());
            wire.pop_front();
            if (!touch || touch(packet)) {
                deliver(packet);
            }
        }
    }
    void deliver(OnTheWire packet) {
        packet.marks.ttl = packet.marks.ttl == 0 ? std::uint8_t{64} : packet.marks.ttl;
        const Flow flow{packet.flow.remote, packet.flow.local, packet.flow.remote_port,
                        packet.flow.local_port};
        const auto view = net::wire::TcpView::parse(packet.bytes);
        ASSERT_TRUE(view && view->has_valid_checksum(packet.flow.local, packet.flow.remote));
        endpoints_[1 - packet.from]->input(flow, Segment::from(*view, packet.marks), now);
    }
    // Time passes for both; every deadline is kept, and everything is delivered.
    void pass(Duration time) {
        const Instant until = now + time;
        while (true) {
            settle();
            const Instant next = std::min(router().next_deadline(), peer().next_deadline());
            if (next > until) {
                break;
            }
            now = std::max(now, next);
            router().poll(now);
            peer().poll(now);
        }
        now = until;
    }

    Instant now = Instant() + std::chrono::hours(1);
    std::deque<OnTheWire> wire;

private:
    struct Sink final : SegmentSink {
        void transmit(const Flow& flow, const Segment& segment) override {
            pair->wire.push_back({side, flow, segment.encode(flow), segment.marks});
        }
        Pair* pair = nullptr;
        unsigned side = 0;
    };
    std::array<Sink, 2> sinks_;
    std::array<std::unique_ptr<Endpoint>, 2> endpoints_;
};

}  // namespace godwit::control::tcp
