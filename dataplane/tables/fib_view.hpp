// What a worker reads of the forwarding table, and how a reader can be right without a lock.
//
// Front: a code of 8 or 16 bits for every /24 (fib_codes.hpp), which is the next hop itself, or
// says that the default route is followed, or that the /24 is an exception: it has a group, with an
// entry for each of its 256 addresses. The code names the group, or else the chunk of the /16 does.
// Only a mapped front has next hops that its codes do not spell out; they stand in an array.
//
// Each address has one entry (in the front or in a group), and every change of it is one atomic
// store, so a lookup sees the value before or after. Four cases need more than that:
//
// - A group that is not needed any more is cut off by the store in the front and not written again;
//   a reader that is still in it reads what was right when it was cut off. Groups, chunks and codes
//   of a mapped front are used again only after the Reclaimer says that no reader is left.
// - A chunk entry means something only while its front entry is the exception, and is written
//   before it. Who found the exception earlier sees the group of before or of now.
// - The front is replaced as a whole when its codes become wider or mapped. What is in the old one
//   was right when it was replaced, which is not before the reader took the pointer.
// - Code 0 means "the default route", which is a second word. Read carelessly, two changes between
//   the two reads make an answer that never was right. So the default carries a version; who needs
//   it reads it before and after the rest and starts again, from the pointer to the front, when it
//   moved.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace godwit::dataplane {

// An entry of a group is a next hop, or this.
constexpr std::uint32_t kFibDefault = 1U << 31;

// Beside the address of the codes: they are 16 bits wide; so much of them is in use that it lies
// beyond the second-level cache; next hops stand in FibView::next_hops, by code.
constexpr std::uintptr_t kFibWideFront = 1;
constexpr std::uintptr_t kFibLargeFront = 2;
constexpr std::uintptr_t kFibMappedFront = 4;

constexpr std::size_t kFibSlots = std::size_t{1} << 24;  // /24s
constexpr std::size_t kFibChunks = std::size_t{1} << 16;
constexpr std::size_t kFibChunkEntries = 256;
constexpr std::size_t kFibGroupEntries = 256;

// What codes say. 0: the default route is followed. Below kFirstGroup: a next hop. From there on:
// an exception, whose group is the code less kFirstGroup, or found through the chunk.
template <class Code>
struct FibCode {
    static constexpr std::uint32_t kFirstGroup = 3U << (std::numeric_limits<Code>::digits - 2);
    static constexpr std::uint32_t kThroughChunk = std::numeric_limits<Code>::max();
    static constexpr std::uint32_t kNamedGroups = kThroughChunk - kFirstGroup;
};

template <class Entry>
Entry load_entry(const Entry& entry) {
    // atomic_ref of const comes with C++26; this only reads.
    return std::atomic_ref(const_cast<Entry&>(entry)).load(std::memory_order_acquire);
}

template <class Entry>
void store_entry(Entry& entry, Entry value) {
    std::atomic_ref(entry).store(value, std::memory_order_release);
}

struct alignas(64) FibView {
    // | version (32) | next hop (32) |
    std::atomic<std::uint64_t> default_route{0};
    // Address of the codes, and the bits above.
    std::atomic<std::uintptr_t> front{0};
    const std::uint32_t* next_hops = nullptr;  // of a mapped front, by code
    const std::uint16_t* chunk_of = nullptr;   // by /16
    const std::uint32_t* chunks = nullptr;     // number of a group
    const std::uint32_t* groups = nullptr;
    bool gathers = false;  // bursts are looked up by fib_gather.hpp; never changes

    [[nodiscard]] std::uint64_t load_default() const {
        return default_route.load(std::memory_order_acquire);
    }
    [[nodiscard]] const std::uint32_t* chunk_entry(std::uint32_t address) const {
        const std::size_t chunk = load_entry(chunk_of[address >> 16]);
        return &chunks[chunk * kFibChunkEntries + (address >> 8 & 0xffU)];
    }
    [[nodiscard]] const std::uint32_t* group_entry(std::uint32_t group,
                                                   std::uint32_t address) const {
        return &groups[std::size_t{group} * kFibGroupEntries + (address & 0xffU)];
    }
    template <class Code>
    static const Code* codes(std::uintptr_t tagged) {
        constexpr std::uintptr_t kTags = kFibWideFront | kFibLargeFront | kFibMappedFront;
        return reinterpret_cast<const Code*>(tagged & ~kTags);
    }
    // The entry of an address for which the front has this exception.
    template <class Code>
    [[nodiscard]] std::uint32_t exception(std::uint32_t code, std::uint32_t address) const {
        const std::uint32_t group = code == FibCode<Code>::kThroughChunk
                                        ? load_entry(*chunk_entry(address))
                                        : code - FibCode<Code>::kFirstGroup;
        return load_entry(*group_entry(group, address));
    }
    // A next hop, or kFibDefault.
    [[nodiscard]] std::uint32_t entry(std::uint32_t address) const {
        const std::uintptr_t tagged = front.load(std::memory_order_acquire);
        return (tagged & kFibWideFront) == 0 ? entry_of<std::uint8_t>(tagged, address)
                                             : entry_of<std::uint16_t>(tagged, address);
    }
    template <class Code>
    [[nodiscard]] std::uint32_t entry_of(std::uintptr_t tagged, std::uint32_t address) const {
        const std::uint32_t code = load_entry(codes<Code>(tagged)[address >> 8]);
        if (code >= FibCode<Code>::kFirstGroup) {
            return exception<Code>(code, address);
        }
        if (code == 0) {
            return kFibDefault;
        }
        return (tagged & kFibMappedFront) == 0 ? code : load_entry(next_hops[code]);
    }
};
static_assert(sizeof(FibView) == 64);

}  // namespace godwit::dataplane
