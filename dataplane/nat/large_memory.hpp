// Memory of tables that are read at random: in large pages, where the kernel has them.
//
// A search in a large table costs its cache lines and, with pages of 4 KiB, a walk of the page
// tables for each of them. The kernel is asked for large pages and may say no; nothing depends on
// it.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace godwit::dataplane::nat {

// For std::vector; pieces below a large page come from the heap.
template <class Value>
class LargeMemory {
public:
    using value_type = Value;

    LargeMemory() = default;
    template <class Other>
    LargeMemory(const LargeMemory<Other>& /*other*/) {}  // NOLINT: allocators convert

    Value* allocate(std::size_t count) {
        const std::size_t bytes = count * sizeof(Value);
        void* const memory = ::operator new(bytes, alignment(bytes));
        if (bytes >= kLargePageBytes) {
            static_cast<void>(::madvise(memory, bytes, MADV_HUGEPAGE));
        }
        return static_cast<Value*>(memory);
    }
    void deallocate(Value* memory, std::size_t count) {
        ::operator delete(memory, alignment(count * sizeof(Value)));
    }
    friend bool operator==(const LargeMemory& /*left*/, const LargeMemory& /*right*/) {
        return true;
    }

private:
    static constexpr std::size_t kLargePageBytes = std::size_t{2} << 20U;
    static std::align_val_t alignment(std::size_t bytes) {
        return std::align_val_t{bytes >= kLargePageBytes ? kLargePageBytes : 64U};
    }
};

}  // namespace godwit::dataplane::nat
