// Many small values of one type, each with a number: the storage of the RIB's routes.
//
// A number takes half the room of a pointer, values never move, and a value that is let go makes
// room for the next one. Storage grows in chunks and is not given back: a table that was large once
// is likely to be so again. Numbers begin with 1, so that 0 can say "none".
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace godwit::control {

template <class Value, class Number>
class Slab {
public:
    Number add() {
        if (!free_.empty()) {
            const Number number = free_.back();
            free_.pop_back();
            (*this)[number] = Value();
            return number;
        }
        if (used_ % kChunk == 0) {
            chunks_.push_back(std::make_unique<Value[]>(kChunk));
        }
        return static_cast<Number>(++used_);
    }
    void release(Number number) { free_.push_back(number); }

    Value& operator[](Number number) {
        const std::size_t at = static_cast<std::uint32_t>(number) - 1;
        return chunks_[at / kChunk][at % kChunk];
    }
    const Value& operator[](Number number) const {
        const std::size_t at = static_cast<std::uint32_t>(number) - 1;
        return chunks_[at / kChunk][at % kChunk];
    }

    [[nodiscard]] std::size_t bytes() const {
        return chunks_.size() * kChunk * sizeof(Value) + free_.capacity() * sizeof(Number);
    }

private:
    static constexpr std::size_t kChunk = 4096;
    std::vector<std::unique_ptr<Value[]>> chunks_;
    std::vector<Number> free_;
    std::size_t used_ = 0;
};

}  // namespace godwit::control
