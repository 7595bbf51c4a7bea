// Changes of the table: rare beside searches, and out of their way.
#include "dataplane/nat/bucket_table.hpp"

namespace godwit::dataplane::nat {

BucketTable::BucketTable(std::size_t entries) : buckets_(buckets_for(entries)) {}

void BucketTable::insert(std::uint64_t hash, std::uint32_t value) {
    assert(size_ < buckets_.size() * kSlots);
    std::size_t at = home(hash);
    std::uint32_t free = slots_with(buckets_[at], 0);
    while (free == 0) {
        ++buckets_[at].passed;
        at = after(at);
        free = slots_with(buckets_[at], 0);
    }
    const auto slot = static_cast<unsigned>(std::countr_zero(free));
    buckets_[at].tags[slot] = tag(hash);
    buckets_[at].values[slot] = value;
    ++size_;
}

void BucketTable::erase(std::uint64_t hash, std::uint32_t value) {
    const Place place = place_of(hash, value);
    buckets_[place.bucket].tags[place.slot] = 0;
    for (std::size_t at = home(hash); at != place.bucket; at = after(at)) {
        --buckets_[at].passed;
    }
    --size_;
}

void BucketTable::replace(std::uint64_t hash, std::uint32_t old_value, std::uint32_t new_value) {
    const Place place = place_of(hash, old_value);
    buckets_[place.bucket].values[place.slot] = new_value;
}

std::size_t BucketTable::search_length(std::uint64_t hash) const {
    std::size_t length = 1;
    for (std::size_t at = home(hash); buckets_[at].passed != 0; at = after(at)) {
        ++length;
    }
    return length;
}

BucketTable::Place BucketTable::place_of(std::uint64_t hash, std::uint32_t value) const {
    std::size_t at = home(hash);
    while (true) {
        for (std::uint32_t slots = slots_with(buckets_[at], tag(hash)); slots != 0;
             slots &= slots - 1) {
            const auto slot = static_cast<unsigned>(std::countr_zero(slots));
            if (buckets_[at].values[slot] == value) {
                return {at, slot};
            }
        }
        assert(buckets_[at].passed != 0);
        at = after(at);
    }
}

}  // namespace godwit::dataplane::nat
