// One device from probe to running: created, configured with what it really has, queues set up,
// started. No state of its own; Ports keeps what comes out.
#pragma once

#include <optional>
#include <string>

#include "config/model/model.hpp"
#include "drivers/port.hpp"
#include "net/result.hpp"

struct rte_mempool;

namespace godwit::drivers {

struct PortSettings {
    const config::Interface& interface;
    unsigned workers = 1;
    std::uint16_t tagged_mtu = 0;  // largest MTU of its VLANs, 0: none
    net::MacAddress derived_mac;   // for a device that has no address of its own
    rte_mempool* pool = nullptr;
    bool queue_interrupts = false;  // where the device has them, for workers that sleep
};

// Creates the device; its port number.
net::Result<std::uint16_t, Problem> probe_device(const config::Interface& interface,
                                                 unsigned workers);

// Configures and starts `port.port_id`, and fills in the rest of `port`.
std::optional<Problem> start_port(const PortSettings& settings, Port& port);

// The MTU that the device itself is set to, of an interface and its VLANs: NICs count the tag.
std::uint16_t device_mtu(const Port& port, std::uint16_t mtu, std::uint16_t tagged_mtu);

// A sentence for a failed call on a running device, with the driver's own reason since `log_from`.
Problem device_problem(const std::string& interface_name, const std::string& device,
                       const std::string& what, int error, std::uint64_t log_from);
std::uint64_t log_position();

bool is_driver(const config::Interface& interface, const char* driver);

// net_tap gives the kernel's end the port's own address; two stations of one link need two.
void separate_tap_address(std::uint16_t port_id, const net::MacAddress& port_mac);

// Turns the kernel interface behind a port up or down (net_af_packet, net_af_xdp).
int set_kernel_interface_up(const std::string& kernel_name, bool up);

}  // namespace godwit::drivers
