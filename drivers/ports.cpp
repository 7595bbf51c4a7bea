// Ports: all devices of one model, their pool, and what is asked of them while they run.
//
// A device that fails keeps its place with a Problem and the others run. Live changes never stop a
// device that workers poll; what a driver can only do while stopped is refused with a sentence.
#include <fmt/format.h>
#include <net/if.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <utility>

#include "drivers/buffer_size.hpp"
#include "drivers/burst.hpp"
#include "drivers/device_arguments.hpp"
#include "drivers/device_checks.hpp"
#include "drivers/port.hpp"
#include "drivers/port_start.hpp"
#include "drivers/reconnection.hpp"
#include "drivers/ring_port.hpp"

namespace godwit::drivers {
namespace {

constexpr const char* kPeerArgument = "peer";

std::string router_seed(const config::Model& model) {
    std::ifstream file("/etc/machine-id");
    std::string machine;
    file >> machine;
    return machine + model.system.hostname + model.management.control_socket;
}

std::string ring_peer(const config::Interface& interface) {
    if (!is_driver(interface, "net_ring")) {
        return {};
    }
    const auto& args = std::get<config::VirtualPort>(interface.kind).args;
    const auto found = args.find(kPeerArgument);
    return found == args.end() ? std::string() : found->second;
}

}  // namespace

// What belongs to a port beside the facts that Port tells everybody.
struct Ports::State {
    struct Device {
        config::Interface interface;
        std::uint16_t tagged_mtu = 0;
        bool opened = false;  // has a DPDK port to close
        bool enabled = true;  // as the person wants it
        // Of a device that may vanish; times are of the TSC.
        Reconnection reconnection;
        std::uint64_t quiet_since = 0;  // last seen well, or last tried to reconnect
        std::uint64_t last_resumed = 0;
        bool resumed_while_up = false;
    };
    std::map<std::string, Device> devices;
    // Rings of the net_ring interfaces, by the interface that receives from them.
    std::map<std::string, std::vector<rte_ring*>> rings;
    std::uint16_t data_room_bytes = 0;

