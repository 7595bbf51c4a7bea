#include "dataplane/tables/fib_routes.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace godwit::dataplane {

namespace {

// Two neighbours with no more than this together are made one.
constexpr std::size_t kMergeRoutes = FibRoutes::kLeafRoutes * 3 / 4;
constexpr std::size_t kMergeLeaves = FibRoutes::kInnerLeaves * 3 / 4;

constexpr std::uint64_t key_of(std::uint32_t address, unsigned length) {
    return std::uint64_t{address} << (32U - FibRoute::kKeyShift) | length;
}

template <class Array>
void insert_at(Array& array, std::size_t count, std::size_t at, typename Array::value_type value) {
    std::move_backward(array.begin() + static_cast<std::ptrdiff_t>(at),
                       array.begin() + static_cast<std::ptrdiff_t>(count),
                       array.begin() + static_cast<std::ptrdiff_t>(count + 1));
    array[at] = value;
}

template <class Array>
void erase_at(Array& array, std::size_t count, std::size_t at) {
    std::move(array.begin() + static_cast<std::ptrdiff_t>(at + 1),
              array.begin() + static_cast<std::ptrdiff_t>(count),
              array.begin() + static_cast<std::ptrdiff_t>(at));
}

// How many of `count` keys in order are below `key`: first of the first in every line, then in the
// line where they end.
template <class KeyAt>
std::size_t count_below(KeyAt key_at, std::size_t count, std::uint64_t key) {
    constexpr std::size_t kLine = 64 / sizeof(std::uint64_t);
    std::size_t below = 0;
    for (std::size_t i = kLine; i < count; i += kLine) {
        below += key_at(i) < key ? kLine : 0;
    }
    const std::size_t end = std::min(below + kLine, count);
    for (std::size_t i = below; i < end; ++i) {
        below += key_at(i) < key ? 1 : 0;
    }
    return below;
}

// The last index of `from` that is not above the key; the first is never above.
std::size_t index_of(const std::uint64_t* from, std::size_t count, std::uint64_t key) {
    return count_below([from](std::size_t i) { return from[i + 1]; }, count - 1, key + 1);
}

}  // namespace

std::uint32_t FibRoutes::Pool::take() {
    if (!free.empty()) {
        const std::uint32_t number = free.back();
        free.pop_back();
        return number;
    }
    if (made >= limit) {
        throw std::bad_alloc();  // the bound in the essay would be wrong
    }
    return made++;
}

FibRoutes::FibRoutes(std::size_t max_routes)
    : leaves_(max_leaves(max_routes), sizeof(Leaf)),
      inners_(max_inners(max_routes), sizeof(Inner)) {
    root_from_.push_back(0);
    root_inner_.push_back(inners_.take());
    Inner& only = inner(0);
    only.count = 1;
    only.from[0] = 0;
    only.used[0] = 0;
    only.leaf[0] = leaves_.take();
}

// ---- finding

FibRoutes::Place FibRoutes::locate(std::uint64_t key) const {
    const std::size_t root = index_of(root_from_.data(), root_from_.size(), key);
    const Inner& of = inner(root);
    const std::size_t index = index_of(of.from.data(), of.count, key);
    const Leaf& in = leaf(of, index);
    const std::size_t slot =
        count_below([&in](std::size_t i) { return in.routes[i].key(); }, of.used[index], key);
    return {root, index, slot};
}

std::optional<FibRoute> FibRoutes::before(Place place) const {
    if (place.slot == 0) {
        if (place.leaf == 0) {
            if (place.root == 0) {
                return std::nullopt;
            }
            --place.root;
            place.leaf = inner(place.root).count;
        }
        --place.leaf;
        place.slot = inner(place.root).used[place.leaf];
        if (place.slot == 0) {
            return std::nullopt;  // only the single leaf of an empty record is empty
        }
    }
    return leaf(inner(place.root), place.leaf).routes[place.slot - 1];
}

