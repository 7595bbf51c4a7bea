// One TCP connection (RFC 9293 3.10), without sockets, timers or threads: segments, wishes of the
// application and the time go in; segments go to the sink, and events are left to be taken.
//
//   connection.cpp            what comes in: the states, in the order of RFC 9293 3.10.7
//   connection_open.cpp       how it begins: what two SYNs agree on
//   connection_options.cpp    what is told beside the stream: congestion marks, the user timeout
//   connection_output.cpp     what goes out: new data, what is lost, acknowledgements, the window
//   connection_timers.cpp     what time does: retransmission, probes, keep-alive, giving up
//   connection_user.cpp       what the application and ICMP do to it
//
// LISTEN, passive SYN-RECEIVED and TIME-WAIT are not here: they are records of the table
// (syn_cache, time_wait), because a stranger can make many of them. A connection begins by
// connect() or, when a handshake is complete, by accept(); it ends in TimeWait or Closed, holds
// what was not read yet, and never leaves these.
//
// Invariants: SND.UNA <= SND.NXT; the scoreboard covers exactly what lies between them, but for the
// SYN; the right edge of the window that was offered never moves left (what the rounding of a
// scaled window takes away is still accepted); change_state() is the only place where a state
// changes.
//
// DEVIATION(rfc9293, 3.7.4): a full segment is the largest one of which the peer's window holds a
// whole number, when that window is small; else the rest of it would never be used.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "controlplane/host/tcp/byte_ring.hpp"
#include "controlplane/host/tcp/path_search.hpp"
#include "controlplane/host/tcp/receive_buffer.hpp"
#include "controlplane/host/tcp/recovery.hpp"
#include "controlplane/host/tcp/rtt.hpp"
#include "controlplane/host/tcp/segment.hpp"
#include "controlplane/host/tcp/settings.hpp"

namespace godwit::control::tcp {

enum class State : std::uint8_t {
    Closed,
    SynSent,
    SynReceived,  // by simultaneous open
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
};
[[nodiscard]] std::string_view name_of(State state);

// Why a connection ended, or what trouble it has.
enum class Trouble : std::uint8_t {
    None,
    Refused,      // a reset answered our SYN
    Reset,        // by the peer
    TimedOut,     // user timeout, connect timeout, keep-alive
    Aborted,      // by us
    Unreachable,  // ICMP: net, host, protocol, port, source route
};

// What is new for the application; bits of an EventSet.
enum class Event : std::uint8_t {
    Connected = 1,
    Readable = 2,   // bytes, or the end of the stream
    Writable = 4,   // room in the send buffer, after there was none
    Urgent = 8,     // the end of urgent data moved forward (RFC 9293 3.8.5)
    Retrying = 16,  // R1: three retransmissions without an answer, or a soft error of ICMP
    Ended = 32,     // TimeWait or Closed: nothing can be sent any more
};

class EventSet {
public:
    void add(Event event) {
        bits_ = static_cast<std::uint8_t>(bits_ | static_cast<std::uint8_t>(event));
    }
    [[nodiscard]] bool has(Event event) const {
        return (bits_ & static_cast<std::uint8_t>(event)) != 0;
    }
    [[nodiscard]] bool empty() const { return bits_ == 0; }

private:
    std::uint8_t bits_ = 0;
};

// What ICMP said about a segment of ours (RFC 792, RFC 1191). A source quench never gets here.
enum class PathError : std::uint8_t {
    NetUnreachable,
    HostUnreachable,
    ProtocolUnreachable,
    PortUnreachable,
    SourceRouteFailed,
    TimeExceeded,
    ParameterProblem,
    PacketTooBig,
};

enum class Timer : std::uint8_t {
    Retransmit,
    Probe,
    Persist,
    DelayedAck,
    KeepAlive,
    Linger,
    kCount
};

// What two SYNs have agreed on.
struct Handshake {
    net::Sequence ours;    // ISS
    net::Sequence theirs;  // IRS
    std::uint32_t timestamp_offset = 0;
    std::uint32_t recent_timestamp = 0;   // TS.Recent
    std::uint32_t window = 0;             // SND.WND, from their last segment
    std::uint16_t maximum_segment = 536;  // MUST-15: without the option
    std::uint8_t window_scale = 0;        // how far their windows are to be shifted
    bool window_scaling = false;
    bool timestamps = false;
    bool sack = false;
    bool ecn = false;
};

// How a passive handshake went, for the timeout and the first window.
struct HandshakeTime {
    std::optional<Duration> round_trip;  // of our SYN and ACK, when it was sent once
    bool sent_again = false;
};

// The part of a handshake that a SYN decides; the rest is as `settings` wish.
[[nodiscard]] Handshake negotiate(const Segment& syn, const Settings& settings);
// The shift of the windows that we offer: the least with which all of the buffer can be offered.
[[nodiscard]] std::uint8_t offered_scale(const Settings& settings);
// The options of our SYN or, when `peer` is given, of our SYN and ACK.
[[nodiscard]] net::TcpOptions syn_options(const Settings& settings, const Handshake* peer,
                                          std::uint32_t timestamp_offset, Instant now);
// RFC 5482, when the settings ask for it and there is room.
[[nodiscard]] std::optional<net::TcpUserTimeout> user_timeout_option(const Settings& settings);
// TSval: milliseconds, from the peer's own offset (RFC 7323 5.4).
[[nodiscard]] std::uint32_t timestamp_at(Instant now, std::uint32_t offset);

// What is left of a connection in TIME-WAIT.
struct LastWords {
    net::Sequence next;      // SND.NXT
    net::Sequence expected;  // RCV.NXT
    std::uint32_t timestamp_offset = 0;
    std::uint32_t recent_timestamp = 0;
    std::uint16_t window = 0;  // as it stands in the header
    bool timestamps = false;
};

struct ConnectionInfo {
    State state{};
    Trouble trouble{};
    std::uint32_t send_queue = 0;     // bytes not acknowledged
    std::uint32_t receive_queue = 0;  // bytes not read
    std::uint32_t congestion_window = 0;
    std::uint32_t slow_start_threshold = 0;
    std::uint32_t in_flight = 0;
    std::uint32_t peer_window = 0;
    std::uint32_t segment_bytes = 0;
    std::uint16_t path_mtu = 0;
    bool ecn = false;
    Duration user_timeout{};
    Duration peer_user_timeout{};  // as its option told; zero: it told none
    Duration smoothed_rtt{};
    Duration retransmission_timeout{};
    LossRecovery::Counts counts;
    std::array<Instant, static_cast<std::size_t>(Timer::kCount)> timers{};  // max: not armed
    std::optional<Instant> reorder_timer;  // RFC 8985: then what is missing is lost
};

class Connection {
public:
    Connection(const Flow& flow, const Settings& settings, SegmentSink& sink);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Active open; `ours` and `timestamp_offset` by FlowSecrets.
    void connect(net::Sequence ours, std::uint32_t timestamp_offset, Instant now);
    // A handshake that the table has completed; `last` is its third segment, which may carry more.
    void accept(const Handshake& handshake, const HandshakeTime& took, const Segment& last,
                Instant now);

