#include "net/ipv4.hpp"

#include <algorithm>
#include <array>

namespace godwit::net {

void Ipv4Header::encode(ByteWriter& writer) const {
    const std::size_t header_bytes = encoded_size();
    const std::size_t total_bytes = header_bytes + payload_bytes;
    if (total_bytes > kIpv4MaxTotalBytes || fragment_units > kIpv4OffsetMask) {
        writer.fail();
        return;
    }
    const unsigned fragment = (dont_fragment ? unsigned{kIpv4DontFragment} : 0U) |
                              (more_fragments ? unsigned{kIpv4MoreFragments} : 0U) | fragment_units;
    wire::Ipv4Layout layout{
        .version_ihl = static_cast<std::uint8_t>(0x40U | header_bytes / 4),
        .type_of_service = type_of_service,
        .total_length = Big16::from_host(static_cast<std::uint16_t>(total_bytes)),
        .identification = Big16::from_host(identification),
        .fragment = Big16::from_host(static_cast<std::uint16_t>(fragment)),
        .ttl = ttl_hops,
        .protocol = static_cast<std::uint8_t>(protocol),
        .checksum = {},
        .source = source.to_wire(),
        .destination = destination.to_wire(),
    };
    ChecksumSum sum;
    sum.add({reinterpret_cast<const std::uint8_t*>(&layout), sizeof layout});
    sum.add(options.bytes());
    layout.checksum = sum.checksum();
    writer.object(layout);
    writer.bytes(options.bytes());
}

namespace wire {

Result<Ipv4View, DecodeError> Ipv4View::parse_header(std::span<const std::uint8_t> bytes) {
    // RFC 1812 5.2.2 (1): large enough for the smallest header.
    if (bytes.size() < kIpv4MinHeaderBytes) {
        return decode_error(DecodeFault::Truncated, 0, bytes.size());
    }
    const Ipv4View view(bytes);
    const Ipv4Layout& ip = view.layout();
    // RFC 1812 5.2.2 (3)
    if (ip.version_ihl >> 4 != 4) {
        return decode_error(DecodeFault::BadVersion, offsetof(Ipv4Layout, version_ihl),
                            ip.version_ihl >> 4);
    }
    // RFC 1812 5.2.2 (4)
    if (view.header_bytes() < kIpv4MinHeaderBytes) {
        return decode_error(DecodeFault::BadHeaderLength, offsetof(Ipv4Layout, version_ihl),
                            view.header_bytes());
    }
    // RFC 1812 5.2.2 (5)
    if (ip.total_length.host() < view.header_bytes()) {
        return decode_error(DecodeFault::BadTotalLength, offsetof(Ipv4Layout, total_length),
                            ip.total_length.host());
    }
    if (bytes.size() < view.header_bytes()) {
        return decode_error(DecodeFault::Truncated, kIpv4MinHeaderBytes, bytes.size());
    }
    OptionWalker options(view.options());
    while (options.next()) {
    }
    if (options.malformed()) {
        const std::size_t offset = kIpv4MinHeaderBytes + options.offset();
        return decode_error(DecodeFault::BadOptions, offset, bytes[offset]);
    }
    return view;
}

Result<Ipv4View, DecodeError> Ipv4View::parse(std::span<const std::uint8_t> bytes) {
    auto view = parse_header(bytes);
    if (view) {
        const std::size_t total_bytes = view->total_bytes();
        if (total_bytes > bytes.size()) {
            return decode_error(DecodeFault::BadTotalLength, offsetof(Ipv4Layout, total_length),
                                total_bytes);
        }
        view->packet_ = bytes.first(total_bytes);
    }
    return view;
}

Result<Ipv4View, DecodeError> Ipv4View::parse_quoted(std::span<const std::uint8_t> bytes) {
    auto view = parse_header(bytes);
    if (view) {
        view->packet_ = bytes.first(std::min<std::size_t>(view->total_bytes(), bytes.size()));
    }
    return view;
}

Ipv4Header Ipv4View::header() const {
    Ipv4Header header;
    header.type_of_service = type_of_service();
    header.payload_bytes = static_cast<std::uint16_t>(total_bytes() - header_bytes());
    header.identification = identification();
    header.dont_fragment = dont_fragment();
    header.more_fragments = more_fragments();
    header.fragment_units = fragment_units();
    header.ttl_hops = ttl_hops();
    header.protocol = protocol();
    header.source = source();
    header.destination = destination();
    header.options = HeaderOptions::from(options()).value_or(HeaderOptions());
    return header;
}

}  // namespace wire
}  // namespace godwit::net
