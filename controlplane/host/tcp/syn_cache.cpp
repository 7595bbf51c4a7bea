#include "controlplane/host/tcp/syn_cache.hpp"

#include <algorithm>
#include <chrono>

namespace godwit::control::tcp {

namespace {

constexpr Duration kCookieTick = std::chrono::seconds(64);
constexpr std::uint32_t kCookieTicks = 2;  // how long a cookie is good
constexpr std::array<std::uint16_t, 8> kCookieSegments{216,  536,  1024, 1220,
                                                       1360, 1440, 1460, 8960};
constexpr std::uint32_t kHashMask = (1U << 27) - 1;
constexpr std::uint32_t kTimestampMask = 31;  // four bits of scale, one of SACK
constexpr std::uint32_t kNoScale = 15;

std::uint32_t tick_at(Instant now) {
    return static_cast<std::uint32_t>(now.time_since_epoch() / kCookieTick);
}

}  // namespace

void SynCache::add(const Flow& flow, const HalfOpen& half_open, Instant now) {
    HalfOpen record = half_open;
    record.attempts = 0;
    record.due = now + RttEstimator::kInitialTimeout;
    records_.insert_or_assign(flow, record);
    queues_[0].push_back({record.due, flow});
}

HalfOpen* SynCache::find(const Flow& flow) {
    const auto found = records_.find(flow);
    return found == records_.end() ? nullptr : &found->second;
}

void SynCache::remove_of(ListenerId listener) {
    std::erase_if(records_, [&](const auto& record) { return record.second.listener == listener; });
}

std::optional<Flow> SynCache::next_due(Instant now) {
    for (std::size_t attempts = 0; attempts < queues_.size(); ++attempts) {
        auto& queue = queues_[attempts];
        while (!queue.empty() && queue.front().at <= now) {
            const Queued first = queue.front();
            queue.pop_front();
            const auto found = records_.find(first.flow);
            if (found == records_.end() || found->second.attempts != attempts ||
                found->second.due != first.at) {
                continue;  // finished, or another of the same flow
            }
            HalfOpen& record = found->second;
            if (record.attempts >= kAttempts) {
                records_.erase(found);
                continue;
            }
            ++record.attempts;
            record.due =
                now + RttEstimator::kInitialTimeout * (Duration::rep{1} << record.attempts);
            queues_[record.attempts].push_back({record.due, first.flow});
            return first.flow;
        }
    }
    return std::nullopt;
}

Instant SynCache::next_deadline() const {
    Instant first = Instant::max();
    for (const auto& queue : queues_) {
        if (!queue.empty()) {
            first = std::min(first, queue.front().at);
        }
    }
    return first;
}

void SynCache::make_cookie(const Flow& flow, Handshake& handshake, Instant now) {
    cookies_until_ = now + kCookieTick * kCookieTicks;
    ++cookies_sent_;
    std::uint32_t index = 0;
    while (index + 1 < kCookieSegments.size() &&
           kCookieSegments[index + 1] <= handshake.maximum_segment) {
        ++index;
    }
    const std::uint32_t tick = tick_at(now);
    const std::uint32_t hash = secrets_->cookie(flow, handshake.theirs, tick, index) & kHashMask;
    handshake.ours = net::Sequence((tick & 3U) << 30 | index << 27 | hash);
    if (handshake.timestamps) {
        const std::uint32_t told = (handshake.window_scaling ? handshake.window_scale : kNoScale)
                                       << 1 |
                                   std::uint32_t{handshake.sack};
        const std::uint32_t value = timestamp_at(now, handshake.timestamp_offset);
        std::uint32_t marked = (value & ~kTimestampMask) | told;
        marked -= marked > value ? kTimestampMask + 1 : 0;  // never ahead of the clock
        handshake.timestamp_offset += marked - value;
    } else {
        handshake.window_scaling = false;
        handshake.sack = false;
    }
    handshake.ecn = false;  // a cookie has no room for it
}

std::optional<Handshake> SynCache::check_cookie(const Flow& flow, const Segment& ack,
                                                const Settings& settings, Instant now) const {
    if (now > cookies_until_) {
        return std::nullopt;
    }
    const std::uint32_t cookie = ack.acknowledgment.value() - 1;
    const net::Sequence theirs = ack.sequence - 1;
    const std::uint32_t index = cookie >> 27 & 7U;
    const std::uint32_t now_tick = tick_at(now);
    bool found = false;
    for (std::uint32_t age = 0; age < kCookieTicks && !found; ++age) {
        const std::uint32_t tick = now_tick - age;
        found = (tick & 3U) == cookie >> 30 &&
                (secrets_->cookie(flow, theirs, tick, index) & kHashMask) == (cookie & kHashMask);
    }
    if (!found) {
        return std::nullopt;
    }
    Handshake handshake;
    handshake.ours = net::Sequence(cookie);
    handshake.theirs = theirs;
    handshake.maximum_segment = kCookieSegments[index];
    if (ack.options.timestamps && settings.timestamps) {
        const std::uint32_t told = ack.options.timestamps->echo & kTimestampMask;
        handshake.timestamps = true;
        handshake.timestamp_offset = secrets_->timestamp_offset(flow);
        handshake.recent_timestamp = ack.options.timestamps->value;
        handshake.sack = (told & 1U) != 0;
        handshake.window_scaling = told >> 1 != kNoScale;
        handshake.window_scale =
            handshake.window_scaling ? static_cast<std::uint8_t>(told >> 1) : std::uint8_t{0};
    }
    handshake.window = std::uint32_t{ack.window} << handshake.window_scale;
    return handshake;
}

Segment syn_acknowledgment(const HalfOpen& half_open, const net::TcpOptions& options) {
    Segment segment;
    segment.sequence = half_open.handshake.ours;
    segment.acknowledgment = half_open.handshake.theirs + 1;
    segment.flags.syn = true;
    segment.flags.ack = true;
    segment.flags.ece = half_open.handshake.ecn;  // RFC 3168 6.1.1
    segment.window = static_cast<std::uint16_t>(std::min(half_open.offered_window, 0xffffU));
    segment.options = options;
    return segment;
}

}  // namespace godwit::control::tcp
