// What the application, and ICMP, do to a connection. See connection.hpp.
#include <algorithm>
#include <utility>

#include "controlplane/host/tcp/connection.hpp"

namespace godwit::control::tcp {

namespace {

// RFC 1191 7.1: what a router that does not tell its MTU may mean.
constexpr std::array<std::uint16_t, 8> kPlateaus{17914, 8166, 4352, 2002, 1492, 1006, 508, 296};

}  // namespace

std::size_t Connection::writable() const {
    const bool open = can_send() || state_ == State::SynSent || state_ == State::SynReceived;
    return open && !fin_wanted_ && queued_ < settings_.send_buffer ? settings_.send_buffer - queued_
                                                                   : 0;
}

std::size_t Connection::write(std::span<const std::uint8_t> bytes, Instant now) {
    const std::size_t count = std::min(bytes.size(), writable());
    was_full_ = was_full_ || count < bytes.size();
    send_.write(queued_, bytes.first(count));
    queued_ += static_cast<std::uint32_t>(count);
    if (count != 0) {
        transmit(now);
        flush_acknowledgment(now);
    }
    return count;
}

std::size_t Connection::write_urgent(std::span<const std::uint8_t> bytes, Instant now) {
    const std::size_t count = std::min(bytes.size(), writable());
    if (count != 0) {
        urgent_sending_ = true;
        urgent_end_ = data_end() + static_cast<std::uint32_t>(count);
    }
    return write(bytes.first(count), now);
}

std::size_t Connection::read(std::span<std::uint8_t> into, Instant now) {
    const std::size_t count = receive_.read(into);
    if (urgent_receiving_ && !urgent_ahead()) {
        urgent_receiving_ = false;
    }
    if (count != 0) {
        tell_of_room(now);
    }
    return count;
}

// The peer is told when it may wait for it: much has become free, and little was left.
void Connection::tell_of_room(Instant now) {
    if (!recovery_ || fin_received_) {
        return;
    }
    const std::int32_t step = wished_edge() - edge_;
    const std::uint32_t left = net::bytes_between(expected_, edge_);
    const std::uint32_t whole = std::min(settings_.receive_buffer, 0xffffU << offered_scale_);
    const auto half = static_cast<std::int32_t>(whole / 2);
    const auto two = static_cast<std::int32_t>(2 * peer_segment_);
    if (step >= half || (step >= std::min(two, half) && left < whole / 4)) {
        send_acknowledgment(now);
    }
}

void Connection::shutdown(Instant now) {
    if (fin_wanted_ || state_ == State::Closed || state_ == State::TimeWait) {
        return;
    }
    fin_wanted_ = true;
    if (state_ == State::Established) {
        change_state(State::FinWait1, now);
    } else if (state_ == State::CloseWait) {
        change_state(State::LastAck, now);
    }
    transmit(now);
    flush_acknowledgment(now);
}

void Connection::close(Instant now) {
    if (state_ == State::Closed || state_ == State::TimeWait) {
        return;
    }
    if (state_ == State::SynSent) {
        end(State::Closed, Trouble::Aborted, now);
        return;
    }
    if (readable() != 0 || receive_.has_islands()) {
        abort(now);
        return;
    }
    reading_ended_ = true;
    shutdown(now);
    if (state_ == State::FinWait2) {
        arm(Timer::Linger, now + settings_.fin_wait_2);
    }
}

void Connection::abort(Instant now) {
    if (state_ == State::Closed || state_ == State::TimeWait) {
        return;
    }
    if (synchronized()) {
        send_reset(now);
    }
    end(State::Closed, Trouble::Aborted, now);
}

bool Connection::path_error(PathError error, net::Sequence quoted, std::uint16_t mtu, Instant now) {
    if (state_ == State::Closed || state_ == State::TimeWait || quoted < una_ || quoted >= next_) {
        return false;
    }
    switch (error) {
        case PathError::PacketTooBig: {
            std::uint16_t told = mtu;
            if (told == 0) {
                const auto lower =
                    std::find_if(kPlateaus.begin(), kPlateaus.end(),
                                 [&](std::uint16_t plateau) { return plateau < path_.mtu(); });
                told = lower == kPlateaus.end() ? path_.mtu() : *lower;
            }
            if (told < path_.mtu()) {
                set_path_mtu(std::max(told, kPlateaus.back()), now);
            }
            return true;
        }
        case PathError::ProtocolUnreachable:
        case PathError::PortUnreachable:
            // RFC 5461 4.1: a hard error ends an attempt to connect. DEVIATION(rfc9293, 3.9.2.2
            // SHLD-26): it does not end a connection that stands (RFC 5927 5.2).
            if (state_ == State::SynSent || state_ == State::SynReceived) {
                end(State::Closed, Trouble::Unreachable, now);
                return true;
            }
            break;
        case PathError::NetUnreachable:
        case PathError::HostUnreachable:
        case PathError::SourceRouteFailed:
        case PathError::TimeExceeded:
        case PathError::ParameterProblem:
            break;
    }
    events_.add(Event::Retrying);  // MUST-56, SHLD-25
    return true;
}

void Connection::set_path_mtu(std::uint16_t mtu, Instant now) {
    const std::uint16_t before = segment_bytes_;
    path_.told(std::min(mtu, settings_.link_mtu), now);
    adopt_path_size(before, now);
}

void Connection::set_link_mtu(std::uint16_t mtu, Instant now) {
    if (mtu == settings_.link_mtu) {
        return;
    }
    const std::uint16_t before = segment_bytes_;
    settings_.link_mtu = mtu;
    path_.link_became(mtu, now);
    if (synchronized()) {
        path_.limit_to(largest_to_peer());
        if (!settings_.path_search && path_.mtu() < mtu) {
            path_.told(std::min(mtu, largest_to_peer()), now);  // nobody else would find it out
        }
    }
    adopt_path_size(before, now);
}

// Segments that are under way and do not fit any more go again, cut (RFC 1191 6.4).
void Connection::adopt_path_size(std::uint16_t segment_bytes_before, Instant now) {
    fit_segments_to_path(false);
    if (recovery_ && segment_bytes_ < segment_bytes_before) {
        recovery_->on_smaller_path(segment_bytes_);
        transmit(now);
    }
}

void Connection::set_signature_bytes(std::uint8_t bytes) {
    settings_.signature_bytes = bytes;
    fit_segments_to_path(false);
}

void Connection::set_nagle(bool on, Instant now) {
    settings_.nagle = on;
    transmit(now);
}

void Connection::set_keep_alive(bool on, Instant now) {
    settings_.keep_alive = on;
    keep_alives_unanswered_ = 0;
    arm_keep_alive(now);
}

void Connection::change_settings(const Settings& wanted, Instant now) {
    const Settings before = settings_;
    settings_.ttl = wanted.ttl;
    settings_.dscp = wanted.dscp;
    settings_.send_buffer = wanted.send_buffer;
    settings_.receive_buffer = wanted.receive_buffer;
    settings_.keep_alive_idle = wanted.keep_alive_idle;
    settings_.keep_alive_interval = wanted.keep_alive_interval;
    settings_.keep_alive_probes = wanted.keep_alive_probes;
    if (wanted.keep_alive != before.keep_alive ||
        wanted.keep_alive_idle != before.keep_alive_idle) {
        set_keep_alive(wanted.keep_alive, now);
    }
    if (wanted.nagle != before.nagle) {
        set_nagle(wanted.nagle, now);
    }
    if (was_full_ && writable() != 0) {
        was_full_ = false;
        events_.add(Event::Writable);
    }
    if (wanted.receive_buffer > before.receive_buffer) {
        tell_of_room(now);
    }
}

EventSet Connection::take_events() {
    return std::exchange(events_, EventSet());
}

std::optional<std::uint32_t> Connection::urgent_ahead() const {
    const net::Sequence place =
        expected_ - std::uint32_t{fin_received_} - static_cast<std::uint32_t>(readable());
    if (!urgent_receiving_ || urgent_seen_ <= place) {
        return std::nullopt;
    }
    return net::bytes_between(place, urgent_seen_);
}

LastWords Connection::last_words() const {
    LastWords words;
    words.next = next_;
    words.expected = expected_;
    words.timestamps = timestamps_;
    words.timestamp_offset = timestamp_offset_;
    words.recent_timestamp = recent_timestamp_;
    const std::uint32_t window = edge_ - expected_ > 0 ? net::bytes_between(expected_, edge_) : 0;
    words.window = static_cast<std::uint16_t>(std::min(window >> offered_scale_, 0xffffU));
    return words;
}

ConnectionInfo Connection::info() const {
    ConnectionInfo info;
    info.state = state_;
    info.trouble = trouble_;
    info.send_queue = queued_;
    info.receive_queue = static_cast<std::uint32_t>(receive_.readable());
    info.peer_window = window_;
    info.segment_bytes = segment_bytes_;
    info.smoothed_rtt = rtt_.smoothed();
    info.path_mtu = path_.mtu();
    info.ecn = ecn_;
    info.user_timeout = settings_.user_timeout;
    info.peer_user_timeout = peer_user_timeout_;
    info.retransmission_timeout = rtt_.timeout();
    if (recovery_) {
        info.congestion_window = recovery_->congestion().window();
        info.slow_start_threshold = recovery_->congestion().threshold();
        info.in_flight = recovery_->pipe();
        info.counts = recovery_->counts();
        info.reorder_timer = recovery_->reorder_deadline();
    }
    info.timers = timers_;
    return info;
}

}  // namespace godwit::control::tcp
