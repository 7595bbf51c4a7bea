#include "controlplane/host/tcp/signature.hpp"

#include <algorithm>
#include <string_view>

#include "net/byte_writer.hpp"

namespace godwit::control::tcp {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kPseudoHeaderBytes = 12;
constexpr std::size_t kKdfInputBytes = 1 + 6 + 20 + 2;  // i, label, context, output length

std::array<std::uint8_t, kPseudoHeaderBytes> pseudo_header(const Direction& direction,
                                                           std::size_t bytes) {
    std::array<std::uint8_t, kPseudoHeaderBytes> header{};
    net::ByteWriter writer(header);
    writer.u32(direction.source.value());
    writer.u32(direction.destination.value());
    writer.u16(static_cast<std::uint16_t>(net::IpProtocol::Tcp));
    writer.u16(static_cast<std::uint16_t>(bytes));
    return header;
}

std::size_t header_bytes(Bytes segment) {
    return (segment[offsetof(net::wire::TcpLayout, data_offset)] >> 4) * std::size_t{4};
}

// The header without options, its checksum zero.
std::array<std::uint8_t, net::kTcpMinHeaderBytes> plain_header(Bytes segment) {
    std::array<std::uint8_t, net::kTcpMinHeaderBytes> header{};
    std::copy_n(segment.begin(), header.size(), header.begin());
    constexpr std::size_t kChecksum = offsetof(net::wire::TcpLayout, checksum);
    header[kChecksum] = header[kChecksum + 1] = 0;
    return header;
}

// RFC 5926 3.1.1: i || Label || Context || Output_Length, where one iteration is enough.
std::array<std::uint8_t, kKdfInputBytes> kdf_input(const KeyContext& context,
                                                   std::uint16_t output_bits) {
    constexpr std::string_view kLabel = "TCP-AO";
    std::array<std::uint8_t, kKdfInputBytes> input{};
    net::ByteWriter writer(input);
    writer.u8(1);
    for (const char letter : kLabel) {
        writer.u8(static_cast<std::uint8_t>(letter));
    }
    writer.u32(context.direction.source.value());
    writer.u32(context.direction.destination.value());
    writer.u16(context.source_port);
    writer.u16(context.destination_port);
    writer.u32(context.source_isn.value());
    writer.u32(context.destination_isn.value());
    writer.u16(output_bits);
    return input;
}

template <std::size_t kBytes>
TrafficKey as_key(const Digest<kBytes>& digest) {
    TrafficKey key;
    if (digest.ok) {
        std::copy(digest.bytes.begin(), digest.bytes.end(), key.bytes.begin());
        key.size = static_cast<std::uint8_t>(kBytes);
    }
    return key;
}

template <std::size_t kBytes>
Digest<kAoMacBytes> truncated(const Digest<kBytes>& whole) {
    Digest<kAoMacBytes> mac;
    std::copy_n(whole.bytes.begin(), kAoMacBytes, mac.bytes.begin());
    mac.ok = whole.ok;
    return mac;
}

}  // namespace

TrafficKey traffic_key(Digester& digester, AoAlgorithm algorithm, Bytes master,
                       const KeyContext& context) {
    if (algorithm == AoAlgorithm::HmacSha1_96) {
        const auto input = kdf_input(context, kSha1Bytes * 8);
        const std::array<Bytes, 1> parts{input};
        return as_key(digester.hmac_sha1(master, parts));
    }
    // RFC 5926 3.1.1.2: a master key of another length is made 16 bytes first.
    std::array<std::uint8_t, kAesKeyBytes> key{};
    if (master.size() == key.size()) {
        std::copy(master.begin(), master.end(), key.begin());
    } else {
        const std::array<Bytes, 1> parts{master};
        const auto derived = digester.aes_cmac(key, parts);
        if (!derived.ok) {
            return {};
        }
        key = derived.bytes;
    }
    const auto input = kdf_input(context, kCmacBytes * 8);
    const std::array<Bytes, 1> parts{input};
    return as_key(digester.aes_cmac(key, parts));
}

