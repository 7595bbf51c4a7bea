// `show`: what the router is and does, as JSON (docs/control-protocol.md).
//
// What this program knows itself is answered at once, long tables part by part; what the dataplane
// knows is asked for page by page, each page when the part before has gone out. Nothing is cached:
// a view is as old as its answer.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/management/answer.hpp"
#include "controlplane/management/control_server.hpp"
#include "controlplane/management/nat_views.hpp"
#include "controlplane/management/request.hpp"
#include "controlplane/management/router.hpp"

namespace godwit::control {

class Show {
public:
    // `server` is asked for its counters; it may be empty.
    Show(Router& router, std::function<const ControlServerCounters*()> server)
        : router_(router), server_(std::move(server)), nat_(router) {}

    // Reads the rest of the request itself.
    void answer(Request& request, const std::shared_ptr<Answer>& answer);

private:
    struct Table;
    struct FibTable;
    struct Status;

    void interfaces(const std::shared_ptr<Answer>& answer);
    void routes(const RouteFilter& filter, const std::shared_ptr<Answer>& answer);
    void fib(const std::optional<net::Ipv4Prefix>& prefix, const std::shared_ptr<Answer>& answer);
    void next_hops_of(const std::shared_ptr<FibTable>& fib);
    void workers(const std::shared_ptr<Answer>& answer);
    void rip(const std::string& part, const std::shared_ptr<Answer>& answer);
    void next_events(std::optional<EventTopic> topic, std::uint64_t behind,
                     const std::shared_ptr<Answer>& answer);
    void next_rip_routes(const std::optional<net::Ipv4Prefix>& after,
                         const std::shared_ptr<Answer>& answer);
    void counters(const std::shared_ptr<Answer>& answer,
                  boost::json::array (*view)(const api::CountersRegion&, std::uint32_t));
    void status(const std::shared_ptr<Answer>& answer);
    void status_tables(const std::shared_ptr<Status>& status, api::QueryBody query);
    void status_limits(const std::shared_ptr<Status>& status);
    void status_ledger(const std::shared_ptr<Status>& status);
    void status_done(const std::shared_ptr<Status>& status);

    // A whole table of the dataplane as a list, page by page.
    void table(api::QueryKind kind, const std::shared_ptr<Answer>& answer,
               std::function<boost::json::array(const QueryAnswer&)> view);
    void next_page(const std::shared_ptr<Table>& table);
    void next_routes(const RouteFilter& filter, const std::optional<net::Ipv4Prefix>& after,
                     const std::shared_ptr<Answer>& answer);
    // The dataplane is there; else `answer` says that it is not.
    bool reachable(const std::shared_ptr<Answer>& answer);
    [[nodiscard]] std::uint32_t worker_count() const;

    Router& router_;
    std::function<const ControlServerCounters*()> server_;
    NatViews nat_;
};

}  // namespace godwit::control
