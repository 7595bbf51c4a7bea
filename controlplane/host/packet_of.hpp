// An IPv4 packet of the host's own, header and payload at once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "controlplane/host/outgoing.hpp"
#include "net/byte_writer.hpp"
#include "net/ipv4.hpp"

namespace godwit::control {

// The packet of `header` with `payload_bytes` behind it, written by `fill`; to be routed.
template <class Fill>
Outgoing packet_of(net::Ipv4Header header, std::size_t payload_bytes, Fill fill) {
    header.payload_bytes = static_cast<std::uint16_t>(payload_bytes);
    Outgoing outgoing;
    outgoing.packet.resize(header.encoded_size() + payload_bytes);
    net::ByteWriter writer(outgoing.packet);
    header.encode(writer);
    fill(writer);
    return outgoing;
}

}  // namespace godwit::control