FibRoutes::Found FibRoutes::find(const net::Ipv4Prefix& prefix) const {
    const std::uint64_t key = key_of(prefix.address().value(), prefix.length());
    const Place place = locate(key);
    const Inner& of = inner(place.root);
    if (place.slot < of.used[place.leaf]) {
        const FibRoute& route = leaf(of, place.leaf).routes[place.slot];
        if (route.key() == key) {
            return {place, route};
        }
    }
    return {place, std::nullopt};
}

FibRoutes::Cursor FibRoutes::cursor(Place place) const {
    Cursor result;
    result.routes_ = this;
    result.root_ = place.root;
    result.leaf_ = place.leaf;
    result.slot_ = place.slot;
    result.settle();
    return result;
}

FibRoutes::Cursor FibRoutes::not_before(std::uint64_t key) const {
    return cursor(locate(key));
}

void FibRoutes::Cursor::next() {
    ++slot_;
    settle();
}

void FibRoutes::Cursor::settle() {
    while (slot_ >= routes_->inner(root_).used[leaf_]) {
        slot_ = 0;
        if (++leaf_ < routes_->inner(root_).count) {
            continue;
        }
        leaf_ = 0;
        if (++root_ >= routes_->root_inner_.size()) {
            routes_ = nullptr;
            return;
        }
    }
}

// Routes around the prefix stand before it, the longest one last. Most of the time it is in the
// same leaf. Else: a route before the prefix that is not around it shares only its first `shared`
// bits; what is around the prefix and stands before that route is around both, and is not longer.
std::optional<FibRoute> FibRoutes::cover(const Found& of, std::uint32_t address) const {
    Place place = of.place;
    const Leaf& in = leaf(inner(place.root), place.leaf);
    for (; place.slot > 0; --place.slot) {
        const FibRoute& route = in.routes[place.slot - 1];
        if (route.contains(address) && route.length() > 0) {
            return route;
        }
    }
    auto route = before(place);
    while (route && !route->contains(address)) {
        const auto shared = static_cast<unsigned>(std::countl_zero(route->first() ^ address));
        // Of the lengths up to `shared` that some route has, the longest.
        const std::uint64_t lengths = lengths_ & ((std::uint64_t{2} << shared) - 2);
        if (lengths == 0) {
            return std::nullopt;
        }
        const auto length = static_cast<unsigned>(std::bit_width(lengths)) - 1;
        const std::uint32_t mask = ~std::uint32_t{0} << (32U - length);
        route = before(locate(key_of(address & mask, length + 1)));
    }
    return route && route->length() > 0 ? route : std::nullopt;
}

void FibRoutes::count(std::uint8_t length, std::size_t more) {
    by_length_[length] += more;
    lengths_ = by_length_[length] == 0 ? lengths_ & ~(std::uint64_t{1} << length)
                                       : lengths_ | std::uint64_t{1} << length;
}

// ---- changing

FibRoutes::Cursor FibRoutes::put(const FibRoute& route, const Found& found) {
    Place place = found.place;
    if (found.route) {
        leaf(inner(place.root), place.leaf).routes[place.slot++] = route;
        return cursor(place);
    }
    if (inner(place.root).used[place.leaf] == kLeafRoutes) {
        split_leaf(route.key());
        place = locate(route.key());
    }
    Inner& of = inner(place.root);
    insert_at(leaf(of, place.leaf).routes, of.used[place.leaf], place.slot, route);
    ++of.used[place.leaf];
    ++size_;
    count(route.length(), 1);
    ++place.slot;
    return cursor(place);
}

FibRoutes::Cursor FibRoutes::erase(const Found& found) {
    const Place place = found.place;
    const std::uint64_t key = found.route->key();
    Inner& of = inner(place.root);
    Leaf& in = leaf(of, place.leaf);
    erase_at(in.routes, of.used[place.leaf], place.slot);
    --of.used[place.leaf];
    --size_;
    count(found.route->length(), ~std::size_t{0});
    const std::size_t used = of.used[place.leaf];
    const bool merges =
        used == 0 ||
        (place.leaf + 1 < of.count && used + of.used[place.leaf + 1] <= kMergeRoutes) ||
        (place.leaf > 0 && used + of.used[place.leaf - 1] <= kMergeRoutes);
    if (!merges) {
        return cursor(place);
    }
    merge_around(place.root, place.leaf);
    return not_before(key);
}

