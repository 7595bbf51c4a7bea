// Carries out the records of the route ring on the Fib and the next hops.
//
// Numbers. The control plane numbers its next hops, and the numbers hold for one session. A number
// owns one hop; replacing what a number leads to changes its hop in place, so all its routes move
// with one store. At a new session the hops lose their numbers, and a number that is set up anew
// adopts a hop that leads to the same place: a resynchronisation that changes nothing writes
// nothing that workers read, and forwarding never stops.
//
// Where the routes are. The Fib's own record is the only one: a million routes are searched for
// and written once. Whose a route is says its hop, which is a neighbour's own or is not.
//
// Mark and sweep. SyncBegin starts a mark; what is mentioned gets it; SyncEnd starts a sweep of
// what has it not, a bounded piece a turn (`sweep`), while later records are already carried out.
// SyncEnd is acknowledged when its sweep is done. The Fib keeps few marks: a new one is one that no
// route has, which are counted; only when synchronisations that found no end have used up all of
// them, every route is unmarked first.
//
// Host routes. A neighbour that is up and lies in an on-link route of its interface has a /32 of
// its own, so that workers find its adjacency with the one lookup. A /32 of the control plane
// always wins over it, and so does a more specific route than the on-link one: the host route is
// there only while the longest downloaded route over its address is that on-link route.
//
// A record that cannot be carried out gives a rejection; the records of a ring are otherwise
// trusted in nothing. It changes nothing, but that what it was to replace must not go on leading to
// where the control plane no longer wants it: a route that was to lead elsewhere is taken away, and
// a group shrinks to those members that are there, or to the first one when groups are used up.
//
// Want of room is remembered by its reason. When something has been given back since, take_room()
// says so once; the control plane knows what it still wants, and in which order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "dataplane/api/messages.hpp"
#include "dataplane/api/ring.hpp"
#include "dataplane/owner/hops.hpp"
#include "dataplane/tables/fib.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::dataplane {

struct RouteStatistics {
    std::uint64_t applied = 0;
    std::uint64_t rejected = 0;
    std::uint64_t routes_refused = 0;       // at max_routes
    std::uint64_t host_routes_refused = 0;  // the Fib was full
};

// How far the sweep at the end of a synchronisation has come.
struct RouteSweep {
    enum class Stage : std::uint8_t { Routes, Groups, Hops } stage = Stage::Routes;
    std::uint64_t end_sequence = 0;
    std::uint64_t generation = 0;
    net::Ipv4Prefix from;     // the route to look at, or the first one behind it
    std::uint32_t index = 1;  // the next hop to look at
    api::SyncDoneRecord done;
};

class RouteTable {
public:
    RouteTable(Fib& fib, Hops& hops, std::size_t max_routes)
        : fib_(fib), hops_(hops), max_routes_(max_routes) {}

    void session_opened();
    void apply(const api::Record& record);
    // Goes on with a sweep, visiting at most `limit` entries. True: there is more to do.
    bool sweep(std::size_t limit);
    [[nodiscard]] bool is_sweeping() const { return sweeping_.has_value(); }

    // The last record of which everything is carried out.
    [[nodiscard]] std::uint64_t acknowledged() const {
        return sweeping_ ? sweeping_->end_sequence - 1 : last_sequence_;
    }
    [[nodiscard]] std::vector<api::RouteRejectedRecord> take_rejections() {
        return std::exchange(rejections_, {});
    }
    [[nodiscard]] std::optional<api::SyncDoneRecord> take_sync_done() {
        return std::exchange(sync_done_, std::nullopt);
    }

    // The reasons of refusals since which there has been room again; each comes once.
    [[nodiscard]] std::vector<api::RouteRejection> take_room();
    // Every turn: does freed memory still wait for the workers, and has the neighbour table room?
    void look_for_room(bool reclaiming, bool neighbors_have_room);

    // After Hops::neighbor_up and before Hops::neighbor_down.
    void neighbor_up(const NeighborKey& key);
    void neighbor_down(const NeighborKey& key);

