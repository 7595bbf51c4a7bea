// Interfaces among each other: devices that are used twice, arguments that a device needs, VLANs
// and their ports.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "config/check/check.hpp"
#include "config/check/suggest.hpp"

namespace godwit::config {

namespace {

constexpr std::size_t kMostPorts = 128;         // of the dataplane's interface table
constexpr std::size_t kLongestKernelName = 15;  // IFNAMSIZ without the terminating zero

Path path_of(const Interface& interface, std::string_view key = {}) {
    Path path = {{"interfaces"}, {interface.name}};
    if (!key.empty()) {
        path.push_back({std::string(key)});
    }
    return path;
}

bool drives_kernel_interface(const std::string& driver) {
    return driver == "net_tap" || driver == "net_af_packet" || driver == "net_af_xdp";
}

// The arguments without which a driver has nothing to open; any one of a list is enough.
std::vector<std::string> needed_arguments(const std::string& driver) {
    if (driver == "net_af_packet" || driver == "net_af_xdp") {
        return {"iface"};
    }
    if (driver == "net_virtio_user") {
        return {"path"};
    }
    if (driver == "net_pcap") {
        return {"iface", "rx_pcap", "rx_iface", "rx_iface_in", "tx_pcap", "tx_iface"};
    }
    return {};
}

class Devices {
public:
    explicit Devices(std::vector<Finding>& findings) : findings_(findings) {}

    // `key` is where the device is written: "pci", "vdev", "args".
    void claim(const Interface& interface, std::string_view key, const std::string& device) {
        const auto [owner, is_new] = owners_.emplace(device, interface.name);
        if (!is_new) {
            findings_.push_back(
                {.id = "duplicate-device",
                 .path = path_of(interface, key),
                 .what = fmt::format("{} is already the device of '{}'", device, owner->second),
                 .help = "A device can be opened once; give each port its own."});
        }
    }

private:
    std::vector<Finding>& findings_;
    std::map<std::string, std::string> owners_;
};

void check_arguments(const Interface& interface, const VirtualPort& port,
                     std::vector<Finding>& findings) {
    const std::vector<std::string> needed = needed_arguments(port.driver);
    const bool has_one = std::any_of(needed.begin(), needed.end(), [&](const std::string& name) {
        return port.args.count(name) > 0;
    });
    if (!needed.empty() && !has_one) {
        std::string misspelt;
        for (const auto& [name, value] : port.args) {
            if (const std::string meant = nearest_word(name, needed); !meant.empty()) {
                misspelt = meant;
            }
        }
        findings.push_back(
            {.id = "missing-argument",
             .path = path_of(interface, port.args.empty() ? "vdev" : "args"),
             .what = fmt::format("{} needs the argument '{}'{}", port.driver, needed.front(),
                                 needed.size() > 1 ? ", or a capture file" : ""),
             .suggestion = misspelt,
             .help = fmt::format("Add it: args: {{{}: …}}.", needed.front())});
    }
    const auto iface = port.args.find("iface");
    if (iface != port.args.end() && drives_kernel_interface(port.driver) &&
        (iface->second.empty() || iface->second.size() > kLongestKernelName)) {
        Path path = path_of(interface, "args");
        path.push_back({"iface"});
        findings.push_back({.id = "out-of-range",
                            .path = std::move(path),
                            .what = fmt::format("the kernel's names of interfaces have 1 to {} "
                                                "characters, this one has {}",
                                                kLongestKernelName, iface->second.size()),
                            .help = "Use the name that `ip link` shows, or will show."});
    }
}

void check_devices(const Model& model, std::vector<Finding>& findings) {
    Devices devices(findings);
    std::size_t ports = 0;
    for (const auto& [name, interface] : model.interfaces) {
        if (interface.is_port() && ++ports == kMostPorts + 1) {
            findings.push_back(
                {.id = "out-of-range",
                 .path = path_of(interface),
                 .what = fmt::format("more than {} ports", kMostPorts),
                 .help = "VLAN sub-interfaces and loopbacks do not count as ports."});
        }
        if (const auto* pci = std::get_if<PciPort>(&interface.kind)) {
            if (!pci->address.empty()) {
                devices.claim(interface, "pci", "PCI device " + pci->address);
            }
        } else if (const auto* port = std::get_if<VirtualPort>(&interface.kind)) {
            if (port->device.empty()) {
                continue;
            }
            devices.claim(interface, "vdev", port->device);
            check_arguments(interface, *port, findings);
            const auto iface = port->args.find("iface");
            if (iface != port->args.end() && drives_kernel_interface(port->driver)) {
                devices.claim(interface, "args", "kernel interface " + iface->second);
            }
        }
    }
}

// The port of a VLAN, when it names one; otherwise a finding and nothing.
const Interface* parent_port(const Model& model, const Interface& interface,
                             const VlanSubinterface& vlan, std::vector<Finding>& findings) {
    const auto parent = model.interfaces.find(vlan.parent);
    std::vector<std::string> ports;
    for (const auto& [name, candidate] : model.interfaces) {
        if (candidate.is_port()) {
            ports.push_back(name);
        }
    }
    if (parent == model.interfaces.end()) {
        findings.push_back({.id = "dangling-reference",
                            .path = path_of(interface, "parent"),
                            .what = fmt::format("there is no interface '{}'", vlan.parent),
                            .suggestion = nearest_word(vlan.parent, ports),
                            .help = "Name a port of this file, one with `pci` or `vdev`."});
        return nullptr;
    }
    if (!parent->second.is_port()) {
        findings.push_back(
            {.id = "wrong-reference",
             .path = path_of(interface, "parent"),
             .what = fmt::format("'{}' is no port: only a port carries VLANs", vlan.parent),
             .help = "Name an interface with `pci` or `vdev`."});
        return nullptr;
    }
    return &parent->second;
}

void check_vlans(const Model& model, std::vector<Finding>& findings) {
    std::map<std::pair<std::string, std::uint16_t>, std::string> owners;
    for (const auto& [name, interface] : model.interfaces) {
        const auto* vlan = std::get_if<VlanSubinterface>(&interface.kind);
        if (vlan == nullptr || vlan->parent.empty()) {
            continue;
        }
        const Interface* parent = parent_port(model, interface, *vlan, findings);
        if (parent == nullptr) {
            continue;
        }
        if (interface.mtu > parent->mtu) {
            findings.push_back(
                {.id = "mtu-above-parent",
                 .path = path_of(interface, "mtu"),
                 .what = fmt::format("an MTU of {} does not go through '{}', whose MTU is {}",
                                     interface.mtu, vlan->parent, parent->mtu),
                 .help = fmt::format("Set mtu: {} here, or raise the MTU of '{}'.", parent->mtu,
                                     vlan->parent)});
        }
        const auto [owner, is_new] = owners.emplace(std::pair(vlan->parent, vlan->vlan), name);
        if (!is_new && vlan->vlan != 0) {
            findings.push_back({.id = "duplicate-vlan",
                                .path = path_of(interface, "vlan"),
                                .what = fmt::format("VLAN {} of '{}' is already '{}'", vlan->vlan,
                                                    vlan->parent, owner->second),
                                .help = "Give each sub-interface of a port its own VLAN."});
        }
    }
}

}  // namespace

void check_interfaces(const Model& model, std::vector<Finding>& findings) {
    check_devices(model, findings);
    check_vlans(model, findings);
}

}  // namespace godwit::config
