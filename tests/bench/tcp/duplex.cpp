#include "tests/bench/tcp/duplex.hpp"

#include <random>

namespace godwit::bench {

void Duplex::Sink::transmit(const tcp::Flow& flow, const tcp::Segment& segment) {
    out.push_back(segment.encode(flow));
}

Duplex::Duplex(const tcp::Limits& limits, std::uint64_t seed) {
    for (std::size_t side = 0; side < 2; ++side) {
        endpoints_[side] = std::make_unique<tcp::Endpoint>(
            limits, net::SipKey{seed, seed + side},
            [engine = std::mt19937_64(seed + side)]() mutable {
                return static_cast<std::uint32_t>(engine());
            },
            sinks_[side]);
    }
}

void Duplex::discard() {
    for (Sink& sink : sinks_) {
        std::vector<std::vector<std::uint8_t>>().swap(sink.out);
    }
    std::vector<std::vector<std::uint8_t>>().swap(under_way_);
}

bool Duplex::carry(std::size_t from) {
    if (sinks_[from].out.empty()) {
        return false;
    }
    const std::size_t to = 1 - from;
    under_way_.clear();
    under_way_.swap(sinks_[from].out);
    segments_ += under_way_.size();
    on_account_of(to, [&] {
        for (const std::vector<std::uint8_t>& bytes : under_way_) {
            const auto view = net::wire::TcpView::parse(bytes);
            if (view && view->has_valid_checksum(address(from), address(to))) {
                endpoints_[to]->input(
                    {address(to), address(from), view->destination_port(), view->source_port()},
                    tcp::Segment::from(*view), now);
            }
        }
    });
    return true;
}

void Duplex::settle() {
    bool busy = true;
    while (busy) {
        busy = false;
        for (std::size_t side = 0; side < 2; ++side) {
            if (endpoints_[side]->next_deadline() <= now) {
                on_account_of(side, [&] { endpoints_[side]->poll(now); });
            }
            busy = carry(side) || busy;
        }
    }
}

}  // namespace godwit::bench
