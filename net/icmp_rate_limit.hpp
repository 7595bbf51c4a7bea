// How many ICMP errors are sent (RFC 1812 4.3.2.8): a token bucket for each type on each interface,
// dealt out fairly among those who are to be told. Without I/O: time comes in, randomness is a key.
//
// A bucket is refilled at the begin of each interval, with an amount drawn by chance, and holds one
// refill: nothing is carried over. While an interval lasts, an error is sent if fewer were sent to
// the same host than there are tokens left. So the first to come gets at most half, the next at
// most half of what that left, and one who has had nothing yet is refused only when nothing
// remains: a noisy source does not silence the router for the others. Hosts are counted in a small
// table; two that share a place share their count, and only until the interval ends.
//
// A limit that strangers can measure tells them what others were sent: the attack on resolvers of
// CVE-2020-25705 finds an open port by provoking as many errors as the limit has, and asking for
// one more (RFC 6056 is undone by it). Therefore the refill of each interval is drawn anew, between
// half of the configured rate and all of it, and the places in the table are chosen by a keyed hash
// whose key changes with each interval, so that nobody finds an address that shares a place with
// another for longer. What one error more or less changes drowns in what the draw changes
// (tests/unit/net/icmp_rate_limit_test.cpp plays the attack).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "net/icmp.hpp"
#include "net/ipv4_address.hpp"
#include "net/siphash.hpp"

namespace godwit::net {

class IcmpRateLimit {
public:
    enum class Answer : std::uint8_t {
        Send,
        OverRate,   // nothing remains of this interval's budget
        OverShare,  // something remains, and is kept for others
    };

    // Interfaces have numbers below `interfaces`. `parts` limits like this one share the rate. Who
    // does not know `secret` cannot foretell a budget.
    IcmpRateLimit(std::uint64_t ticks_per_second, std::size_t interfaces, std::uint32_t parts,
                  const SipKey& secret);

    // An error of `type` about a packet that came in on `interface`, to `host`. "Send" is counted
    // as sent. A rate that differs from the last call's begins a new interval.
    Answer ask(IcmpType type, std::size_t interface, Ipv4Address host, std::uint64_t now_ticks,
               std::uint32_t errors_per_second);

    // An interval is a second cut into so many, where the rate is enough for a budget to vary.
    static constexpr std::uint32_t kIntervalsPerSecond = 10;
    static constexpr std::uint32_t kRateOfShortIntervals = 200;
    // One who does not heed redirects is told no more often within an interval.
    static constexpr std::uint32_t kMaxRedirectsToOne = 2;

private:
    enum Kind : std::size_t { kUnreachable, kTimeExceeded, kRedirect, kOther, kKinds };
    struct Budget {
        std::uint32_t interval = 0;  // that `left` is of
        std::uint32_t left = 0;
    };

    static Kind kind_of(IcmpType type);
    void begin_interval(std::uint64_t now_ticks, std::uint32_t errors_per_second);
    [[nodiscard]] std::uint32_t draw_budget(std::size_t place) const;

    static constexpr std::size_t kHostPlaces = 4096;

    std::uint64_t ticks_per_second_;
    std::uint32_t parts_;
    SipKey secret_;
    std::uint32_t rate_ = 0;
    std::uint32_t interval_ = 0;  // counts
    std::uint64_t interval_ends_ = 0;
    std::uint64_t mean_65536ths_ = 0;  // the configured rate for one interval
    SipKey host_key_;
    std::vector<Budget> budgets_;
    std::array<std::uint16_t, kHostPlaces> sent_to_{};
};

}  // namespace godwit::net
