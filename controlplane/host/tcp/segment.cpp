#include "controlplane/host/tcp/segment.hpp"

#include "net/byte_writer.hpp"
#include "net/checksum.hpp"

namespace godwit::control::tcp {

Segment Segment::from(const net::wire::TcpView& view, const IpMarks& marks) {
    Segment segment;
    segment.sequence = net::Sequence(view.sequence());
    segment.acknowledgment = net::Sequence(view.acknowledgment());
    segment.flags = view.flags();
    segment.window = view.window();
    segment.urgent_pointer = view.urgent_pointer();
    segment.options = net::TcpOptions::parse(view.options());
    segment.payload = view.payload();
    segment.wire = view.bytes();
    segment.marks = marks;
    return segment;
}

std::vector<std::uint8_t> Segment::encode(const Flow& flow) const {
    const auto option_bytes = options.encode();
    if (!option_bytes) {
        return {};
    }
    net::TcpHeader header;
    header.source_port = flow.local_port;
    header.destination_port = flow.remote_port;
    header.sequence = sequence.value();
    header.acknowledgment = acknowledgment.value();
    header.flags = flags;
    header.window = window;
    header.urgent_pointer = urgent_pointer;
    header.options = *option_bytes;
    const std::size_t bytes = header.encoded_size() + payload_bytes();
    if (bytes > 0xffff) {
        return {};
    }
    std::vector<std::uint8_t> packet(bytes);
    net::ByteWriter writer(packet);
    header.encode(writer);
    writer.bytes(payload);
    writer.bytes(payload_rest);
    if (signer != nullptr) {
        signer->sign(flow, packet);
    }
    const net::Big16 checksum =
        net::transport_checksum(flow.local, flow.remote, net::IpProtocol::Tcp, packet);
    writer.patch(offsetof(net::wire::TcpLayout, checksum), checksum);
    return packet;
}

Segment reset_for(const Segment& offender) {
    Segment reset;
    reset.flags.rst = true;
    if (offender.flags.ack) {
        reset.sequence = offender.acknowledgment;
    } else {
        reset.flags.ack = true;
        reset.acknowledgment = offender.end();
    }
    return reset;
}

}  // namespace godwit::control::tcp
