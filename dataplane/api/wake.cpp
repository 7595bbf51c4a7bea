// Wake-ups over unix(7) datagrams; see wake.hpp.
#include "dataplane/api/wake.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace godwit::api {

net::Result<WakePair, std::string> make_wake_pair() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return net::unexpected(std::string("cannot make a socket pair: ") + std::strerror(errno));
    }
    return WakePair{Descriptor(ends[0]), Descriptor(ends[1])};
}

void wake(int waker) {
    constexpr std::uint64_t kOne = 1;
    // The flags hold whatever the other end has handed us: a descriptor that is no socket takes
    // nothing and does not block. EAGAIN: wake-ups wait there already. A peer that is gone is
    // noticed on the control connection, not here.
    [[maybe_unused]] const ssize_t count =
        send(waker, &kOne, sizeof(kOne), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void drain_wakes(int sleeper) {
    std::array<std::byte, 8> scrap;
    // Bounded: a peer that writes without end only makes the next sleep short.
    for (int round = 0; round < 64; ++round) {
        if (recv(sleeper, scrap.data(), scrap.size(), MSG_DONTWAIT) < 0) {
            return;
        }
    }
}

}  // namespace godwit::api
