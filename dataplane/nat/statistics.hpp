// The numbers of a worker's translator that others may read while it works: published as a whole
// now and then, and by rule as they change. A reader may see numbers of two moments, never a torn
// one.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "dataplane/nat/records.hpp"
#include "dataplane/nat/settings.hpp"

namespace godwit::dataplane::nat {

struct Statistics {
    std::uint64_t now_seconds = 0;  // when it was published, by the worker's clock (Instant)
    std::uint64_t max_sessions = 0;
    std::uint64_t max_subscribers = 0;
    std::array<std::uint64_t, kAgeClasses> sessions{};  // by age class
    std::uint64_t mappings = 0;
    std::uint64_t subscribers = 0;
    std::uint64_t requested = 0;  // mappings, by their hosts
    std::uint64_t released = 0;   // by them, and still in the table
    std::uint64_t max_requested = 0;
    std::uint64_t syns_waiting = 0;
    std::uint64_t events_lost = 0;
    std::uint64_t memory_bytes = 0;
    Counters counters;

    // Sums; the times must not differ by much.
    Statistics& operator+=(const Statistics& other);
};

class PublishedStatistics {
public:
    void publish(const Statistics& statistics) {  // the worker
        const auto words = std::bit_cast<Words>(statistics);
        for (std::size_t at = 0; at < words.size(); ++at) {
            words_[at].store(words[at], std::memory_order_relaxed);
        }
    }
    [[nodiscard]] Statistics read() const {  // anyone
        Words words{};
        for (std::size_t at = 0; at < words.size(); ++at) {
            words[at] = words_[at].load(std::memory_order_relaxed);
        }
        return std::bit_cast<Statistics>(words);
    }

private:
    static_assert(sizeof(Statistics) % sizeof(std::uint64_t) == 0);
    using Words = std::array<std::uint64_t, sizeof(Statistics) / sizeof(std::uint64_t)>;
    std::array<std::atomic<std::uint64_t>, std::tuple_size_v<Words>> words_{};
};

// Sessions by rule. One writer.
class RuleUses {
public:
    struct Use {
        std::uint64_t sessions = 0;  // that there are
        std::uint64_t made = 0;      // since the translator began
    };
    void count_made(RuleId rule) {
        Entry& entry = entries_[place(rule)];
        entry.made.store(entry.made.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    void count_ended(RuleId rule) {
        Entry& entry = entries_[place(rule)];
        entry.ended.store(entry.ended.load(std::memory_order_relaxed) + 1,
                          std::memory_order_relaxed);
    }
    [[nodiscard]] Use of(RuleId rule) const {  // anyone
        const Entry& entry = entries_[place(rule)];
        const std::uint64_t ended = entry.ended.load(std::memory_order_acquire);
        const std::uint64_t made = entry.made.load(std::memory_order_relaxed);
        return {made - ended, made};
    }

private:
    struct Entry {
        std::atomic<std::uint64_t> made = 0;
        std::atomic<std::uint64_t> ended = 0;
    };
    static std::size_t place(RuleId rule) { return static_cast<std::size_t>(rule) % kMaxRules; }
    std::array<Entry, kMaxRules> entries_;
};

}  // namespace godwit::dataplane::nat
