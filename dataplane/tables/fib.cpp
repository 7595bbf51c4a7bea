#include "dataplane/tables/fib.hpp"

#include <atomic>

#include "dataplane/tables/fib_burst.hpp"
#include "dataplane/tables/fib_tables.hpp"

namespace godwit::dataplane {

namespace {

// A burst that the default route moved under is looked up again; one that it moves under all the
// time goes on address by address, of which each is soon between two moves.
constexpr int kBurstTries = 4;

std::uint32_t lookup_one(const std::atomic<const FibView*>& current, std::uint32_t address) {
    while (true) {
        const FibView& view = *current.load(std::memory_order_acquire);
        const std::uint64_t before = view.load_default();
        const std::uint32_t entry = view.entry(address);
        if (entry != kFibDefault) [[likely]] {
            return entry;
        }
        if (view.load_default() == before) {
            return static_cast<std::uint32_t>(before);
        }
    }
}

bool is_sorted(std::span<const Fib::Route> routes) {
    for (std::size_t i = 1; i < routes.size(); ++i) {
        if (!(routes[i - 1].prefix < routes[i].prefix)) {
            return false;
        }
    }
    return true;
}

}  // namespace

struct Fib::State {
    State(Reclaimer& reclaimer_in, std::size_t max_routes_in, FibWay way_in)
        : reclaimer(reclaimer_in),
          max_routes(max_routes_in),
          way(way_in),
          tables(std::make_unique<FibTables>(reclaimer, max_routes, way)),
          view(&tables->view()) {}

    Reclaimer& reclaimer;
    std::size_t max_routes;
    FibWay way;
    std::unique_ptr<FibTables> tables;
    std::atomic<const FibView*> view;
    std::uint64_t refused_at_limit = 0;
};

Fib::Fib(Reclaimer& reclaimer, std::size_t max_routes, FibWay way)
    : state_(std::make_unique<State>(reclaimer, max_routes, way)) {}

Fib::~Fib() {
    state_->reclaimer.drain();  // what waits there gives its memory back to this table
}

std::uint32_t Fib::lookup(std::uint32_t address) const {
    return lookup_one(state_->view, address);
}

bool Fib::has_specific_route(std::uint32_t address) const {
    const FibView& view = *state_->view.load(std::memory_order_acquire);
    return (view.entry(address) & kFibDefault) == 0;
}

void Fib::lookup_burst(const std::uint32_t* addresses, std::uint32_t* next_hops,
                       unsigned count) const {
    const State& state = *state_;
    for (int tries = 0; tries < kBurstTries; ++tries) {
        const FibView& view = *state.view.load(std::memory_order_acquire);
        const std::uint64_t before = view.load_default();
        if (!fib_lookup_burst(view, static_cast<std::uint32_t>(before), addresses, next_hops,
                              count) ||
            view.load_default() == before) [[likely]] {
            return;
        }
    }
    for (unsigned i = 0; i < count; ++i) {
        next_hops[i] = lookup_one(state.view, addresses[i]);
    }
}

Fib::Change Fib::set(const net::Ipv4Prefix& prefix, std::uint32_t next_hop, Mark mark) {
    State& state = *state_;
    const FibRoutes::Found found = state.tables->find(prefix);
    const auto& known = found.route;
    if (known && known->next_hop() == next_hop) {
        if (known->mark() != mark) {
            state.tables->mark(found, mark);
        }
        return Change::Unchanged;
    }
    if ((!known && state.tables->routes().size() >= state.max_routes) ||
        !state.tables->set(FibRoute(prefix, next_hop, mark), found)) {
        ++state.refused_at_limit;
        return Change::TableFull;
    }
    return known ? Change::Replaced : Change::Added;
}

bool Fib::remove(const net::Ipv4Prefix& prefix) {
    const FibRoutes::Found found = state_->tables->find(prefix);
    if (!found.route) {
        return false;
    }
    state_->tables->remove(found);
    return true;
}

Fib::Built Fib::build(std::span<const Route> routes) {
    State& state = *state_;
    if (!is_sorted(routes)) {
        return Built::NotSorted;
    }
    const auto refuse = [&state] {
        ++state.refused_at_limit;
        return Built::TableFull;
    };
    if (routes.size() > state.max_routes) {
        return refuse();
    }
    auto next = std::make_unique<FibTables>(state.reclaimer, state.max_routes, state.way);
    next->begin(routes.size());
    for (const Route& route : routes) {
        if (!next->append(FibRoute(route.prefix, route.next_hop, route.mark))) {
            // A wider front may have left its narrow one in the Reclaimer, which needs nothing of
            // the tables.
            return refuse();
        }
    }
    next->finish();
    state.view.store(&next->view(), std::memory_order_release);
    // What the old tables have waiting there comes before them.
    state.reclaimer.defer([old = std::shared_ptr<FibTables>(std::move(state.tables))] {});
    state.tables = std::move(next);
    return Built::Done;
}

std::optional<std::uint32_t> Fib::find(const net::Ipv4Prefix& prefix) const {
    const auto known = state_->tables->routes().find(prefix).route;
    return known ? std::optional(known->next_hop()) : std::nullopt;
}

std::optional<Fib::Route> Fib::find_route(const net::Ipv4Prefix& prefix) const {
    const auto known = state_->tables->find(prefix).route;
    return known ? std::optional(Route{prefix, known->next_hop(), known->mark()}) : std::nullopt;
}

void Fib::unmark() {
    state_->tables->unmark();
}

std::size_t Fib::size() const {
    return state_->tables->routes().size();
}

std::uint64_t Fib::refused_at_limit() const {
    return state_->refused_at_limit;
}

void Fib::walk(const net::Ipv4Prefix& from, const std::function<bool(const Route&)>& visit) const {
    for (auto at = state_->tables->routes().not_before(FibRoute(from, 0).key()); !at.at_end();
         at.next()) {
        const FibRoute& route = at.route();
        if (!visit({route.prefix(), route.next_hop(), route.mark()})) {
            return;
        }
    }
}

std::size_t Fib::memory_bytes() const {
    return sizeof(State) + state_->tables->memory_bytes();
}

std::size_t Fib::memory_bound(std::size_t max_routes) {
    return sizeof(State) + FibTables::memory_bound(max_routes);
}

}  // namespace godwit::dataplane
