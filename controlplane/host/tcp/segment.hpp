// A TCP segment as the core sees it, and the flow that it belongs to.
//
// The core never sees an IP header: who owns the packets tells it the addresses. A segment borrows
// its payload, one that comes in from the packet and one that goes out from the send buffer (whose
// ring may give it in two parts), and lives only as long as the call it is passed to. SEG.LEN
// counts SYN and FIN (RFC 9293 3.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "net/decode_error.hpp"
#include "net/ipv4_address.hpp"
#include "net/result.hpp"
#include "net/sequence.hpp"
#include "net/tcp.hpp"
#include "net/tcp_options.hpp"

namespace godwit::control::tcp {

// RFC 3168 5: the codepoint of the IP header.
enum class Ecn : std::uint8_t { NotCapable = 0, Capable1 = 1, Capable0 = 2, Congested = 3 };

// As this router sees it.
struct Flow {
    net::Ipv4Address local;
    net::Ipv4Address remote;
    std::uint16_t local_port = 0;
    std::uint16_t remote_port = 0;

    friend bool operator==(const Flow&, const Flow&) = default;
};

// What the IP header has to do with TCP. Zeros in what is sent: as the host likes it.
struct IpMarks {
    std::uint8_t ttl = 0;
    std::uint8_t dscp = 0;  // six bits
    Ecn ecn = Ecn::NotCapable;
    friend bool operator==(const IpMarks&, const IpMarks&) = default;
};

// Makes the signature of a segment that stands, its checksum still zero.
class SegmentSigner {
public:
    virtual ~SegmentSigner() = default;
    virtual void sign(const Flow& flow, std::span<std::uint8_t> segment) const = 0;
};

struct Segment {
    net::Sequence sequence;
    net::Sequence acknowledgment;
    net::TcpFlags flags;
    std::uint16_t window = 0;  // as it stands, before window scaling
    std::uint16_t urgent_pointer = 0;
    net::TcpOptions options;
    std::span<const std::uint8_t> payload;
    std::span<const std::uint8_t> payload_rest;  // goes on here; only in what is sent
    std::span<const std::uint8_t> wire;          // all of one that came in, as it was signed
    const SegmentSigner* signer = nullptr;       // of one that is sent
    IpMarks marks;

    [[nodiscard]] std::uint32_t payload_bytes() const {
        return static_cast<std::uint32_t>(payload.size() + payload_rest.size());
    }
    [[nodiscard]] std::uint32_t length() const {
        return payload_bytes() + std::uint32_t{flags.syn} + std::uint32_t{flags.fin};
    }
    [[nodiscard]] net::Sequence end() const { return sequence + length(); }

    // Of what has been checked before: the lengths by TcpView, the checksum by the caller. A TTL
    // that is not told counts as zero: no neighbour sent it (RFC 5082).
    static Segment from(const net::wire::TcpView& view, const IpMarks& marks = {});
    // Header, options, signature, checksum and payload: what goes behind an IPv4 header. Empty when
    // it cannot be expressed (options beyond 40 bytes, 64 KiB in all).
    [[nodiscard]] std::vector<std::uint8_t> encode(const Flow& flow) const;
};

// Where segments go. A transmit() must not call back into whoever sent it.
class SegmentSink {
public:
    virtual ~SegmentSink() = default;
    virtual void transmit(const Flow& flow, const Segment& segment) = 0;
};

// The answer to a segment that belongs to no connection (RFC 9293 3.10.7.1); not to be sent when
// the segment was a reset itself.
Segment reset_for(const Segment& offender);

}  // namespace godwit::control::tcp
