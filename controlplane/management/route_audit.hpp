// Looks, now and then, whether the dataplane's table is what the RIB wants, and has it told anew
// when it is not. Page by page, while nothing else changes: an audit that is overtaken by a change
// proves nothing and is dropped.
//
// First the dataplane's pages, each route beside the RIB's; then the RIB's own, how many it has as
// installed. Looked at are the prefixes, and where each leads; of a group of next hops only that it
// is one.
// What it finds should never be there; the counter says so, and the resynchronisation heals it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "controlplane/channel/channel_client.hpp"
#include "controlplane/management/route_download.hpp"
#include "controlplane/rib/rib.hpp"
#include "controlplane/runtime/clock.hpp"

namespace godwit::control {

struct RouteAuditCounters {
    std::uint64_t completed = 0;
    std::uint64_t overtaken = 0;
    std::uint64_t differences = 0;  // audits that found one
};

class RouteAudit {
public:
    static constexpr Duration kInterval = std::chrono::seconds(60);

    // `heal` is told what differs, and starts a resynchronisation. All outlive this.
    RouteAudit(Timers& timers, ChannelClient& channel, const Rib& rib,
               const RouteDownload& download, std::function<void(const std::string&)> heal);
    ~RouteAudit();

    void start();
    void stop();
    [[nodiscard]] const RouteAuditCounters& counters() const { return counters_; }

private:
    void arm();
    void begin();
    void ask(std::uint64_t cursor);
    void page(const QueryAnswer& answer);
    [[nodiscard]] bool overtaken() const;
    [[nodiscard]] bool wanted(const api::FibRecord& record) const;
    void count_installed(const std::optional<net::Ipv4Prefix>& after);
    void differs(const std::string& what);

    ChannelClient& channel_;
    const Rib& rib_;
    const RouteDownload& download_;
    std::function<void(const std::string&)> heal_;
    std::unique_ptr<Timer> timer_;
    std::unique_ptr<Timer> slice_;
    const Timers& timers_;
    RouteAuditCounters counters_;
    std::uint64_t sequence_ = 0;  // of the last record written when this audit began
    std::uint64_t session_ = 0;
    std::size_t seen_ = 0;       // routes of the dataplane
    std::size_t installed_ = 0;  // of the RIB, so far
    std::shared_ptr<bool> alive_;
};

}  // namespace godwit::control
