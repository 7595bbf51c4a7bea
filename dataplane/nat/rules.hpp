// The rules of NAT44 as one compiled value that never changes: what a new flow becomes, which
// outside address and ports a subscriber has, who owns a flow, and whether a session that an
// earlier revision made may stay.
//
// A rule is known by its number, which its author keeps over revisions as long as it is the same
// rule; sessions refer to it. The order in which rules are asked about a packet on its way out:
//
//   exclusions              the packet leaves as it is (RFC 6888 REQ-6)
//   port forwarding         an inside endpoint that is forwarded to answers as the outside one
//   one-to-one              inside address <-> outside address, every protocol, no state
//   source rules            in their order, the first that fits
//
// A subscriber has one outside address of a pool, the same on every worker and for every protocol,
// because it follows from the inside address alone (paired pooling: RFC 4787 REQ-2, RFC 6888
// REQ-2). The choice is Lamping and Veach's jump hash: a pool that grows at its end moves only
// those who get a new address. Deterministic rules (RFC 7422) place the subscriber by its position
// instead, and its ports with it.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/nat/flow.hpp"
#include "dataplane/nat/settings.hpp"
#include "net/interface_id.hpp"
#include "net/result.hpp"

namespace godwit::dataplane::nat {

enum class RuleId : std::uint16_t {};
constexpr std::size_t kMaxRules = 4096;  // numbers are below this

enum class PortAllocation : std::uint8_t {
    Single,        // any free port in the range
    Blocks,        // from blocks that belong to one subscriber (RFC 6888 REQ-14)
    Deterministic  // from the range that follows from the inside address (RFC 7422)
};

struct SourceRule {
    RuleId id{};
    std::string name;
    std::vector<net::Ipv4Prefix> from;
    net::InterfaceId out;
    std::vector<net::Ipv4Prefix> pool;  // an interface address is a /32
    PortRange ports{};
    PortAllocation allocation = PortAllocation::Single;
    std::uint16_t block_ports = 512;  // of a subscriber on all workers together
    std::uint8_t max_blocks = 4;      // of a subscriber, at most 4
    RulePolicy policy{};
};

// Inside and outside prefix of one length, address by address; for every protocol.
struct OneToOneRule {
    RuleId id{};
    std::string name;
    net::Ipv4Prefix inside;
    net::Ipv4Prefix outside;
    net::InterfaceId out;
};

// Ports of an outside address that lead to a host inside.
struct ForwardRule {
    RuleId id{};
    std::string name;
    net::IpProtocol protocol = net::IpProtocol::Tcp;
    net::Ipv4Address outside;
    PortRange ports;
    net::Ipv4Address inside;
    std::uint16_t first_inside_port = 0;  // where ports.first leads to; the others follow it
    // Where the outside address is. What the host inside begins itself, or sends to hosts on other
    // interfaces, does not concern the rule. None: it may leave anywhere.
    net::InterfaceId out{};
    RulePolicy policy{};
};

// What is forwarded without translation.
struct Exclusion {
    net::Ipv4Prefix from;
    net::Ipv4Prefix to;
    std::optional<net::IpProtocol> protocol;
    PortRange ports{0, 65535};  // of the destination
};

// Ports of outside addresses that are the router's own: where it listens, and where it connects
// from. No mapping gets them, and what comes to them is the router's.
struct OwnPorts {
    std::optional<net::IpProtocol> protocol{};
    std::optional<net::Ipv4Address> outside{};  // nothing: each outside address
    PortRange ports;
};

struct RuleSet {
    std::vector<SourceRule> source;
    std::vector<OneToOneRule> one_to_one;
    std::vector<ForwardRule> forward;
    std::vector<Exclusion> exclusions;
    std::vector<OwnPorts> own;
};

// The share of one outside address that a subscriber takes its ports from.
struct Share {
    net::Ipv4Address outside;
    PortRange ports;
};

class NatRules {
public:
    static constexpr std::size_t kMaxOutsideAddresses = 65536;
    static constexpr std::uint32_t kMinDeterministicPorts = 64;

