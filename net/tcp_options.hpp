// What the options of a TCP header say, as values.
//
//   MSS 2 (RFC 9293 3.7.1) · window scale 3 and timestamps 8 (RFC 7323) · SACK permitted 4 and SACK
//   5 (RFC 2018) · MD5 signature 19 (RFC 2385) · user timeout 28 (RFC 5482) · TCP-AO 29 (RFC 5925)
//
// parse() never fails: an option of the wrong length, and any other kind (TCP fast open among
// them), is passed over (RFC 9293 3.1, MUST-6), and so is whatever stands behind an option that
// lies about its length. The signatures are bytes that somebody else makes and judges: they are
// borrowed from what was parsed, or from whoever encodes. In a segment to be sent they are zeros of
// the right length, to be filled once the whole segment stands.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "net/header_options.hpp"
#include "net/sequence.hpp"

namespace godwit::net {

struct TcpTimestamps {
    std::uint32_t value = 0;
    std::uint32_t echo = 0;
    friend bool operator==(const TcpTimestamps&, const TcpTimestamps&) = default;
};

struct SackBlock {
    Sequence begin;
    Sequence end;  // the first byte that is not in it
    friend bool operator==(const SackBlock&, const SackBlock&) = default;
};

// RFC 5482 3: 15 bits of seconds or minutes.
struct TcpUserTimeout {
    bool minutes = false;
    std::uint16_t amount = 0;
    friend bool operator==(const TcpUserTimeout&, const TcpUserTimeout&) = default;
};

constexpr std::size_t kMaxSackBlocks = 4;  // as many as 40 bytes have room for
constexpr std::uint8_t kMaxWindowScale = 14;
constexpr std::size_t kMd5SignatureBytes = 16;

class TcpOptions {
public:
    std::optional<std::uint16_t> maximum_segment_size;
    std::optional<std::uint8_t> window_scale;  // above 14 is read as 14 (RFC 7323 2.3)
    bool sack_permitted = false;
    std::optional<TcpTimestamps> timestamps;
    std::optional<TcpUserTimeout> user_timeout;
    std::span<const std::uint8_t> md5_signature;   // empty, or kMd5SignatureBytes
    std::span<const std::uint8_t> authentication;  // TCP-AO behind kind and length

    [[nodiscard]] std::span<const SackBlock> sack() const {
        return std::span(sack_).first(sack_count_);
    }
    // Nothing happens when four stand there already.
    void add_sack(SackBlock block) {
        if (sack_count_ < kMaxSackBlocks) {
            sack_[sack_count_++] = block;
        }
    }

    // `options` of a header, as TcpView gives them.
    static TcpOptions parse(std::span<const std::uint8_t> options);

    // The rest is written in full (it is the caller's mistake when it does not fit: then there is
    // nothing); of SACK as many blocks as there is room for.
    [[nodiscard]] std::optional<HeaderOptions> encode() const;

private:
    std::array<SackBlock, kMaxSackBlocks> sack_{};
    std::uint8_t sack_count_ = 0;
};

}  // namespace godwit::net
