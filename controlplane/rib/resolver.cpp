#include "controlplane/rib/resolver.hpp"

#include <algorithm>

namespace godwit::control {

namespace {

constexpr std::uint32_t kTooDeep = 1U << 31;
// Routes looked at for one set. Honest tables need a few dozen; only routes made to branch and loop
// at every level come near it.
constexpr std::size_t kMaxSteps = 4096;

static_assert(kMaxRecursion + 1 < 31, "a place on the stack is a bit of the taint");

}  // namespace

std::vector<RibNextHop> merged(std::span<const HopResolution> hops) {
    std::vector<RibNextHop> all;
    for (const HopResolution& hop : hops) {
        all.insert(all.end(), hop.resolved.begin(), hop.resolved.end());
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

std::vector<HopResolution> Resolver::resolve(std::span<const RibNextHop> next_hops,
                                             const std::optional<net::Ipv4Prefix>& owner) {
    stack_.clear();
    if (owner) {
        stack_.push_back(*owner);
    }
    depth_ = 0;
    steps_ = 0;
    abandoned_ = false;
    std::vector<HopResolution> hops;
    hops.reserve(next_hops.size());
    for (const RibNextHop& next_hop : next_hops) {
        Taint taint = 0;
        hops.push_back(resolve_one(next_hop, taint));
    }
    return hops;
}

HopResolution Resolver::resolve_one(const RibNextHop& next_hop, Taint& taint) {
    if (next_hop.is_recursive()) {
        return next_hop.via ? walk(*next_hop.via, taint)
                            : HopResolution{false, NextHopProblem::NoRoute, {}, {}};
    }
    // A blackhole always works; an address of ours may be one of no interface.
    const bool everywhere =
        next_hop.kind == RibNextHop::Kind::Blackhole ||
        (next_hop.kind == RibNextHop::Kind::Receive && next_hop.interface.is_none());
    if (everywhere || interface_up_[next_hop.interface.value()]) {
        return {true, NextHopProblem::None, {}, {next_hop}};
    }
    return {false, NextHopProblem::InterfaceDown, {}, {}};
}

HopResolution Resolver::walk(net::Ipv4Address via, Taint& taint) {
    HopResolution result{false, NextHopProblem::NoRoute, {}, {}};
    table_.for_each_covering(via, [&](RouteNumber route) {
        const net::Ipv4Prefix& prefix = table_[route].prefix;
        if (prefix.length() == 0) {
            return false;  // the default route is no proof that `via` can be reached
        }
        const auto under_way = std::find(stack_.begin(), stack_.end(), prefix);
        if (under_way != stack_.end()) {
            taint |= 1U << (under_way - stack_.begin());
            result.problem = NextHopProblem::Loop;
            return false;
        }
        if (depth_ == kMaxRecursion || ++steps_ > kMaxSteps) {
            abandoned_ = abandoned_ || steps_ > kMaxSteps;
            taint |= kTooDeep;
            result.problem = NextHopProblem::TooDeep;
            return false;
        }
        Taint tainted_below = 0;
        const std::vector<RibNextHop> found = evaluate(route, tainted_below);
        if (found.empty()) {
            taint |= tainted_below;
            if (tainted_below == 0) {
                return true;  // leads nowhere by itself: the next shorter prefix
            }
            result.problem =
                (tainted_below & kTooDeep) != 0 ? NextHopProblem::TooDeep : NextHopProblem::Loop;
            return false;
        }
        result.through = prefix;
        for (const RibNextHop& next_hop : found) {
            switch (next_hop.kind) {
                case RibNextHop::Kind::Gateway:
                case RibNextHop::Kind::Blackhole:
                    result.resolved.push_back(next_hop);
                    break;
                case RibNextHop::Kind::Glean:  // on link: `via` itself is the neighbour
                    result.resolved.push_back(RibNextHop::gateway(via, next_hop.interface));
                    break;
                case RibNextHop::Kind::Receive:
                case RibNextHop::Kind::Broadcast:
                    break;
            }
        }
        result.resolved = merged({&result, 1});
        result.active = !result.resolved.empty();
        result.problem = result.active ? NextHopProblem::None : NextHopProblem::OwnAddress;
        return false;
    });
    return result;
}

std::vector<RibNextHop> Resolver::evaluate(RouteNumber route, Taint& taint) {
    const Taint own_place = 1U << stack_.size();
    stack_.push_back(table_[route].prefix);
    ++depth_;
    std::vector<RibNextHop> found;
    for (CandidateNumber each = table_[route].best; each != kNoCandidate;
         each = table_[each].worse) {
        const Candidate& candidate = table_[each];
        std::vector<HopResolution> hops;
        hops.reserve(candidate.set->next_hops.size());
        for (const RibNextHop& next_hop : candidate.set->next_hops) {
            hops.push_back(resolve_one(next_hop, taint));
        }
        found = merged(hops);
        if (!found.empty()) {
            break;
        }
    }
    if (found.size() > kMaxGroupMembers) {
        found.resize(kMaxGroupMembers);
    }
    --depth_;
    stack_.pop_back();
    taint &= ~own_place;  // a loop that began here ends here
    return found;
}

}  // namespace godwit::control
