// Best routes handed from their sources to a protocol that announces them ("redistribution"), and
// what becomes of them since.
//
// A consumer names the sources that it wants and the policy that each must pass. It then takes
// changes: a prefix with what it is announced with, or without (withdrawn). First comes everything
// there is, in portions; from then on what changes. What is handed over is kept, so that only real
// changes come: a route that is replaced by an equal one says nothing, and one that a new rule
// refuses is withdrawn. Rules can be exchanged at any time; only the routes of sources whose rule
// is another one are judged anew.
//
// What is offered of a prefix is its best route, whatever else is known: what this router does not
// use it does not announce. Addresses of our own as such (RouteSource::Local) are nobody's concern;
// a /32 of an interface is a connected route as well.
//
// Loops: a consumer never gets its own routes back, and no route with one of `refused_tags`. A
// protocol that marks what it takes in with a tag of its own, and refuses that tag here, does not
// hear its own routes through a third one.
//
// Queues hold a prefix once, and only one that is offered or was handed over: they are bounded by
// the RIB's own limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "controlplane/policy/policy_gate.hpp"
#include "controlplane/policy/policy_route.hpp"
#include "controlplane/rib/route.hpp"

namespace godwit::control {

enum class SubscriptionId : std::uint32_t {};

struct RedistributionRule {
    RouteSource from = RouteSource::Connected;
    PolicyGate policy{WithoutPolicy::AcceptAll};
    friend bool operator==(const RedistributionRule&, const RedistributionRule&) = default;
};

struct RedistributionRequest {
    RouteSource consumer = RouteSource::Rip;
    std::vector<RedistributionRule> rules;    // of several for one source the first one holds
    std::vector<std::uint32_t> refused_tags;  // as the source gave them, before any policy
    friend bool operator==(const RedistributionRequest&, const RedistributionRequest&) = default;
};

// As the policy left it.
struct RedistributedRoute {
    RouteSource source = RouteSource::Connected;
    std::uint8_t distance = 0;
    std::uint32_t metric = 0;  // the source's own, unless it is set
    bool metric_set = false;   // by the policy: it is meant for the consumer
    std::uint32_t tag = 0;
    RibNextHop next_hop;                           // the first of those it is resolved to
    std::optional<net::Ipv4Address> next_hop_set;  // by the policy
    friend bool operator==(const RedistributedRoute&, const RedistributedRoute&) = default;
};

struct RedistributionChange {
    net::Ipv4Prefix prefix;
    std::optional<RedistributedRoute> route;  // none: withdrawn
    friend bool operator==(const RedistributionChange&, const RedistributionChange&) = default;
};

// Why a consumer gets a route, or not.
struct RedistributionTrace {
    RouteSource consumer{};
    std::string refused;  // before any policy, a sentence; empty: `policy` decided
    PolicyTrace policy;
    std::optional<RedistributedRoute> route;  // what it gets
};

class Redistribution {
public:
    // What the RIB offers of a prefix: its best route that is not Local; its next hops live until
    // the RIB changes.
    using Offer = std::function<std::optional<PolicyRoute>(const net::Ipv4Prefix&)>;
    // The prefix behind this one, in order; without one, the first.
    using Following =
        std::function<std::optional<net::Ipv4Prefix>(const std::optional<net::Ipv4Prefix>&)>;
    Redistribution(Offer offer, Following following)
        : offer_(std::move(offer)), following_(std::move(following)) {}

    SubscriptionId subscribe(RedistributionRequest request);
    void change(SubscriptionId id, RedistributionRequest request);
    void unsubscribe(SubscriptionId id);

    // Changes, at most `limit` of them, after looking at no more than as many routes: empty does
    // not mean that there is nothing left; in_step() says so.
    std::vector<RedistributionChange> take(SubscriptionId id, std::size_t limit);
    // Everything that there is has been taken.
    [[nodiscard]] bool in_step(SubscriptionId id) const;
    [[nodiscard]] bool in_step() const;  // all of them

    [[nodiscard]] bool wanted() const { return !subscriptions_.empty(); }
    // What is offered of `prefix` may be something else now.
    void note(const net::Ipv4Prefix& prefix);
    // The same for more prefixes than are worth naming.
    void note_all();

    [[nodiscard]] std::vector<RedistributionTrace> explain(const net::Ipv4Prefix& prefix) const;
    [[nodiscard]] std::size_t handed_over(SubscriptionId id) const;

private:
    using SourceSet = std::uint32_t;  // a bit for each RouteSource
    struct Slot {
        std::optional<RedistributedRoute> sent;
        bool queued = false;
    };
    struct Subscription {
        RedistributionRequest request;
        SourceSet sources = 0;
        std::unordered_map<net::Ipv4Prefix, Slot> slots;
        std::deque<net::Ipv4Prefix> queue;
        std::size_t handed_over = 0;
        // The walk over everything: where it is, and the sources that it is for.
        bool walking = false;
        std::optional<net::Ipv4Prefix> walked;
        SourceSet walk_sources = 0;
    };

    static SourceSet bit(RouteSource source) {
        return SourceSet{1} << static_cast<unsigned>(source);
    }
    static void adopt(Subscription& subscription, RedistributionRequest request);
    static void walk(Subscription& subscription, SourceSet sources);
    [[nodiscard]] static const RedistributionRule* rule_for(const RedistributionRequest& request,
                                                            RouteSource source);
    static bool refused_by_tag(const RedistributionRequest& request, std::uint32_t tag);
    static std::optional<RedistributedRoute> judge(const Subscription& subscription,
                                                   const PolicyRoute& offered);
    void settle(Subscription& subscription, const net::Ipv4Prefix& prefix,
                std::vector<RedistributionChange>& changes);
    void step(Subscription& subscription, std::vector<RedistributionChange>& changes);

    Offer offer_;
    Following following_;
    std::map<SubscriptionId, Subscription> subscriptions_;
    std::uint32_t next_id_ = 1;
};

}  // namespace godwit::control
