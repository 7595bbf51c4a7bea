// From the rules as they are written to those that can be asked; every contradiction is refused
// here so that no packet meets one.
#include <algorithm>
#include <bit>
#include <set>
#include <tuple>

#include "dataplane/nat/rules.hpp"

namespace godwit::dataplane::nat {
namespace {

std::string quoted(const std::string& kind, const std::string& name) {
    return "nat " + kind + " rule '" + name + "': ";
}

const char* name_of(net::IpProtocol protocol) {
    return protocol == net::IpProtocol::Tcp ? "tcp" : "udp";
}

}  // namespace

net::Result<std::shared_ptr<const NatRules>, std::string> NatRules::compile(RuleSet rules) {
    std::shared_ptr<NatRules> made(new NatRules);  // the constructor is private
    made->rules_ = std::move(rules);
    std::string wrong = made->check_ids();
    if (wrong.empty()) {
        wrong = made->compile_sources();
    }
    if (wrong.empty()) {
        wrong = made->compile_outside();
    }
    if (wrong.empty()) {
        wrong = made->compile_one_to_one();
    }
    if (wrong.empty()) {
        wrong = made->compile_forwards();
    }
    if (!wrong.empty()) {
        return net::unexpected(std::move(wrong));
    }
    made->compile_filters();
    made->compile_policies();
    return std::shared_ptr<const NatRules>(std::move(made));
}

void NatRules::compile_policies() {
    std::size_t count = 0;
    const auto look = [&count](const auto& rules) {
        for (const auto& rule : rules) {
            count = std::max(count, static_cast<std::size_t>(rule.id) + 1);
        }
    };
    look(rules_.source);
    look(rules_.forward);
    policies_.resize(count + 1);
    const auto keep = [this](const auto& rules) {
        for (const auto& rule : rules) {
            policies_[static_cast<std::size_t>(rule.id)] = rule.policy;
        }
    };
    keep(rules_.source);
    keep(rules_.forward);
}

std::string NatRules::check_ids() const {
    std::set<RuleId> seen;
    std::string wrong;
    const auto look = [&](const auto& rules, const char* kind) {
        for (const auto& rule : rules) {
            if (static_cast<std::size_t>(rule.id) >= kMaxRules && wrong.empty()) {
                wrong = quoted(kind, rule.name) + "there are more than " +
                        std::to_string(kMaxRules) + " rules; put some of them together";
            }
            if (!seen.insert(rule.id).second && wrong.empty()) {
                wrong = quoted(kind, rule.name) + "its number " +
                        std::to_string(static_cast<unsigned>(rule.id)) +
                        " is another rule's too, and sessions could not tell them apart; give each "
                        "rule a number of its own";
            }
        }
    };
    look(rules_.source, "source");
    look(rules_.one_to_one, "one-to-one");
    look(rules_.forward, "destination");
    return wrong;
}

std::string NatRules::compile_sources() {
    for (const SourceRule& rule : rules_.source) {
        const std::string where = quoted("source", rule.name);
        if (rule.from.empty() || rule.pool.empty()) {
            return where + "it needs a prefix that it is for and an address that it translates to";
        }
        if (rule.ports.size() < 2 || rule.ports.first == 0) {
            return where + "the port range must begin at 1 or later and hold at least two ports";
        }
        Pool pool;
        for (const net::Ipv4Prefix& prefix : rule.pool) {
            const std::uint64_t count = std::uint64_t{1} << (32U - prefix.length());
            if (pool.addresses.size() + count > kMaxOutsideAddresses) {
                return where + "its pool has more than " + std::to_string(kMaxOutsideAddresses) +
                       " addresses; make it smaller";
            }
            for (std::uint32_t offset = 0; offset < count; ++offset) {
                pool.addresses.emplace_back(prefix.address().value() + offset);
            }
        }
        for (const net::Ipv4Prefix& prefix : rule.from) {
            pool.subscribers += std::uint64_t{1} << (32U - prefix.length());
        }
        if (rule.allocation == PortAllocation::Deterministic) {
            const std::uint64_t addresses = pool.addresses.size();
            pool.sharing =
                static_cast<std::uint32_t>((pool.subscribers + addresses - 1U) / addresses);
            pool.ports_each = rule.ports.size() / pool.sharing & ~1U;
            if (pool.ports_each < kMinDeterministicPorts) {
                return where + std::to_string(pool.subscribers) + " inside addresses share " +
                       std::to_string(addresses) + " outside ones, which leaves each " +
                       std::to_string(pool.ports_each) + " ports; at least " +
                       std::to_string(kMinDeterministicPorts) +
                       " are needed: enlarge the pool or make the prefix smaller";
            }
        }
        if (rule.allocation == PortAllocation::Blocks &&
            (rule.block_ports < 2 || rule.max_blocks == 0 || rule.max_blocks > 4)) {
            return where + "a block must have at least two ports, and a subscriber 1 to 4 blocks";
        }
        pools_.push_back(std::move(pool));
    }
    return "";
}

std::string NatRules::compile_outside() {
    std::set<net::Ipv4Address> all;
    std::set<net::Ipv4Address> pools;
    for (std::size_t at = 0; at < pools_.size(); ++at) {
        const SourceRule& rule = rules_.source[at];
        for (std::size_t other = 0; other < at; ++other) {
            const SourceRule& earlier = rules_.source[other];
            const bool is_shared = std::ranges::any_of(rule.pool, [&](const auto& prefix) {
                return std::ranges::any_of(earlier.pool,
                                           [&](const auto& each) { return each.overlaps(prefix); });
            });
            const bool is_plain = rule.allocation == PortAllocation::Single &&
                                  earlier.allocation == PortAllocation::Single;
            if (is_shared && !is_plain) {
                return quoted("source", rule.name) + "its pool overlaps that of '" + earlier.name +
                       "', and one of them gives out ports in blocks or by place; give them "
                       "different addresses";
            }
        }
        pools.insert(pools_[at].addresses.begin(), pools_[at].addresses.end());
    }
    all = pools;
    for (const OneToOneRule& rule : rules_.one_to_one) {
        if (rule.inside.length() != rule.outside.length()) {
            return quoted("one-to-one", rule.name) + rule.inside.to_string() + " and " +
                   rule.outside.to_string() +
                   " are not of one length, so not every address has a counterpart; make them so";
        }
        if (rule.outside.length() < 16) {
            return quoted("one-to-one", rule.name) + rule.outside.to_string() +
                   " has more addresses than one rule may have; use a /16 or longer";
        }
        for (std::uint32_t at = rule.outside.address().value();; ++at) {
            all.insert(net::Ipv4Address(at));
            if (at == rule.outside.last_address().value()) {
                break;
            }
        }
    }
    for (const ForwardRule& rule : rules_.forward) {
        all.insert(rule.outside);
    }
    if (all.size() > kMaxOutsideAddresses) {
        return "nat: all rules together have " + std::to_string(all.size()) +
               " outside addresses, more than " + std::to_string(kMaxOutsideAddresses) +
               "; make pools smaller";
    }
    outside_.assign(all.begin(), all.end());
    index_outside();
    for (const net::Ipv4Address address : outside_) {
        is_pool_.push_back(pools.contains(address));
    }
    return "";
}

std::string NatRules::compile_one_to_one() {
    for (std::size_t at = 0; at < rules_.one_to_one.size(); ++at) {
        const OneToOneRule& rule = rules_.one_to_one[at];
        for (std::size_t other = 0; other < at; ++other) {
            const OneToOneRule& earlier = rules_.one_to_one[other];
            if (rule.inside.overlaps(earlier.inside) || rule.outside.overlaps(earlier.outside)) {
                return quoted("one-to-one", rule.name) + "its addresses overlap those of '" +
                       earlier.name + "'; an address has one counterpart only";
            }
        }
        for (std::size_t index = 0; index < outside_.size(); ++index) {
            if (is_pool_[index] && rule.outside.contains(outside_[index])) {
                return quoted("one-to-one", rule.name) + outside_[index].to_string() +
                       " is in the pool of a source rule too; take it out of one of them";
            }
        }
    }
    return "";
}

std::string NatRules::compile_forwards() {
    for (const ForwardRule& rule : rules_.forward) {
        const std::string where = quoted("destination", rule.name);
        if (rule.protocol != net::IpProtocol::Tcp && rule.protocol != net::IpProtocol::Udp) {
            return where + "only tcp and udp have ports that can be forwarded";
        }
        if (rule.ports.size() == 0 || rule.ports.first == 0 || rule.first_inside_port == 0 ||
            rule.first_inside_port + (rule.ports.last - rule.ports.first) > 65535) {
            return where + "the ports must lie in 1 to 65535, outside and inside";
        }
        if (one_to_one_outside(rule.outside) != nullptr) {
            return where + rule.outside.to_string() +
                   " belongs to a one-to-one rule, which has all its ports; use another address";
        }
    }
    by_outside_ = rules_.forward;
    by_inside_ = rules_.forward;
    std::ranges::sort(by_outside_, {}, [](const ForwardRule& rule) {
        return std::tuple(rule.protocol, rule.outside, rule.ports.first);
    });
    std::ranges::sort(by_inside_, {}, [](const ForwardRule& rule) {
        return std::tuple(rule.protocol, rule.inside, rule.first_inside_port);
    });
    for (std::size_t at = 1; at < by_outside_.size(); ++at) {
        const ForwardRule& before = by_outside_[at - 1];
        const ForwardRule& rule = by_outside_[at];
        if (before.protocol == rule.protocol && before.outside == rule.outside &&
            rule.ports.first <= before.ports.last) {
            return quoted("destination", rule.name) + name_of(rule.protocol) + " port " +
                   std::to_string(rule.ports.first) + " of " + rule.outside.to_string() +
                   " is forwarded by '" + before.name + "' already; take it out of one of them";
        }
    }
    for (std::size_t at = 1; at < by_inside_.size(); ++at) {
        const ForwardRule& before = by_inside_[at - 1];
        const ForwardRule& rule = by_inside_[at];
        const int last = before.first_inside_port + (before.ports.last - before.ports.first);
        if (before.protocol == rule.protocol && before.inside == rule.inside &&
            rule.first_inside_port <= last) {
            return quoted("destination", rule.name) + name_of(rule.protocol) + " port " +
                   std::to_string(rule.first_inside_port) + " of " + rule.inside.to_string() +
                   " is where '" + before.name +
                   "' leads to, and an answer could not tell which it belongs to; let the server "
                   "listen on a second port";
        }
    }
    return "";
}

void NatRules::index_outside() {
    const auto slots =
        static_cast<std::uint32_t>(std::bit_ceil(std::max<std::size_t>(outside_.size() * 2U, 2U)));
    outside_slots_.assign(slots, kNoSlot);
    slot_shift_ = static_cast<unsigned>(std::countl_zero(slots)) + 1U;
    for (std::uint32_t index = 0; index < outside_.size(); ++index) {
        std::uint32_t slot = (outside_[index].value() * kFilterMultiplier) >> slot_shift_;
        while (outside_slots_[slot] != kNoSlot) {
            slot = (slot + 1U) & (slots - 1U);
        }
        outside_slots_[slot] = index;
    }
}

void NatRules::compile_filters() {
    outside_interface_.assign(outside_.size(), net::InterfaceId());
    const auto note = [this](net::Ipv4Address outside, net::InterfaceId out) {
        if (const auto index = outside_index(outside)) {
            outside_interface_[*index] = out;
        }
        if (out.is_none()) {
            concerned_.set();
        } else {
            concerned_.set(out.value() % concerned_.size());
        }
    };
    for (const ForwardRule& rule : rules_.forward) {
        note(rule.outside, rule.out);
    }
    for (const OneToOneRule& rule : rules_.one_to_one) {
        for (std::uint32_t at = 0; at <= ~rule.outside.mask(); ++at) {
            note(net::Ipv4Address(rule.outside.address().value() + at), rule.out);
        }
    }
    for (std::size_t at = 0; at < pools_.size(); ++at) {
        for (const net::Ipv4Address address : pools_[at].addresses) {
            note(address, rules_.source[at].out);
        }
    }
    // Sixteen bits for each address, and at least a word.
    const auto bits = static_cast<std::uint32_t>(
        std::bit_ceil(std::max<std::size_t>(outside_.size() * 16U, 4096U)));
    outside_filter_.assign(bits / 64U, 0);
    filter_shift_ = static_cast<unsigned>(std::countl_zero(bits)) + 1U;
    for (const net::Ipv4Address address : outside_) {
        const std::uint32_t bit = (address.value() * kFilterMultiplier) >> filter_shift_;
        outside_filter_[bit / 64U] |= std::uint64_t{1} << (bit % 64U);
    }
}

}  // namespace godwit::dataplane::nat