    // The message says which rule contradicts what, and how to mend it.
    static net::Result<std::shared_ptr<const NatRules>, std::string> compile(RuleSet rules);

    enum class Kind : std::uint8_t {
        Untouched,  // no rule is concerned
        OneToOne,
        Forward,
        Dynamic  // out: by the source rule; in: by a mapping, if there is one
    };
    struct Match {
        Kind kind = Kind::Untouched;
        RuleId rule{};
        Endpoint other{};                    // OneToOne, Forward: what the endpoint becomes
        const SourceRule* source = nullptr;  // Dynamic, on the way out
    };
    // `out`: where the packet leaves, or, to an outside address, the interface this one belongs to.
    [[nodiscard]] Match match_outbound(const Flow& flow, net::InterfaceId out) const;
    [[nodiscard]] Match match_inbound(net::IpProtocol protocol, Endpoint outside) const;
    // What an inside endpoint is outside by a rule alone, wherever its packets leave.
    [[nodiscard]] std::optional<Endpoint> fixed_outside(net::IpProtocol protocol,
                                                        Endpoint inside) const;
    // The next source rule, behind `previous` (null: the first), that has this inside address.
    [[nodiscard]] const SourceRule* next_source(const SourceRule* previous,
                                                net::Ipv4Address inside) const;

    [[nodiscard]] bool is_excluded(net::IpProtocol protocol, net::Ipv4Address inside,
                                   Endpoint remote) const;
    // A port that is the router's, and no forward's.
    [[nodiscard]] bool is_own(net::IpProtocol protocol, Endpoint outside) const;
    [[nodiscard]] bool is_outside_address(net::Ipv4Address address) const {
        return find_outside(address) != kNoSlot;
    }
    // The same, asked for every packet: true for a few others, never false for one of them.
    [[nodiscard]] bool may_be_outside(net::Ipv4Address address) const {
        const std::uint32_t bit = (address.value() * kFilterMultiplier) >> filter_shift_;
        return (outside_filter_[bit / 64U] >> (bit % 64U) & 1U) != 0;
    }
    // Whether any packet that leaves there may be translated.
    [[nodiscard]] bool concerns_interface(net::InterfaceId out) const {
        return concerned_[out.value() % concerned_.size()];
    }
    // Whether nothing that leaves elsewhere may be translated.
    [[nodiscard]] bool concerns_only(net::InterfaceId out) const {
        return concerns_interface(out) && concerned_.count() == 1;
    }
    // Where packets of `inside` to this outside address would leave, were it not ours.
    [[nodiscard]] net::InterfaceId interface_of(net::Ipv4Address outside,
                                                net::Ipv4Address inside) const;
    // Whether a mapping may have this outside endpoint, or has it by a forward.
    [[nodiscard]] bool may_be_given_out(net::IpProtocol protocol, Endpoint outside) const;

    [[nodiscard]] Share share_of(const SourceRule& rule, net::Ipv4Address inside) const;
    // Who has this outside endpoint by a deterministic rule (RFC 7422): the question of an abuse
    // report, answered without a log.
    [[nodiscard]] std::optional<net::Ipv4Address> deterministic_subscriber(Endpoint outside) const;

    // The worker that has the state of a flow. A packet to an outside address is Inbound, also when
    // its source was translated just before (hairpin).
    [[nodiscard]] unsigned owner(Direction direction, const Flow& flow, unsigned workers) const;
    // The same for an ICMP error that came in `direction` and quotes `quoted`.
    [[nodiscard]] unsigned owner_of_quoted(Direction direction, const Flow& quoted,
                                           unsigned workers) const {
        return owner(direction, reversed(quoted), workers);
    }

    // Whether a session that was made by `rule` would still be as it is.
    [[nodiscard]] bool still_allows(RuleId rule, net::IpProtocol protocol, Endpoint inside,
                                    Endpoint outside) const;

