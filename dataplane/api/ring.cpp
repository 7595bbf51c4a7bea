// Both ends of a ring; the layout and the promises are in ring.hpp.
//
// What makes it safe against a peer that writes at will: positions of our own side live in private
// members and are only stored to the region, never read back; the peer's position is loaded once
// into a local, and used after a check; a record's header is one 8-byte atomic load, so the length
// that is checked is the length that is used; the body is copied before anybody looks at it.
#include "dataplane/api/ring.hpp"

#include <bit>
#include <cstring>

namespace godwit::api {

namespace {

constexpr std::uint64_t kAlignmentMask = kRecordAlignment - 1;

constexpr std::uint64_t record_bytes(std::uint64_t body_bytes) {
    return (sizeof(RecordHeader) + body_bytes + kAlignmentMask) & ~kAlignmentMask;
}

bool valid_region(std::span<std::byte> region, std::size_t data_bytes) {
    return valid_ring_bytes(data_bytes) && region.size() >= ring_region_bytes(data_bytes) &&
           reinterpret_cast<std::uintptr_t>(region.data()) % alignof(RingHeader) == 0;
}

}  // namespace

RingProducer::RingProducer(std::span<std::byte> region, std::size_t data_bytes) {
    if (!valid_region(region, data_bytes)) {
        return;
    }
    header_ = reinterpret_cast<RingHeader*>(region.data());
    data_ = region.data() + sizeof(RingHeader);
    mask_ = data_bytes - 1;
    broken_ = false;
}

bool RingProducer::has_room(std::uint64_t bytes) {
    const std::uint64_t size = mask_ + 1;
    if (size - (tail_ - head_seen_) >= bytes) {
        return true;
    }
    const std::uint64_t head = header_->head.load(std::memory_order_acquire);
    // The consumer moves forward only, in whole records, and never past what it was shown. Written
    // as differences, so that positions may wrap.
    if (head - head_seen_ > published_ - head_seen_ || (head & kAlignmentMask) != 0) {
        broken_ = true;
        return false;
    }
    head_seen_ = head;
    return size - (tail_ - head_seen_) >= bytes;
}

void RingProducer::write_header(std::uint64_t position, RecordHeader header) {
    auto* place = reinterpret_cast<std::uint64_t*>(data_ + (position & mask_));
    std::atomic_ref<std::uint64_t>(*place).store(std::bit_cast<std::uint64_t>(header),
                                                 std::memory_order_relaxed);
}

std::span<std::byte> RingProducer::reserve(std::uint32_t type, std::size_t body_bytes) {
    if (broken_ || type == kPaddingRecord || body_bytes == 0 ||
        body_bytes > max_body_bytes(mask_ + 1)) {
        return {};
    }
    const std::uint64_t bytes = record_bytes(body_bytes);
    const std::uint64_t to_end = mask_ + 1 - (tail_ & mask_);
    const std::uint64_t padding = bytes > to_end ? to_end : 0;
    if (!has_room(padding + bytes)) {
        return {};
    }
    if (padding != 0) {
        write_header(
            tail_, {.body_bytes = static_cast<std::uint32_t>(padding - 8), .type = kPaddingRecord});
        tail_ += padding;
    }
    write_header(tail_, {.body_bytes = static_cast<std::uint32_t>(body_bytes), .type = type});
    std::byte* body = data_ + (tail_ & mask_) + sizeof(RecordHeader);
    tail_ += bytes;
    return {body, body_bytes};
}

bool RingProducer::publish() {
    if (broken_ || tail_ == published_) {
        return false;
    }
    published_ = tail_;
    header_->tail.store(tail_, std::memory_order_release);
    // Pairs with the fence in prepare_to_wait(): either the consumer's second look finds this tail,
    // or this load finds its flag.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (header_->consumer_waiting.load(std::memory_order_relaxed) == 0) {
        return false;
    }
    header_->consumer_waiting.store(0, std::memory_order_relaxed);  // one signal a sleep
    return true;
}

