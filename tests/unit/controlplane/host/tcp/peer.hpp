// The other end of a connection under test, played by hand: it keeps what was sent, and makes the
// segments that a test wants to arrive.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/host/tcp/connection.hpp"

namespace godwit::control::tcp {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Flow kFlow{net::Ipv4Address(192, 0, 2, 1), net::Ipv4Address(192, 0, 2, 2), 50000, 179};
constexpr net::Sequence kOurs(1000);
constexpr net::Sequence kTheirs(900'000);

// A segment that was sent, with its bytes.
struct Sent {
    Segment segment;
    std::vector<std::uint8_t> bytes;
};

class Recorder final : public SegmentSink {
public:
    void transmit(const Flow& /*flow*/, const Segment& segment) override {
        Sent sent{segment, {segment.payload.begin(), segment.payload.end()}};
        sent.bytes.insert(sent.bytes.end(), segment.payload_rest.begin(),
                          segment.payload_rest.end());
        sent.segment.payload = {};
        sent.segment.payload_rest = {};
        all.push_back(std::move(sent));
    }
    // What was sent since the last call.
    std::vector<Sent> take() { return std::exchange(all, {}); }

    std::vector<Sent> all;
};

inline std::vector<std::uint8_t> bytes_of(std::size_t count, std::uint8_t first = 0) {
    std::vector<std::uint8_t> bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        bytes[i] = static_cast<std::uint8_t>(first + i);
    }
    return bytes;
}

// A connection that plays against us. Plain settings: no timestamps, no quick acknowledgements.
class ConnectionTest : public ::testing::Test {
protected:
    static Settings plain() {
        Settings settings;
        settings.timestamps = false;
        settings.quick_acks = 0;
        return settings;
    }

    // The peer's SYN, with what it offers.
    static Segment syn(const net::TcpOptions& options, std::uint16_t window = 65535) {
        Segment segment;
        segment.sequence = kTheirs;
        segment.flags.syn = true;
        segment.window = window;
        segment.options = options;
        return segment;
    }
    static net::TcpOptions usual_options() {
        net::TcpOptions options;
        options.maximum_segment_size = 1460;
        options.sack_permitted = true;
        return options;
    }

    void make(const Settings& settings) {
        connection = std::make_unique<Connection>(kFlow, settings, sink);
    }
    void connect(const Settings& settings) {
        make(settings);
        connection->connect(kOurs, 0, now);
    }
    // Actively opened and established; what was sent so far is forgotten.
    void establish(const Settings& settings, const net::TcpOptions& options = usual_options(),
                   std::uint16_t window = 65535) {
        connect(settings);
        Segment answer = syn(options, window);
        answer.flags.ack = true;
        answer.acknowledgment = kOurs + 1;
        now += milliseconds(100);
        connection->input(answer, now);
        ASSERT_EQ(connection->state(), State::Established);
        sink.all.clear();
        peer_window = window;
    }

    // From the peer, `offset` bytes into its stream.
    Segment from_peer(std::uint32_t offset, std::span<const std::uint8_t> payload = {}) const {
        Segment segment;
        segment.sequence = kTheirs + 1 + offset;
        segment.acknowledgment = acknowledged;
        segment.flags.ack = true;
        segment.window = peer_window;
        segment.payload = payload;
        return segment;
    }
    void input(const Segment& segment) { connection->input(segment, now); }
    void data(std::uint32_t offset, std::size_t count) {
        const auto bytes = bytes_of(count, static_cast<std::uint8_t>(offset));
        input(from_peer(offset, bytes));
    }
    // The peer has everything up to `bytes` of our stream.
    void acknowledge(std::uint32_t bytes, std::uint32_t offset = 0) {
        acknowledged = kOurs + 1 + bytes;
        input(from_peer(offset));
    }
    // As time passes: every deadline is kept.
    void pass(Duration time) {
        const Instant until = now + time;
        while (connection->next_deadline() <= until) {
            now = std::max(now, connection->next_deadline());
            connection->poll(now);
        }
        now = until;
    }
    void poll() { connection->poll(now); }
    std::size_t write(std::size_t count) { return connection->write(bytes_of(count), now); }
    std::vector<std::uint8_t> read(std::size_t count) {
        std::vector<std::uint8_t> into(count);
        into.resize(connection->read(into, now));
        return into;
    }
    // Lengths of the data segments sent since the last look.
    std::vector<std::size_t> sent_lengths() {
        std::vector<std::size_t> lengths;
        for (const Sent& sent : sink.take()) {
            if (!sent.bytes.empty()) {
                lengths.push_back(sent.bytes.size());
            }
        }
        return lengths;
    }

    Instant now = Instant() + hours(1);
    Recorder sink;
    std::unique_ptr<Connection> connection;
    net::Sequence acknowledged = kOurs + 1;
    std::uint16_t peer_window = 65535;
};

}  // namespace godwit::control::tcp
