// A ring of records in shared memory: one producer, one consumer, neither trusting the other.
//
// Layout of a ring in its region: RingHeader, then `data_bytes` (a power of two) of records. A
// record is a RecordHeader, its body, and padding to 8 bytes; it never wraps: when it does not fit
// before the end, a kPadding record fills the rest. Positions count bytes for ever and are masked
// on use.
//
// What the peer may do: write anything anywhere in the region, at any time. So the producer keeps
// its own tail and the consumer its own head in private memory and only *publishes* them; what it
// reads of the other's position is checked against what is possible; a record is copied out before
// it is looked at. The first impossible value makes the ring broken for good (`broken()`), and its
// session is ended; memory outside the ring is never touched.
//
// Waking: a consumer that is going to sleep sets `consumer_waiting`, then looks once more; a
// producer that publishes and sees it set must signal the consumer's eventfd (`publish()` says so).
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

constexpr std::uint32_t kPaddingRecord = 0;

constexpr std::size_t ring_region_bytes(std::size_t data_bytes) {
    return sizeof(RingHeader) + data_bytes;
}

class RingProducer {
public:
    RingProducer() = default;
    // `region` is ring_region_bytes(data_bytes) long and outlives this. Positions start at 0: a
    // region is used for one session only.
    RingProducer(std::span<std::byte> region, std::size_t data_bytes);

    // Space for a body of `body_bytes`, to be filled before publish(); empty when the ring is full
    // (or broken, or the body could never fit). Several records may be reserved before one
    // publish().
    std::span<std::byte> reserve(std::uint32_t type, std::size_t body_bytes);
    // Shows all reserved records to the consumer. True: the consumer sleeps, signal it.
    [[nodiscard]] bool publish();

    [[nodiscard]] bool broken() const { return broken_; }
    [[nodiscard]] std::size_t free_bytes() const;
    [[nodiscard]] std::uint64_t acknowledged()
        const;  // what the consumer claims; the caller checks its range

private:
    RingHeader* header_ = nullptr;
    std::byte* data_ = nullptr;
    std::uint64_t mask_ = 0;
    std::uint64_t tail_ = 0;       // reserved up to here
    std::uint64_t head_seen_ = 0;  // last valid position of the consumer
    bool broken_ = false;
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
    // Call before sleeping. False: something came in meanwhile, do not sleep.
    [[nodiscard]] bool prepare_to_wait();
    void acknowledge(std::uint64_t sequence);

    [[nodiscard]] bool broken() const { return broken_; }

private:
    RingHeader* header_ = nullptr;
    const std::byte* data_ = nullptr;
    std::uint64_t mask_ = 0;
    std::uint64_t head_ = 0;
    bool broken_ = false;
};

}  // namespace godwit::api
