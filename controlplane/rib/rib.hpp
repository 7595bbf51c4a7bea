// The routing information base: the routes of all sources, the best one of each prefix, its next
// hops resolved, and the download that keeps the dataplane's tables equal to it.
//
// Best is the lowest distance, then metric, then source, among the routes with at least one active
// next hop. A next hop with an interface is active while the interface is up. One without
// ("recursive") is resolved through the longest match among the selected routes:
//   - never through its own prefix, and a loop of routes resolves nothing in it;
//   - never through the default route, nor through one of our own or a broadcast address;
//   - through at most kMaxRecursion routes.
// RFC 4271 9.1.2.1 asks for the same (a next hop must be resolvable, and not by itself); FRR does
// so by default.
//
// A core without I/O: changes go in, `take_download()` gives what the dataplane must do. Each
// change is worked off before its call returns, and touches only the routes that it concerns:
// dependents are found through the next-hop addresses inside the changed prefix. Only what concerns
// more routes than a turn has visits for is worked off in portions, by settle_more().
//
// Limits (RibLimits): a route beyond them is refused and counted; a selected route that gets no
// next-hop number is shown as rejected and tried again when numbers come free. What the dataplane
// has no room for waits here, and is asked for again, by distance, when it says that it has.
//
// The implementation: route_table.hpp (entries and candidates), next_hop_set.hpp (what routes
// share), resolver.hpp (pure), rib_state.hpp (what a change concerns), download.hpp (numbers,
// order, acknowledgement, room).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/rib/download_op.hpp"
#include "controlplane/rib/redistribution.hpp"
#include "controlplane/rib/route.hpp"

namespace godwit::control {

constexpr std::size_t kMaxRecursion = 8;

struct RibLimits {
    std::size_t max_routes = 2'000'000;            // of all sources together
    std::uint32_t max_next_hops = (1U << 20) - 1;  // the highest number given out
    // Routes that choose anew because an interface changed, or that are walked over because the
    // dataplane knows nothing.
    std::size_t visits_a_turn = 1024;
};

// Each counts one limit being met.
struct RibCounters {
    std::uint64_t routes_refused = 0;
    std::uint64_t group_members_dropped = 0;  // beyond kMaxGroupMembers
    std::uint64_t next_hops_refused = 0;      // no number was free
    std::uint64_t resolutions_abandoned = 0;  // a maze of routes; taken as unresolved
    std::uint64_t refused_for_room = 0;       // by the dataplane
};

// Why a next hop is not active.
enum class NextHopProblem : std::uint8_t {
    None,
    InterfaceDown,
    NoRoute,     // nothing but perhaps the default route leads to `via`
    OwnAddress,  // `via` is an address of this router, or a broadcast address
    Loop,        // it would be resolved through itself
    TooDeep,     // through more than kMaxRecursion routes
};

struct NextHopView {
    RibNextHop next_hop;  // as the source said it
    bool active = false;
    NextHopProblem problem = NextHopProblem::None;
    std::optional<net::Ipv4Prefix> resolved_through;  // of a recursive one
    std::vector<RibNextHop> resolved;                 // what packets really do
};

struct RouteView {
    RouteSource source{};
    std::uint8_t distance = 0;
    std::uint32_t metric = 0;
    std::uint32_t tag = 0;
    bool selected = false;
    InstallStatus install;
    std::vector<NextHopView> next_hops;
};

struct PrefixView {
    net::Ipv4Prefix prefix;
    std::vector<RouteView> routes;  // best first
};

// What a view is narrowed to.
struct RouteFilter {
    std::optional<RouteSource> source;      // only routes of it
    std::optional<net::Ipv4Prefix> within;  // only this prefix
    bool longer = false;                    // and what lies inside it
};

// As many prefixes are looked at for a page as a view can take at a time.
constexpr std::size_t kPageRoutes = 64;

struct RoutePage {
    std::vector<PrefixView> prefixes;
    std::optional<net::Ipv4Prefix> behind;  // where the next page goes on; none: this is the last
};

class Rib {
public:
    explicit Rib(RibLimits limits = {});
    ~Rib();
    Rib(const Rib&) = delete;
    Rib& operator=(const Rib&) = delete;

