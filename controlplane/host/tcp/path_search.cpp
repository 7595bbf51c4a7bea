#include "controlplane/host/tcp/path_search.hpp"

#include <algorithm>

namespace godwit::control::tcp {

std::uint16_t PathSearch::highest(Instant now) const {
    return now >= raise_at_ ? ceiling_ : std::min(high_, ceiling_);
}

std::optional<std::uint16_t> PathSearch::wanted(Instant now) const {
    const std::uint16_t high = highest(now);
    if (probe_ != 0 || now < not_before_ || high < low_ + kWorthIt) {
        return std::nullopt;
    }
    // 7.3: sizes that are common come first, and none is as common as the link's own.
    return high == ceiling_ ? high : static_cast<std::uint16_t>(low_ + (high - low_ + 1) / 2);
}

void PathSearch::arrived(Instant now) {
    high_ = std::max(highest(now), probe_);
    low_ = std::max(low_, probe_);
    probe_ = 0;
    raise_at_ = low_ + kWorthIt > high_ && high_ < ceiling_ ? now + kRaiseAfter : Instant::max();
}

void PathSearch::was_lost(Instant now) {
    high_ = static_cast<std::uint16_t>(std::max<int>(probe_ - 1, low_));
    probe_ = 0;
    raise_at_ = high_ < low_ + kWorthIt ? now + kRaiseAfter : Instant::max();
}

void PathSearch::was_unclear(Instant now) {
    probe_ = 0;
    not_before_ = now + kTryAgainAfter;
}

void PathSearch::told(std::uint16_t mtu, Instant now) {
    low_ = high_ = mtu;
    probe_ = 0;
    raise_at_ = now + kRaiseAfter;
}

void PathSearch::link_became(std::uint16_t mtu, Instant now) {
    ceiling_ = mtu;
    if (mtu < low_) {
        told(mtu, now);
        return;
    }
    // What the way behind a wider link takes, a probe finds out at once.
    high_ = mtu;
    probe_ = 0;
    not_before_ = now;
    raise_at_ = Instant::max();
}

void PathSearch::fell_into_black_hole(std::uint16_t mtu) {
    high_ = static_cast<std::uint16_t>(std::max<int>(low_ - 1, mtu));
    low_ = std::min(low_, mtu);
    probe_ = 0;
    raise_at_ = Instant::max();
}

}  // namespace godwit::control::tcp
