#include "controlplane/rib/redistribution.hpp"

#include <algorithm>
#include <utility>

namespace godwit::control {

namespace {

RedistributedRoute handed_over_as(const PolicyRoute& route) {
    return {route.source,      route.distance,
            route.metric,      route.metric_set,
            route.tag,         route.next_hops.empty() ? RibNextHop() : route.next_hops.front(),
            route.next_hop_set};
}

}  // namespace

// ---- subscriptions

SubscriptionId Redistribution::subscribe(RedistributionRequest request) {
    const SubscriptionId id{next_id_++};
    Subscription& subscription = subscriptions_[id];
    adopt(subscription, std::move(request));
    walk(subscription, subscription.sources);
    return id;
}

void Redistribution::change(SubscriptionId id, RedistributionRequest request) {
    Subscription& subscription = subscriptions_.at(id);
    SourceSet concerned = 0;
    const bool all = subscription.request.refused_tags != request.refused_tags ||
                     subscription.request.consumer != request.consumer;
    for (std::size_t i = 0; i < kRouteSourceCount; ++i) {
        const auto source = static_cast<RouteSource>(i);
        const RedistributionRule* const before = rule_for(subscription.request, source);
        const RedistributionRule* const after = rule_for(request, source);
        const bool same = (before == nullptr && after == nullptr) ||
                          (before != nullptr && after != nullptr && *before == *after);
        if (all || !same) {
            concerned |= bit(source);
        }
    }
    adopt(subscription, std::move(request));
    if (concerned != 0) {
        walk(subscription, concerned);
    }
}

void Redistribution::unsubscribe(SubscriptionId id) {
    subscriptions_.erase(id);
}

void Redistribution::adopt(Subscription& subscription, RedistributionRequest request) {
    subscription.sources = 0;
    for (const RedistributionRule& rule : request.rules) {
        if (rule.from != request.consumer && rule.from != RouteSource::Local) {
            subscription.sources |= bit(rule.from);
        }
    }
    subscription.request = std::move(request);
}

void Redistribution::walk(Subscription& subscription, SourceSet sources) {
    // A walk that is under way begins anew, for both.
    subscription.walk_sources = sources | (subscription.walking ? subscription.walk_sources : 0);
    subscription.walking = true;
    subscription.walked.reset();
}

// ---- changes

void Redistribution::note(const net::Ipv4Prefix& prefix) {
    std::optional<PolicyRoute> offered;
    bool looked = false;
    for (auto& [id, subscription] : subscriptions_) {
        auto slot = subscription.slots.find(prefix);
        if (slot == subscription.slots.end()) {
            if (!std::exchange(looked, true)) {
                offered = offer_(prefix);
            }
            if (!offered || (subscription.sources & bit(offered->source)) == 0) {
                continue;
            }
            slot = subscription.slots.try_emplace(prefix).first;
        }
        if (!std::exchange(slot->second.queued, true)) {
            subscription.queue.push_back(prefix);
        }
    }
}

void Redistribution::note_all() {
    for (auto& [id, subscription] : subscriptions_) {
        walk(subscription, subscription.sources);
    }
}

std::vector<RedistributionChange> Redistribution::take(SubscriptionId id, std::size_t limit) {
    Subscription& subscription = subscriptions_.at(id);
    std::vector<RedistributionChange> changes;
    for (std::size_t looked_at = 0; looked_at < limit; ++looked_at) {
        if (!subscription.queue.empty()) {
            const net::Ipv4Prefix prefix = subscription.queue.front();
            subscription.queue.pop_front();
            subscription.slots.at(prefix).queued = false;
            settle(subscription, prefix, changes);
        } else if (subscription.walking) {
            step(subscription, changes);
        } else {
            break;
        }
    }
    return changes;
}

// A prefix that is no longer in the table has been noted when it went, so walking over those that
// are there is enough.
void Redistribution::step(Subscription& subscription, std::vector<RedistributionChange>& changes) {
    const auto next = following_(subscription.walked);
    if (!next) {
        subscription.walking = false;
        return;
    }
    subscription.walked = next;
    const auto slot = subscription.slots.find(*next);
    const bool sent = slot != subscription.slots.end() && slot->second.sent &&
                      (subscription.walk_sources & bit(slot->second.sent->source)) != 0;
    const auto offered = offer_(*next);
    if (sent || (offered && (subscription.walk_sources & bit(offered->source)) != 0)) {
        settle(subscription, *next, changes);
    }
}

void Redistribution::settle(Subscription& subscription, const net::Ipv4Prefix& prefix,
                            std::vector<RedistributionChange>& changes) {
    const auto offered = offer_(prefix);
    std::optional<RedistributedRoute> route;
    if (offered) {
        route = judge(subscription, *offered);
    }
    const auto slot = subscription.slots.find(prefix);
    const bool known = slot != subscription.slots.end();
    const bool was_there = known && slot->second.sent.has_value();
    if (route) {
        if (was_there && slot->second.sent == route) {
            return;
        }
        (known ? slot->second : subscription.slots[prefix]).sent = route;
        subscription.handed_over += was_there ? 0 : 1;
        changes.push_back({prefix, std::move(route)});
        return;
    }
    if (was_there) {
        --subscription.handed_over;
        changes.push_back({prefix, std::nullopt});
    }
    if (known && !slot->second.queued) {
        subscription.slots.erase(slot);
    } else if (known) {
        slot->second.sent.reset();
    }
}

bool Redistribution::in_step(SubscriptionId id) const {
    const Subscription& subscription = subscriptions_.at(id);
    return subscription.queue.empty() && !subscription.walking;
}

bool Redistribution::in_step() const {
    return std::all_of(subscriptions_.begin(), subscriptions_.end(),
                       [this](const auto& each) { return in_step(each.first); });
}

std::size_t Redistribution::handed_over(SubscriptionId id) const {
    return subscriptions_.at(id).handed_over;
}

// ---- judging

const RedistributionRule* Redistribution::rule_for(const RedistributionRequest& request,
                                                   RouteSource source) {
    if (source == request.consumer || source == RouteSource::Local) {
        return nullptr;
    }
    const auto found =
        std::find_if(request.rules.begin(), request.rules.end(),
                     [&](const RedistributionRule& rule) { return rule.from == source; });
    return found == request.rules.end() ? nullptr : &*found;
}

bool Redistribution::refused_by_tag(const RedistributionRequest& request, std::uint32_t tag) {
    return std::find(request.refused_tags.begin(), request.refused_tags.end(), tag) !=
           request.refused_tags.end();
}

std::optional<RedistributedRoute> Redistribution::judge(const Subscription& subscription,
                                                        const PolicyRoute& offered) {
    const RedistributionRule* const rule = rule_for(subscription.request, offered.source);
    if (rule == nullptr || refused_by_tag(subscription.request, offered.tag)) {
        return std::nullopt;
    }
    const PolicyResult result = rule->policy.evaluate(offered);
    return result.accepted ? std::optional(handed_over_as(result.route)) : std::nullopt;
}

std::vector<RedistributionTrace> Redistribution::explain(const net::Ipv4Prefix& prefix) const {
    std::vector<RedistributionTrace> traces;
    const auto offered = offer_(prefix);
    if (!offered) {
        return traces;
    }
    for (const auto& [id, subscription] : subscriptions_) {
        const RedistributionRequest& request = subscription.request;
        RedistributionTrace& trace = traces.emplace_back();
        trace.consumer = request.consumer;
        const RedistributionRule* const rule = rule_for(request, offered->source);
        if (offered->source == request.consumer) {
            trace.refused = "it is a route of its own";
        } else if (rule == nullptr) {
            trace.refused = "it takes no " + std::string(name_of(offered->source)) + " routes";
        } else if (refused_by_tag(request, offered->tag)) {
            trace.refused =
                "the tag " + std::to_string(offered->tag) + " marks what it announced itself";
        } else {
            const PolicyResult result = rule->policy.explain(*offered, trace.policy);
            if (result.accepted) {
                trace.route = handed_over_as(result.route);
            }
        }
    }
    return traces;
}

}  // namespace godwit::control
