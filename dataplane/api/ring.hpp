// A ring of records in shared memory: one producer, one consumer, neither trusting the other.
//
// Layout of a ring in its region: RingHeader, then `data_bytes` (a power of two) of records. A
// record is a RecordHeader, its body, and padding to 8 bytes; it never wraps: when it does not fit
// before the end, a kPadding record fills the rest. Positions count bytes for ever and are masked
// on use. A record takes at most half of the ring, so that it always fits into an empty one.
//
// What the peer may do: write anything anywhere in the region, at any time. So the producer keeps
// its own tail and the consumer its own head in private memory and only *publishes* them; what it
// reads of the other's position is checked against what is possible; a record is copied out before
// it is looked at. The first impossible value makes the ring broken for good (`broken()`), and its
// session is ended; memory outside the ring is never touched.
//
// Waking: a consumer that is going to sleep sets `consumer_waiting`, then looks once more; a
// producer that publishes and sees it set must signal the consumer (`publish()` says so). Either
// side's order is store, full fence, load; so at least one of them sees the other's store.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace godwit::api {

struct RingHeader {
    alignas(64) std::atomic<std::uint64_t> tail{0};  // written by the producer
    alignas(64) std::atomic<std::uint64_t> head{0};  // written by the consumer
    std::atomic<std::uint32_t> consumer_waiting{0};  // written by both
    alignas(64) std::atomic<std::uint64_t> acknowledged{
        0};  // written by the consumer; used by the route ring
};
static_assert(sizeof(RingHeader) == 192);

struct RecordHeader {
    std::uint32_t body_bytes = 0;
    std::uint32_t type = 0;
};
static_assert(sizeof(RecordHeader) == 8);

constexpr std::uint32_t kPaddingRecord = 0;

constexpr std::size_t kRecordAlignment = 8;
constexpr std::size_t kMinRingBytes = 4096;
constexpr std::size_t kMaxRingBytes = std::size_t{256} << 20U;

constexpr std::size_t ring_region_bytes(std::size_t data_bytes) {
    return sizeof(RingHeader) + data_bytes;
}

// Whether a ring may have this size: what the control plane asks before it maps one.
constexpr bool valid_ring_bytes(std::size_t data_bytes) {
    return data_bytes >= kMinRingBytes && data_bytes <= kMaxRingBytes &&
           (data_bytes & (data_bytes - 1)) == 0;
}

// A ring of packets (punt, inject) has room for the longest one, twice.
constexpr std::size_t kMinPacketRingBytes = std::size_t{256} << 10U;

constexpr bool valid_packet_ring_bytes(std::size_t data_bytes) {
    return valid_ring_bytes(data_bytes) && data_bytes >= kMinPacketRingBytes;
}

// The longest body that a ring of this size carries.
constexpr std::size_t max_body_bytes(std::size_t data_bytes) {
    return data_bytes / 2 - sizeof(RecordHeader);
}

class RingProducer {
public:
    RingProducer() = default;
    // `region` is ring_region_bytes(data_bytes) long, aligned to 64, all zero, and outlives this.
    // Positions start at 0: a region is used for one session only. A region or size that is none
    // gives a ring that is broken from the start.
    RingProducer(std::span<std::byte> region, std::size_t data_bytes);

    // Space for a body of `body_bytes` (at least 1), to be filled before publish(); empty when the
    // ring is full (or broken, or the body could never fit: see max_body_bytes). Several records
    // may be reserved before one publish().
    std::span<std::byte> reserve(std::uint32_t type, std::size_t body_bytes);
    // Shows all reserved records to the consumer. True: the consumer sleeps, signal it.
    [[nodiscard]] bool publish();

    [[nodiscard]] bool broken() const { return broken_; }
    // What is free now, as far as the consumer can be believed; never more than the ring has.
    [[nodiscard]] std::size_t free_bytes() const;
    // What the consumer claims to have carried out; the caller checks its range.
    [[nodiscard]] std::uint64_t acknowledged() const;

private:
    // True: `bytes` are free, after a fresh look at the consumer's position if need be.
    bool has_room(std::uint64_t bytes);
    void write_header(std::uint64_t position, RecordHeader header);

    RingHeader* header_ = nullptr;
    std::byte* data_ = nullptr;
    std::uint64_t mask_ = 0;
    std::uint64_t tail_ = 0;       // reserved up to here
    std::uint64_t published_ = 0;  // shown to the consumer up to here
    std::uint64_t head_seen_ = 0;  // last valid position of the consumer
    bool broken_ = true;           // a ring without a region carries nothing
};

struct Record {
    std::uint32_t type = 0;
    std::span<const std::byte> body;  // in the caller's buffer
};

class RingConsumer {
public:
    enum class Outcome : std::uint8_t { Record, Empty, Broken };

    RingConsumer() = default;
    RingConsumer(std::span<std::byte> region, std::size_t data_bytes);

    // Copies the next record into `buffer` and frees its place. A record longer than `buffer`
    // breaks the ring.
    Outcome next(std::span<std::byte> buffer, Record& record);
    // Call before sleeping. False: something came in meanwhile (or the ring is broken), do not
    // sleep.
    [[nodiscard]] bool prepare_to_wait();
    void acknowledge(std::uint64_t sequence);

    [[nodiscard]] bool broken() const { return broken_; }

private:
    Outcome fail();
    bool look_at_tail();  // false: the producer's position is impossible

    RingHeader* header_ = nullptr;
    const std::byte* data_ = nullptr;
    std::uint64_t mask_ = 0;
    std::uint64_t head_ = 0;
    std::uint64_t tail_seen_ = 0;  // last valid position of the producer
    bool broken_ = true;           // a ring without a region carries nothing
};

}  // namespace godwit::api