    // A segment of this flow, its checksum and signature found right; `now` is when it arrived.
    void input(const Segment& segment, Instant now);
    // What is due at `now`. Calling it early does no harm. The acknowledgement of data that came in
    // order is due at once, but left to this call: who reads in between has made room, and the
    // window that is offered says so.
    void poll(Instant now);
    // Instant::max() when nothing will ever be due.
    [[nodiscard]] Instant next_deadline() const;

    // Takes as many bytes as there is room for; none when the stream is closed.
    std::size_t write(std::span<const std::uint8_t> bytes, Instant now);
    // The same, and marks their end as urgent. New programs should not (RFC 6093 6, SHLD-13).
    std::size_t write_urgent(std::span<const std::uint8_t> bytes, Instant now);
    std::size_t read(std::span<std::uint8_t> into, Instant now);
    // Nothing more will be written; reading goes on (half-close).
    void shutdown(Instant now);
    // Neither reads nor writes any more. Data that was not read, or comes later, resets (SHLD-3).
    void close(Instant now);
    void abort(Instant now);

    // `quoted` is the sequence number in what ICMP quotes: it must lie in what is under way (RFC
    // 5927 4.1), else nothing happens, and false is returned. `mtu` is of PacketTooBig, zero when
    // it was not told.
    bool path_error(PathError error, net::Sequence quoted, std::uint16_t mtu, Instant now);
    // What passes on the way is known anew.
    void set_path_mtu(std::uint16_t mtu, Instant now);
    // The interface that leads to the peer has another MTU, or is another one.
    void set_link_mtu(std::uint16_t mtu, Instant now);
    void set_nagle(bool on, Instant now);
    void set_keep_alive(bool on, Instant now);
    // What may be another while it stands: Nagle, keep-alive and its times, the buffers, TTL and
    // DSCP. A window that was offered stays, and its scale.
    void change_settings(const Settings& wanted, Instant now);
    [[nodiscard]] const Settings& settings() const { return settings_; }
    // Of the IP header of what is sent from now on; a TTL of zero is the host's own (MUST-49).
    void set_marks(std::uint8_t ttl, std::uint8_t dscp) {
        settings_.ttl = ttl;
        settings_.dscp = dscp;
    }
    // How much of the option space is kept free for a signature.
    void set_signature_bytes(std::uint8_t bytes);
    void set_user_timeout(Duration timeout);

