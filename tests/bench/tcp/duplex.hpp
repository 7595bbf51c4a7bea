// Two endpoints in one process with nothing between them but bytes: a segment is encoded with its
// checksum by the one and parsed and verified by the other, as the router's host does it. The time
// that each side spends is taken by itself, so that what one stream costs its sender and what it
// costs its receiver are two figures of one run.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "controlplane/host/tcp/endpoint.hpp"

namespace godwit::bench {

namespace tcp = control::tcp;

class Duplex {
public:
    static constexpr std::size_t kClient = 0;
    static constexpr std::size_t kServer = 1;

    Duplex(const tcp::Limits& limits, std::uint64_t seed);
    Duplex(const Duplex&) = delete;
    Duplex& operator=(const Duplex&) = delete;

    [[nodiscard]] tcp::Endpoint& endpoint(std::size_t side) { return *endpoints_[side]; }
    [[nodiscard]] static net::Ipv4Address address(std::size_t side) {
        return net::Ipv4Address(192, 0, 2, static_cast<std::uint8_t>(side + 1));
    }
    // Whatever is under way arrives, until nothing is; both are polled.
    void settle();
    // What is under way is lost, and its memory given back.
    void discard();
    // Runs `work` on the account of `side`.
    template <typename Work>
    void on_account_of(std::size_t side, Work&& work) {
        const auto begin = std::chrono::steady_clock::now();
        work();
        spent_[side] += std::chrono::steady_clock::now() - begin;
    }
    // Of the machine's time, on that account.
    [[nodiscard]] std::chrono::nanoseconds spent(std::size_t side) const { return spent_[side]; }
    [[nodiscard]] std::uint64_t segments() const { return segments_; }

    control::Instant now = control::Instant() + std::chrono::hours(1);

private:
    struct Sink final : tcp::SegmentSink {
        void transmit(const tcp::Flow& flow, const tcp::Segment& segment) override;
        std::vector<std::vector<std::uint8_t>> out;
    };
    bool carry(std::size_t from);

    std::array<Sink, 2> sinks_;
    std::array<std::unique_ptr<tcp::Endpoint>, 2> endpoints_;
    std::array<std::chrono::nanoseconds, 2> spent_{};
    std::uint64_t segments_ = 0;
    std::vector<std::vector<std::uint8_t>> under_way_;
};

}  // namespace godwit::bench
