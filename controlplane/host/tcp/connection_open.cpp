// How a connection begins: what two SYNs agree on, from either side. See connection.hpp.
#include <algorithm>
#include <chrono>

#include "controlplane/host/tcp/connection.hpp"

namespace godwit::control::tcp {

namespace {

// A peer that asks for less would have us send mostly headers.
constexpr std::uint16_t kLeastMaximumSegment = 64;

std::uint64_t milliseconds(Instant now) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
}

}  // namespace

std::uint32_t timestamp_at(Instant now, std::uint32_t offset) {
    return static_cast<std::uint32_t>(milliseconds(now)) + offset;
}

std::uint8_t offered_scale(const Settings& settings) {
    std::uint8_t scale = 0;
    while (scale < net::kMaxWindowScale && settings.receive_buffer >> scale > 0xffff) {
        ++scale;
    }
    return scale;
}

Handshake negotiate(const Segment& syn, const Settings& settings) {
    Handshake handshake;
    handshake.theirs = syn.sequence;
    handshake.window = syn.window;  // never scaled in a SYN (RFC 7323 2.2)
    if (syn.options.maximum_segment_size) {
        handshake.maximum_segment =
            std::max(*syn.options.maximum_segment_size, kLeastMaximumSegment);
    }
    if (settings.window_scaling && syn.options.window_scale) {
        handshake.window_scaling = true;
        handshake.window_scale = *syn.options.window_scale;
    }
    handshake.sack = settings.sack && syn.options.sack_permitted;
    if (settings.timestamps && syn.options.timestamps) {
        handshake.timestamps = true;
        handshake.recent_timestamp = syn.options.timestamps->value;
    }
    // RFC 3168 6.1.1: a SYN asks by both flags, its answer agrees by one.
    handshake.ecn = settings.ecn && syn.flags.ece && syn.flags.cwr != syn.flags.ack;
    return handshake;
}

net::TcpOptions syn_options(const Settings& settings, const Handshake* peer,
                            std::uint32_t timestamp_offset, Instant now) {
    net::TcpOptions options;
    const auto by_link = static_cast<std::uint16_t>(settings.link_mtu - 40);
    options.maximum_segment_size =
        settings.maximum_segment == 0 ? by_link : std::min(by_link, settings.maximum_segment);
    if (peer == nullptr ? settings.window_scaling : peer->window_scaling) {
        options.window_scale = offered_scale(settings);
    }
    options.sack_permitted = peer == nullptr ? settings.sack : peer->sack;
    if (peer == nullptr ? settings.timestamps : peer->timestamps) {
        options.timestamps = net::TcpTimestamps{timestamp_at(now, timestamp_offset),
                                                peer == nullptr ? 0 : peer->recent_timestamp};
    }
    options.user_timeout = user_timeout_option(settings);
    return options;
}

void Connection::connect(net::Sequence ours, std::uint32_t timestamp_offset, Instant now) {
    iss_ = una_ = ours;
    next_ = iss_ + 1;
    ring_begin_ = next_;
    timestamp_offset_ = timestamp_offset;
    timestamps_ = settings_.timestamps;
    sack_ = settings_.sack;
    window_scaling_ = settings_.window_scaling;
    unanswered_since_ = now;
    last_heard_at_ = now;
    change_state(State::SynSent, now);
    send_syn(now);
}

void Connection::accept(const Handshake& handshake, const HandshakeTime& took, const Segment& last,
                        Instant now) {
    iss_ = handshake.ours;
    timestamp_offset_ = handshake.timestamp_offset;
    una_ = next_ = iss_ + 1;
    ring_begin_ = next_;
    adopt(handshake);
    recent_timestamp_at_ = now;
    last_heard_at_ = now;
    window_ = max_window_ = handshake.window;
    window_update_sequence_ = last.sequence;
    window_update_acknowledgment_ = last.acknowledgment;
    syn_retransmitted_ = took.sent_again;
    if (took.round_trip) {
        rtt_.sample(*took.round_trip, 1, now);
    } else if (took.sent_again) {
        rtt_.expect_slow_peer();  // RFC 6298 5.7
    }
    establish(now);
    input(last, now);
}

void Connection::adopt(const Handshake& handshake) {
    irs_ = handshake.theirs;
    expected_ = irs_ + 1;
    acknowledged_ = expected_;
    urgent_seen_ = expected_;
    peer_maximum_ = settings_.maximum_segment == 0
                        ? handshake.maximum_segment
                        : std::min(handshake.maximum_segment, settings_.maximum_segment);
    window_scaling_ = handshake.window_scaling;
    window_scale_ = handshake.window_scaling ? handshake.window_scale : std::uint8_t{0};
    offered_scale_ = handshake.window_scaling ? offered_scale(settings_) : std::uint8_t{0};
    timestamps_ = handshake.timestamps;
    recent_timestamp_ = handshake.recent_timestamp;
    sack_ = handshake.sack;
    ecn_ = handshake.ecn;
    path_.limit_to(largest_to_peer());
    user_timeout_told_ = !settings_.user_timeout_option;
    edge_ = expected_ + std::min(settings_.receive_buffer, 0xffffU);  // as our SYN offered it
}

void Connection::establish(Instant now) {
    fit_segments_to_path(false);
    recovery_.emplace(make_congestion_control(settings_.congestion, segment_bytes_), segment_bytes_,
                      sack_);
    if (syn_retransmitted_) {
        recovery_->congestion().start_with_one_segment();
    }
    disarm(Timer::Retransmit);
    events_.add(Event::Connected);
    change_state(State::Established, now);
    arm_keep_alive(now);
    if (fin_wanted_) {
        change_state(State::FinWait1, now);
    }
}

void Connection::input_syn_sent(const Segment& segment, Instant now) {
    if (segment.flags.ack && (segment.acknowledgment <= iss_ || segment.acknowledgment > next_)) {
        if (!segment.flags.rst) {
            sink_->transmit(flow_, reset_for(segment));
        }
        return;
    }
    if (segment.flags.rst) {
        if (segment.flags.ack) {
            end(State::Closed, Trouble::Refused, now);
        }
        return;
    }
    if (!segment.flags.syn) {
        return;
    }
    Handshake handshake = negotiate(segment, settings_);
    // RFC 3168 6.1.1: who sent a SYN that does not ask must not use it.
    handshake.ecn = handshake.ecn && !syn_retransmitted_;
    adopt(handshake);
    input_user_timeout(segment);
    recent_timestamp_at_ = now;
    last_heard_at_ = now;
    if (!segment.flags.ack) {
        change_state(State::SynReceived, now);  // both opened at once (MUST-10)
        send_syn(now);
        return;
    }
    if (!syn_retransmitted_) {
        rtt_.sample(now - last_sent_at_, 1, now);
    } else if (timestamps_) {
        rtt_.sample(std::chrono::milliseconds(timestamp_at(now, timestamp_offset_) -
                                              segment.options.timestamps->echo),
                    1, now);
    } else {
        rtt_.expect_slow_peer();
    }
    una_ = segment.acknowledgment;
    window_ = max_window_ = segment.window;
    window_update_sequence_ = segment.sequence;
    window_update_acknowledgment_ = segment.acknowledgment;
    establish(now);
    need_acknowledgment(true, now);
    Segment rest = segment;  // what came with the SYN
    rest.sequence += 1;
    rest.flags.syn = false;
    input_data(rest, now);
    transmit(now);
}

}  // namespace godwit::control::tcp
