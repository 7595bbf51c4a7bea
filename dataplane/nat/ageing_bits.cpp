// Words of 64 numbers; a look for a free one reads each word of its range at most twice.
#include "dataplane/nat/ageing_bits.hpp"

#include <algorithm>
#include <bit>

namespace godwit::dataplane::nat {

AgeingBits::AgeingBits(std::uint32_t count, Seconds quarantine, std::uint32_t most_resting)
    : words_((count + 63U) / 64U),
      count_(count),
      period_seconds_((quarantine.count() + 1U) / 2U),
      most_resting_(most_resting) {}

void AgeingBits::set_rest(Seconds quarantine, std::uint32_t most_resting) {
    const std::uint32_t period_seconds = (quarantine.count() + 1U) / 2U;
    most_resting_ = most_resting;
    if (period_seconds == period_seconds_) {
        return;
    }
    period_seconds_ = period_seconds;
    is_counted_anew_ = true;
    if (period_seconds == 0) {
        resting_ = {};
        for (Word& word : words_) {
            word.resting = {};
        }
    }
}

bool AgeingBits::is_free(std::uint32_t number, Instant now) {
    age(now);
    return (words_[number / 64U].unavailable() >> (number % 64U) & 1U) == 0;
}

std::optional<std::uint32_t> AgeingBits::find_free(std::uint32_t begin, std::uint32_t end,
                                                   std::uint32_t start, Instant now) {
    age(now);
    if (const auto found = first_free(start, end)) {
        return found;
    }
    return first_free(begin, start);
}

void AgeingBits::take(std::uint32_t number) {
    words_[number / 64U].out |= std::uint64_t{1} << (number % 64U);
    ++out_;
}

void AgeingBits::give_back(std::uint32_t number, Instant now) {
    age(now);
    const std::uint64_t bit = std::uint64_t{1} << (number % 64U);
    Word& word = words_[number / 64U];
    word.out &= ~bit;
    if (period_seconds_ != 0 && resting() < most_resting_) {
        word.resting[period_ % kPeriods] |= bit;
        ++resting_[period_ % kPeriods];
    }
    --out_;
}

void AgeingBits::clear_reserved() {
    for (Word& word : words_) {
        word.reserved = 0;
    }
}

void AgeingBits::reserve(std::uint32_t number) {
    words_[number / 64U].reserved |= std::uint64_t{1} << (number % 64U);
}

void AgeingBits::age(Instant now) {
    if (period_seconds_ == 0) {
        return;
    }
    const std::uint32_t period = now.time_since_epoch().count() / period_seconds_;
    if (is_counted_anew_) {
        is_counted_anew_ = false;
        // The present set keeps its place.
        const std::uint32_t turn = (period % kPeriods + kPeriods - period_ % kPeriods) % kPeriods;
        std::rotate(resting_.rbegin(), resting_.rbegin() + turn, resting_.rend());
        for (Word& word : words_) {
            std::rotate(word.resting.rbegin(), word.resting.rbegin() + turn, word.resting.rend());
        }
        period_ = period;
    }
    if (period == period_) {
        return;
    }
    const std::uint32_t passed = std::min(period - period_, kPeriods);
    for (std::uint32_t step = 0; step < passed; ++step) {
        resting_[(period - step) % kPeriods] = 0;
    }
    for (Word& word : words_) {
        for (std::uint32_t step = 0; step < passed; ++step) {
            word.resting[(period - step) % kPeriods] = 0;
        }
    }
    period_ = period;
}

std::optional<std::uint32_t> AgeingBits::first_free(std::uint32_t begin, std::uint32_t end) const {
    for (std::uint32_t at = begin; at < end; at = end_of_word(at)) {
        const std::uint64_t before = (std::uint64_t{1} << (at % 64U)) - 1U;
        const std::uint64_t unavailable = words_[at / 64U].unavailable() | before;
        if (unavailable != ~std::uint64_t{0}) {
            const std::uint32_t number =
                at / 64U * 64U + static_cast<std::uint32_t>(std::countr_one(unavailable));
            return number < end ? std::optional(number) : std::nullopt;
        }
    }
    return std::nullopt;
}

}  // namespace godwit::dataplane::nat
