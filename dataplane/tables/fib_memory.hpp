// Zeroed memory at a fixed address that costs nothing until it is written to.
//
// The forwarding table reserves what it may need at its limit as address space, so that readers can
// hold plain pointers for ever, and the kernel backs what is used: pages of 4 KiB while the table
// is small, of 2 MiB from `use_huge_pages` on. On a machine that grants no huge pages everything
// stays right and is only slower. At least a page behind the end may be read, and is of no meaning.
#pragma once

#include <cstddef>

namespace godwit::dataplane {

class LazyMemory {
public:
    static constexpr std::size_t kPageBytes = 4096;
    static constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

    explicit LazyMemory(std::size_t bytes);
    ~LazyMemory();
    LazyMemory(const LazyMemory&) = delete;
    LazyMemory& operator=(const LazyMemory&) = delete;

    template <class T>
    [[nodiscard]] T* as() const {
        return static_cast<T*>(data_);
    }

    // Lets readers find the kernel's page of zeros where nothing was written, without a fault of
    // their own.
    void map_for_reading() noexcept;
    // Backs all of it with huge pages now; before anything was touched.
    void back_with_huge_pages() noexcept;
    // Asks for huge pages; the first `used` bytes are moved to them now.
    void use_huge_pages(std::size_t used) noexcept;
    // What the kernel backs at the most when `used` bytes were written from the start on.
    [[nodiscard]] std::size_t backed(std::size_t used) const;
    // The same before anything is known about huge pages.
    static std::size_t backed_bound(std::size_t bytes);
    [[nodiscard]] bool has_huge_pages() const { return huge_; }

private:
    std::size_t reserved_bytes_;
    void* reserved_ = nullptr;
    void* data_ = nullptr;
    std::size_t bytes_;
    bool huge_ = false;
};

}  // namespace godwit::dataplane
