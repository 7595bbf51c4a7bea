// The forwarding table from the writer's side: the routes in order, and the view that follows them.
//
// The view holds no lengths. What a change may write is found from the routes instead: a new route
// covers what no more specific one inside it covers, and a removed one leaves that to the route
// around it. Both are ranges of addresses between routes that are neighbours in the order.
//
// A /24 has a group exactly while a route longer than 24 bits lies inside it; a /16 has a chunk
// while one of its /24s has a group. Both come from pools with a limit and go back through the
// Reclaimer. Readers may see the tables from the moment their view is published; then every store
// is one that readers may meet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/tables/fib_codes.hpp"
#include "dataplane/tables/fib_front.hpp"
#include "dataplane/tables/fib_gather.hpp"
#include "dataplane/tables/fib_memory.hpp"
#include "dataplane/tables/fib_routes.hpp"
#include "dataplane/tables/fib_view.hpp"
#include "dataplane/tables/reclaimer.hpp"

namespace godwit::dataplane {

class FibTables {
public:
    // From here on huge pages are worth their price.
    static constexpr std::size_t kLargeTableRoutes = 10'000;
    static constexpr std::size_t kMostGroups = std::size_t{1} << 18;

    FibTables(Reclaimer& reclaimer, std::size_t max_routes, FibWay way);
    // No reader is left, and nothing of it waits in the Reclaimer.
    ~FibTables() = default;
    FibTables(const FibTables&) = delete;
    FibTables& operator=(const FibTables&) = delete;

    [[nodiscard]] const FibView& view() const { return view_; }
    [[nodiscard]] const FibRoutes& routes() const { return routes_; }

    // Looks for the route to be changed, and has what readers read of it fetched meanwhile.
    [[nodiscard]] FibRoutes::Found find(const net::Ipv4Prefix& prefix) const;
    // False: no group or no code is free; nothing changed. `found` is what was found of the prefix.
    bool set(const FibRoute& route, const FibRoutes::Found& found);
    void mark(const FibRoutes::Found& found, std::uint8_t mark) { routes_.mark(found, mark); }
    void unmark() { routes_.unmark(); }
    void remove(const FibRoutes::Found& found);

    // Fills empty tables that nobody reads, in prefix order; `finish` completes them.
    void begin(std::size_t expected_routes);
    bool append(const FibRoute& route);
    void finish();

    [[nodiscard]] std::size_t memory_bytes() const;
    static std::size_t memory_bound(std::size_t max_routes);
    static std::size_t max_groups(std::size_t max_routes);

private:
    struct ChunkUse {
        std::uint16_t groups;
        bool exists;
        std::uint32_t epoch;
    };
    // What an address range follows: as a code of the front, and as an entry of a group.
    struct Value {
        std::uint32_t code = 0;
        std::uint32_t entry = kFibDefault;
    };
    struct Open {  // a route that goes on around what is appended
        std::uint32_t last;
        Value value;
    };

    [[nodiscard]] Value value_of(const std::optional<FibRoute>& route) const;
    void fill(std::uint32_t first, std::uint32_t last, const Value& value);
    void fill_gaps(const net::Ipv4Prefix& around, FibRoutes::Cursor inside, const Value& value);
    void close_until(std::uint64_t address);
    void set_default(std::uint32_t next_hop);

    std::optional<std::uint32_t> acquire_code(std::uint32_t next_hop);
    void release_code(std::uint32_t next_hop);
    bool extend_codes_for(std::uint32_t next_hop);
    void name_groups();
    // Makes another one with what is in this one, and shows it to readers.
    void replace_front();

    [[nodiscard]] std::uint32_t& chunk_entry(std::uint32_t slot);
    [[nodiscard]] std::uint32_t* group_of(std::uint32_t slot);
    [[nodiscard]] bool has_group(std::uint32_t slot) const;
    bool make_group(std::uint32_t slot);
    void leave_group(std::uint32_t slot, const Value& value);
    void make_chunk(std::uint32_t number);
    void leave_chunk(std::uint32_t number);
    void grow();

    Reclaimer& reclaimer_;
    FibView view_;
    FibRoutes routes_;
    FibCodes codes_;

    std::unique_ptr<FibFront> front_;
    LazyMemory chunk_of_memory_;
    LazyMemory chunk_use_memory_;
    LazyMemory chunk_memory_;
    LazyMemory group_memory_;
    std::uint16_t* chunk_of_;
    ChunkUse* chunk_use_;
    std::uint32_t* chunks_;
    std::uint32_t* groups_;

    std::size_t max_groups_;
    std::uint32_t groups_made_ = 0;
    std::uint32_t chunks_made_ = 0;
    std::vector<std::uint32_t> free_groups_;
    std::vector<std::uint16_t> free_chunks_;
    std::vector<std::uint16_t> long_routes_;  // by group: routes longer than /24 in it
    bool large_ = false;

    std::vector<Open> open_;      // outermost first
    std::uint64_t appended_ = 0;  // addresses below it are done
};

}  // namespace godwit::dataplane