void FibRoutes::unmark() {
    for (std::size_t root = 0; root < root_inner_.size(); ++root) {
        const Inner& of = inner(root);
        for (std::size_t index = 0; index < of.count; ++index) {
            Leaf& in = leaf(of, index);
            for (std::size_t slot = 0; slot < of.used[index]; ++slot) {
                in.routes[slot].set_mark(0);
            }
        }
    }
}

void FibRoutes::append(const FibRoute& route) {
    std::size_t root = root_inner_.size() - 1;
    Inner* of = &inner(root);
    std::size_t index = of->count - 1;
    if (of->used[index] == kMergeRoutes) {  // a quarter stays free for changes
        if (of->count == kMergeLeaves) {
            root_from_.push_back(route.key());
            root_inner_.push_back(inners_.take());
            of = &inner(++root);
            of->count = 0;
        }
        index = of->count++;
        of->from[index] = route.key();
        of->used[index] = 0;
        of->leaf[index] = leaves_.take();
    }
    leaf(*of, index).routes[of->used[index]++] = route;
    ++size_;
    count(route.length(), 1);
}

void FibRoutes::split_leaf(std::uint64_t key) {
    Place place = locate(key);
    if (inner(place.root).count == kInnerLeaves) {
        split_inner(place.root);
        place = locate(key);
    }
    Inner& of = inner(place.root);
    constexpr std::size_t kHalf = kLeafRoutes / 2;
    const std::uint32_t made = leaves_.take();
    const Leaf& left = leaf(of, place.leaf);
    Leaf& right = leaves_.memory.as<Leaf>()[made];
    std::copy(left.routes.begin() + kHalf, left.routes.end(), right.routes.begin());
    insert_at(of.from, of.count, place.leaf + 1, right.routes[0].key());
    insert_at(of.leaf, of.count, place.leaf + 1, made);
    insert_at(of.used, of.count, place.leaf + 1, static_cast<std::uint8_t>(kHalf));
    of.used[place.leaf] = static_cast<std::uint8_t>(kHalf);
    ++of.count;
    // The halves may now fit together with the leaves beside them.
    if (place.leaf + 2 < of.count && of.used[place.leaf + 2] + kHalf <= kMergeRoutes) {
        merge_leaf_with_next(of, place.leaf + 1);
    }
    if (place.leaf > 0 && of.used[place.leaf - 1] + kHalf <= kMergeRoutes) {
        merge_leaf_with_next(of, place.leaf - 1);
    }
}

void FibRoutes::split_inner(std::size_t root) {
    constexpr std::size_t kHalf = kInnerLeaves / 2;
    const std::uint32_t made = inners_.take();
    Inner& left = inner(root);
    Inner& right = inners_.memory.as<Inner>()[made];
    std::copy(left.from.begin() + kHalf, left.from.end(), right.from.begin());
    std::copy(left.leaf.begin() + kHalf, left.leaf.end(), right.leaf.begin());
    std::copy(left.used.begin() + kHalf, left.used.end(), right.used.begin());
    left.count = kHalf;
    right.count = kHalf;
    const auto at = static_cast<std::ptrdiff_t>(root + 1);
    root_from_.insert(root_from_.begin() + at, right.from[0]);
    root_inner_.insert(root_inner_.begin() + at, made);
    merge_inner_around(root + 1);
    merge_inner_around(root);
}

void FibRoutes::merge_leaf_with_next(Inner& of, std::size_t index) {
    Leaf& left = leaf(of, index);
    const Leaf& right = leaf(of, index + 1);
    std::copy_n(right.routes.begin(), of.used[index + 1], left.routes.begin() + of.used[index]);
    of.used[index] = static_cast<std::uint8_t>(of.used[index] + of.used[index + 1]);
    leaves_.give(of.leaf[index + 1]);
    erase_at(of.from, of.count, index + 1);
    erase_at(of.leaf, of.count, index + 1);
    erase_at(of.used, of.count, index + 1);
    --of.count;
}

