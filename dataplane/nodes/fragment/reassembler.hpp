// Fragments of datagrams for this router, put together (RFC 791 3.2, RFC 1122 3.3.2). One a worker;
// no I/O: packets and the time come in, packets and reasons go out.
//
// A datagram is known by source, destination, protocol and identification. Its fragments are kept
// as they came, in order of their place; RFC 815 has holes written into the missing bytes, which
// packet buffers have not got. Since no two fragments may overlap, a datagram is whole when its end
// is known and the bytes that came are as many.
//
// What is refused, and how much of it:
// - a fragment that is wrong by itself (its length, a place beyond 65,535 bytes, a first one
//   without the whole transport header, or one that would rewrite that: RFC 1858, 3128) ends alone
//   and leaves no trace;
// - a datagram whose fragments contradict each other (they overlap, or disagree where it ends), has
//   more than kMaxFragments, or mixes "congestion experienced" with "not ECN-capable" (RFC 3168
//   5.3) ends as a whole, and what else comes of it ends too until its time is over (RFC 5722,
//   which is about IPv6, applied to IPv4);
// - an exact copy of a fragment, byte by byte, is what a network may do, and ends alone.
// So the order in which fragments come changes nothing, as long as the datagram is not whole before
// all of them are there.
//
// Memory is bounded by three limits: datagrams in all, datagrams by interface, and packet buffers,
// so that fragments of one byte in buffers of two thousand cannot take the pool. At each of them
// the oldest datagram goes. Time runs from a datagram's first fragment (RFC 1122: a fixed time), so
// the order of arrival is the order of expiry, and nothing is ever searched for.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/api/counters.hpp"
#include "dataplane/api/drop_reason.hpp"
#include "net/interface_id.hpp"

namespace godwit::dataplane {

class Reassembler {
public:
    // 65,535 bytes over a path of 576-byte links make 119.
    static constexpr unsigned kMaxFragments = 128;
    static constexpr std::uint64_t kSeconds = 60;  // RFC 1122 3.3.2: between 60 and 120

    struct Limits {
        std::uint32_t datagrams = 0;
        std::uint32_t datagrams_per_interface = 0;
        std::uint32_t buffers = 0;
        friend bool operator==(const Limits&, const Limits&) = default;
    };

    // `seed`: random, so that nobody can choose what meets in one bucket.
    Reassembler(std::uint64_t seed, std::uint64_t cycles_per_second);
    ~Reassembler();  // frees what it holds
    Reassembler(const Reassembler&) = delete;
    Reassembler& operator=(const Reassembler&) = delete;

    // Allocates when `datagrams` grows; not for every packet.
    void set_limits(const Limits& limits);
    [[nodiscard]] const Limits& limits() const { return limits_; }

    // `fragment` begins at its IPv4 header, is as long as that says, and has its meta. The whole
    // datagram, a chain, when it was the last that was missing; else null, and the fragment is kept
    // or has ended.
    rte_mbuf* add(rte_mbuf* fragment, std::uint64_t now_cycles);

    // Ends datagrams whose time is over, until about `fragments` have ended.
    void expire(std::uint64_t now_cycles, unsigned fragments);

    // What the last call ended, in order; the reason stands in the meta. The caller frees it.
    [[nodiscard]] std::span<rte_mbuf*> ended() { return ended_; }
    // Where the fragments came from that the last call made part of a whole datagram, without its
    // first.
    [[nodiscard]] std::span<const net::InterfaceId> merged() const {
        return std::span(merged_).first(merged_count_);
    }

    [[nodiscard]] bool is_idle() const { return by_age_.count == 0; }
    [[nodiscard]] std::uint32_t datagrams() const { return by_age_.count; }
    // Any thread may ask for these.
    [[nodiscard]] std::uint32_t buffers() const { return buffers_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint32_t max_buffers() const {
        return max_buffers_.load(std::memory_order_relaxed);
    }

private:
    static constexpr std::uint32_t kNone = UINT32_MAX;

    struct Key {
        std::uint32_t source;
        std::uint32_t destination;
        std::uint16_t identification;
        std::uint8_t protocol;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct Link {
        std::uint32_t before;
        std::uint32_t behind;
    };
    struct List {
        std::uint32_t front = kNone;  // the oldest
        std::uint32_t back = kNone;
        std::uint32_t count = 0;
    };
    struct Piece {
        rte_mbuf* packet;
        std::uint16_t begin;  // bytes of the payload
        std::uint16_t end;
        bool more;
    };
    // Without initialisers: memory that no datagram ever needs is never touched.
    struct Datagram {
        Key key;
        std::uint32_t next_in_bucket;  // or the next unused one
        Link by_age;
        Link by_interface;
        std::uint64_t deadline;
        std::uint32_t interface;
        std::uint32_t buffers;
        std::uint32_t bytes;  // that have come
        std::uint32_t end;    // 0: not known yet
        std::uint16_t piece_count;
        std::uint8_t ecn_seen;  // bit n: codepoint n
        bool refused;           // holds nothing any more
        api::DropReason refusal;
        std::array<Piece, kMaxFragments> pieces;  // in order of place
    };
    struct Fragment {
        Key key;
        std::uint32_t interface;
        std::uint32_t header_bytes;
        std::uint32_t begin;
        std::uint32_t end;
        bool more;
        std::uint8_t ecn;
    };

    void hold_buffers(std::uint32_t count) {
        buffers_.store(buffers() + count, std::memory_order_relaxed);
    }
    void give_back_buffers(std::uint32_t count) {
        buffers_.store(buffers() - count, std::memory_order_relaxed);
    }
    static Fragment read(rte_mbuf* packet);
    static std::optional<api::DropReason> fault_of(const Fragment& fragment);
    static bool same_bytes(const Piece& held, rte_mbuf* packet, const Fragment& fragment);

    [[nodiscard]] std::uint32_t bucket_of(const Key& key) const;
    [[nodiscard]] std::uint32_t find(const Key& key) const;
    std::uint32_t create(const Fragment& fragment, std::uint64_t now_cycles);
    bool make_room(std::uint32_t kept, std::uint32_t buffers);
    rte_mbuf* insert(std::uint32_t index, rte_mbuf* packet, const Fragment& fragment);
    rte_mbuf* join(std::uint32_t index);
    void refuse(std::uint32_t index, api::DropReason reason);
    void end_pieces(Datagram& datagram, api::DropReason reason);
    void end_datagram(std::uint32_t index, api::DropReason reason);
    void release(std::uint32_t index);
    void end(rte_mbuf* packet, api::DropReason reason);

    void append(List& list, Link Datagram::*link, std::uint32_t index);
    void remove(List& list, Link Datagram::*link, std::uint32_t index);

    const std::uint64_t seed_;
    const std::uint64_t lifetime_cycles_;
    Limits limits_;
    std::unique_ptr<Datagram[]> datagrams_;
    std::uint32_t capacity_ = 0;
    std::uint32_t touched_ = 0;     // datagrams_ from here on were never used
    std::uint32_t unused_ = kNone;  // below that, by next_in_bucket
    std::vector<std::uint32_t> buckets_;
    List by_age_;
    std::array<List, api::kMaxInterfaces> by_interface_;
    // Held, of all datagrams, and limits_.buffers: written by the worker, read by who shows them.
    std::atomic<std::uint32_t> buffers_ = 0;
    std::atomic<std::uint32_t> max_buffers_ = 0;

    std::vector<rte_mbuf*> ended_;
    std::array<net::InterfaceId, kMaxFragments> merged_;
    std::size_t merged_count_ = 0;
};

}  // namespace godwit::dataplane
