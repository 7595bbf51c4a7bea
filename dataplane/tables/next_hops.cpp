#include "dataplane/tables/next_hops.hpp"

#include <algorithm>
#include <cstddef>

namespace godwit::dataplane {

namespace {

// The lowest number is taken first, so that what is in use lies close together.
std::vector<std::uint32_t> numbers_from(std::uint32_t first, std::uint32_t end) {
    std::vector<std::uint32_t> numbers;
    numbers.reserve(end);
    for (std::uint32_t number = end; number > first; --number) {
        numbers.push_back(number - 1);
    }
    return numbers;
}

bool has_slot(Verdict verdict) {
    return verdict == Verdict::Adjacency || verdict == Verdict::Group;
}

// How the buckets of a group are dealt out. The shares follow the method of highest averages
// (D'Hondt): the next bucket goes to the member that has the fewest of them for each of its shares.
// Two properties of the method carry the promise in the header: a party that gets more seats takes
// none from another, and when a party leaves, dealing its seats to the others gives just what the
// others would have had without it. So after a leave the group is balanced with no bucket of a
// member that stayed having moved, and the loop that balances finds work only for members that
// joined.
struct Share {
    std::uint32_t member = 0;
    std::uint32_t weight = 0;   // how often it was given
    std::uint32_t buckets = 0;  // that it has
};

// In the order of `members`, each once.
std::vector<Share> shares_of(std::span<const std::uint32_t> members) {
    std::vector<Share> shares;
    for (const std::uint32_t member : members) {
        const auto known = std::ranges::find(shares, member, &Share::member);
        if (known == shares.end()) {
            shares.push_back({.member = member, .weight = 1, .buckets = 0});
        } else {
            ++known->weight;
        }
    }
    return shares;
}

Share& next_to_get(std::vector<Share>& shares) {
    return *std::ranges::min_element(shares, [](const Share& a, const Share& b) {
        return (a.buckets + 1) * b.weight < (b.buckets + 1) * a.weight;
    });
}

Share& next_to_give(std::vector<Share>& shares) {
    return *std::ranges::max_element(shares, [](const Share& a, const Share& b) {
        return a.buckets * b.weight < b.buckets * a.weight;
    });
}

// `before` may be null: all buckets are free.
NextHopGroup resilient_group(const NextHopGroup* before, std::span<const std::uint32_t> members) {
    std::vector<Share> shares = shares_of(members);
    NextHopGroup group;
    std::vector<std::size_t> free_buckets;
    for (std::size_t bucket = 0; bucket < kGroupBuckets; ++bucket) {
        const auto stays = before == nullptr
                               ? shares.end()
                               : std::ranges::find(shares, before->buckets[bucket], &Share::member);
        if (stays == shares.end()) {
            free_buckets.push_back(bucket);
        } else {
            group.buckets[bucket] = stays->member;
            ++stays->buckets;
        }
    }
    for (const std::size_t bucket : free_buckets) {
        Share& share = next_to_get(shares);
        group.buckets[bucket] = share.member;
        ++share.buckets;
    }
    // Buckets that move are taken from all over the table: its order has no meaning, but neighbours
    // in it should not all lead to the same member.
    constexpr std::size_t kStride = 79;  // odd, so that it visits every bucket; about 0.618 of 128
    std::size_t place = 0;
    while (true) {
        Share& getter = next_to_get(shares);
        Share& giver = next_to_give(shares);
        if ((getter.buckets + 1) * giver.weight >= giver.buckets * getter.weight) {
            return group;
        }
        while (group.buckets[place] != giver.member) {
            place = (place + kStride) % kGroupBuckets;
        }
        group.buckets[place] = getter.member;
        --giver.buckets;
        ++getter.buckets;
    }
}

}  // namespace

NextHops::NextHops(Reclaimer& reclaimer, std::uint32_t max_entries, std::uint32_t max_adjacencies,
                   std::uint32_t max_groups, unsigned workers)
    : reclaimer_(reclaimer),
      max_entries_(std::max(max_entries, 1U)),
      used_(1),
      entries_(std::make_unique<std::atomic<NextHopEntry>[]>(max_entries_)),
      adjacencies_(std::make_unique<Adjacency[]>(max_adjacencies)),
      groups_(std::make_unique<NextHopGroup[]>(max_groups)),
      hits_before_(std::make_unique<std::uint64_t[]>(max_adjacencies)),
      free_entries_(numbers_from(1, max_entries_)),
      free_adjacencies_(numbers_from(0, max_adjacencies)),
      free_groups_(numbers_from(0, max_groups)) {
    for (unsigned worker = 0; worker < std::max(workers, 1U); ++worker) {
        hits_.push_back(std::make_unique<api::Counter[]>(max_adjacencies));
    }
}

NextHops::~NextHops() {
    reclaimer_.drain();  // what waits there gives its slots back to this table
}

bool NextHops::is_changeable(std::uint32_t index) const {
    return index > 0 && index < max_entries_;
}

std::optional<std::uint32_t> NextHops::take(std::vector<std::uint32_t>& free_list) {
    if (free_list.empty()) {
        // What workers have let go of meanwhile is free again.
        reclaimer_.poll();
    }
    if (free_list.empty()) {
        ++refused_at_limit_;
        return std::nullopt;
    }
    const std::uint32_t number = free_list.back();
    free_list.pop_back();
    return number;
}

void NextHops::switch_to(std::uint32_t index, const NextHopEntry& next) {
    const NextHopEntry old = entries_[index].load(std::memory_order_relaxed);
    entries_[index].store(next, std::memory_order_release);
    free_slot_of(old);
}

void NextHops::free_slot_of(const NextHopEntry& entry) {
    if (entry.verdict == Verdict::Adjacency) {
        reclaimer_.defer([this, slot = entry.target] { free_adjacencies_.push_back(slot); });
    } else if (entry.verdict == Verdict::Group) {
        reclaimer_.defer([this, slot = entry.target] { free_groups_.push_back(slot); });
    }
}

std::uint64_t NextHops::counted(std::uint32_t slot) const {
    std::uint64_t sum = 0;
    for (const auto& of_worker : hits_) {
        sum += of_worker[slot].read();
    }
    return sum;
}

std::uint64_t NextHops::hits(std::uint32_t index) const {
    if (index >= max_entries_) {
        return 0;
    }
    const NextHopEntry leads_to = entry(index);
    return leads_to.verdict == Verdict::Adjacency
               ? counted(leads_to.target) - hits_before_[leads_to.target]
               : 0;
}

std::optional<std::uint32_t> NextHops::allocate(const NextHopEntry& plain) {
    if (has_slot(plain.verdict)) {
        return std::nullopt;
    }
    const auto index = take(free_entries_);
    if (index) {
        entries_[*index].store(plain, std::memory_order_release);
        ++used_;
    }
    return index;
}

bool NextHops::set_plain(std::uint32_t index, const NextHopEntry& plain) {
    if (!is_changeable(index) || has_slot(plain.verdict)) {
        return false;
    }
    switch_to(index, plain);
    return true;
}

bool NextHops::set_adjacency(std::uint32_t index, const Adjacency& adjacency) {
    if (!is_changeable(index) || adjacency.rewrite_bytes > Adjacency::kMaxRewriteBytes) {
        return false;
    }
    const auto slot = take(free_adjacencies_);
    if (!slot) {
        return false;
    }
    adjacencies_[*slot] = adjacency;
    hits_before_[*slot] = counted(*slot) - hits(index);
    switch_to(index, {.verdict = Verdict::Adjacency,
                      .of_one = false,
                      .interface = adjacency.interface,
                      .target = *slot});
    return true;
}

bool NextHops::set_group(std::uint32_t index, std::span<const std::uint32_t> members) {
    if (!is_changeable(index) || members.empty() || members.size() > api::kMaxGroupMembers) {
        return false;
    }
    for (const std::uint32_t member : members) {
        if (member >= max_entries_ || entry(member).verdict == Verdict::Group) {
            return false;
        }
    }
    const auto slot = take(free_groups_);
    if (!slot) {
        return false;
    }
    const NextHopEntry old = entry(index);
    groups_[*slot] =
        resilient_group(old.verdict == Verdict::Group ? &groups_[old.target] : nullptr, members);
    const auto& buckets = groups_[*slot].buckets;
    const bool of_one = std::all_of(buckets.begin(), buckets.end(), [&buckets](std::uint32_t one) {
        return one == buckets.front();
    });
    switch_to(index,
              {.verdict = Verdict::Group, .of_one = of_one, .interface = {}, .target = *slot});
    return true;
}

void NextHops::release(std::uint32_t index) {
    if (!is_changeable(index)) {
        return;
    }
    switch_to(index, {});
    --used_;
    // A worker may have the index from a lookup just before: it must not meet another next hop.
    reclaimer_.defer([this, index] { free_entries_.push_back(index); });
}

}  // namespace godwit::dataplane
