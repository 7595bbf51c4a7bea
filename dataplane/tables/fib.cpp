// How a reader can be right without a lock.
//
// Each address has one entry (in the /24 table or in a group), and every change of it is one atomic
// store, so a lookup sees the value before or after. Two cases need more than that:
//
// - A group that is not needed any more is cut off by the store in the /24 table and not written
//   again; a reader that is still in it reads what was right when it was cut off. Its memory is
//   used again only after the Reclaimer says that no reader is left.
// - An empty entry means "the default route", which is a second word. Read carelessly, two changes
//   between the two reads make an answer that never was right. So the default carries a version,
//   and a lookup that needs it reads it before and after the entry and starts again when it moved.
#include "dataplane/tables/fib.hpp"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <bitset>
#include <map>
#include <new>
#include <vector>

namespace godwit::dataplane {

namespace {

// An entry: | extended | present | length (6) | next hop or group (24) |
constexpr std::uint32_t kExtended = 1U << 31;  // the low bits are the number of a group
constexpr std::uint32_t kPresent = 1U << 30;   // without it: the default route
constexpr unsigned kLengthShift = 24;
constexpr std::uint32_t kValueMask = (1U << 24) - 1;

constexpr std::size_t kTableEntries = std::size_t{1} << 24;
constexpr std::size_t kGroupEntries = 256;
constexpr std::size_t kMaxGroups = std::size_t{1} << 18;  // 256 MiB of address space at the most
constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kEntriesPerPage = kPageBytes / sizeof(std::uint32_t);

constexpr std::uint32_t entry_of(std::uint8_t length, std::uint32_t next_hop) {
    return kPresent | std::uint32_t{length} << kLengthShift | (next_hop & kValueMask);
}

constexpr unsigned length_of(std::uint32_t entry) {
    return entry >> kLengthShift & 0x3fU;
}

std::uint32_t load(const std::uint32_t& entry) {
    // atomic_ref of const comes with C++26; this only reads.
    return std::atomic_ref(const_cast<std::uint32_t&>(entry)).load(std::memory_order_acquire);
}

void store(std::uint32_t& entry, std::uint32_t value) {
    std::atomic_ref(entry).store(value, std::memory_order_release);
}

// Zeroed memory that costs nothing until it is written to.
class LazyEntries {
public:
    explicit LazyEntries(std::size_t count) : bytes_(count * sizeof(std::uint32_t)) {
        void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            throw std::bad_alloc();
        }
        entries_ = static_cast<std::uint32_t*>(memory);
    }
    ~LazyEntries() { munmap(entries_, bytes_); }
    LazyEntries(const LazyEntries&) = delete;
    LazyEntries& operator=(const LazyEntries&) = delete;

    [[nodiscard]] std::uint32_t* data() const { return entries_; }

private:
    std::size_t bytes_;
    std::uint32_t* entries_ = nullptr;
};

}  // namespace

struct Fib::State {
    State(Reclaimer& reclaimer_in, std::size_t max_routes_in)
        : reclaimer(reclaimer_in),
          max_routes(max_routes_in),
          table_memory(kTableEntries),
          group_memory(kMaxGroups * kGroupEntries),
          table(table_memory.data()),
          groups(group_memory.data()) {}

    // ---- readers

    // | version (32) | next hop (32) |
    [[nodiscard]] std::uint64_t load_default() const {
        return default_route.load(std::memory_order_acquire);
    }
    [[nodiscard]] std::uint32_t load_entry(std::uint32_t address) const {
        const std::uint32_t entry = load(table[address >> 8]);
        if ((entry & kExtended) == 0) [[likely]] {
            return entry;
        }
        return load(groups[(entry & kValueMask) * kGroupEntries + (address & 0xffU)]);
    }
    [[nodiscard]] std::uint32_t lookup(std::uint32_t address) const {
        while (true) {
            const std::uint64_t before = load_default();
            const std::uint32_t entry = load_entry(address);
            if ((entry & kPresent) != 0) {
                return entry & kValueMask;
            }
            if (load_default() == before) {
                return static_cast<std::uint32_t>(before);
            }
        }
    }

    // ---- the owner

