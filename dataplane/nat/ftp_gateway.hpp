// The FTP gateway of a worker: the control connections that it follows, and the data connections
// that were announced on them and are expected.
//
// Both are found by the record of the translator that they belong to: a control connection by its
// session, an expected one by its mapping. An expectation lets the other end of its control
// connection, and nobody else, open one connection to the mapping, and keeps the mapping alive
// until then or for kExpected (RFC 2577: a port that is named is no port for everyone). All live
// equally long, so the oldest is the first of a list.
//
// Sized with the table of sessions; what finds no room is not followed, and counted.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/nat/bucket_table.hpp"
#include "dataplane/nat/ftp_stream.hpp"
#include "dataplane/nat/records.hpp"

namespace godwit::dataplane::nat {

constexpr std::uint16_t kFtpControlPort = 21;

struct FtpControl {
    FtpStream stream;
    std::uint32_t session = kNone;  // or the next free record
    std::uint32_t second = 0;       // in which it asked `asked` times
    std::uint16_t asked = 0;
    std::uint16_t window = 0;  // as the outside said it last, on the wire
};

struct FtpExpectation {
    net::Ipv4Address remote;
    std::uint32_t mapping = kNone;  // or the next free record
    std::uint32_t since = 0;        // seconds
    std::uint32_t next = kNone;
    std::uint32_t previous = kNone;
};

class FtpGateway {
public:
    static constexpr Seconds kExpected{120};
    static constexpr std::uint16_t kAskedASecond = 16;  // by one control connection

    FtpGateway(std::uint32_t sessions, net::SipKey key)
        : controls_(room_for(sessions)),
          expectations_(room_for(sessions)),
          by_session_(room_for(sessions)),
          by_mapping_(room_for(sessions)),
          key_(key) {}

    // How many of each there may be where there may be so many sessions.
    [[nodiscard]] static constexpr std::uint32_t room_for(std::uint32_t sessions) {
        return std::clamp(sessions / 512U, 16U, 8192U);
    }
    [[nodiscard]] static std::size_t bytes_for(std::uint32_t sessions) {
        const std::size_t room = room_for(sessions);
        return room * (sizeof(FtpControl) + sizeof(FtpExpectation)) +
               2U * BucketTable::bytes_for(room);
    }

    // False: there is no room.
    bool follow(std::uint32_t session, FtpSpeaker speaker);
    [[nodiscard]] FtpControl* find(std::uint32_t session);
    void forget(std::uint32_t session);
    // Whether this control connection may name one more endpoint in this second.
    static bool may_ask(FtpControl& control, Instant now);

    // False: there is no room. `is_new` says whether nobody was expected there before.
    bool expect(std::uint32_t mapping, net::Ipv4Address remote, Instant now, bool& is_new);
    [[nodiscard]] bool is_expected(std::uint32_t mapping, net::Ipv4Address remote) const;
    // False: nobody was expected there.
    bool end_expectation(std::uint32_t mapping);
    // The mapping whose expectation has lived its time, or kNone.
    [[nodiscard]] std::uint32_t overdue(Instant now) const;

    [[nodiscard]] std::uint32_t followed() const { return controls_.used(); }
    [[nodiscard]] std::uint32_t expected() const { return expectations_.used(); }

private:
    [[nodiscard]] std::uint64_t hash(std::uint32_t index) const {
        return hash_words(key_, index, 0);
    }
    [[nodiscard]] std::uint32_t find_control(std::uint32_t session) const;
    [[nodiscard]] std::uint32_t find_expectation(std::uint32_t mapping) const;
    void append(std::uint32_t index, Instant now);
    void unlink(std::uint32_t index);

    Slab<FtpControl, &FtpControl::session> controls_;
    Slab<FtpExpectation, &FtpExpectation::mapping> expectations_;
    BucketTable by_session_;
    BucketTable by_mapping_;
    net::SipKey key_;
    std::uint32_t first_ = kNone;  // the oldest expectation
    std::uint32_t last_ = kNone;
};

}  // namespace godwit::dataplane::nat
