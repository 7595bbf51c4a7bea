// The Internet checksum (RFC 1071): the one's complement of the one's complement sum of 16-bit
// words, as IPv4, ICMP, UDP and TCP use it.
//
// The sum does not care about byte order (RFC 1071 2(B)): it is made of words as the machine loads
// them, eight bytes a step, and stored as it stands. A checksum is therefore a Big16 from the first
// to the last line, and no swap happens anywhere. Incremental updates are RFC 1624's equation 3,
// which, unlike RFC 1141's, never turns a valid checksum into an invalid zero.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "net/byte_order.hpp"
#include "net/ip_protocol.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::net {

// A sum under way. Parts may be added in any number and of any length: an odd part is continued
// where it ended, as if all parts stood behind each other.
class ChecksumSum {
public:
    void add(std::span<const std::uint8_t> bytes);
    // Whole words; only at an even position.
    constexpr void add(Big16 word) { add_word(std::bit_cast<std::uint16_t>(word)); }
    constexpr void add(Big32 word) { add_word(std::bit_cast<std::uint32_t>(word)); }
    // Source, destination, zero and protocol, length: RFC 768, RFC 9293 3.1.
    constexpr void add_pseudo_header(Ipv4Address source, Ipv4Address destination,
                                     IpProtocol protocol, std::uint16_t transport_bytes) {
        add(source.to_wire());
        add(destination.to_wire());
        add(Big16::from_host(static_cast<std::uint8_t>(protocol)));
        add(Big16::from_host(transport_bytes));
    }

    // What goes into the checksum field, when that field was zero (or not) in what was added.
    [[nodiscard]] constexpr Big16 checksum() const {
        return std::bit_cast<Big16>(static_cast<std::uint16_t>(~folded()));
    }
    // True when what was added contained its own correct checksum.
    [[nodiscard]] constexpr bool is_valid() const { return folded() == 0xffff; }

private:
    constexpr void add_word(std::uint64_t word) {
        sum_ += word;
        sum_ += static_cast<std::uint64_t>(sum_ < word);  // the end-around carry
    }
    [[nodiscard]] constexpr std::uint16_t folded() const {
        std::uint64_t sum = (sum_ >> 32) + (sum_ & 0xffffffffU);
        sum = (sum >> 16) + (sum & 0xffffU);
        sum = (sum >> 16) + (sum & 0xffffU);
        sum = (sum >> 16) + (sum & 0xffffU);
        return static_cast<std::uint16_t>(sum);
    }

    std::uint64_t sum_ = 0;
    bool odd_ = false;  // an odd number of bytes so far: the next byte is a low-order one
};

// Of `bytes` as they stand; to make a checksum its field must be zero.
[[nodiscard]] Big16 internet_checksum(std::span<const std::uint8_t> bytes);
// True when `bytes` contain their own correct checksum.
[[nodiscard]] bool has_valid_checksum(std::span<const std::uint8_t> bytes);

// Of a UDP or TCP message behind the pseudo header. UDP callers pass the result through
// udp_wire_checksum.
[[nodiscard]] Big16 transport_checksum(Ipv4Address source, Ipv4Address destination,
                                       IpProtocol protocol, std::span<const std::uint8_t> message);
[[nodiscard]] bool has_valid_transport_checksum(Ipv4Address source, Ipv4Address destination,
                                                IpProtocol protocol,
                                                std::span<const std::uint8_t> message);

// The checksum after one word of what it covers changed: HC' = ~(~HC + ~m + m') (RFC 1624 3, eqn
// 3).
[[nodiscard]] constexpr Big16 update_checksum(Big16 checksum, Big16 old_word, Big16 new_word) {
    const auto raw = [](Big16 word) { return std::uint32_t{std::bit_cast<std::uint16_t>(word)}; };
    std::uint32_t sum = (~raw(checksum) & 0xffffU) + (~raw(old_word) & 0xffffU) + raw(new_word);
    sum = (sum >> 16) + (sum & 0xffffU);
    sum = (sum >> 16) + (sum & 0xffffU);
    return std::bit_cast<Big16>(static_cast<std::uint16_t>(~sum));
}

// The same for a 32-bit field that begins at an even position: an address, a sequence number.
[[nodiscard]] constexpr Big16 update_checksum(Big16 checksum, Big32 old_word, Big32 new_word) {
    const auto half = [](Big32 word, unsigned shift) {
        return Big16::from_host(static_cast<std::uint16_t>(word.host() >> shift));
    };
    return update_checksum(update_checksum(checksum, half(old_word, 16), half(new_word, 16)),
                           half(old_word, 0), half(new_word, 0));
}

// UDP sends a computed zero as all ones, because zero means "no checksum" (RFC 768).
[[nodiscard]] constexpr Big16 udp_wire_checksum(Big16 computed) {
    return computed == Big16() ? Big16::from_host(0xffff) : computed;
}

// The update for UDP: "no checksum" stays so, and a computed zero becomes all ones.
template <class Word>
[[nodiscard]] constexpr Big16 update_udp_checksum(Big16 checksum, Word old_word, Word new_word) {
    return checksum == Big16() ? checksum
                               : udp_wire_checksum(update_checksum(checksum, old_word, new_word));
}

}  // namespace godwit::net
