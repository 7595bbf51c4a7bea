// What two hosts tell each other beside the stream: congestion that a router saw (ECN, RFC 3168),
// and how long each waits for the other (the user timeout option, RFC 5482). See connection.hpp.
#include <algorithm>

#include "controlplane/host/tcp/connection.hpp"

namespace godwit::control::tcp {

namespace {

// RFC 5482 3.1: limits to what a peer may wish. L_LIMIT is also above every retransmission timeout.
constexpr Duration kLeastUserTimeout = std::chrono::seconds(100);
constexpr Duration kMostUserTimeout = std::chrono::hours(1);
constexpr std::uint32_t kUserTimeoutBytes = 4;
// Of 40 bytes a SYN needs 20 for its usual options: there is room for one beside TCP-AO, and for
// none beside MD5.
constexpr std::uint8_t kSignatureWithoutRoom = 16;

}  // namespace

std::optional<net::TcpUserTimeout> user_timeout_option(const Settings& settings) {
    if (!settings.user_timeout_option || settings.signature_bytes > kSignatureWithoutRoom) {
        return std::nullopt;
    }
    const Duration told = settings.advertised_user_timeout == Duration::zero()
                              ? settings.user_timeout
                              : settings.advertised_user_timeout;
    constexpr std::int64_t kMost = 0x7fff;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(told).count();
    if (seconds <= kMost) {
        return net::TcpUserTimeout{false,
                                   static_cast<std::uint16_t>(std::max<std::int64_t>(seconds, 1))};
    }
    return net::TcpUserTimeout{
        true, static_cast<std::uint16_t>(std::min<std::int64_t>(seconds / 60, kMost))};
}

// RFC 5482 3.1. Whether it is obeyed or not, the owner can see it (ConnectionInfo).
void Connection::input_user_timeout(const Segment& segment) {
    if (!settings_.user_timeout_option || !segment.options.user_timeout ||
        segment.options.user_timeout->amount == 0) {
        return;
    }
    const auto& told = *segment.options.user_timeout;
    peer_user_timeout_ = told.minutes ? Duration(std::chrono::minutes(told.amount))
                                      : Duration(std::chrono::seconds(told.amount));
    if (settings_.user_timeout_changeable) {
        settings_.user_timeout = std::min(
            kMostUserTimeout,
            std::max({settings_.advertised_user_timeout, peer_user_timeout_, kLeastUserTimeout}));
    }
}

void Connection::set_user_timeout(Duration timeout) {
    settings_.user_timeout = timeout;
    settings_.user_timeout_changeable = false;  // RFC 5482 3: what the owner sets stays
    settings_.advertised_user_timeout = timeout;
    user_timeout_told_ = false;
}

// In the first segment behind the SYN, and in the next one after a change (RFC 5482 3); in one that
// has room, for it must not make a full segment larger.
void Connection::add_user_timeout(Segment& segment) {
    if (user_timeout_told_ || segment.flags.rst ||
        segment.payload_bytes() + kUserTimeoutBytes > segment_bytes_) {
        return;
    }
    segment.options.user_timeout = user_timeout_option(settings_);
    user_timeout_told_ = true;
}

// RFC 3168 6.1.3: what a router marked is told to the sender until it says that it has heard.
void Connection::input_congestion_marks(const Segment& segment) {
    if (!ecn_) {
        return;
    }
    if (segment.flags.cwr) {
        echo_congestion_ = false;
    }
    if (segment.marks.ecn == Ecn::Congested) {
        echo_congestion_ = true;
    }
}

// RFC 3168 6.1.2: the sender slows down once a window, and says so with its next new data.
void Connection::input_congestion_echo(const Segment& segment, Instant now) {
    if (ecn_ && segment.flags.ece && recovery_) {
        recovery_->on_congestion_echo(una_, next_, now);
    }
}

void Connection::mark_data(Segment& segment) {
    // 6.1.5 and 6.1.6: neither what is sent again, nor the probe of a closed window.
    if (!ecn_ || segment.sequence != next_ || window_ == 0) {
        return;
    }
    segment.marks.ecn = Ecn::Capable0;
    segment.flags.cwr = recovery_ && recovery_->take_reduced();
}

}  // namespace godwit::control::tcp
