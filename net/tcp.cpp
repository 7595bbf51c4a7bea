#include "net/tcp.hpp"

namespace godwit::net {

namespace {

wire::TcpLayout layout_of(const TcpHeader& header) {
    return {
        .source_port = Big16::from_host(header.source_port),
        .destination_port = Big16::from_host(header.destination_port),
        .sequence = Big32::from_host(header.sequence),
        .acknowledgment = Big32::from_host(header.acknowledgment),
        .data_offset = static_cast<std::uint8_t>(header.encoded_size() / 4 << 4),
        .flags = header.flags.bits(),
        .window = Big16::from_host(header.window),
        .checksum = {},
        .urgent_pointer = Big16::from_host(header.urgent_pointer),
    };
}

}  // namespace

void TcpHeader::encode(ByteWriter& writer) const {
    writer.object(layout_of(*this));
    writer.bytes(options.bytes());
}

void TcpHeader::encode_segment(ByteWriter& writer, Ipv4Address source, Ipv4Address destination,
                               std::span<const std::uint8_t> payload) const {
    const std::size_t segment_bytes = encoded_size() + payload.size();
    if (segment_bytes > 0xffff) {
        writer.fail();
        return;
    }
    wire::TcpLayout layout = layout_of(*this);
    ChecksumSum sum;
    sum.add_pseudo_header(source, destination, IpProtocol::Tcp,
                          static_cast<std::uint16_t>(segment_bytes));
    sum.add({reinterpret_cast<const std::uint8_t*>(&layout), sizeof layout});
    sum.add(options.bytes());
    sum.add(payload);
    layout.checksum = sum.checksum();
    writer.object(layout);
    writer.bytes(options.bytes());
    writer.bytes(payload);
}

namespace wire {

Result<TcpView, DecodeError> TcpView::parse(std::span<const std::uint8_t> bytes) {
    if (bytes.size() < kTcpMinHeaderBytes) {
        return decode_error(DecodeFault::Truncated, 0, bytes.size());
    }
    const TcpView view(bytes);
    if (view.header_bytes() < kTcpMinHeaderBytes || view.header_bytes() > bytes.size()) {
        return decode_error(DecodeFault::BadHeaderLength, offsetof(TcpLayout, data_offset),
                            view.header_bytes());
    }
    // RFC 9293 3.1 (MUST-7): an illegal option length is met in good order.
    OptionWalker options(view.options());
    while (options.next()) {
    }
    if (options.malformed()) {
        const std::size_t offset = kTcpMinHeaderBytes + options.offset();
        return decode_error(DecodeFault::BadOptions, offset, bytes[offset]);
    }
    return view;
}

TcpHeader TcpView::header() const {
    TcpHeader header;
    header.source_port = source_port();
    header.destination_port = destination_port();
    header.sequence = sequence();
    header.acknowledgment = acknowledgment();
    header.flags = flags();
    header.window = window();
    header.urgent_pointer = urgent_pointer();
    header.options = HeaderOptions::from(options()).value_or(HeaderOptions());
    return header;
}

}  // namespace wire
}  // namespace godwit::net