    // Sorted; the place in it is the number of the address in this revision.
    [[nodiscard]] const std::vector<net::Ipv4Address>& outside_addresses() const {
        return outside_;
    }
    [[nodiscard]] std::optional<std::uint32_t> outside_index(net::Ipv4Address address) const;
    // Whether ports of this address are given out by a source rule.
    [[nodiscard]] bool is_pool_address(std::uint32_t index) const { return is_pool_[index]; }
    [[nodiscard]] const std::vector<ForwardRule>& forwards() const { return by_outside_; }
    [[nodiscard]] const std::vector<OwnPorts>& own_ports() const { return rules_.own; }
    [[nodiscard]] const SourceRule* source_rule(RuleId id) const;
    // Of a rule that there is, or the empty one.
    [[nodiscard]] const RulePolicy& policy_of(RuleId id) const {
        return policies_[std::min(static_cast<std::size_t>(id), policies_.size() - 1)];
    }
    // A rule with this address in its pool; where it gives out blocks, the only one.
    [[nodiscard]] const SourceRule* source_rule_at(std::uint32_t index) const;

private:
    struct Pool {
        std::vector<net::Ipv4Address> addresses;
        std::uint64_t subscribers = 0;  // how many inside addresses the rule has
        std::uint32_t sharing = 0;      // Deterministic: subscribers an address
        std::uint32_t ports_each = 0;
    };

    static constexpr std::uint32_t kFilterMultiplier = 0x9e3779b1U;
    static constexpr std::uint32_t kNoSlot = 0xffffffffU;

    // Its place in outside_, or kNoSlot.
    [[nodiscard]] std::uint32_t find_outside(net::Ipv4Address address) const {
        const std::uint32_t mask = static_cast<std::uint32_t>(outside_slots_.size()) - 1U;
        std::uint32_t slot = (address.value() * kFilterMultiplier) >> slot_shift_;
        while (outside_slots_[slot] != kNoSlot && outside_[outside_slots_[slot]] != address) {
            slot = (slot + 1U) & mask;
        }
        return outside_slots_[slot];
    }

    NatRules() = default;
    void index_outside();
    void compile_filters();
    void compile_policies();
    std::string compile_sources();
    std::string compile_forwards();
    std::string compile_one_to_one();
    std::string compile_outside();
    [[nodiscard]] std::string check_ids() const;
    [[nodiscard]] const Pool& pool_of(const SourceRule& rule) const;
    [[nodiscard]] const ForwardRule* forward_from_outside(net::IpProtocol protocol,
                                                          Endpoint outside) const;
    [[nodiscard]] const ForwardRule* forward_to_inside(net::IpProtocol protocol,
                                                       Endpoint inside) const;
    [[nodiscard]] const OneToOneRule* one_to_one_inside(net::Ipv4Address inside) const;
    [[nodiscard]] const OneToOneRule* one_to_one_outside(net::Ipv4Address outside) const;

    RuleSet rules_;
    std::vector<Pool> pools_;                          // beside rules_.source
    std::vector<RulePolicy> policies_;                 // by number, and an empty one behind
    std::vector<ForwardRule> by_outside_;              // sorted by protocol, outside address, port
    std::vector<ForwardRule> by_inside_;               // sorted by protocol, inside address, port
    std::vector<net::Ipv4Address> outside_;            // sorted
    std::vector<bool> is_pool_;                        // beside outside_
    std::vector<net::InterfaceId> outside_interface_;  // beside outside_; none: not known
    std::vector<std::uint64_t> outside_filter_;
    unsigned filter_shift_ = 31;
    std::vector<std::uint32_t> outside_slots_;  // places in outside_, hashed; at most half full
    unsigned slot_shift_ = 31;
    std::bitset<256> concerned_;  // by interface number
};

}  // namespace godwit::dataplane::nat
