// Virtual reassembly (RFC 4787 REQ-14): only the first fragment of a datagram has the ports, and
// all of them must be translated alike, in whatever order they come.
//
// A datagram is known by source, destination, protocol and identification. Its fragments pass as
// they are: the first one says the ports, which are remembered until all bytes have passed or the
// time is over; what came before it is held, and released behind it. Nothing is put together, and
// nobody waits for the last fragment.
//
// One a worker. Limits: datagrams, held fragments in all and of one datagram. At the first two the
// oldest datagram goes, with what it holds; at the last one the new fragment. A datagram has 15
// seconds (RFC 791 3.2) to show its ports, and as long again from then on; so there are two lists,
// each in the order of expiry, and nothing is ever searched for.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/api/drop_reason.hpp"
#include "net/siphash.hpp"

namespace godwit::dataplane {

class FragmentPorts {
public:
    static constexpr std::uint32_t kDatagrams = 4096;
    static constexpr std::uint32_t kHeld = 512;
    static constexpr std::uint32_t kHeldOfOne = 64;
    static constexpr std::uint64_t kSeconds = 15;

    FragmentPorts(const net::SipKey& key, std::uint64_t cycles_per_second);
    ~FragmentPorts();  // frees what it holds
    FragmentPorts(const FragmentPorts&) = delete;
    FragmentPorts& operator=(const FragmentPorts&) = delete;

    enum class Fate : std::uint8_t {
        Goes,  // its meta says the ports now
        Held,
        Ends,  // for the reason in its meta
    };
    // `fragment` begins at its IPv4 header, which is valid, and its meta's `resume` says where it
    // goes on when it is released.
    Fate take(rte_mbuf* fragment, std::uint64_t now_cycles);

    // The oldest released fragment, or null.
    rte_mbuf* next_released();
    // Ends datagrams whose time is over.
    void expire(std::uint64_t now_cycles);
    // What take() or expire() ended beside; the reason stands in the meta. The caller frees it, and
    // the next call begins anew.
    [[nodiscard]] std::span<rte_mbuf*> ended() { return ended_; }

    [[nodiscard]] bool is_idle() const {
        return waiting_.oldest == kNone && known_.oldest == kNone;
    }
    [[nodiscard]] std::uint32_t held() const { return held_count_; }

private:
    static constexpr std::uint32_t kNone = UINT32_MAX;
    static constexpr std::uint32_t kBuckets = 8192;

    struct Key {
        std::uint64_t addresses = 0;
        std::uint32_t identification_protocol = 0;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct Datagram {
        Key key;
        std::uint64_t deadline = 0;
        std::uint32_t next_in_bucket = kNone;
        std::uint32_t older = kNone;
        std::uint32_t newer = kNone;
        std::uint32_t first_held = kNone;
        std::uint32_t last_held = kNone;
        std::uint32_t held = 0;
        std::uint32_t bytes = 0;  // of payload that passed
        std::uint32_t end = 0;    // 0: not known yet
        std::uint16_t source_port = 0;
        std::uint16_t destination_port = 0;
        bool knows_ports = false;
    };
    struct List {
        std::uint32_t oldest = kNone;
        std::uint32_t newest = kNone;
    };
    struct Held {
        rte_mbuf* packet = nullptr;
        std::uint32_t next = kNone;
    };

    [[nodiscard]] std::uint32_t bucket_of(const Key& key) const;
    [[nodiscard]] std::uint32_t find(const Key& key) const;
    std::uint32_t create(const Key& key, std::uint64_t now_cycles);
    bool hold(std::uint32_t index, rte_mbuf* fragment);
    [[nodiscard]] List& list_of(std::uint32_t index) {
        return datagrams_[index].knows_ports ? known_ : waiting_;
    }
    void append(List& list, std::uint32_t index, std::uint64_t now_cycles);
    void unlink(List& list, std::uint32_t index);
    void learn(std::uint32_t index, std::uint16_t source_port, std::uint16_t destination_port,
               std::uint64_t now_cycles);
    void release(Datagram& datagram);
    void count(std::uint32_t index, std::uint32_t begin, std::uint32_t bytes, bool more);
    void end_held(Datagram& datagram, api::DropReason reason);
    void remove(std::uint32_t index);
    rte_mbuf* pop(std::uint32_t& first);

    const net::SipKey key_;
    const std::uint64_t lifetime_cycles_;
    std::vector<std::uint32_t> buckets_;
    std::vector<Datagram> datagrams_;
    std::vector<std::uint32_t> free_datagrams_;
    std::vector<Held> slots_;
    std::vector<std::uint32_t> free_slots_;
    List waiting_;
    List known_;
    std::uint32_t first_released_ = kNone;
    std::uint32_t last_released_ = kNone;
    std::uint32_t held_count_ = 0;
    std::vector<rte_mbuf*> ended_;
};

}  // namespace godwit::dataplane