    [[nodiscard]] std::size_t downloaded() const { return downloaded_; }
    [[nodiscard]] std::size_t max_routes() const { return max_routes_; }
    [[nodiscard]] const RouteStatistics& statistics() const { return statistics_; }

private:
    struct Host {
        std::uint32_t hop = 0;                 // the neighbour's own
        std::optional<net::Ipv4Prefix> cover;  // the longest downloaded route over it but a /32
        bool installed = false;                // or a downloaded /32 is in its place
    };
    using HostKey = std::pair<net::Ipv4Address, net::InterfaceId>;

    // What went wrong, and with which prefix and number.
    struct Refusal {
        api::RouteRejection reason{};
        net::Ipv4Prefix prefix;
        std::uint32_t number = 0;
    };
    using Outcome = std::optional<Refusal>;

    Outcome carry_out(const api::Record& record);
    Outcome sync_begin(const api::SyncRecord& record);
    Outcome sync_end(const api::SyncRecord& record);
    Outcome set_next_hop(const api::NextHopSetRecord& record);
    Outcome set_group(const api::Record& record);
    Outcome delete_next_hop(const api::NextHopDeleteRecord& record);
    Outcome set_route(const api::RouteSetRecord& record);
    Outcome delete_route(const api::RouteDeleteRecord& record);

    [[nodiscard]] std::uint32_t hop_of_number(std::uint32_t number) const {
        return number < numbers_.size() ? numbers_[number] : 0;
    }
    // Of a group without room: it leads to `member` alone.
    Outcome reduce_group(std::uint32_t number, std::uint32_t member);
    void note_shortage(api::RouteRejection reason);
    [[nodiscard]] std::uint64_t freed() const { return freed_ + hops_.released(); }
    void bind(std::uint32_t number, std::uint32_t index);
    void unbind(std::uint32_t index);
    [[nodiscard]] std::uint32_t adopt(const HopTarget& target);
    [[nodiscard]] std::uint32_t adopt_group(const std::vector<std::uint32_t>& members);

    [[nodiscard]] bool is_downloaded(const Fib::Route& route) const {
        const Hop* const hop = hops_.find(route.next_hop);
        return hop != nullptr && !hop->of_neighbor;
    }
    // The downloaded route of exactly this prefix.
    [[nodiscard]] std::optional<Fib::Route> find_downloaded(const net::Ipv4Prefix& prefix) const;
    void remove_downloaded(const Fib::Route& route);
    void begin_mark();
    void sweep_routes(RouteSweep& sweep, std::size_t& limit);
    void settle_all();
    void cover_set(const net::Ipv4Prefix& prefix);
    void cover_removed(const net::Ipv4Prefix& prefix);
    void settle(const HostKey& key, Host& host);
    // The neighbour whose host route belongs where no downloaded one is.
    [[nodiscard]] const Host* installed_host(net::Ipv4Address address) const;
    // Of the downloaded routes, without a /32.
    [[nodiscard]] std::optional<net::Ipv4Prefix> longest_cover(net::Ipv4Address address) const;

    Fib& fib_;
    Hops& hops_;
    std::size_t max_routes_;
    RouteStatistics statistics_;

    std::size_t downloaded_ = 0;
    std::array<std::size_t, Fib::kMarks> downloaded_by_mark_{};
    std::array<std::size_t, 33> downloaded_by_length_{};
    std::map<HostKey, Host> hosts_;

    std::vector<std::uint32_t> numbers_;  // number → hop, 0 = none
    // Hops of the session before, by where they led when it ended; looked at again when adopted.
    std::multimap<HopTarget, std::uint32_t> orphans_;
    std::multimap<std::vector<std::uint32_t>, std::uint32_t> orphan_groups_;

    std::map<api::RouteRejection, std::uint64_t> shortages_;  // freed() at the last refusal
    std::uint64_t freed_ = 0;                                 // places in the lookup table
    bool reclaiming_ = false;
    bool neighbors_have_room_ = false;

    std::uint64_t last_sequence_ = 0;
    std::uint64_t mark_ = 0;                      // of hops
    Fib::Mark route_mark_ = 0;                    // of routes, for the same synchronisation
    bool begun_ = false;                          // a SyncBegin came in this session
    std::optional<std::uint64_t> synchronizing_;  // generation of a SyncBegin without its end
    std::optional<RouteSweep> sweeping_;
    std::vector<api::RouteRejectedRecord> rejections_;
    std::optional<api::SyncDoneRecord> sync_done_;
};

}  // namespace godwit::dataplane
