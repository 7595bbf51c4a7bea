// Established flows of NAT on the straight path: TCP and UDP, whole packets, of a session that this
// worker has. Everything else about NAT is the nodes' (nodes/nat): such a candidate is given back
// untouched.
//
// Inbound ones are translated before the lookup, which needs their inside destination; outbound
// ones behind it, when it is known where they leave. Each in three passes: the bucket, the session,
// the rewrite. A packet that is translated and cannot be forwarded straight after all is made what
// it was; the nodes then do it again, and its session has seen it twice.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/nat/translator.hpp"
#include "dataplane/nodes/environment.hpp"
#include "dataplane/nodes/straight/vector.hpp"

namespace godwit::dataplane::straight {

class Translation {
public:
    Translation(Environment& env, std::uint16_t link_bytes)
        : env_(env),
          translator_(*env.nat.translator),
          rules_(translator_.rules()),
          link_bytes_(link_bytes) {}

    // Bit n: candidate n is the nodes'. `ingress`: that of all candidates, or of each.
    std::uint64_t translate_inbound(Candidates& found, std::span<const net::InterfaceId> ingress);
    std::uint64_t translate_outbound(Candidates& found, const NextHops::Reader& hops);

    // Candidate `from` stands at `to` now.
    void move(unsigned from, unsigned to) {
        old_addresses_[to] = old_addresses_[from];
        old_ports_[to] = old_ports_[from];
        ways_[to] = ways_[from];
    }
    // Makes candidate `at` what it was. True: its session has seen it.
    bool undo(unsigned at, rte_mbuf* packet);

private:
    enum class Way : std::uint8_t { None, Outbound, Inbound };

    struct Asked {
        unsigned at;
        std::uint32_t probable;
        std::uint64_t hash;
        nat::Packet packet;
    };

    bool is_from_outside(net::InterfaceId ingress, rte_mbuf* packet) const;
    bool read(nat::Direction direction, rte_mbuf* packet, Asked& asked) const;
    std::uint64_t carry_out(nat::Direction direction, Candidates& found, unsigned count);
    void apply(nat::Direction direction, Candidates& found, const Asked& asked,
               const nat::Rewrite& to);

    Environment& env_;
    nat::Translator& translator_;
    const nat::NatRules& rules_;
    const std::uint16_t link_bytes_;
    std::array<Asked, kBurst> asked_;
    std::array<std::uint32_t, kBurst> old_addresses_;  // host order
    std::array<std::uint16_t, kBurst> old_ports_;
    std::array<Way, kBurst> ways_{};
};

}  // namespace godwit::dataplane::straight
