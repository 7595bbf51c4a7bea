// The shared object that packetdrill loads: its functions, each handed on to a Drill. The flags of
// packetdrill's --so_flags are the address that the stack has.
#include <netinet/tcp.h>

#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <exception>
#include <optional>

#include "tests/packetdrill/drill.hpp"
#include "tests/packetdrill/interface.hpp"

namespace {

using godwit::drill::Drill;

constexpr godwit::net::Ipv4Address kUsualAddress(192, 168, 0, 1);

Drill& of(void* userdata) {
    return *static_cast<Drill*>(userdata);
}

int not_there() {
    errno = ENOSYS;
    return -1;
}

iovec part(const void* bytes, std::size_t count) {
    return {const_cast<void*>(bytes), count};
}

std::span<const iovec> parts(const iovec* first, std::size_t count) {
    return {first, count};
}

void tell_queue(msghdr& message, std::optional<int> bytes) {
    if (!bytes || message.msg_controllen < CMSG_SPACE(sizeof(*bytes))) {
        message.msg_controllen = 0;
        return;
    }
    cmsghdr* const first = CMSG_FIRSTHDR(&message);
    first->cmsg_level = SOL_TCP;
    first->cmsg_type = TCP_CM_INQ;
    first->cmsg_len = CMSG_LEN(sizeof(*bytes));
    std::memcpy(CMSG_DATA(first), &*bytes, sizeof(*bytes));
    message.msg_controllen = CMSG_SPACE(sizeof(*bytes));
}

// The last argument of these two is whatever the command asks for.
int control(void* self, int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    const int argument = va_arg(rest, int);
    va_end(rest);
    return of(self).control(fd, command, argument);
}

int queued(void* self, int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    int* const bytes = va_arg(rest, int*);
    va_end(rest);
    return of(self).queued(fd, request, bytes);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void packetdrill_interface_init(
    const char* flags, packetdrill_interface* table) {
    const auto local = godwit::net::Ipv4Address::parse(flags == nullptr ? "" : flags);
    table->userdata = new Drill(local ? *local : kUsualAddress);
    table->free = [](void* self) { delete &of(self); };
    table->socket = [](void* self, int domain, int type, int) {
        return of(self).socket(domain, type);
    };
    table->bind = [](void* self, int fd, const sockaddr* address, socklen_t bytes) {
        return of(self).bind(fd, address, bytes);
    };
    table->listen = [](void* self, int fd, int backlog) { return of(self).listen(fd, backlog); };
    table->accept = [](void* self, int fd, sockaddr* address, socklen_t* bytes) {
        return of(self).accept(fd, address, bytes);
    };
    table->connect = [](void* self, int fd, const sockaddr* address, socklen_t bytes) {
        return of(self).connect(fd, address, bytes);
    };
    table->read = [](void* self, int fd, void* into, std::size_t count) {
        const iovec one = part(into, count);
        return of(self).read(fd, parts(&one, 1), 0);
    };
    table->readv = [](void* self, int fd, const iovec* into, int count) {
        return of(self).read(fd, parts(into, static_cast<std::size_t>(count)), 0);
    };
    table->recv = [](void* self, int fd, void* into, std::size_t count, int flags_of_call) {
        const iovec one = part(into, count);
        return of(self).read(fd, parts(&one, 1), flags_of_call);
    };
    table->recvfrom = [](void* self, int fd, void* into, std::size_t count, int flags_of_call,
                         sockaddr*, socklen_t*) {
        const iovec one = part(into, count);
        return of(self).read(fd, parts(&one, 1), flags_of_call);
    };
    table->recvmsg = [](void* self, int fd, msghdr* message, int flags_of_call) {
        const ssize_t count =
            of(self).read(fd, parts(message->msg_iov, message->msg_iovlen), flags_of_call);
        if (count >= 0) {
            tell_queue(*message, of(self).told_queue(fd));
        }
        return count;
    };
    table->write = [](void* self, int fd, const void* from, std::size_t count) {
        const iovec one = part(from, count);
        return of(self).write(fd, parts(&one, 1), 0);
    };
    table->writev = [](void* self, int fd, const iovec* from, int count) {
        return of(self).write(fd, parts(from, static_cast<std::size_t>(count)), 0);
    };
    table->send = [](void* self, int fd, const void* from, std::size_t count, int flags_of_call) {
        const iovec one = part(from, count);
        return of(self).write(fd, parts(&one, 1), flags_of_call);
    };
    table->sendto = [](void* self, int fd, const void* from, std::size_t count, int flags_of_call,
                       const sockaddr*, socklen_t) {
        const iovec one = part(from, count);
        return of(self).write(fd, parts(&one, 1), flags_of_call);
    };
    table->sendmsg = [](void* self, int fd, const msghdr* message, int flags_of_call) {
        return of(self).write(fd, parts(message->msg_iov, message->msg_iovlen), flags_of_call);
    };
    table->fcntl = control;
    table->ioctl = queued;
    table->close = [](void* self, int fd) { return of(self).close(fd); };
    table->shutdown = [](void* self, int fd, int how) { return of(self).shutdown(fd, how); };
    table->getsockopt = [](void* self, int fd, int level, int name, void* value, socklen_t* bytes) {
        return of(self).get_option(fd, level, name, value, bytes);
    };
    table->setsockopt = [](void* self, int fd, int level, int name, const void* value,
                           socklen_t bytes) {
        return of(self).set_option(fd, level, name, value, bytes);
    };
    table->poll = [](void* self, pollfd* fds, nfds_t count, int timeout) {
        return of(self).poll({fds, count}, timeout);
    };
    table->netdev_send = [](void* self, const void* bytes, std::size_t count) {
        return of(self).give_packet({static_cast<const std::uint8_t*>(bytes), count});
    };
    table->netdev_receive = [](void* self, void* into, std::size_t* count,
                               long long* microseconds) {
        std::int64_t time = 0;
        *count = of(self).take_packet({static_cast<std::uint8_t*>(into), *count}, time);
        *microseconds = time;
        return 0;
    };
    table->usleep = [](void* self, useconds_t microseconds) {
        of(self).sleep(microseconds);
        return 0;
    };
    table->gettimeofday = [](void* self, timeval* time, struct timezone*) {
        const std::int64_t now = of(self).clock();
        time->tv_sec = now / 1'000'000;
        time->tv_usec = now % 1'000'000;
        return 0;
    };
    // What the stack has no counterpart for.
    table->epoll_create = [](void*, int) { return not_there(); };
    table->epoll_ctl = [](void*, int, int, int, epoll_event*) { return not_there(); };
    table->epoll_wait = [](void*, int, epoll_event*, int, int) { return not_there(); };
    table->pipe = [](void*, int*) { return not_there(); };
    table->splice = [](void*, int, loff_t*, int, loff_t*, std::size_t, unsigned) {
        return not_there();
    };
}
