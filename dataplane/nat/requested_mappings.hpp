// Mappings that hosts inside asked for by name (explicit dynamic mappings, RFC 6887 2.3): who may
// change each, who may enter, and when it ends.
//
// The mapping itself is a record like those that packets made (records.hpp); what is here keeps it
// alive, whatever its sessions do. Lifetimes differ, so what ends next is at the top of a heap.
//
// One that its host ended is kept for kReleasedHeld, and closed: it counts among those of
// its subscriber until then, so that nobody wears out the ports of an address by asking and ending,
// for each has to rest before another host gets it (RFC 6888 REQ-8). Asked for again, it is the
// same.
//
// Sized with the table of sessions; what finds no room is refused.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/nat/bucket_table.hpp"
#include "dataplane/nat/records.hpp"

namespace godwit::dataplane::nat {

constexpr std::size_t kMaxMappingFilters = 4;

// Whoever has it may renew and end the mapping (RFC 6887 11.1).
using MappingNonce = std::array<std::uint8_t, 12>;

// Remotes that may enter (RFC 6887 13.3).
struct MappingFilter {
    net::Ipv4Address network;
    std::uint16_t port = 0;    // 0: from any
    std::uint8_t length = 32;  // of the prefix

    [[nodiscard]] bool lets_in(Endpoint remote) const {
        const std::uint32_t differing = network.value() ^ remote.address.value();
        return (port == 0 || port == remote.port) &&
               (length == 0 || differing >> (32U - length) == 0);
    }
    friend bool operator==(const MappingFilter&, const MappingFilter&) = default;
};

struct RequestedMapping {
    MappingNonce nonce{};
    std::uint32_t mapping = kNone;  // or the next free record
    std::uint32_t deadline = 0;     // seconds
    std::uint32_t place = 0;        // in the heap
    bool is_used = false;
    bool is_released = false;  // by its host
    std::uint8_t filter_count = 0;
    std::array<MappingFilter, kMaxMappingFilters> filters{};  // none: everyone may enter

    [[nodiscard]] bool lets_in(Endpoint remote) const;
};
static_assert(sizeof(RequestedMapping) == 60);

class RequestedMappings {
public:
    static constexpr Seconds kReleasedHeld{30};

    RequestedMappings(std::uint32_t sessions, net::SipKey key)
        : requests_(room_for(sessions)), by_mapping_(room_for(sessions)), key_(key) {
        heap_.reserve(room_for(sessions));
    }

    // How many there may be where there may be so many sessions.
    [[nodiscard]] static constexpr std::uint32_t room_for(std::uint32_t sessions) {
        return std::clamp(sessions / 128U, 64U, 65536U);
    }
    [[nodiscard]] static std::size_t bytes_for(std::uint32_t sessions) {
        const std::size_t room = room_for(sessions);
        return room * (sizeof(RequestedMapping) + sizeof(std::uint32_t)) +
               BucketTable::bytes_for(room);
    }

    [[nodiscard]] bool is_full() const { return requests_.used() == requests_.capacity(); }
    // There must be room.
    std::uint32_t add(std::uint32_t mapping, const MappingNonce& nonce, Instant deadline);
    void remove(std::uint32_t index);
    void set_deadline(std::uint32_t index, Instant deadline);
    void release(std::uint32_t index, Instant now);
    // A released one is its host's again, as new.
    void revive(std::uint32_t index, const MappingNonce& nonce);

    [[nodiscard]] std::uint32_t find(std::uint32_t mapping) const;
    // One whose time has come, or kNone.
    [[nodiscard]] std::uint32_t overdue(Instant now) const {
        return !heap_.empty() && requests_[heap_.front()].deadline <= now.time_since_epoch().count()
                   ? heap_.front()
                   : kNone;
    }

    [[nodiscard]] RequestedMapping& operator[](std::uint32_t index) { return requests_[index]; }
    [[nodiscard]] const RequestedMapping& operator[](std::uint32_t index) const {
        return requests_[index];
    }
    // But for those that were released.
    [[nodiscard]] std::uint32_t count() const { return requests_.used() - released_; }
    [[nodiscard]] std::uint32_t used() const { return requests_.used(); }
    [[nodiscard]] std::uint32_t touched() const { return requests_.touched(); }
    [[nodiscard]] std::uint32_t capacity() const { return requests_.capacity(); }

private:
    [[nodiscard]] std::uint64_t hash(std::uint32_t mapping) const {
        return hash_words(key_, mapping, 0);
    }
    [[nodiscard]] bool is_before(std::uint32_t one, std::uint32_t other) const {
        return requests_[one].deadline < requests_[other].deadline;
    }
    void put(std::size_t place, std::uint32_t index);
    void settle(std::size_t place);

    Slab<RequestedMapping, &RequestedMapping::mapping> requests_;
    BucketTable by_mapping_;
    net::SipKey key_;
    std::vector<std::uint32_t> heap_;  // the one that ends next is the first
    std::uint32_t released_ = 0;
};

}  // namespace godwit::dataplane::nat