    // Makes `routes` all that `source` says: one change, and what stays the same emits nothing.
    // Routes to the same prefix are taken together (equal cost). Returns how many were refused.
    std::size_t replace_source(RouteSource source, std::vector<Route> routes);
    // Adds or replaces the route of its prefix and source. False: refused, at the limit.
    bool set(Route route);
    bool remove(const net::Ipv4Prefix& prefix, RouteSource source);
    // Interfaces are down until said to be up.
    void set_interface_up(net::InterfaceId interface, bool up);
    // Goes on with what changes left for later turns. True: there is more.
    bool settle_more();
    [[nodiscard]] bool is_settling() const;

    // The next operations, at most `limit`. They are the caller's then: every one taken must be
    // written, in this order. Empty: the dataplane has been told everything, or see begin_resync().
    std::vector<DownloadOp> take_download(std::size_t limit);
    [[nodiscard]] bool has_download() const;
    // The dataplane knows nothing (a new session, or a new dataplane): everything is emitted again,
    // and nothing for what it must forget; mark and sweep does that. Routes come when the RIB has
    // walked over all of them, a portion each time that take_download() is called; until then it
    // may give nothing although has_download() says that there is more.
    void begin_resync();
    // The first `operations` operations taken since begin_resync() (or since the start) have been
    // carried out.
    void acknowledged(std::uint64_t operations);
    // That operation (counted as in acknowledged(), the first is 1) was refused: the route of
    // `prefix` that was set to `number`, or the next hop `number` itself. For want of room it waits
    // until there is room; else it stays so until it changes or a resync.
    void rejected(std::uint64_t operation, const net::Ipv4Prefix& prefix, std::uint32_t number,
                  Refusal refusal);
    // There is room again for what was refused for want of it.
    void room_returned(Shortage shortage);

    // Best routes for a protocol that announces them (redistribution.hpp). The RIB notes by itself
    // what changes.
    [[nodiscard]] Redistribution& redistribution();
    [[nodiscard]] const Redistribution& redistribution() const;

    // At most `limit` prefixes in order (address, then length), behind `after`.
    [[nodiscard]] std::vector<PrefixView> page(const std::optional<net::Ipv4Prefix>& after,
                                               std::size_t limit) const;
    // The same through a filter: at most `looked_at` prefixes are looked at, so that a page takes
    // as long whatever is in it. Begins without `after`.
    [[nodiscard]] RoutePage page(const RouteFilter& filter,
                                 const std::optional<net::Ipv4Prefix>& after,
                                 std::size_t looked_at) const;
    [[nodiscard]] std::optional<PrefixView> find(const net::Ipv4Prefix& prefix) const;
    // The longest prefix with a selected route that contains `address`.
    [[nodiscard]] std::optional<PrefixView> lookup(net::Ipv4Address address) const;
    // Where a packet to `address` goes: the first of its next hops. Asked for every packet of the
    // router's own, so nothing is copied but the answer.
    [[nodiscard]] std::optional<RouteToward> toward(net::Ipv4Address address) const;
    [[nodiscard]] std::size_t size() const;  // routes of all sources
    [[nodiscard]] std::size_t size(RouteSource source) const;
    [[nodiscard]] std::size_t selected_size() const;  // prefixes with a selected route
    // Selected, and not installed because the dataplane has no room (for them, or their next hop).
    [[nodiscard]] std::size_t routes_waiting() const;
    // Next hops and groups of them for which it has none, or not in full.
    [[nodiscard]] std::size_t next_hops_waiting() const;
    [[nodiscard]] RibCounters counters() const;
    // What the routes take up, without the sets of next hops, of which there are few.
    [[nodiscard]] std::size_t bytes() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace godwit::control
