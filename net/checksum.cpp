#include "net/checksum.hpp"

#include <cstring>

namespace godwit::net {

void ChecksumSum::add(std::span<const std::uint8_t> bytes) {
    const std::uint8_t* at = bytes.data();
    std::size_t left = bytes.size();
    if (left == 0) {
        return;
    }
    if (odd_) {
        // The byte that was missing: on a little-endian machine the second byte of a word is its
        // high half.
        add_word(std::uint64_t{*at} << 8);
        ++at;
        --left;
        odd_ = false;
    }
    for (; left >= 8; left -= 8, at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, sizeof word);
        add_word(word);
    }
    if (left > 0) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, left);
        add_word(word);
        odd_ = left % 2 == 1;
    }
}

Big16 internet_checksum(std::span<const std::uint8_t> bytes) {
    ChecksumSum sum;
    sum.add(bytes);
    return sum.checksum();
}

bool has_valid_checksum(std::span<const std::uint8_t> bytes) {
    ChecksumSum sum;
    sum.add(bytes);
    return sum.is_valid();
}

Big16 transport_checksum(Ipv4Address source, Ipv4Address destination, IpProtocol protocol,
                         std::span<const std::uint8_t> message) {
    ChecksumSum sum;
    sum.add_pseudo_header(source, destination, protocol,
                          static_cast<std::uint16_t>(message.size()));
    sum.add(message);
    return sum.checksum();
}

bool has_valid_transport_checksum(Ipv4Address source, Ipv4Address destination, IpProtocol protocol,
                                  std::span<const std::uint8_t> message) {
    ChecksumSum sum;
    sum.add_pseudo_header(source, destination, protocol,
                          static_cast<std::uint16_t>(message.size()));
    sum.add(message);
    return sum.is_valid();
}

}  // namespace godwit::net