    void set_default(std::uint32_t next_hop) {
        const std::uint64_t version = (load_default() >> 32) + 1;
        default_route.store(version << 32 | next_hop, std::memory_order_release);
    }

    // Writes `value` over the entries in [first, last] of a run that belong to prefixes of a length
    // between `from_length` and `to_length`; an empty entry has length 0.
    static void overwrite(std::uint32_t& entry, unsigned from_length, unsigned to_length,
                          std::uint32_t value) {
        const std::uint32_t old = load(entry);
        if (length_of(old) >= from_length && length_of(old) <= to_length) {
            store(entry, value);
        }
    }

    // The entries of one prefix of 24 bits or less.
    void overwrite_table(const net::Ipv4Prefix& prefix, unsigned from_length, unsigned to_length,
                         std::uint32_t value) {
        const std::uint32_t first = prefix.address().value() >> 8;
        const std::uint32_t last = prefix.last_address().value() >> 8;
        for (std::uint32_t slot = first; slot <= last; ++slot) {
            const std::uint32_t entry = load(table[slot]);
            if ((entry & kExtended) == 0) {
                overwrite(table[slot], from_length, to_length, value);
                continue;
            }
            std::uint32_t* group = &groups[(entry & kValueMask) * kGroupEntries];
            for (std::size_t i = 0; i < kGroupEntries; ++i) {
                overwrite(group[i], from_length, to_length, value);
            }
        }
        for (std::uint32_t page = first / kEntriesPerPage; page <= last / kEntriesPerPage; ++page) {
            touched_pages.set(page);
        }
    }

    // The entries of one prefix longer than 24 bits, inside a group.
    void overwrite_group(std::uint32_t number, const net::Ipv4Prefix& prefix, unsigned from_length,
                         unsigned to_length, std::uint32_t value) {
        std::uint32_t* group = &groups[number * kGroupEntries];
        const std::uint32_t first = prefix.address().value() & 0xffU;
        const std::uint32_t last = prefix.last_address().value() & 0xffU;
        for (std::uint32_t i = first; i <= last; ++i) {
            overwrite(group[i], from_length, to_length, value);
        }
    }

    // The group of a /24, made when there is none; nothing when all groups are in use.
    std::optional<std::uint32_t> group_for(std::uint32_t slot) {
        const std::uint32_t entry = load(table[slot]);
        if ((entry & kExtended) != 0) {
            return entry & kValueMask;
        }
        if (free_groups.empty()) {
            reclaimer.poll();
        }
        std::uint32_t number = 0;
        if (!free_groups.empty()) {
            number = free_groups.back();
            free_groups.pop_back();
        } else if (groups_made < kMaxGroups) {
            number = groups_made++;
            long_routes.push_back(0);
        } else {
            return std::nullopt;
        }
        std::uint32_t* group = &groups[number * kGroupEntries];
        for (std::size_t i = 0; i < kGroupEntries; ++i) {
            store(group[i], entry);
        }
        store(table[slot], kExtended | number);
        touched_pages.set(slot / kEntriesPerPage);
        return number;
    }

    // One route longer than /24 left the group; without any, the /24 answers by itself again.
    void leave_group(std::uint32_t slot, std::uint32_t number) {
        if (--long_routes[number] > 0) {
            return;
        }
        store(table[slot], load(groups[number * kGroupEntries]));
        reclaimer.defer([this, number] { free_groups.push_back(number); });
    }

    // What the addresses of a prefix follow without it: the entry of the longest prefix around it.
    [[nodiscard]] std::uint32_t entry_around(const net::Ipv4Prefix& prefix) const {
        for (std::uint8_t length = prefix.length(); length-- > 1;) {
            if (routes_of_length[length] == 0) {
                continue;
            }
            const auto found = routes.find(net::Ipv4Prefix::covering(prefix.address(), length));
            if (found != routes.end()) {
                return entry_of(length, found->second);
            }
        }
        return 0;
    }

    // False: no group was free, nothing changed.
    bool write(const net::Ipv4Prefix& prefix, std::uint32_t next_hop, bool is_new) {
        const std::uint8_t length = prefix.length();
        if (length == 0) {
            set_default(next_hop);
        } else if (length <= 24) {
            overwrite_table(prefix, 0, length, entry_of(length, next_hop));
        } else {
            const auto number = group_for(prefix.address().value() >> 8);
            if (!number) {
                return false;
            }
            long_routes[*number] += is_new ? 1U : 0U;
            overwrite_group(*number, prefix, 0, length, entry_of(length, next_hop));
        }
        return true;
    }

