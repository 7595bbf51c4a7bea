// A hash table from 64-bit hashes to 32-bit indices, for keys that lie in the records the indices
// name. It knows tags; whoever asks compares the key.
//
// A bucket is one cache line: twelve tags of 8 bits, twelve indices, and a count of the entries
// that passed this bucket because it was full and lie in a later one. A search reads the home
// bucket, and goes on to the next only while that count says so; a removal lowers the counts that
// the insertion raised, so nothing is ever left behind and nothing is ever rebuilt. Sized once for
// five eighths of its slots: of a hundred entries one lies outside its home bucket. With ten slots
// and tags of 16 bits in the same memory it was four, each of them a wait for memory; two records
// under one tag, three in a hundred now, are fetched together.
//
//   tags[12] · passed · (spare) · values[12]       12 + 2 + 2 + 48 bytes
#pragma once

#include <emmintrin.h>

#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <vector>

#include "dataplane/nat/large_memory.hpp"
#include "dataplane/nat/prefetch.hpp"

namespace godwit::dataplane::nat {

// "No such record", for every index in this folder.
constexpr std::uint32_t kNone = 0xffffffffU;

class BucketTable {
public:
    // At most `entries` will ever be in it at a time.
    explicit BucketTable(std::size_t entries);
    [[nodiscard]] static std::size_t bytes_for(std::size_t entries) {
        return buckets_for(entries) * sizeof(Bucket);
    }

    void prefetch(std::uint64_t hash) const { prefetch_line(&buckets_[home(hash)]); }

    // The first value under `hash` whose tag is the same, or kNone: very likely what find() will
    // return. `fetch(value)` is called for each with that tag; where there is none, what a search
    // or an insertion goes on to is fetched. The bucket should have been prefetched.
    template <class Fetch>
    [[nodiscard]] std::uint32_t probable(std::uint64_t hash, Fetch&& fetch) const {
        const std::size_t at = home(hash);
        const Bucket& bucket = buckets_[at];
        std::uint32_t slots = slots_with(bucket, tag(hash));
        if (slots == 0) {
            if (bucket.passed != 0 || slots_with(bucket, 0) == 0) {
                prefetch_line(&buckets_[after(at)]);
            }
            return kNone;
        }
        const std::uint32_t first = bucket.values[static_cast<unsigned>(std::countr_zero(slots))];
        fetch(first);
        while ((slots &= slots - 1) != 0) {
            fetch(bucket.values[static_cast<unsigned>(std::countr_zero(slots))]);
        }
        return first;
    }

    // The first value under `hash` that `matches(value)` accepts, or kNone.
    template <class Matches>
    [[nodiscard]] std::uint32_t find(std::uint64_t hash, Matches&& matches) const {
        std::size_t at = home(hash);
        while (true) {
            const Bucket& bucket = buckets_[at];
            for (std::uint32_t slots = slots_with(bucket, tag(hash)); slots != 0;
                 slots &= slots - 1) {
                const std::uint32_t value =
                    bucket.values[static_cast<unsigned>(std::countr_zero(slots))];
                if (matches(value)) {
                    return value;
                }
            }
            if (bucket.passed == 0) {
                return kNone;
            }
            at = after(at);
        }
    }

    void insert(std::uint64_t hash, std::uint32_t value);
    // The value must be in the table under this hash.
    void erase(std::uint64_t hash, std::uint32_t value);
    void replace(std::uint64_t hash, std::uint32_t old_value, std::uint32_t new_value);

    // How many buckets a search that finds nothing reads.
    [[nodiscard]] std::size_t search_length(std::uint64_t hash) const;
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t bytes() const { return buckets_.size() * sizeof(Bucket); }

private:
    static constexpr unsigned kSlots = 12;
    struct alignas(64) Bucket {
        std::array<std::uint8_t, kSlots> tags{};  // 0: free
        std::uint16_t passed = 0;
        std::uint16_t spare = 0;
        std::array<std::uint32_t, kSlots> values{};
    };
    static_assert(sizeof(Bucket) == 64);

    static constexpr std::size_t buckets_for(std::size_t entries) {
        return entries * 8 / (std::size_t{kSlots} * 5) + 1;
    }
    static std::uint8_t tag(std::uint64_t hash) {
        const auto low = static_cast<std::uint8_t>(hash);
        return low == 0 ? std::uint8_t{1} : low;
    }
    [[nodiscard]] std::size_t home(std::uint64_t hash) const {
        __extension__ using Wide = unsigned __int128;
        return static_cast<std::size_t>(Wide{hash} * buckets_.size() >> 64U);
    }
    [[nodiscard]] std::size_t after(std::size_t at) const {
        return at + 1 == buckets_.size() ? 0 : at + 1;
    }
    // A bit for each slot with this tag; what is compared with it behind the tags is cut off.
    static std::uint32_t slots_with(const Bucket& bucket, std::uint8_t wanted) {
        const __m128i tags = _mm_load_si128(reinterpret_cast<const __m128i*>(&bucket));
        const __m128i same = _mm_cmpeq_epi8(tags, _mm_set1_epi8(static_cast<char>(wanted)));
        return static_cast<std::uint32_t>(_mm_movemask_epi8(same)) & ((1U << kSlots) - 1U);
    }
    struct Place {
        std::size_t bucket;
        unsigned slot;
    };
    [[nodiscard]] Place place_of(std::uint64_t hash, std::uint32_t value) const;

    std::vector<Bucket, LargeMemory<Bucket>> buckets_;
    std::size_t size_ = 0;
};

}  // namespace godwit::dataplane::nat
