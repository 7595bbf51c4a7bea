// How large a packet the path takes, searched for from above what is known to pass (RFC 4821), so
// that a router which sends no ICMP, or a path that became larger, is found out.
//
//     passes                                  not worth trying
//     <------ low ------ probe ------ high ------ ceiling ----->
//
// A probe is one segment of new data that is larger than the others. Its loss, when nothing else is
// lost, says that the size does not pass and nothing about congestion (7.5); its arrival raises
// the size for all. The first try is the largest size, then halves of what is left, until less
// than kWorthIt is. What ICMP tells ends a search; the next begins ten minutes later (RFC 1191
// 6.3), for the path may change.
#pragma once

#include <cstdint>
#include <optional>

#include "controlplane/host/tcp/secrets.hpp"
#include "net/sequence.hpp"

namespace godwit::control::tcp {

class PathSearch {
public:
    static constexpr std::uint16_t kWorthIt = 32;  // bytes
    static constexpr Duration kRaiseAfter = std::chrono::minutes(10);
    static constexpr Duration kTryAgainAfter = std::chrono::seconds(10);  // after no clear answer

    explicit PathSearch(std::uint16_t link_mtu)
        : ceiling_(link_mtu), low_(link_mtu), high_(link_mtu) {}

    // What is known to pass; of whole IP packets.
    [[nodiscard]] std::uint16_t mtu() const { return low_; }
    // The peer takes no more, whatever the path does.
    void limit_to(std::uint16_t mtu) { ceiling_ = mtu < ceiling_ ? mtu : ceiling_; }

    // The size to try now; nothing while another one is under way, or when there is none.
    [[nodiscard]] std::optional<std::uint16_t> wanted(Instant now) const;
    void sent(std::uint16_t mtu, net::Sequence end) {
        probe_ = mtu;
        probe_end_ = end;
    }
    [[nodiscard]] bool under_way() const { return probe_ != 0; }
    [[nodiscard]] net::Sequence probe_end() const { return probe_end_; }

    void arrived(Instant now);      // the size passes
    void was_lost(Instant now);     // alone
    void was_unclear(Instant now);  // among others, or by a timeout

    // ICMP, or the route: exactly this passes.
    void told(std::uint16_t mtu, Instant now);
    // The link itself has become another one: no more than this gets out, and all of it may pass.
    void link_became(std::uint16_t mtu, Instant now);
    // Large segments have vanished: this small one is a guess (7.7), and a search begins.
    void fell_into_black_hole(std::uint16_t mtu);

private:
    [[nodiscard]] std::uint16_t highest(Instant now) const;

    Instant not_before_{};
    Instant raise_at_ = Instant::max();
    net::Sequence probe_end_;
    std::uint16_t ceiling_;
    std::uint16_t low_;
    std::uint16_t high_;
    std::uint16_t probe_ = 0;  // zero: none under way
};

}  // namespace godwit::control::tcp