void FibRoutes::remove_leaf(std::size_t root, std::size_t index) {
    Inner& of = inner(root);
    leaves_.give(of.leaf[index]);
    const std::uint64_t from = of.from[index];
    erase_at(of.from, of.count, index);
    erase_at(of.leaf, of.count, index);
    erase_at(of.used, of.count, index);
    --of.count;
    if (index == 0 && of.count > 0) {
        of.from[0] = from;  // an inner node begins where its array entry says
    }
}

void FibRoutes::merge_around(std::size_t root, std::size_t index) {
    Inner& of = inner(root);
    if (of.used[index] == 0) {
        if (of.count == 1 && root_inner_.size() == 1) {
            return;  // the single leaf of an empty record stays
        }
        remove_leaf(root, index);
        if (of.count == 0) {
            inners_.give(root_inner_[root]);
            const auto at = static_cast<std::ptrdiff_t>(root);
            const std::uint64_t from = root_from_[root];
            root_from_.erase(root_from_.begin() + at);
            root_inner_.erase(root_inner_.begin() + at);
            if (root == 0) {
                root_from_[0] = from;
                inner(0).from[0] = from;
            }
            merge_inner_around(std::min(root, root_inner_.size() - 1));
            return;
        }
        index = std::min(index, std::size_t{of.count} - 1);
    }
    if (index + 1 < of.count && of.used[index] + of.used[index + 1] <= kMergeRoutes) {
        merge_leaf_with_next(of, index);
    }
    if (index > 0 && of.used[index - 1] + of.used[index] <= kMergeRoutes) {
        merge_leaf_with_next(of, index - 1);
    }
    merge_inner_around(root);
}

void FibRoutes::merge_inner_around(std::size_t root) {
    if (root + 1 < root_inner_.size() &&
        inner(root).count + inner(root + 1).count <= kMergeLeaves) {
        merge_inner_with_next(root);
    }
    if (root > 0 && inner(root - 1).count + inner(root).count <= kMergeLeaves) {
        merge_inner_with_next(root - 1);
    }
}

void FibRoutes::merge_inner_with_next(std::size_t root) {
    Inner& left = inner(root);
    const Inner& right = inner(root + 1);
    const std::size_t seam = left.count;
    std::copy_n(right.from.begin(), right.count, left.from.begin() + left.count);
    std::copy_n(right.leaf.begin(), right.count, left.leaf.begin() + left.count);
    std::copy_n(right.used.begin(), right.count, left.used.begin() + left.count);
    left.count += right.count;
    inners_.give(root_inner_[root + 1]);
    const auto at = static_cast<std::ptrdiff_t>(root + 1);
    root_from_.erase(root_from_.begin() + at);
    root_inner_.erase(root_inner_.begin() + at);
    // Leaves that were in two nodes are neighbours now.
    if (left.used[seam - 1] + left.used[seam] <= kMergeRoutes) {
        merge_leaf_with_next(left, seam - 1);
    }
}

// ---- memory

void FibRoutes::use_huge_pages() noexcept {
    leaves_.memory.use_huge_pages(leaves_.made * sizeof(Leaf));
}

std::size_t FibRoutes::memory_bytes() const {
    return leaves_.memory.backed(leaves_.made * sizeof(Leaf)) +
           inners_.memory.backed(inners_.made * sizeof(Inner)) +
           (leaves_.free.capacity() + inners_.free.capacity() + root_inner_.capacity()) *
               sizeof(std::uint32_t) +
           root_from_.capacity() * sizeof(std::uint64_t);
}

std::size_t FibRoutes::memory_bound(std::size_t max_routes) {
    const std::size_t leaves = max_leaves(max_routes);
    const std::size_t inners = max_inners(max_routes);
    // The lists of free nodes and the array grow by doubling.
    return LazyMemory::backed_bound(leaves * sizeof(Leaf)) +
           LazyMemory::backed_bound(inners * sizeof(Inner)) +
           2 * (leaves + 2 * inners) * sizeof(std::uint32_t) + 2 * inners * sizeof(std::uint64_t);
}

}  // namespace godwit::dataplane
