// net_af_packet without PACKET_FANOUT.
//
// The driver of DPDK 22.11 puts even a single socket into a fanout group that reassembles IP
// fragments in the kernel: a router would see datagrams larger than its buffers where fragments
// arrived, and lose them. A port of one queue needs no group, so its sockets are opened by a thread
// for which the kernel answers that one setsockopt with success and does nothing (a seccomp filter
// of that thread alone, which ends with it).
#pragma once

#include <functional>

namespace godwit::drivers {

// Runs `action` where PACKET_FANOUT has no effect. False when the kernel takes no such filter; then
// `action` has run without it.
bool run_without_fanout(const std::function<void()>& action);

}  // namespace godwit::drivers
