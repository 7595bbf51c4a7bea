// Next hops and adjacencies: what a route leads to, as workers read it.
//
// A route's value is the index of an entry. An entry is 8 bytes and is replaced atomically, so a
// thousand routes move with one store. An adjacency is the ready answer: the bytes to put before
// the IPv4 header, the interface, the MTU. It is never changed in place: a new one is written to a
// free slot, the entry is switched to it, and the old slot waits in the Reclaimer. Groups (equal
// cost) likewise.
//
// A group is a table of kGroupBuckets buckets, each the index of a member; a flow belongs to the
// bucket that the upper bits of its hash name. The table is resilient: set_group() on an index that
// is a group moves only the buckets of members that left, to the least loaded that stay, and for a
// member that joined as many as balance needs, from the most loaded. So losing one of n members
// moves the flows of that one, and its return takes 1/n back. The buckets of any two members differ
// by at most one; a member that is given k times counts as k.
//
// Each worker counts the packets that leave by an adjacency, in counters of its own; hits() is
// their sum since the next hop had its first adjacency, whatever adjacency it has now.
//
// 128 buckets: twice the most members, so that each has at least two, and the default of Linux'
// resilient groups; with 2, 8, 16 and 64 members the shares are equal, with 3 they are 43:43:42,
// and the worst, above 42 members, is 3 to 2. A bucket is an index itself and not the number of a
// member: one load instead of two that wait for each other. A group takes 512 bytes, half of what
// 256 buckets would; a flow touches one cache line of it.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/api/counters.hpp"
#include "dataplane/api/messages.hpp"
#include "dataplane/tables/reclaimer.hpp"
#include "net/interface_id.hpp"

namespace godwit::dataplane {

// What a worker does with a packet that has this next hop.
enum class Verdict : std::uint8_t {
    NoRoute = 0,
    Blackhole,
    Receive,     // ip4-local
    Broadcast,   // ip4-local when it came in on `interface`, else dropped
    Glean,       // arp-resolve, for the packet's destination on `interface`
    Incomplete,  // arp-resolve, for the gateway that the owner knows by this index
    Adjacency,   // ip4-rewrite with adjacency `target`
    Group,       // one of the members of group `target`, by flow hash
};

struct NextHopEntry {
    Verdict verdict = Verdict::NoRoute;
    // Of a group: all buckets are one member's, so no packet's flow matters. Every route by a
    // gateway that is itself looked up has such a group.
    bool of_one = false;
    net::InterfaceId interface;
    std::uint32_t target = 0;  // adjacency or group slot
};
static_assert(sizeof(NextHopEntry) == 8 && std::atomic<NextHopEntry>::is_always_lock_free);

struct alignas(64) Adjacency {
    static constexpr std::size_t kMaxRewriteBytes = 18;  // Ethernet and one VLAN tag

    std::array<std::uint8_t, 32>
        rewrite{};  // Ethernet header: neighbour, our MAC, [VLAN,] type; zero-padded
    std::uint8_t rewrite_bytes = 0;
    std::uint8_t reserved = 0;
    net::InterfaceId interface;
    std::uint16_t port = 0;      // DPDK port to send on
    std::uint16_t mtu = 0;       // IPv4 bytes
    std::uint32_t neighbor = 0;  // host order, for trace and explain
};
static_assert(sizeof(Adjacency) == 64);

constexpr std::size_t kGroupBuckets = 128;

struct alignas(64) NextHopGroup {
    std::array<std::uint32_t, kGroupBuckets> buckets{};  // indices of entries that are no groups

    // The upper bits: worker_of_flow() goes by the lower ones.
    [[nodiscard]] std::uint32_t of(std::uint32_t flow_hash) const {
        return buckets[flow_hash >> (32 - std::bit_width(kGroupBuckets - 1))];
    }
};
static_assert(std::has_single_bit(kGroupBuckets) && kGroupBuckets >= 2 * api::kMaxGroupMembers);
static_assert(sizeof(NextHopGroup) == 4 * kGroupBuckets);

class NextHops {
public:
    NextHops(Reclaimer& reclaimer, std::uint32_t max_entries, std::uint32_t max_adjacencies,
             std::uint32_t max_groups, unsigned workers = 1);
    ~NextHops();
    NextHops(const NextHops&) = delete;
    NextHops& operator=(const NextHops&) = delete;

