#include "drivers/packet_socket.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/seccomp.h>
#include <rte_ethdev.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <thread>
#include <vector>

namespace godwit::drivers {
namespace {

#if defined(__x86_64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "name this architecture's AUDIT_ARCH constant"
#endif

constexpr unsigned kArgument1 = offsetof(seccomp_data, args) + 8;  // low half, little endian
constexpr unsigned kArgument2 = offsetof(seccomp_data, args) + 16;

bool ignore_fanout() {
    std::array<sock_filter, 10> program = {{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 0, 7),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_setsockopt, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kArgument1),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOL_PACKET, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kArgument2),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_FANOUT, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),  // not run, and answered with success
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    sock_fprog filter{.len = static_cast<unsigned short>(program.size()), .filter = program.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

// Open descriptors have low numbers; a limit of millions is not walked to its end.
constexpr rlim_t kMostDescriptors = 1U << 16;

bool is_bound_to(int fd, unsigned if_index) {
    int domain = 0;
    socklen_t bytes = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) != 0 || domain != AF_PACKET) {
        return false;
    }
    sockaddr_ll address{};
    bytes = sizeof address;
    return getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes) == 0 &&
           address.sll_ifindex == static_cast<int>(if_index);
}

}  // namespace

bool run_without_fanout(const std::function<void()>& action) {
    bool filtered = false;
    std::thread opener([&] {
        filtered = ignore_fanout();
        action();
    });
    opener.join();
    return filtered;
}

int packet_socket_of(std::uint16_t port, std::uint16_t queue) {
    rte_eth_dev_info info{};
    rlimit limit{};
    if (rte_eth_dev_info_get(port, &info) != 0 || info.driver_name == nullptr ||
        std::string_view(info.driver_name) != "net_af_packet" || info.if_index == 0 ||
        getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return -1;
    }
    std::vector<int> sockets;
    for (int fd = 0; fd < static_cast<int>(std::min(limit.rlim_cur, kMostDescriptors)); ++fd) {
        if (is_bound_to(fd, info.if_index)) {
            sockets.push_back(fd);
        }
    }
    return sockets.size() == info.nb_rx_queues && queue < sockets.size() ? sockets[queue] : -1;
}

}  // namespace godwit::drivers
