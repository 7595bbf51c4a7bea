// The writer's own record of the routes, in prefix order. Workers never see it.
//
// A route is one word: | address 32 | length 6 | mark 2 | next hop 24 |, so that the order of keys
// is the order of prefixes: a prefix stands before everything inside it, and what is inside it
// follows without a gap. Covering and more specific routes are therefore neighbours in the order,
// and no table of lengths is needed.
//
// The form is a B+-tree of three levels: leaves of 64 words (512 bytes), inner nodes of 128 leaves,
// and a sorted array of the inner nodes. Leaves and inner nodes come from lazy pools. Neighbours
// that would fit into three quarters of a node are made one, so that N routes never need more than
// N/23 + 4 leaves whatever the order of changes: that is the exact bound known before the start.
//
// Most of what a change costs is the search, and most of that are lines that are not in the cache
// and branches that nobody can foresee. So a node is searched by counting instead of by halves
// (its lines are asked for at once, nothing is jumped over), and once a change.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/tables/fib_memory.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::dataplane {

// A route of the forwarding table as one word.
class FibRoute {
public:
    static constexpr unsigned kNextHopBits = 24;
    static constexpr unsigned kMarkBits = 2;
    static constexpr unsigned kKeyShift = kNextHopBits + kMarkBits;

    constexpr FibRoute() = default;
    constexpr FibRoute(const net::Ipv4Prefix& prefix, std::uint32_t next_hop, std::uint8_t mark = 0)
        : word_(std::uint64_t{prefix.address().value()} << 32 |
                std::uint64_t{prefix.length()} << kKeyShift | std::uint64_t{mark} << kNextHopBits |
                next_hop) {}

    [[nodiscard]] constexpr std::uint32_t first() const {
        return static_cast<std::uint32_t>(word_ >> 32);
    }
    [[nodiscard]] constexpr std::uint8_t length() const {
        return static_cast<std::uint8_t>(word_ >> kKeyShift & 0x3fU);
    }
    [[nodiscard]] constexpr std::uint32_t last() const {
        return first() | static_cast<std::uint32_t>(0xffffffffULL >> length());
    }
    [[nodiscard]] constexpr bool contains(std::uint32_t address) const {
        return address >= first() && address <= last();
    }
    [[nodiscard]] constexpr std::uint32_t next_hop() const {
        return static_cast<std::uint32_t>(word_) & ((1U << kNextHopBits) - 1);
    }
    [[nodiscard]] constexpr std::uint8_t mark() const {
        return static_cast<std::uint8_t>(word_ >> kNextHopBits & ((1U << kMarkBits) - 1));
    }
    constexpr void set_mark(std::uint8_t mark) { *this = FibRoute(prefix(), next_hop(), mark); }
    [[nodiscard]] constexpr net::Ipv4Prefix prefix() const {
        return net::Ipv4Prefix::covering(net::Ipv4Address(first()), length());
    }
    // What orders routes; two of one prefix have the same key.
    [[nodiscard]] constexpr std::uint64_t key() const { return word_ >> kKeyShift; }

    friend constexpr bool operator==(const FibRoute&, const FibRoute&) = default;

private:
    std::uint64_t word_ = 0;
};

class FibRoutes {
public:
    static constexpr std::size_t kLeafRoutes = 64;
    static constexpr std::size_t kInnerLeaves = 128;

    // A place in the order; changes make it void.
    class Cursor {
    public:
        [[nodiscard]] bool at_end() const { return routes_ == nullptr; }
        [[nodiscard]] const FibRoute& route() const {
            return routes_->leaf(routes_->inner(root_), leaf_).routes[slot_];
        }
        void next();

    private:
        friend class FibRoutes;
        void settle();

        const FibRoutes* routes_ = nullptr;
        std::size_t root_ = 0;
        std::size_t leaf_ = 0;
        std::size_t slot_ = 0;
    };

    // Where a prefix is or belongs, so that one search serves what comes after it. Changes make it
    // void.
    struct Place {
        std::size_t root;
        std::size_t leaf;
        std::size_t slot;
    };
    struct Found {
        Place place;
        std::optional<FibRoute> route;
    };

    explicit FibRoutes(std::size_t max_routes);

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] Found find(const net::Ipv4Prefix& prefix) const;
    [[nodiscard]] Cursor not_before(std::uint64_t key) const;
    // The longest route around what was found, other than itself and the default route.
    [[nodiscard]] std::optional<FibRoute> cover(const Found& of, std::uint32_t address) const;

    // Puts it where its prefix was looked for, over the one of before if there is one. There must
    // be room. The place after it.
    Cursor put(const FibRoute& route, const Found& found);
    // Another mark for what was found.
    void mark(const Found& found, std::uint8_t mark) {
        leaf(inner(found.place.root), found.place.leaf).routes[found.place.slot].set_mark(mark);
    }
    // Mark 0 for all: one pass over the leaves.
    void unmark();
    // Takes out what was found. The place where it was.
    Cursor erase(const Found& found);
    // For an empty record that is filled in order.
    void append(const FibRoute& route);

    void use_huge_pages() noexcept;
    [[nodiscard]] std::size_t memory_bytes() const;
    static std::size_t memory_bound(std::size_t max_routes);

private:
    struct Leaf {
        std::array<FibRoute, kLeafRoutes> routes;
    };
    // `from` is where a leaf may begin: no route of the leaves before is at or after it.
    struct Inner {
        std::array<std::uint64_t, kInnerLeaves> from;
        std::array<std::uint32_t, kInnerLeaves> leaf;
        std::array<std::uint8_t, kInnerLeaves> used;
        std::uint32_t count;
    };
    struct Pool {
        Pool(std::size_t count, std::size_t bytes) : memory(count * bytes), limit(count) {}
        std::uint32_t take();
        void give(std::uint32_t number) { free.push_back(number); }

        LazyMemory memory;
        std::size_t limit;
        std::uint32_t made = 0;
        std::vector<std::uint32_t> free;
    };

    static std::size_t max_leaves(std::size_t max_routes) { return max_routes / 23 + 4; }
    static std::size_t max_inners(std::size_t max_routes) {
        return max_leaves(max_routes) / 48 + 4;
    }

    [[nodiscard]] Inner& inner(std::size_t root) const {
        return inners_.memory.as<Inner>()[root_inner_[root]];
    }
    [[nodiscard]] Leaf& leaf(const Inner& of, std::size_t index) const {
        return leaves_.memory.as<Leaf>()[of.leaf[index]];
    }
    [[nodiscard]] Place locate(std::uint64_t key) const;
    [[nodiscard]] std::optional<FibRoute> before(Place place) const;
    [[nodiscard]] Cursor cursor(Place place) const;
    void split_leaf(std::uint64_t key);
    void split_inner(std::size_t root);
    void merge_around(std::size_t root, std::size_t leaf_index);
    void merge_leaf_with_next(Inner& of, std::size_t index);
    void remove_leaf(std::size_t root, std::size_t index);
    void merge_inner_around(std::size_t root);
    void merge_inner_with_next(std::size_t root);
    void count(std::uint8_t length, std::size_t more);

    std::size_t size_ = 0;
    std::array<std::size_t, 33> by_length_{};
    std::uint64_t lengths_ = 0;  // bit n: there are routes of length n
    Pool leaves_;
    Pool inners_;
    std::vector<std::uint64_t> root_from_;
    std::vector<std::uint32_t> root_inner_;
};

}  // namespace godwit::dataplane