    [[nodiscard]] EventSet take_events();
    [[nodiscard]] const Flow& flow() const { return flow_; }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] Trouble trouble() const { return trouble_; }
    [[nodiscard]] std::size_t readable() const { return receive_.readable(); }
    // Everything that the peer sent has been read, and it sends no more.
    [[nodiscard]] bool at_end() const { return fin_received_ && receive_.readable() == 0; }
    [[nodiscard]] std::size_t writable() const;
    // Bytes until the end of urgent data; nothing when it has been read (RFC 9293 3.8.5, MUST-33).
    [[nodiscard]] std::optional<std::uint32_t> urgent_ahead() const;
    [[nodiscard]] LastWords last_words() const;
    [[nodiscard]] std::uint16_t path_mtu() const { return path_.mtu(); }
    [[nodiscard]] ConnectionInfo info() const;
    [[nodiscard]] LossRecovery::Counts counts() const {
        return recovery_ ? recovery_->counts() : LossRecovery::Counts{};
    }

private:
    // input, in the order of RFC 9293 3.10.7
    void input_syn_sent(const Segment& segment, Instant now);
    [[nodiscard]] bool passes_paws(const Segment& segment, Instant now);
    [[nodiscard]] bool is_acceptable(const Segment& segment) const;
    void input_reset(const Segment& segment, Instant now);
    [[nodiscard]] bool input_acknowledgment(const Segment& segment, Instant now);
    void input_data(const Segment& segment, Instant now);
    void take_fin(Instant now);
    void acknowledged_everything(Instant now);
    void adopt(const Handshake& handshake);
    void establish(Instant now);
    void change_state(State next, Instant now);
    void end(State state, Trouble trouble, Instant now);
    void challenge(Instant now);
    void input_user_timeout(const Segment& segment);
    void input_congestion_marks(const Segment& segment);
    void input_congestion_echo(const Segment& segment, Instant now);
    void judge_path_probe(Instant now);
    void sample_round_trip(const Segment& segment, const LossRecovery::Progress& progress,
                           Instant now);

    // output
    void send_syn(Instant now);
    void transmit(Instant now);
    bool transmit_lost(std::uint32_t allowance, Instant now);
    bool transmit_new(std::uint32_t allowance, Instant now);
    bool transmit_path_probe(std::uint32_t allowance, Instant now);
    void send_range(net::Sequence begin, std::uint32_t length, Instant now);
    void send_acknowledgment(Instant now);
    void send_reset(Instant now);
    void emit(Segment& segment, Instant now);
    void add_sack(net::TcpOptions& options) const;
    void add_user_timeout(Segment& segment);
    void mark_data(Segment& segment);
    void need_acknowledgment(bool at_once, Instant now);
    void flush_acknowledgment(Instant now);
    [[nodiscard]] std::uint16_t offer_window();
    void tell_of_room(Instant now);
    [[nodiscard]] net::Sequence wished_edge() const;
    [[nodiscard]] std::uint32_t full_segment() const;
    // Of data in a packet of `mtu` bytes, with the options that every segment carries.
    [[nodiscard]] std::uint32_t data_in(std::uint32_t mtu) const;
    [[nodiscard]] bool may_send_now(std::uint32_t length, std::uint32_t unsent) const;
    void fit_segments_to_path(bool lost_some);
    void adopt_path_size(std::uint16_t segment_bytes_before, Instant now);
    // Of a packet that the peer takes (RFC 6691).
    [[nodiscard]] std::uint16_t largest_to_peer() const;

    // time
    void arm(Timer timer, Instant at) { timers_[static_cast<std::size_t>(timer)] = at; }
    void disarm(Timer timer) { arm(timer, Instant::max()); }
    [[nodiscard]] Instant due(Timer timer) const {
        return timers_[static_cast<std::size_t>(timer)];
    }
    void arm_for_data(bool progress, Instant now);
    void arm_keep_alive(Instant now);
    void on_retransmit(Instant now);
    void on_syn_timeout(Instant now);
    void on_probe(Instant now);
    void on_persist(Instant now);
    void on_keep_alive(Instant now);
    [[nodiscard]] bool gave_up(Duration patience, Instant now);

