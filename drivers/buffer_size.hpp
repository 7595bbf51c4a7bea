// The size of one packet buffer and what it is made of: shared by the budget, which is pure, and by
// the ports, which make the pool. One buffer holds a whole frame of the largest MTU, so no packet
// of the dataplane is ever a chain.
#pragma once

#include <cstdint>
#include <string>

#include "config/model/model.hpp"

namespace godwit::drivers {

constexpr unsigned kHeadroomBytes = 128;       // in front of the frame; RTE_PKTMBUF_HEADROOM
constexpr unsigned kFrameOverheadBytes = 26;   // Ethernet 14, two VLAN tags 8, check sequence 4
constexpr unsigned kSmallestRoomBytes = 2048;  // what every device's descriptors accept
constexpr unsigned kRoomStepBytes = 1024;      // granularity of NIC receive buffers
constexpr unsigned kMbufBytes = 128;
constexpr unsigned kPrivateBytes = 64;  // the graph's own data in each mbuf
constexpr unsigned kMempoolHeaderBytes = 64;
constexpr unsigned kChannelPaddingBytes = 64;
constexpr unsigned kCachePackets = 512;  // of one lcore; bursts of up to 256 stay in it

std::uint16_t largest_mtu(const config::Model& model);  // of all interfaces, at least 1500

// Bytes of data room of a buffer, headroom included, for frames of this MTU.
std::uint16_t data_room(std::uint16_t mtu);

// The driver makes as many transmit as receive queues, no choice of ours.
bool pairs_queues(const std::string& driver);

}  // namespace godwit::drivers