    // Where entries, adjacencies and groups stand, for a loop over a burst: they stay there for the
    // table's life.
    class Reader {
    public:
        explicit Reader(const NextHops& table)
            : entries_(table.entries_.get()),
              adjacencies_(table.adjacencies_.get()),
              groups_(table.groups_.get()) {}
        // The entry, or the only member's of a group of one.
        [[nodiscard]] NextHopEntry entry(std::uint32_t index) const {
            const NextHopEntry entry = entries_[index].load(std::memory_order_acquire);
            if (!entry.of_one) {
                return entry;
            }
            return entries_[groups_[entry.target].of(0)].load(std::memory_order_acquire);
        }
        [[nodiscard]] const Adjacency& adjacency(std::uint32_t slot) const {
            return adjacencies_[slot];
        }
        [[nodiscard]] const Adjacency* adjacencies() const { return adjacencies_; }

    private:
        const std::atomic<NextHopEntry>* entries_;
        const Adjacency* adjacencies_;
        const NextHopGroup* groups_;
    };
    [[nodiscard]] Reader reader() const { return Reader(*this); }

    // Workers. An index from the Fib, or a member of a group, is always valid to read.
    [[nodiscard]] NextHopEntry entry(std::uint32_t index) const {
        return entries_[index].load(std::memory_order_acquire);
    }
    [[nodiscard]] const Adjacency& adjacency(std::uint32_t slot) const {
        return adjacencies_[slot];
    }
    [[nodiscard]] const NextHopGroup& group(std::uint32_t slot) const { return groups_[slot]; }
    // The entry that a packet with this flow hash follows: the entry itself, or the member of a
    // group.
    [[nodiscard]] std::uint32_t member(std::uint32_t index, std::uint32_t flow_hash) const {
        const NextHopEntry top = entry(index);
        return top.verdict == Verdict::Group ? groups_[top.target].of(flow_hash) : index;
    }

    // The worker's own counters, by adjacency slot; they stay for the table's life.
    [[nodiscard]] api::Counter* hit_counters(unsigned worker) const {
        return hits_[worker % hits_.size()].get();
    }

    // Owner. Packets that left by the adjacency of this next hop; 0 while it has none.
    [[nodiscard]] std::uint64_t hits(std::uint32_t index) const;
    // Owner. Index 0 is NoRoute for ever. Nothing when a table is full.
    std::optional<std::uint32_t> allocate(const NextHopEntry& plain);  // a verdict without a slot
    bool set_plain(std::uint32_t index, const NextHopEntry& plain);    // frees the slot that it had
    // False: no such index, or the table of adjacencies or groups is full (counted); nothing
    // changed. A replacement needs a free slot too: the old one stays until no worker reads it.
    bool set_adjacency(std::uint32_t index, const Adjacency& adjacency);
    // Keeps the flows of members that the group had before (see above).
    bool set_group(std::uint32_t index, std::span<const std::uint32_t> members);
    void release(std::uint32_t index);  // no route, group or neighbour uses it any more
    [[nodiscard]] std::uint32_t capacity() const { return max_entries_; }
    [[nodiscard]] std::uint32_t used() const { return used_; }
    [[nodiscard]] std::uint64_t refused_at_limit() const { return refused_at_limit_; }

private:
    [[nodiscard]] bool is_changeable(std::uint32_t index) const;
    std::optional<std::uint32_t> take(std::vector<std::uint32_t>& free_list);
    void switch_to(std::uint32_t index, const NextHopEntry& next);
    void free_slot_of(const NextHopEntry& entry);
    [[nodiscard]] std::uint64_t counted(std::uint32_t slot) const;

    Reclaimer& reclaimer_;
    std::uint32_t max_entries_;
    std::uint32_t used_ = 0;
    std::uint64_t refused_at_limit_ = 0;
    std::unique_ptr<std::atomic<NextHopEntry>[]> entries_;
    std::unique_ptr<Adjacency[]> adjacencies_;
    std::unique_ptr<NextHopGroup[]> groups_;
    std::vector<std::unique_ptr<api::Counter[]>> hits_;  // by worker
    // What a slot's counters stood at when its next hop had no hits.
    std::unique_ptr<std::uint64_t[]> hits_before_;
    std::vector<std::uint32_t> free_entries_;
    std::vector<std::uint32_t> free_adjacencies_;
    std::vector<std::uint32_t> free_groups_;
};

}  // namespace godwit::dataplane