    void erase(const net::Ipv4Prefix& prefix) {
        const std::uint8_t length = prefix.length();
        if (length == 0) {
            set_default(kNoRoute);
        } else if (length <= 24) {
            overwrite_table(prefix, length, length, entry_around(prefix));
        } else {
            const std::uint32_t slot = prefix.address().value() >> 8;
            const std::uint32_t number = load(table[slot]) & kValueMask;
            overwrite_group(number, prefix, length, length, entry_around(prefix));
            leave_group(slot, number);
        }
    }

    Reclaimer& reclaimer;
    std::size_t max_routes;
    LazyEntries table_memory;
    LazyEntries group_memory;
    std::uint32_t* table;
    std::uint32_t* groups;
    alignas(64) std::atomic<std::uint64_t> default_route{kNoRoute};

    alignas(64) std::map<net::Ipv4Prefix, std::uint32_t> routes;
    std::array<std::size_t, 33> routes_of_length{};
    std::vector<std::uint32_t> free_groups;
    std::vector<std::uint32_t> long_routes;  // by group: routes longer than /24 in it
    std::uint32_t groups_made = 0;
    std::bitset<kTableEntries / kEntriesPerPage> touched_pages;
};

Fib::Fib(Reclaimer& reclaimer, std::size_t max_routes)
    : state_(std::make_unique<State>(reclaimer, max_routes)) {}

Fib::~Fib() {
    state_->reclaimer.drain();  // what waits there gives its groups back to this table
}

std::uint32_t Fib::lookup(std::uint32_t address) const {
    return state_->lookup(address);
}

void Fib::lookup_burst(const std::uint32_t* addresses, std::uint32_t* next_hops,
                       unsigned count) const {
    const State& state = *state_;
    for (unsigned i = 0; i < count; ++i) {
        __builtin_prefetch(&state.table[addresses[i] >> 8]);
    }
    for (unsigned i = 0; i < count; ++i) {
        next_hops[i] = state.lookup(addresses[i]);
    }
}

Fib::Change Fib::set(const net::Ipv4Prefix& prefix, std::uint32_t next_hop) {
    State& state = *state_;
    const auto known = state.routes.find(prefix);
    if (known != state.routes.end()) {
        if (known->second == next_hop) {
            return Change::Unchanged;
        }
        known->second = next_hop;
        state.write(prefix, next_hop, false);  // its group is there already
        return Change::Replaced;
    }
    if (state.routes.size() >= state.max_routes || !state.write(prefix, next_hop, true)) {
        return Change::TableFull;
    }
    state.routes.emplace(prefix, next_hop);
    ++state.routes_of_length[prefix.length()];
    return Change::Added;
}

bool Fib::remove(const net::Ipv4Prefix& prefix) {
    State& state = *state_;
    if (state.routes.erase(prefix) == 0) {
        return false;
    }
    --state.routes_of_length[prefix.length()];
    state.erase(prefix);
    return true;
}

std::optional<std::uint32_t> Fib::find(const net::Ipv4Prefix& prefix) const {
    const auto found = state_->routes.find(prefix);
    return found == state_->routes.end() ? std::nullopt : std::optional(found->second);
}

std::size_t Fib::size() const {
    return state_->routes.size();
}

std::size_t Fib::memory_bytes() const {
    constexpr std::size_t kRouteBytes = 48 + sizeof(std::pair<net::Ipv4Prefix, std::uint32_t>);
    return state_->touched_pages.count() * kPageBytes +
           state_->groups_made * kGroupEntries * sizeof(std::uint32_t) +
           state_->routes.size() * kRouteBytes;
}

void Fib::walk(const net::Ipv4Prefix& from,
               const std::function<bool(const net::Ipv4Prefix&, std::uint32_t)>& visit) const {
    for (auto route = state_->routes.lower_bound(from); route != state_->routes.end(); ++route) {
        if (!visit(route->first, route->second)) {
            return;
        }
    }
}

}  // namespace godwit::dataplane