std::size_t RingProducer::free_bytes() const {
    if (broken_) {
        return 0;
    }
    const std::uint64_t head = header_->head.load(std::memory_order_acquire);
    // An impossible position is judged by the next reserve(); here the last good one counts.
    const std::uint64_t believed = head - head_seen_ <= published_ - head_seen_ ? head : head_seen_;
    return mask_ + 1 - (tail_ - believed);
}

std::uint64_t RingProducer::acknowledged() const {
    return header_ == nullptr ? 0 : header_->acknowledged.load(std::memory_order_acquire);
}

RingConsumer::RingConsumer(std::span<std::byte> region, std::size_t data_bytes) {
    if (!valid_region(region, data_bytes)) {
        return;
    }
    header_ = reinterpret_cast<RingHeader*>(region.data());
    data_ = region.data() + sizeof(RingHeader);
    mask_ = data_bytes - 1;
    broken_ = false;
}

RingConsumer::Outcome RingConsumer::fail() {
    broken_ = true;
    return Outcome::Broken;
}

bool RingConsumer::look_at_tail() {
    const std::uint64_t tail = header_->tail.load(std::memory_order_acquire);
    // The producer moves forward only, in whole records, and at most one ring ahead of us.
    if (tail - tail_seen_ > mask_ + 1 - (tail_seen_ - head_) || (tail & kAlignmentMask) != 0) {
        return false;
    }
    tail_seen_ = tail;
    return true;
}

RingConsumer::Outcome RingConsumer::next(std::span<std::byte> buffer, Record& record) {
    if (broken_) {
        return Outcome::Broken;
    }
    for (;;) {
        if (head_ == tail_seen_) {
            if (!look_at_tail()) {
                return fail();
            }
            if (head_ == tail_seen_) {
                return Outcome::Empty;
            }
        }
        // head_ is a multiple of 8 and the ring is larger than a header: always inside the region.
        const std::uint64_t offset = head_ & mask_;
        auto* place =
            const_cast<std::uint64_t*>(reinterpret_cast<const std::uint64_t*>(data_ + offset));
        const auto header = std::bit_cast<RecordHeader>(
            std::atomic_ref<std::uint64_t>(*place).load(std::memory_order_relaxed));
        // 64-bit arithmetic on a 32-bit length: cannot overflow.
        const std::uint64_t bytes = record_bytes(header.body_bytes);
        if (bytes > tail_seen_ - head_ || bytes > mask_ + 1 - offset) {
            return fail();
        }
        if (header.type == kPaddingRecord) {
            // Padding always reaches the end, so two in a row are a peer that keeps us busy.
            if (bytes != mask_ + 1 - offset || offset == 0) {
                return fail();
            }
            head_ += bytes;
            header_->head.store(head_, std::memory_order_release);
            continue;
        }
        if (header.body_bytes > buffer.size()) {
            return fail();
        }
        if (header.body_bytes != 0) {
            std::memcpy(buffer.data(), data_ + offset + sizeof(RecordHeader), header.body_bytes);
        }
        // The compiler must not fetch from the region again what it believes to know from there.
        std::atomic_signal_fence(std::memory_order_seq_cst);
        head_ += bytes;
        header_->head.store(head_, std::memory_order_release);
        record.type = header.type;
        record.body = std::span<const std::byte>(buffer.data(), header.body_bytes);
        return Outcome::Record;
    }
}

bool RingConsumer::prepare_to_wait() {
    if (broken_) {
        return false;
    }
    header_->consumer_waiting.store(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (head_ == tail_seen_ && header_->tail.load(std::memory_order_acquire) == head_) {
        return true;
    }
    header_->consumer_waiting.store(0, std::memory_order_relaxed);
    return false;
}

void RingConsumer::acknowledge(std::uint64_t sequence) {
    if (header_ != nullptr) {
        header_->acknowledged.store(sequence, std::memory_order_release);
    }
}

}  // namespace godwit::api
