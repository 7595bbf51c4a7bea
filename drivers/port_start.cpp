#include "drivers/port_start.hpp"

#include <fmt/format.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "drivers/buffer_size.hpp"
#include "drivers/burst.hpp"
#include "drivers/device_arguments.hpp"
#include "drivers/device_checks.hpp"
#include "drivers/log_capture.hpp"
#include "drivers/packet_socket.hpp"

namespace godwit::drivers {
namespace {

constexpr std::uint16_t kVlanTagBytes = 4;
constexpr std::uint32_t kFrameBytesBesideMtu = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
constexpr std::uint64_t kHashedFlows = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;

// The device's own limit: what it says of the MTU, or what its longest frame leaves for one.
std::uint16_t mtu_limit(const rte_eth_dev_info& info) {
    if (info.max_rx_pktlen <= kFrameBytesBesideMtu) {
        return info.max_mtu;
    }
    // A driver that states both thereby states its overhead.
    if (info.max_mtu != UINT16_MAX && info.max_rx_pktlen > info.max_mtu) {
        return info.max_mtu;
    }
    const std::uint32_t from_frame = info.max_rx_pktlen - kFrameBytesBesideMtu;
    return static_cast<std::uint16_t>(
        std::min<std::uint32_t>({from_frame, info.max_mtu, UINT16_MAX}));
}

std::optional<Problem> choose_queues(const PortSettings& settings, const rte_eth_dev_info& info,
                                     Port& port) {
    const config::Interface& interface = settings.interface;
    if (interface.rx_queues > info.max_rx_queues) {
        return Problem{
            "queues-too-many",
            fmt::format("interface {} ({}): rx-queues is {}, but the device has {}", interface.name,
                        port.device, interface.rx_queues, info.max_rx_queues),
            fmt::format("set interfaces.{}.rx-queues to {} or less", interface.name,
                        info.max_rx_queues)};
    }
    port.rx_queues = interface.rx_queues;
    const auto* device = std::get_if<config::VirtualPort>(&interface.kind);
    const bool paired = device != nullptr && pairs_queues(device->driver);
    port.tx_queues = paired ? port.rx_queues
                            : static_cast<std::uint16_t>(std::min<unsigned>(
                                  {settings.workers, info.max_tx_queues, UINT16_MAX}));
    return std::nullopt;
}

rte_eth_conf choose_offloads(const config::Interface& interface, const rte_eth_dev_info& info,
                             Port& port) {
    rte_eth_conf conf{};
    if (!std::holds_alternative<config::PciPort>(interface.kind)) {
        return conf;  // virtual devices compute in software what they offer; the graph does it
                      // better
    }
    if (port.rx_queues > 1 && (info.flow_type_rss_offloads & kHashedFlows) != 0) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & kHashedFlows;
        if ((info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH) != 0) {
            conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
            port.device_rss = true;
        }
    }
    if ((info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0) {
        conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
        port.tx_ip_checksum = true;
    }
    return conf;
}

std::optional<Problem> set_up_queues(const PortSettings& settings, const Port& port) {
    std::uint16_t rx = settings.interface.rx_descriptors;
    std::uint16_t tx = settings.interface.tx_descriptors;
    const std::uint64_t log_from = log_position();
    int failed = rte_eth_dev_adjust_nb_rx_tx_desc(port.port_id, &rx, &tx);
    const int socket = rte_eth_dev_socket_id(port.port_id);
    const auto node = static_cast<unsigned>(socket < 0 ? 0 : socket);
    for (std::uint16_t queue = 0; failed == 0 && queue < port.rx_queues; ++queue) {
        failed = rte_eth_rx_queue_setup(port.port_id, queue, rx, node, nullptr, settings.pool);
    }
    for (std::uint16_t queue = 0; failed == 0 && queue < port.tx_queues; ++queue) {
        failed = rte_eth_tx_queue_setup(port.port_id, queue, tx, node, nullptr);
    }
    if (failed == 0) {
        return std::nullopt;
    }
    return device_problem(port.interface_name, port.device, "setting up its queues failed", failed,
                          log_from);
}

std::optional<Problem> choose_address(const PortSettings& settings, Port& port) {
    rte_ether_addr own{};
    rte_eth_macaddr_get(port.port_id, &own);
    net::MacAddress::Bytes bytes{};
    std::copy(std::begin(own.addr_bytes), std::end(own.addr_bytes), bytes.begin());
    net::MacAddress wanted(bytes);
    if (settings.interface.mac) {
        wanted = *settings.interface.mac;
    } else if (std::holds_alternative<config::VirtualPort>(settings.interface.kind) &&
               !is_driver(settings.interface, "net_af_packet") &&
               !is_driver(settings.interface, "net_af_xdp")) {
        wanted = settings.derived_mac;  // the driver's is random or zero
    }
    port.mac = wanted;
    if (wanted.bytes() == bytes) {
        return std::nullopt;
    }
    rte_ether_addr address{};
    std::copy(wanted.bytes().begin(), wanted.bytes().end(), std::begin(address.addr_bytes));
    const std::uint64_t log_from = log_position();
    const int failed = rte_eth_dev_default_mac_addr_set(port.port_id, &address);
    // A device without the call filters nothing: the address is only ours to answer for.
    if (failed == 0 || failed == -ENOTSUP) {
        return std::nullopt;
    }
    return device_problem(port.interface_name, port.device,
                          fmt::format("it refuses the address {}", wanted.to_string()), failed,
                          log_from);
}

std::optional<Problem> set_device_mtu(const Port& port, std::uint16_t mtu) {
    const std::uint64_t log_from = log_position();
    const int failed = rte_eth_dev_set_mtu(port.port_id, mtu);
    if (failed == 0 || failed == -ENOTSUP) {
        return std::nullopt;
    }
    return device_problem(port.interface_name, port.device,
                          fmt::format("it refuses the MTU {}", mtu), failed, log_from);
}

}  // namespace

bool is_driver(const config::Interface& interface, const char* driver) {
    const auto* device = std::get_if<config::VirtualPort>(&interface.kind);
    return device != nullptr && device->driver == driver;
}

std::uint64_t log_position() {
    LogCapture* log = active_log_capture();
    return log == nullptr ? 0 : log->position();
}

Problem device_problem(const std::string& interface_name, const std::string& device,
                       const std::string& what, int error, std::uint64_t log_from) {
    LogCapture* log = active_log_capture();
    std::string reason = log == nullptr ? std::string() : log->reason_since(log_from);
    if (reason.empty()) {
        reason = std::strerror(error < 0 ? -error : error);
    }
    return {
        "device-failed",
        fmt::format("interface {} ({}): {}: {}", interface_name, device, what, reason),
        fmt::format("correct interfaces.{}, or set system.log.level: debug for the driver's own "
                    "words",
                    interface_name)};
}

net::Result<std::uint16_t, Problem> probe_device(const config::Interface& interface,
                                                 unsigned workers) {
    const DeviceArguments arguments = device_arguments(interface, workers);
    const std::uint64_t log_from = log_position();
    int failed = 0;
    const auto probe = [&] {
        failed = rte_eal_hotplug_add(arguments.bus.c_str(), arguments.name.c_str(),
                                     arguments.arguments.c_str());
    };
    if (is_driver(interface, "net_af_packet") && interface.rx_queues == 1) {
        run_without_fanout(probe);
    } else {
        probe();
    }
    if (failed != 0) {
        return net::unexpected(device_problem(interface.name, arguments.name,
                                              "the device did not start", failed, log_from));
    }
    std::uint16_t port_id = 0;
    failed = rte_eth_dev_get_port_by_name(arguments.name.c_str(), &port_id);
    if (failed != 0) {
        rte_eal_hotplug_remove(arguments.bus.c_str(), arguments.name.c_str());
        return net::unexpected(device_problem(interface.name, arguments.name,
                                              "DPDK has no network driver for this device", failed,
                                              log_from));
    }
    return port_id;
}

std::uint16_t device_mtu(const Port& port, std::uint16_t mtu, std::uint16_t tagged_mtu) {
    if (tagged_mtu == 0) {
        return mtu;
    }
    const unsigned tagged = tagged_mtu + kVlanTagBytes;
    return static_cast<std::uint16_t>(
        std::max<unsigned>(mtu, std::min<unsigned>(tagged, port.max_mtu)));
}

void separate_tap_address(std::uint16_t port_id, const net::MacAddress& port_mac) {
    rte_eth_dev_info info{};
    ifreq request{};
    if (rte_eth_dev_info_get(port_id, &info) != 0 ||
        if_indextoname(info.if_index, request.ifr_name) == nullptr) {
        return;  // its kernel end lives in another namespace, with an address of its own
    }
    net::MacAddress::Bytes bytes = port_mac.bytes();
    bytes[5] ^= 0x01U;
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    std::memcpy(request.ifr_hwaddr.sa_data, bytes.data(), bytes.size());
    const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ioctl(control, SIOCSIFHWADDR, &request);
    close(control);
}

int set_kernel_interface_up(const std::string& kernel_name, bool up) {
    ifreq request{};
    kernel_name.copy(request.ifr_name, IFNAMSIZ - 1);
    const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int failed = ioctl(control, SIOCGIFFLAGS, &request) == 0 ? 0 : errno;
    if (failed == 0) {
        const auto flag = static_cast<unsigned>(IFF_UP);
        const auto flags = static_cast<unsigned short>(request.ifr_flags);
        request.ifr_flags = static_cast<short>(up ? flags | flag : flags & ~flag);
        failed = ioctl(control, SIOCSIFFLAGS, &request) == 0 ? 0 : errno;
    }
    close(control);
    return failed;
}

namespace {

std::optional<Problem> start_with(const PortSettings& settings, bool queue_interrupts, Port& port) {
    const config::Interface& interface = settings.interface;
    rte_eth_dev_info info{};
    std::uint64_t log_from = log_position();
    int failed = rte_eth_dev_info_get(port.port_id, &info);
    if (failed != 0) {
        return device_problem(interface.name, port.device, "it does not describe itself", failed,
                              log_from);
    }
    port.max_mtu = mtu_limit(info);
    port.mtu = interface.mtu;
    if (auto problem = check_mtu(interface, interface.mtu, settings.tagged_mtu, port.max_mtu)) {
        return problem;
    }
    if (auto problem = choose_queues(settings, info, port)) {
        return problem;
    }

    const std::uint16_t mtu = device_mtu(port, interface.mtu, settings.tagged_mtu);
    rte_eth_conf conf = choose_offloads(interface, info, port);
    conf.rxmode.mtu = mtu;
    conf.intr_conf.rxq = queue_interrupts ? 1 : 0;
    failed = rte_eth_dev_configure(port.port_id, port.rx_queues, port.tx_queues, &conf);
    if (failed != 0) {
        return device_problem(interface.name, port.device, "it refuses its configuration", failed,
                              log_from);
    }
    if (auto problem = set_up_queues(settings, port)) {
        return problem;
    }
    if (auto problem = choose_address(settings, port)) {
        return problem;
    }
    if (auto problem = set_device_mtu(port, mtu)) {
        return problem;
    }

    port.may_vanish = is_driver(interface, "net_memif");
    if (port.may_vanish) {
        guard_port(port.port_id, settings.pool);
    }
    log_from = log_position();
    failed = rte_eth_dev_start(port.port_id);
    if (failed != 0) {
        // A memif client whose server is not there yet: Ports::link() tries again.
        if (port.may_vanish &&
            !memif_socket(std::get<config::VirtualPort>(interface.kind)).server) {
            pause_port(port.port_id);
            return std::nullopt;
        }
        return device_problem(interface.name, port.device, "it does not start", failed, log_from);
    }
    port.partial_checksums =
        is_driver(interface, "net_af_packet") || is_driver(interface, "net_af_xdp");
    if (is_driver(interface, "net_tap")) {
        separate_tap_address(port.port_id, port.mac);
    } else {
        rte_eth_allmulticast_enable(port.port_id);  // routing protocols; not every device has it
    }
    return std::nullopt;
}

}  // namespace

std::optional<Problem> start_port(const PortSettings& settings, Port& port) {
    auto problem = start_with(settings, settings.queue_interrupts, port);
    if (problem && settings.queue_interrupts) {
        // A NIC may have too few interrupts for its queues, or none by its kernel driver: it is
        // polled then, and its workers wake by time.
        problem = start_with(settings, false, port);
    }
    return problem;
}

}  // namespace godwit::drivers
