// net_af_packet: without PACKET_FANOUT, and its sockets found again.
//
// Fanout. The driver of DPDK 22.11 puts even a single socket into a fanout group that reassembles
// IP fragments in the kernel: a router would see datagrams larger than its buffers where fragments
// arrived, and lose them. A port of one queue needs no group, so its sockets are opened by a thread
// for which the kernel answers that one setsockopt with success and does nothing (a seccomp filter
// of that thread alone, which ends with it).
//
// Sockets. The driver polls memory that it shares with the kernel and tells nobody its sockets.
// They are found among the descriptors of this process: packet sockets that are bound to the port's
// interface, opened queue by queue and so in the order of their numbers.
#pragma once

#include <cstdint>
#include <functional>

namespace godwit::drivers {

// Runs `action` where PACKET_FANOUT has no effect. False when the kernel takes no such filter; then
// `action` has run without it.
bool run_without_fanout(const std::function<void()>& action);

// The socket of a receive queue, readable while a packet waits; it stays the driver's. -1: the port
// is none of net_af_packet, or the interface has other packet sockets of this process.
int packet_socket_of(std::uint16_t port, std::uint16_t queue);

}  // namespace godwit::drivers
