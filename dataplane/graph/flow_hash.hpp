// A number for the flow of an IPv4 packet, the same for all packets of a flow on every worker. It
// spreads flows over workers (software RSS) and over the members of an equal-cost group.
//
// Source, destination and protocol, and the ports of TCP, UDP, UDP-Lite, DCCP and SCTP. A fragment
// hashes without ports, the first one too: it has them and the others do not, and all of one
// datagram must go the same way. Never 0, which PacketMeta keeps for "not known". Not keyed: who
// can choose addresses and ports can load one worker; that is a limit of equal-cost paths too.
#pragma once

#include <cstdint>
#include <span>

namespace godwit::dataplane {

// `packet` begins at the IPv4 header; a length or protocol that makes no sense is hashed as far as
// it is there. 0 when there are less than 20 bytes.
std::uint32_t flow_hash(std::span<const std::uint8_t> packet);

// Which of `count` workers has the flow. Other bits than a group's member is chosen by, so that the
// members are used evenly on each worker.
constexpr unsigned worker_of_flow(std::uint32_t hash, unsigned count) {
    return (hash & 0xffffU) * count >> 16;
}

}  // namespace godwit::dataplane
