// What can be wrong with a port before DPDK is asked: each mistake gets one sentence and a mend,
// where the driver would say "probe failed". Reads the machine below a root folder, so that tests
// use a tree of their own; nothing is changed.
#pragma once

#include <filesystem>
#include <optional>

#include "config/model/model.hpp"
#include "drivers/port.hpp"

namespace godwit::drivers {

std::optional<Problem> check_device(const config::Interface& interface,
                                    const std::filesystem::path& root);

// An MTU, the room for a VLAN tag included, against what the device can do. `tagged_mtu` is the
// largest MTU of the interface's VLANs, 0 when it has none.
std::optional<Problem> check_mtu(const config::Interface& interface, std::uint16_t mtu,
                                 std::uint16_t tagged_mtu, std::uint16_t device_limit);

// The limit of a virtual device that is known without asking it, so that nothing is made in vain.
std::optional<std::uint16_t> known_mtu_limit(const config::Interface& interface);

// The largest MTU of the VLANs on top of this interface; 0 when there is none.
std::uint16_t largest_tagged_mtu(const config::Model& model, const std::string& parent);

// Some NIC of the model is bound to a driver that translates no addresses (UIO, VFIO without
// IOMMU).
bool needs_physical_addresses(const config::Model& model, const std::filesystem::path& root);

// Where memif meets its peer; empty for any other device.
struct MemifSocket {
    std::filesystem::path path;
    bool server = false;
    bool abstract = true;  // a name without a file, DPDK's default
};
MemifSocket memif_socket(const config::VirtualPort& device);

// A server that was killed leaves its socket file, over which no new one can listen: removed when
// nobody answers there.
std::optional<Problem> free_memif_socket(const config::Interface& interface);

}  // namespace godwit::drivers
