#include "controlplane/management/route_audit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controlplane/management/record_text.hpp"

namespace godwit::control {

namespace {

bool same(const RibNextHop& wanted, const api::FibRecord& record) {
    switch (wanted.kind) {
        case RibNextHop::Kind::Gateway:
            return record.kind == api::NextHopKind::Gateway && wanted.via &&
                   record.gateway == wanted.via->value() &&
                   record.interface == wanted.interface.value();
        case RibNextHop::Kind::Glean:
            return record.kind == api::NextHopKind::Glean &&
                   record.interface == wanted.interface.value();
        case RibNextHop::Kind::Receive:
            return record.kind == api::NextHopKind::Receive;
        case RibNextHop::Kind::Broadcast:
            return record.kind == api::NextHopKind::Broadcast;
        case RibNextHop::Kind::Blackhole:
            return record.kind == api::NextHopKind::Blackhole;
    }
    return false;
}

}  // namespace

RouteAudit::RouteAudit(Timers& timers, ChannelClient& channel, const Rib& rib,
                       const RouteDownload& download, std::function<void(const std::string&)> heal)
    : channel_(channel),
      rib_(rib),
      download_(download),
      heal_(std::move(heal)),
      timer_(timers.make_timer()),
      slice_(timers.make_timer()),
      timers_(timers),
      alive_(std::make_shared<bool>(true)) {}

RouteAudit::~RouteAudit() {
    *alive_ = false;
}

void RouteAudit::start() {
    arm();
}

void RouteAudit::stop() {
    timer_->cancel();
    slice_->cancel();
}

void RouteAudit::arm() {
    timer_->arm(timers_.now() + kInterval, [this] { begin(); });
}

void RouteAudit::begin() {
    arm();
    if (!channel_.connected() || !download_.quiet()) {
        return;
    }
    sequence_ = channel_.routes().last_sequence();
    session_ = channel_.welcome() ? channel_.welcome()->session : 0;
    seen_ = 0;
    ask(0);
}

bool RouteAudit::overtaken() const {
    return !channel_.connected() || !download_.quiet() || !channel_.welcome() ||
           channel_.welcome()->session != session_ ||
           channel_.routes().last_sequence() != sequence_;
}

void RouteAudit::ask(std::uint64_t cursor) {
    api::QueryBody query;
    query.kind = api::QueryKind::Fib;
    query.cursor = cursor;
    channel_.query_page(
        query, [this, alive = alive_](const net::Result<QueryAnswer, std::string>& answer) {
            if (!*alive) {
                return;
            }
            if (!answer || overtaken()) {
                ++counters_.overtaken;
                return;
            }
            page(*answer);
        });
}

void RouteAudit::page(const QueryAnswer& answer) {
    for (const api::FibRecord& record : answer.rows<api::FibRecord>()) {
        if (record.from_neighbor != 0 || record.kind == api::NextHopKind::NoRoute) {
            continue;  // the dataplane's own
        }
        if (!wanted(record)) {
            differs(fmt::format("{} leads elsewhere",
                                prefix_of(record.prefix, record.length).to_string()));
            return;
        }
        ++seen_;
    }
    if (answer.next_cursor != 0) {
        ask(answer.next_cursor);
        return;
    }
    installed_ = 0;
    count_installed(std::nullopt);
}

bool RouteAudit::wanted(const api::FibRecord& record) const {
    const auto prefix = rib_.find(prefix_of(record.prefix, record.length));
    if (!prefix) {
        return false;
    }
    for (const RouteView& route : prefix->routes) {
        if (!route.selected) {
            continue;
        }
        std::vector<RibNextHop> real;
        for (const NextHopView& next_hop : route.next_hops) {
            if (next_hop.active) {
                real.insert(real.end(), next_hop.resolved.begin(), next_hop.resolved.end());
                if (next_hop.resolved.empty() && !next_hop.next_hop.is_recursive()) {
                    real.push_back(next_hop.next_hop);
                }
            }
        }
        return record.kind == api::NextHopKind::Group ||
               std::any_of(real.begin(), real.end(),
                           [&](const RibNextHop& each) { return same(each, record); });
    }
    return false;
}

// A page a turn, as everywhere: a million routes hold up nothing else.
void RouteAudit::count_installed(const std::optional<net::Ipv4Prefix>& after) {
    const RoutePage page = rib_.page(RouteFilter{}, after, kPageRoutes);
    for (const PrefixView& prefix : page.prefixes) {
        installed_ += static_cast<std::size_t>(std::any_of(
            prefix.routes.begin(), prefix.routes.end(),
            [](const RouteView& route) { return route.install.state == InstallState::Installed; }));
    }
    if (page.behind) {
        slice_->arm(timers_.now(), [this, behind = page.behind] {
            if (overtaken()) {
                ++counters_.overtaken;
                return;
            }
            count_installed(behind);
        });
        return;
    }
    if (installed_ != seen_) {
        differs(fmt::format("{} routes are there, and {} should be", seen_, installed_));
        return;
    }
    ++counters_.completed;
}

void RouteAudit::differs(const std::string& what) {
    ++counters_.completed;
    ++counters_.differences;
    heal_(what);
}

}  // namespace godwit::control