Digest<kMd5Bytes> md5_signature(Digester& digester, const Direction& direction, Bytes segment,
                                Bytes key) {
    const auto pseudo = pseudo_header(direction, segment.size());
    const auto header = plain_header(segment);
    const std::array<Bytes, 4> parts{pseudo, header, segment.subspan(header_bytes(segment)), key};
    return digester.md5(parts);
}

Digest<kAoMacBytes> ao_mac(Digester& digester, AoAlgorithm algorithm, const TrafficKey& key,
                           const AoInput& input) {
    const std::size_t head = header_bytes(input.segment);
    const SignaturePlaces places = signatures_in(input.segment);
    if (key.size == 0 || !places.ao || places.malformed) {
        return {};
    }
    std::array<std::uint8_t, 4> extension{};
    net::ByteWriter(extension).u32(input.extension);
    const auto pseudo = pseudo_header(input.direction, input.segment.size());
    const auto header = plain_header(input.segment);
    // Kind, length, KeyID, RNextKeyID as they stand; the MAC as zeros.
    std::array<std::uint8_t, net::kMaxOptionBytes> options{};
    std::size_t option_bytes = 0;
    if (input.covers_options) {
        option_bytes = head - net::kTcpMinHeaderBytes;
        std::copy_n(input.segment.begin() + net::kTcpMinHeaderBytes, option_bytes, options.begin());
        std::fill_n(
            options.begin() + static_cast<std::ptrdiff_t>(*places.ao + 2 - net::kTcpMinHeaderBytes),
            places.ao_mac_bytes, std::uint8_t{0});
    } else {
        option_bytes = 4 + places.ao_mac_bytes;
        std::copy_n(input.segment.begin() + static_cast<std::ptrdiff_t>(*places.ao - 2), 4,
                    options.begin());
    }
    const std::array<Bytes, 5> parts{extension, pseudo, header,
                                     std::span(options).first(option_bytes),
                                     input.segment.subspan(head)};
    if (algorithm == AoAlgorithm::HmacSha1_96) {
        return truncated(digester.hmac_sha1(key.value(), parts));
    }
    return truncated(digester.aes_cmac(std::span(key.bytes).first<kAesKeyBytes>(), parts));
}

SignaturePlaces signatures_in(Bytes segment) {
    SignaturePlaces places;
    const Bytes options = segment.first(header_bytes(segment)).subspan(net::kTcpMinHeaderBytes);
    net::OptionWalker walker(options);
    while (const auto option = walker.next()) {
        const std::size_t data = net::kTcpMinHeaderBytes + option->offset + 2;
        switch (static_cast<net::TcpOptionKind>(option->kind)) {
            case net::TcpOptionKind::Md5Signature:
                places.malformed = places.malformed || places.md5 ||
                                   option->data.size() != net::kMd5SignatureBytes;
                places.md5 = data;
                break;
            case net::TcpOptionKind::Authentication:
                places.malformed = places.malformed || places.ao || option->data.size() < 2;
                places.ao = data;
                places.ao_mac_bytes = option->data.size() < 2 ? 0 : option->data.size() - 2;
                break;
            case net::TcpOptionKind::End:
            case net::TcpOptionKind::NoOperation:
            case net::TcpOptionKind::MaximumSegmentSize:
            case net::TcpOptionKind::WindowScale:
            case net::TcpOptionKind::SackPermitted:
            case net::TcpOptionKind::Sack:
            case net::TcpOptionKind::Timestamps:
            case net::TcpOptionKind::FastOpen:
                break;
        }
    }
    // RFC 5925 2.2 and 9.1: never both in one segment.
    places.malformed = places.malformed || (places.md5 && places.ao);
    return places;
}

}  // namespace godwit::control::tcp
