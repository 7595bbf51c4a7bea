// Things that are numbered, given out and given back, and that rest after they came back: ports of
// one parity, or port blocks.
//
// Beside the bits that are out there are three sets of bits that came back, one a period of half
// the quarantine. When a period begins, the oldest set is forgotten, at the first look at the set
// in that period: a number therefore rests at least the quarantine and at most one and a half of
// it, without a queue or a time of its own (RFC 6888 REQ-8). When as many rest as may, what comes
// back is free at once. A fifth set is of numbers that are never given out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/nat/flow.hpp"
#include "dataplane/nat/prefetch.hpp"

namespace godwit::dataplane::nat {

class AgeingBits {
public:
    AgeingBits(std::uint32_t count, Seconds quarantine, std::uint32_t most_resting = ~0U);

    // From now on; what rests already goes on resting, for the new time at most one and a half
    // times over.
    void set_rest(Seconds quarantine, std::uint32_t most_resting);

    [[nodiscard]] bool is_free(std::uint32_t number, Instant now);
    // The first free number at or after `start` in [begin, end), and around.
    [[nodiscard]] std::optional<std::uint32_t> find_free(std::uint32_t begin, std::uint32_t end,
                                                         std::uint32_t start, Instant now);
    void take(std::uint32_t number);
    // Numbers that lie in one piece of memory with this one end before it.
    static constexpr std::uint32_t end_of_word(std::uint32_t number) {
        return (number / 64U + 1U) * 64U;
    }
    void prefetch(std::uint32_t number) const { prefetch_line(&words_[number / 64U]); }
    void give_back(std::uint32_t number, Instant now);

    void clear_reserved();
    void reserve(std::uint32_t number);

    [[nodiscard]] std::uint32_t count() const { return count_; }
    [[nodiscard]] std::uint32_t out() const { return out_; }
    // Some of them may be free by now.
    [[nodiscard]] std::uint32_t resting() const { return resting_[0] + resting_[1] + resting_[2]; }
    [[nodiscard]] std::size_t bytes() const { return words_.size() * sizeof(Word); }

private:
    static constexpr unsigned kPeriods = 3;
    struct Word {
        std::uint64_t out = 0;
        std::uint64_t reserved = 0;
        std::array<std::uint64_t, kPeriods> resting{};
        [[nodiscard]] std::uint64_t unavailable() const {
            return out | reserved | resting[0] | resting[1] | resting[2];
        }
    };
    void age(Instant now);
    [[nodiscard]] std::optional<std::uint32_t> first_free(std::uint32_t begin,
                                                          std::uint32_t end) const;

    std::vector<Word> words_;
    std::uint32_t count_;
    std::uint32_t out_ = 0;
    std::uint32_t period_seconds_;  // 0: no quarantine
    std::uint32_t period_ = 0;      // the number of the present one
    bool is_counted_anew_ = false;  // the length of a period has changed
    std::uint32_t most_resting_;
    std::array<std::uint32_t, kPeriods> resting_{};
};

}  // namespace godwit::dataplane::nat
