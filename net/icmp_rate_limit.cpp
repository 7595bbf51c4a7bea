#include "net/icmp_rate_limit.hpp"

#include <algorithm>

namespace godwit::net {

IcmpRateLimit::IcmpRateLimit(std::uint64_t ticks_per_second, std::size_t interfaces,
                             std::uint32_t parts, const SipKey& secret)
    : ticks_per_second_(ticks_per_second),
      parts_(std::max<std::uint32_t>(parts, 1)),
      secret_(secret),
      budgets_(std::max<std::size_t>(interfaces, 1) * kKinds) {}

IcmpRateLimit::Kind IcmpRateLimit::kind_of(IcmpType type) {
    if (type == IcmpType::DestinationUnreachable) {
        return kUnreachable;
    }
    if (type == IcmpType::TimeExceeded) {
        return kTimeExceeded;
    }
    return type == IcmpType::Redirect ? kRedirect : kOther;
}

void IcmpRateLimit::begin_interval(std::uint64_t now_ticks, std::uint32_t errors_per_second) {
    rate_ = errors_per_second;
    const std::uint32_t per_second =
        rate_ / parts_ >= kRateOfShortIntervals ? kIntervalsPerSecond : 1;
    interval_ends_ = now_ticks + ticks_per_second_ / per_second;
    mean_65536ths_ = (std::uint64_t{rate_} << 16) / parts_ / per_second;
    ++interval_;
    host_key_ = {siphash(secret_, {interval_, 1}), siphash(secret_, {interval_, 2})};
    sent_to_.fill(0);
}

// Between half and all of the configured rate, a fraction by chance rounded up or down.
std::uint32_t IcmpRateLimit::draw_budget(std::size_t place) const {
    const std::uint64_t random = siphash(secret_, {interval_, 3, place});
    const std::uint64_t half = mean_65536ths_ / 2;
    const std::uint64_t drawn = mean_65536ths_ - half + (random >> 16) % (half + 1);
    return static_cast<std::uint32_t>((drawn + (random & 0xffffU)) >> 16);
}

IcmpRateLimit::Answer IcmpRateLimit::ask(IcmpType type, std::size_t interface, Ipv4Address host,
                                         std::uint64_t now_ticks, std::uint32_t errors_per_second) {
    if (now_ticks >= interval_ends_ || errors_per_second != rate_) {
        begin_interval(now_ticks, errors_per_second);
    }
    const Kind kind = kind_of(type);
    const std::size_t place = (interface * kKinds + kind) % budgets_.size();
    Budget& budget = budgets_[place];
    if (budget.interval != interval_) {
        budget = {interval_, draw_budget(place)};
    }
    if (budget.left == 0) {
        return Answer::OverRate;
    }
    std::uint16_t& sent =
        sent_to_[siphash(host_key_, {std::uint64_t{host.value()} << 32 | place}) % kHostPlaces];
    const std::uint32_t share =
        kind == kRedirect ? std::min(budget.left, kMaxRedirectsToOne) : budget.left;
    if (sent >= std::min<std::uint32_t>(share, UINT16_MAX)) {
        return Answer::OverShare;
    }
    ++sent;
    --budget.left;
    return Answer::Send;
}

}  // namespace godwit::net
