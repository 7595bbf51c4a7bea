// The table of functions by which packetdrill (`--so_filename`) drives a stack that is a shared
// object, as its README describes it: the library exports packetdrill_interface_init(), which fills
// the table in. The order of the members is the ABI.
//
// The calls are the socket API with the table's `userdata` in front, and four of their own: a
// packet to the stack, the next packet from it with its time, sleeping, and the clock. The last
// three make time virtual: it passes when packetdrill waits, and only then.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>

extern "C" {

struct packetdrill_interface {
    void* userdata;
    void (*free)(void*);
    int (*socket)(void*, int domain, int type, int protocol);
    int (*bind)(void*, int fd, const sockaddr*, socklen_t);
    int (*listen)(void*, int fd, int backlog);
    int (*accept)(void*, int fd, sockaddr*, socklen_t*);
    int (*connect)(void*, int fd, const sockaddr*, socklen_t);
    ssize_t (*read)(void*, int fd, void*, std::size_t);
    ssize_t (*readv)(void*, int fd, const iovec*, int);
    ssize_t (*recv)(void*, int fd, void*, std::size_t, int flags);
    ssize_t (*recvfrom)(void*, int fd, void*, std::size_t, int flags, sockaddr*, socklen_t*);
    ssize_t (*recvmsg)(void*, int fd, msghdr*, int flags);
    ssize_t (*write)(void*, int fd, const void*, std::size_t);
    ssize_t (*writev)(void*, int fd, const iovec*, int);
    ssize_t (*send)(void*, int fd, const void*, std::size_t, int flags);
    ssize_t (*sendto)(void*, int fd, const void*, std::size_t, int flags, const sockaddr*,
                      socklen_t);
    ssize_t (*sendmsg)(void*, int fd, const msghdr*, int flags);
    int (*fcntl)(void*, int fd, int command, ...);
    int (*ioctl)(void*, int fd, unsigned long request, ...);
    int (*close)(void*, int fd);
    int (*shutdown)(void*, int fd, int how);
    int (*getsockopt)(void*, int fd, int level, int name, void*, socklen_t*);
    int (*setsockopt)(void*, int fd, int level, int name, const void*, socklen_t);
    int (*poll)(void*, pollfd*, nfds_t, int timeout);
    int (*netdev_send)(void*, const void*, std::size_t);
    int (*netdev_receive)(void*, void*, std::size_t* bytes, long long* microseconds);
    int (*usleep)(void*, useconds_t);
    int (*gettimeofday)(void*, timeval*, struct timezone*);
    int (*epoll_create)(void*, int size);
    int (*epoll_ctl)(void*, int epoll, int operation, int fd, epoll_event*);
    int (*epoll_wait)(void*, int epoll, epoll_event*, int, int timeout);
    int (*pipe)(void*, int fds[2]);
    int (*splice)(void*, int in, loff_t*, int out, loff_t*, std::size_t, unsigned flags);
};

void packetdrill_interface_init(const char* flags, packetdrill_interface* table);
}