    net::Result<std::uint16_t, Problem> open_ring(const config::Model& model,
                                                  const config::Interface& interface);
    net::Result<std::vector<rte_ring*>, Problem> receive_rings(const config::Interface& interface);
    void revive(const Port& port, bool link_up);
    void close(const Port& port);
};

Ports::Ports() = default;

net::Result<std::vector<rte_ring*>, Problem> Ports::State::receive_rings(
    const config::Interface& interface) {
    const auto found = rings.find(interface.name);
    if (found != rings.end()) {
        return found->second;
    }
    auto made = make_rings(std::get<config::VirtualPort>(interface.kind).device,
                           interface.rx_queues, interface.rx_descriptors);
    if (made) {
        rings[interface.name] = *made;
    }
    return made;
}

// Sends into what its peer receives from; without a peer, into its own receive rings (a loop).
net::Result<std::uint16_t, Problem> Ports::State::open_ring(const config::Model& model,
                                                            const config::Interface& interface) {
    const std::string peer_name = ring_peer(interface);
    const config::Interface* peer = &interface;
    if (!peer_name.empty()) {
        const auto found = model.interfaces.find(peer_name);
        if (found == model.interfaces.end() || ring_peer(found->second) != interface.name) {
            return net::unexpected(Problem{
                "ring-peer-missing",
                fmt::format("interface {}: its peer {} is no net_ring interface that names it back",
                            interface.name, peer_name),
                fmt::format("give interfaces.{} a vdev: net_ring… with args: {{peer: {}}}",
                            peer_name, interface.name)});
        }
        peer = &found->second;
    }
    auto receive = receive_rings(interface);
    if (!receive) {
        return net::unexpected(receive.error());
    }
    auto send = receive_rings(*peer);
    if (!send) {
        return net::unexpected(send.error());
    }
    return make_port_of_rings(interface.name, *receive, *send);
}

net::Result<std::unique_ptr<Ports>, Problem> Ports::open(const config::Model& model,
                                                         unsigned workers,
                                                         std::uint16_t private_bytes) {
    std::unique_ptr<Ports> ports(new Ports());
    ports->state_ = std::make_unique<State>();
    State& state = *ports->state_;
    state.data_room_bytes = data_room(largest_mtu(model));
    const MemoryBudget budget = memory_budget(model);
    ports->pool_ =
        rte_pktmbuf_pool_create("godwit_packets", static_cast<unsigned>(budget.packet_count),
                                kCachePackets, private_bytes, state.data_room_bytes, SOCKET_ID_ANY);
    if (ports->pool_ == nullptr) {
        return net::unexpected(
            Problem{"memory-missing",
                    fmt::format("no memory for {} packet buffers of {} bytes: {}",
                                budget.packet_count, budget.packet_bytes, rte_strerror(rte_errno)),
                    "raise workers.memory"});
    }

    const std::string seed = router_seed(model);
    std::set<std::string> checked_sockets;  // two memif ports may share one
    for (const auto& [name, interface] : model.interfaces) {
        if (!interface.is_port()) {
            continue;
        }
        State::Device& device = state.devices[name];
        device.interface = interface;
        device.tagged_mtu = largest_tagged_mtu(model, name);
        device.enabled = interface.enabled;

        Port& port = ports->ports_.emplace_back();
        port.interface_name = name;
        port.device = device_arguments(interface, workers).name;
        port.mtu = interface.mtu;
        port.problem = check_device(interface, "/");
        if (const auto limit = known_mtu_limit(interface); limit && !port.problem) {
            port.max_mtu = *limit;
            port.problem = check_mtu(interface, interface.mtu, device.tagged_mtu, *limit);
        }
        if (const auto* vdev = std::get_if<config::VirtualPort>(&interface.kind);
            !port.problem && vdev != nullptr &&
            checked_sockets.insert(memif_socket(*vdev).path.string()).second) {
            port.problem = free_memif_socket(interface);
        }
        if (!port.problem) {
            auto number = is_driver(interface, "net_ring") ? state.open_ring(model, interface)
                                                           : probe_device(interface, workers);
            if (number) {
                port.port_id = *number;
                device.opened = true;
                port.problem = start_port(
                    {.interface = interface,
                     .workers = workers,
                     .tagged_mtu = device.tagged_mtu,
                     .derived_mac = derived_mac(seed, name),
                     .pool = ports->pool_,
                     .queue_interrupts = model.workers.idle == config::IdleMode::Adaptive},
                    port);
            } else {
                port.problem = number.error();
            }
        }
        port.failed = port.problem.has_value();
        if (port.failed) {
            state.close(port);  // no half-made tap or socket stays behind
            continue;
        }
        if (interface.promiscuous) {
            ports->set_promiscuous(name, true);
        }
        // A kernel interface or tap is brought to the state the person wants; a device that cannot
        // be turned off is kept silent by the graph.
        ports->set_enabled(name, interface.enabled);
    }
    return ports;
}

void Ports::State::close(const Port& port) {
    Device& device = devices.at(port.interface_name);
    if (!device.opened) {
        return;
    }
    device.opened = false;
    rte_eth_dev_info info{};
    rte_eth_dev_info_get(port.port_id, &info);
    rte_device* const device_handle = info.device;
    if (port.may_vanish) {
        pause_port(port.port_id);
        device.reconnection.stop(port.port_id);
    } else {
        rte_eth_dev_stop(port.port_id);
    }
    const auto* vdev = std::get_if<config::VirtualPort>(&device.interface.kind);
    const MemifSocket endpoint = vdev == nullptr ? MemifSocket{} : memif_socket(*vdev);
    if (endpoint.server) {
        // Closing a memif server frees its listener but leaves the callback of the listening socket
        // (DPDK 22.11, memif_socket_remove_device): the next peer to connect would run on freed
        // memory. Stopped, it holds no packet; the end of the process closes the rest.
        if (!endpoint.abstract) {
            unlink(endpoint.path.c_str());
        }
        return;
    }
    rte_eth_dev_close(port.port_id);
    if (device_handle != nullptr) {
        rte_dev_remove(device_handle);
    }
}

void Ports::close() {
    for (Port& port : ports_) {
        state_->close(port);
        port.failed = true;
        port.problem = Problem{"closed", "the port is closed", "restart the dataplane"};
    }
    for (auto& [name, rings] : state_->rings) {
        free_rings(rings);
    }
    state_->rings.clear();
}

Ports::~Ports() {
    close();
    rte_mempool_free(pool_);
}

unsigned Ports::packets_in_use() const {
    return rte_mempool_in_use_count(pool_);
}

const Port* Ports::find(const std::string& interface_name) const {
    const auto found = std::ranges::find(ports_, interface_name, &Port::interface_name);
    return found == ports_.end() ? nullptr : &*found;
}

namespace {

Problem no_such_port(const std::string& interface_name) {
    return {"port-not-running", fmt::format("interface {} has no running port", interface_name),
            "see `godwitctl show interfaces` for why, and restart the dataplane after mending it"};
}

Port* running(std::vector<Port>& ports, const std::string& interface_name) {
    const auto found = std::ranges::find(ports, interface_name, &Port::interface_name);
    return found == ports.end() || found->failed ? nullptr : &*found;
}

}  // namespace

std::optional<Problem> Ports::set_mtu(const std::string& interface_name, std::uint16_t mtu) {
    Port* port = running(ports_, interface_name);
    if (port == nullptr) {
        return no_such_port(interface_name);
    }
    const State::Device& device = state_->devices.at(interface_name);
    if (auto problem = check_mtu(device.interface, mtu, device.tagged_mtu, port->max_mtu)) {
        return problem;
    }
    if (data_room(mtu) > state_->data_room_bytes) {
        return Problem{
            "mtu-needs-restart",
            fmt::format("interface {}: the packet buffers of this run have {} bytes, too "
                        "small for mtu {}",
                        interface_name, state_->data_room_bytes - kHeadroomBytes, mtu),
            "apply it with a restart of the dataplane"};
    }
    const std::uint64_t log_from = log_position();
    const int failed =
        rte_eth_dev_set_mtu(port->port_id, device_mtu(*port, mtu, device.tagged_mtu));
    if (failed != 0 && failed != -ENOTSUP) {
        return device_problem(interface_name, port->device,
                              fmt::format("it refuses the MTU {}", mtu), failed, log_from);
    }
    port->mtu = mtu;
    return std::nullopt;
}

std::optional<Problem> Ports::set_mac(const std::string& interface_name,
                                      const net::MacAddress& mac) {
    Port* port = running(ports_, interface_name);
    if (port == nullptr) {
        return no_such_port(interface_name);
    }
    rte_ether_addr address{};
    std::copy(mac.bytes().begin(), mac.bytes().end(), std::begin(address.addr_bytes));
    const std::uint64_t log_from = log_position();
    const int failed = rte_eth_dev_default_mac_addr_set(port->port_id, &address);
    if (failed != 0 && failed != -ENOTSUP) {
        return device_problem(interface_name, port->device,
                              fmt::format("it refuses the address {}", mac.to_string()), failed,
                              log_from);
    }
    port->mac = mac;
    if (is_driver(state_->devices.at(interface_name).interface, "net_tap")) {
        separate_tap_address(port->port_id, mac);
    }
    return std::nullopt;
}

std::optional<Problem> Ports::set_promiscuous(const std::string& interface_name, bool on) {
    const Port* port = running(ports_, interface_name);
    if (port == nullptr) {
        return no_such_port(interface_name);
    }
    const std::uint64_t log_from = log_position();
    const int failed =
        on ? rte_eth_promiscuous_enable(port->port_id) : rte_eth_promiscuous_disable(port->port_id);
    // A device without the call delivers every frame anyway.
    if (failed == 0 || failed == -ENOTSUP) {
        return std::nullopt;
    }
    return device_problem(interface_name, port->device, "it refuses the promiscuous mode", failed,
                          log_from);
}

std::optional<Problem> Ports::set_enabled(const std::string& interface_name, bool up) {
    const Port* port = running(ports_, interface_name);
    if (port == nullptr) {
        return no_such_port(interface_name);
    }
    State::Device& device = state_->devices.at(interface_name);
    device.enabled = up;
    const std::uint64_t log_from = log_position();
    int failed = 0;
    if (is_driver(device.interface, "net_af_packet") || is_driver(device.interface, "net_af_xdp")) {
        failed = set_kernel_interface_up(
            std::get<config::VirtualPort>(device.interface.kind).args.at("iface"), up);
    } else if (is_driver(device.interface, "net_tap")) {
        failed =
            up ? rte_eth_dev_set_link_up(port->port_id) : rte_eth_dev_set_link_down(port->port_id);
        if (failed == -ENODEV) {
            failed = 0;  // its kernel end is in another namespace, whose owner decides
        }
    } else if (std::holds_alternative<config::PciPort>(device.interface.kind)) {
        failed =
            up ? rte_eth_dev_set_link_up(port->port_id) : rte_eth_dev_set_link_down(port->port_id);
    }
    if (failed == 0 || failed == -ENOTSUP) {
        return std::nullopt;
    }
    return device_problem(interface_name, port->device,
                          up ? "it cannot be turned on" : "it cannot be turned off", failed,
                          log_from);
}

// A port that vanished under a worker is paused (drivers/burst.hpp). A server listens on, so it is
// enough to poll it again once the driver has seen its peer go; a client has to connect again.
void Ports::State::revive(const Port& port, bool link_up) {
    Device& device = devices.at(port.interface_name);
    const bool server = memif_socket(std::get<config::VirtualPort>(device.interface.kind)).server;
    const bool paused = is_paused(port.port_id);
    const std::uint64_t now = rte_get_tsc_cycles();
    if (device.reconnection.pending()) {
        return;
    }
    if (link_up && !paused) {
        device.quiet_since = now;
        if (now - device.last_resumed > rte_get_tsc_hz()) {
            device.resumed_while_up = false;
        }
        return;
    }
    // Up at the first look: the peer was quick to return, and polling it is right. A second fault
    // right after it means that the peer breaks its memory while it stays connected: disconnect it.
    if (server && (!link_up || !device.resumed_while_up)) {
        device.resumed_while_up = link_up;
        device.last_resumed = now;
        resume_port(port.port_id);
        return;
    }
    if (device.quiet_since == 0) {
        device.quiet_since = now;  // a first connection takes its time
    }
    if (now - device.quiet_since > rte_get_tsc_hz() && pause_port(port.port_id)) {
        device.quiet_since = now;
        device.resumed_while_up = false;
        device.reconnection.begin(port.port_id);
    }
}

LinkState Ports::link(const Port& port) const {
    if (port.failed) {
        return {};
    }
    const State::Device& device = state_->devices.at(port.interface_name);
    rte_eth_link link{};
    if (rte_eth_link_get_nowait(port.port_id, &link) != 0) {
        return {};
    }
    bool up = link.link_status == RTE_ETH_LINK_UP;
    if (port.may_vanish) {
        state_->revive(port, up);
        up = up && !is_paused(port.port_id);
    }
    if (!up && is_driver(device.interface, "net_tap")) {
        // The driver asks by name in its own namespace; a tap that was moved to another is held by
        // us, which is what its carrier says.
        rte_eth_dev_info info{};
        char name[IF_NAMESIZE];
        up = rte_eth_dev_info_get(port.port_id, &info) == 0 &&
             if_indextoname(info.if_index, name) == nullptr;
    }
    const bool unknown = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN;
    return {.up = up && device.enabled, .speed_mbps = unknown ? 0 : link.link_speed};
}

PortStatistics Ports::statistics(const Port& port) const {
    rte_eth_stats stats{};
    if (port.failed || rte_eth_stats_get(port.port_id, &stats) != 0) {
        return {};
    }
    PortStatistics result{.rx_missed = stats.imissed,
                          .rx_no_buffer = stats.rx_nombuf,
                          .rx_errors = stats.ierrors,
                          .tx_errors = stats.oerrors};
    if (port.may_vanish) {
        const BurstFaults faults = burst_faults(port.port_id);
        result.rx_errors += faults.rx;
        result.tx_errors += faults.tx;
    }
    return result;
}

}  // namespace godwit::drivers
