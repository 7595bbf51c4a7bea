// Bytes in a ring that grows to what is needed and gives everything back when it is empty, so that
// an idle connection holds no buffer.
//
// A stream empties its ring with every read. Where its storage is large, giving it to the system
// and asking for it again costs many times what carrying the bytes does (pages come anew, and
// zeroed): one piece, of the last ring that was emptied, is kept for the next that grows to about
// its size. Never more than kMostSpare, of all rings of a thread together.
//
// Positions count from the first byte held. The ring keeps no limit of its own: its two users, the
// send and the receive buffer, never ask for more than theirs.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

namespace godwit::control::tcp {

class SpareStorage {
public:
    static constexpr std::size_t kMostSpare = std::size_t{1} << 20U;
    struct Piece {
        std::unique_ptr<std::uint8_t[]> bytes;
        std::size_t capacity = 0;  // zero or a power of two
    };

    // At least `capacity`, a power of two; not much more, or who keeps a little in it would hold
    // the memory of many.
    [[nodiscard]] Piece take(std::size_t capacity) {
        if (capacity <= piece_.capacity && piece_.capacity / capacity <= kMostTooLarge) {
            return std::exchange(piece_, {});
        }
        return {std::unique_ptr<std::uint8_t[]>(new std::uint8_t[capacity]), capacity};
    }
    void give_back(Piece piece) {
        if (piece.capacity >= kLeastSpare && piece.capacity <= kMostSpare) {
            piece_ = std::move(piece);
        }
    }

private:
    static constexpr std::size_t kLeastSpare = std::size_t{1} << 15U;
    static constexpr std::size_t kMostTooLarge = 8;

    Piece piece_;
};

class ByteRing {
public:
    struct Parts {
        std::span<const std::uint8_t> first;
        std::span<const std::uint8_t> rest;  // behind the wrap; often empty
    };

    // Bytes `position` and on; the ring grows to hold them. What lies between the bytes written
    // before and `position` is undefined until it is written.
    void write(std::size_t position, std::span<const std::uint8_t> bytes) {
        if (bytes.empty()) {
            return;
        }
        reserve(position + bytes.size());
        const std::size_t at = (begin_ + position) & (capacity_ - 1);
        const std::size_t until_wrap = std::min(bytes.size(), capacity_ - at);
        std::memcpy(storage_.get() + at, bytes.data(), until_wrap);
        if (until_wrap < bytes.size()) {
            std::memcpy(storage_.get(), bytes.data() + until_wrap, bytes.size() - until_wrap);
        }
        used_ = std::max(used_, position + bytes.size());
    }
    // The caller has written all of them before.
    [[nodiscard]] Parts read(std::size_t position, std::size_t count) const {
        if (count == 0) {
            return {};
        }
        const std::size_t at = (begin_ + position) & (capacity_ - 1);
        const std::size_t until_wrap = std::min(count, capacity_ - at);
        return {{storage_.get() + at, until_wrap}, {storage_.get(), count - until_wrap}};
    }
    void drop_front(std::size_t count) {
        used_ -= std::min(count, used_);
        begin_ = used_ == 0 ? 0 : (begin_ + count) & (capacity_ - 1);
        if (used_ == 0) {
            spare().give_back({std::move(storage_), std::exchange(capacity_, 0)});
        }
    }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }

private:
    static constexpr std::size_t kFirstCapacity = 2048;

    void reserve(std::size_t bytes) {
        if (bytes <= capacity_) {
            return;
        }
        auto [storage, capacity] = spare().take(std::max(kFirstCapacity, std::bit_ceil(bytes)));
        const Parts held = read(0, used_);
        if (!held.first.empty()) {
            std::memcpy(storage.get(), held.first.data(), held.first.size());
        }
        if (!held.rest.empty()) {
            std::memcpy(storage.get() + held.first.size(), held.rest.data(), held.rest.size());
        }
        storage_ = std::move(storage);
        capacity_ = capacity;
        begin_ = 0;
    }
    static SpareStorage& spare() {
        static thread_local SpareStorage storage;
        return storage;
    }

    std::unique_ptr<std::uint8_t[]> storage_;
    std::size_t capacity_ = 0;  // zero or a power of two
    std::size_t begin_ = 0;
    std::size_t used_ = 0;  // up to the last byte ever written
};

}  // namespace godwit::control::tcp
