// The wake-up between two programs: a byte's worth of "look at your rings" for one that sleeps.
//
// It is a pair of datagram sockets and not an eventfd. O_NONBLOCK belongs to the open file, which
// both holders of an eventfd share: a peer could clear it, fill the counter, and make a worker's
// write wait for ever. The ends of a pair are two open files; the peer cannot touch ours. And a
// write to a pair whose other end is gone is an error, never SIGPIPE.
//
// The wait-free promise: waking writes 8 bytes (so eventfd_write(3) works on it too) and ignores a
// full queue, because then a wake-up is under way already.
#pragma once

#include <string>

#include "dataplane/api/descriptor.hpp"
#include "net/result.hpp"

namespace godwit::api {

struct WakePair {
    Descriptor sleeper;  // polled for reading, then drained
    Descriptor waker;
};
net::Result<WakePair, std::string> make_wake_pair();

void wake(int waker);
void drain_wakes(int sleeper);

}  // namespace godwit::api
