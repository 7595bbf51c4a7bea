#include "dataplane/tables/fib_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>

namespace godwit::dataplane {

namespace {

std::size_t round_up(std::size_t bytes, std::size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

}  // namespace

LazyMemory::LazyMemory(std::size_t bytes)
    : reserved_bytes_(round_up(bytes, kHugePageBytes) + kHugePageBytes),
      bytes_(round_up(bytes, kHugePageBytes)) {
    reserved_ = mmap(nullptr, reserved_bytes_, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved_ == MAP_FAILED) {
        throw std::bad_alloc();
    }
    const auto start = reinterpret_cast<std::uintptr_t>(reserved_);
    data_ = reinterpret_cast<void*>(round_up(start, kHugePageBytes));
}

LazyMemory::~LazyMemory() {
    munmap(reserved_, reserved_bytes_);
}

// Each of these is a wish: a kernel that does not know it, or has no huge page left, changes
// nothing.

void LazyMemory::map_for_reading() noexcept {
#ifdef MADV_POPULATE_READ
    madvise(data_, bytes_, MADV_POPULATE_READ);
#endif
}

void LazyMemory::back_with_huge_pages() noexcept {
    huge_ = madvise(data_, bytes_, MADV_HUGEPAGE) == 0;
#ifdef MADV_POPULATE_WRITE
    madvise(data_, bytes_, MADV_POPULATE_WRITE);
#endif
}

void LazyMemory::use_huge_pages(std::size_t used) noexcept {
    huge_ = madvise(data_, bytes_, MADV_HUGEPAGE) == 0;
#ifdef MADV_COLLAPSE
    if (huge_ && used > 0) {
        madvise(data_, std::min(round_up(used, kHugePageBytes), bytes_), MADV_COLLAPSE);
    }
#else
    static_cast<void>(used);
#endif
}

std::size_t LazyMemory::backed(std::size_t used) const {
    return huge_ ? round_up(used, kHugePageBytes) : used;
}

std::size_t LazyMemory::backed_bound(std::size_t bytes) {
    return round_up(bytes, kHugePageBytes);
}

}  // namespace godwit::dataplane