    [[nodiscard]] bool can_send() const {
        return state_ == State::Established || state_ == State::CloseWait;
    }
    [[nodiscard]] bool synchronized() const {
        return state_ != State::Closed && state_ != State::SynSent;
    }
    [[nodiscard]] net::Sequence data_end() const { return ring_begin_ + queued_; }
    [[nodiscard]] net::Sequence stream_end() const {
        return data_end() + std::uint32_t{fin_wanted_};
    }
    [[nodiscard]] net::Sequence expected() const { return expected_; }
    [[nodiscard]] std::uint32_t usable_window() const;

    Flow flow_;
    Settings settings_;
    SegmentSink* sink_;

    // the send side
    net::Sequence iss_;
    net::Sequence una_;
    net::Sequence next_;
    net::Sequence ring_begin_;                    // of the first byte in the send buffer
    net::Sequence window_update_sequence_;        // SND.WL1
    net::Sequence window_update_acknowledgment_;  // SND.WL2
    net::Sequence small_segment_end_;  // of the full segment that a small one was made of
    net::Sequence urgent_end_;         // SND.UP
    std::uint32_t queued_ = 0;         // bytes in the send buffer
    std::uint32_t window_ = 0;         // SND.WND, scaled
    std::uint32_t max_window_ = 0;     // the largest ever offered
    ByteRing send_;
    std::optional<LossRecovery> recovery_;
    RttEstimator rtt_;

    // the receive side
    net::Sequence irs_;
    net::Sequence expected_;      // RCV.NXT
    net::Sequence edge_;          // RCV.NXT + RCV.WND as it was offered
    net::Sequence fin_sequence_;  // of a FIN that stands behind a gap
    net::Sequence urgent_seen_;   // RCV.UP
    net::Sequence acknowledged_;  // the last ACK that we sent (Last.ACK.sent)
    net::SackBlock duplicate_;    // to be reported by D-SACK; empty when begin == end
    ReceiveBuffer receive_;
    std::uint32_t peer_segment_ = 536;  // the largest segment that came
    std::uint32_t timestamp_offset_ = 0;
    std::uint32_t recent_timestamp_ = 0;  // TS.Recent
    Instant recent_timestamp_at_{};

    // time
    std::array<Instant, static_cast<std::size_t>(Timer::kCount)> timers_;
    Instant unanswered_since_{};  // the peer has said nothing new since, though we wait for it
    Instant last_sent_at_{};
    Instant last_heard_at_{};
    Instant challenges_since_{};
    Duration peer_user_timeout_{};
    PathSearch path_;

    std::uint16_t peer_maximum_ = 536;   // MSS as the peer told, or we wish less
    std::uint16_t segment_bytes_ = 536;  // of data in a full segment
    std::uint8_t challenges_ = 0;
    std::uint8_t window_scale_ = 0;      // of what the peer offers
    std::uint8_t offered_scale_ = 0;     // of what we offer
    std::uint8_t pending_segments_ = 0;  // not acknowledged yet
    std::uint8_t quick_acks_ = 0;        // left
    std::uint8_t keep_alives_unanswered_ = 0;
    std::uint8_t timeouts_in_row_ = 0;
    std::uint8_t small_segments_helped_ = 0;  // black-hole detection (RFC 4821 7.7)
    State state_ = State::Closed;
    Trouble trouble_ = Trouble::None;
    EventSet events_;

    bool timestamps_ = false;
    bool sack_ = false;
    bool window_scaling_ = false;
    bool ecn_ = false;
    bool echo_congestion_ = false;  // until the peer says that it slowed down
    bool user_timeout_told_ = false;
    bool fin_wanted_ = false;  // shutdown() or close() was called
    bool fin_received_ = false;
    bool fin_seen_ = false;       // fin_sequence_ is set
    bool reading_ended_ = false;  // close(): nobody will read
    bool acknowledge_now_ = false;
    bool reader_first_ = false;  // the acknowledgement waits for poll(), the reader may make room
    bool interactive_ = false;   // we answer within the delay of an acknowledgement
    bool urgent_sending_ = false;
    bool urgent_receiving_ = false;
    bool burst_began_ = false;  // segments have been sent in this turn
    bool burst_ends_ = false;   // the congestion window lets nothing follow them
    bool was_full_ = false;     // write() took less than it was given
    bool syn_retransmitted_ = false;
    bool small_segment_sent_ = false;
};

// An idle connection with everything that it owns: the object, and its congestion control.
static_assert(sizeof(Connection) + 128 <= 1024);

}  // namespace godwit::control::tcp
