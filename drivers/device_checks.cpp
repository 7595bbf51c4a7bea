#include "drivers/device_checks.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>

namespace godwit::drivers {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kTunPersist = 0x0800;  // IFF_PERSIST in /sys/class/net/*/tun_flags
constexpr std::size_t kLongestInterfaceName = IFNAMSIZ - 1;
constexpr std::uint16_t kVlanTagBytes = 4;
constexpr std::uint16_t kTapMtu = 1504;      // what the drivers of DPDK 22.11 state
constexpr std::uint16_t kCopyingMtu = 1500;  // memif, AF_PACKET

std::string read_word(const fs::path& path) {
    std::ifstream file(path);
    std::string word;
    file >> word;
    return word;
}

bool has_capability(const fs::path& root, unsigned capability) {
    std::ifstream status(root / "proc/self/status");
    std::string line;
    while (std::getline(status, line)) {
        if (line.starts_with("CapEff:")) {
            return ((std::stoull(line.substr(7), nullptr, 16) >> capability) & 1U) != 0;
        }
    }
    return true;
}

std::string where(const config::Interface& interface, const std::string& device) {
    return fmt::format("interface {} ({})", interface.name, device);
}

std::string argument(const config::VirtualPort& device, const std::string& key) {
    const auto found = device.args.find(key);
    return found == device.args.end() ? std::string() : found->second;
}

std::optional<Problem> check_privilege(const std::string& place, const fs::path& root,
                                       unsigned capability, std::string_view name) {
    if (has_capability(root, capability)) {
        return std::nullopt;
    }
    return Problem{"not-privileged", fmt::format("{}: this device needs {}", place, name),
                   "run as root, or give the program that capability"};
}

std::optional<Problem> check_name_length(const std::string& place, const std::string& kernel_name) {
    if (kernel_name.size() <= kLongestInterfaceName) {
        return std::nullopt;
    }
    return Problem{
        "interface-name-too-long",
        fmt::format(
            "{}: the kernel's interface names have at most {} characters, and \"{}\" has {}", place,
            kLongestInterfaceName, kernel_name, kernel_name.size()),
        "give a shorter name in args.iface"};
}

std::optional<Problem> check_tap(const config::Interface& interface,
                                 const config::VirtualPort& device, const fs::path& root) {
    const std::string place = where(interface, device.device);
    const std::string kernel_name = argument(device, "iface");
    if (auto problem = check_name_length(place, kernel_name)) {
        return problem;
    }
    if (!fs::exists(root / "dev/net/tun")) {
        return Problem{"tun-missing", fmt::format("{}: /dev/net/tun is not there", place),
                       "run `modprobe tun`; in a container, pass --device /dev/net/tun"};
    }
    if (auto problem = check_privilege(place, root, CAP_NET_ADMIN, "CAP_NET_ADMIN")) {
        return problem;
    }
    const fs::path existing = root / "sys/class/net" / kernel_name;
    if (kernel_name.empty() || !fs::exists(existing)) {
        return std::nullopt;
    }
    const std::string flags = read_word(existing / "tun_flags");
    if (flags.empty()) {
        return Problem{
            "device-name-taken",
            fmt::format("{}: the kernel has another interface {} that is no tap", place,
                        kernel_name),
            fmt::format("choose another args.iface, or use net_af_packet for {}", kernel_name)};
    }
    // A tap that is not persistent lives only while a process holds it; a persistent one has a
    // carrier while it is held. The kernel would let us share a multi-queue tap with its owner.
    const bool persistent = (std::stoul(flags, nullptr, 16) & kTunPersist) != 0;
    if (!persistent || read_word(existing / "carrier") == "1") {
        return Problem{
            "device-in-use",
            fmt::format("{}: the tap {} is in use by another program", place, kernel_name),
            fmt::format("stop that program (another dataplane?), or choose another "
                        "args.iface than {}",
                        kernel_name)};
    }
    return std::nullopt;
}

// net_af_packet and net_af_xdp: an interface of the kernel is the device.
std::optional<Problem> check_kernel_interface(const config::Interface& interface,
                                              const config::VirtualPort& device,
                                              const fs::path& root) {
    const std::string place = where(interface, device.device);
    const std::string kernel_name = argument(device, "iface");
    if (kernel_name.empty()) {
        return Problem{"device-argument-missing",
                       fmt::format("{}: no kernel interface is named", place),
                       fmt::format("add args: {{iface: NAME}} to interfaces.{}", interface.name)};
    }
    if (auto problem = check_name_length(place, kernel_name)) {
        return problem;
    }
    if (!fs::exists(root / "sys/class/net" / kernel_name)) {
        return Problem{
            "interface-missing",
            fmt::format("{}: this machine has no interface {}", place, kernel_name),
            fmt::format("create it, or correct interfaces.{}.args.iface (`ip link` lists "
                        "what is there)",
                        interface.name)};
    }
    if (auto problem = check_privilege(place, root, CAP_NET_RAW, "CAP_NET_RAW")) {
        return problem;
    }
    return check_privilege(place, root, CAP_NET_ADMIN, "CAP_NET_ADMIN");
}

std::optional<Problem> check_pcap(const config::Interface& interface,
                                  const config::VirtualPort& device) {
    const std::string input = argument(device, "rx_pcap");
    if (input.empty() || fs::exists(input)) {
        return std::nullopt;
    }
    return Problem{"file-missing",
                   fmt::format("{}: there is no file {}", where(interface, device.device), input),
                   fmt::format("correct interfaces.{}.args.rx_pcap", interface.name)};
}

// Mellanox and Microsoft drivers share the NIC with the kernel; every other NIC has to be handed
// over to a driver that gives it to user space.
bool serves_user_space(const std::string& kernel_driver) {
    static constexpr std::string_view kDrivers[] = {"vfio-pci",  "uio_pci_generic", "igb_uio",
                                                    "mlx4_core", "mlx5_core",       "mana"};
    return std::find(std::begin(kDrivers), std::end(kDrivers), kernel_driver) != std::end(kDrivers);
}

std::string kernel_driver_of(const fs::path& device) {
    std::error_code none;
    const fs::path link = fs::read_symlink(device / "driver", none);
    return none ? std::string() : link.filename().string();
}

std::optional<Problem> check_nic(const config::Interface& interface, const config::PciPort& nic,
                                 const fs::path& root) {
    const std::string place = where(interface, nic.address);
    const fs::path device = root / "sys/bus/pci/devices" / nic.address;
    if (!fs::exists(device)) {
        return Problem{"nic-missing", fmt::format("{}: no PCI device has this address", place),
                       "run `dpdk-devbind.py --status-dev net` for the addresses of this machine"};
    }
    const std::string driver = kernel_driver_of(device);
    if (!serves_user_space(driver)) {
        return Problem{"nic-not-bound",
                       driver.empty()
                           ? fmt::format("{}: the NIC is bound to no driver", place)
                           : fmt::format("{}: the kernel's driver {} holds the NIC", place, driver),
                       fmt::format("run `modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci {}`",
                                   nic.address)};
    }
    return check_privilege(place, root, CAP_SYS_ADMIN, "root (CAP_SYS_ADMIN)");
}

}  // namespace

std::optional<Problem> check_device(const config::Interface& interface, const fs::path& root) {
    if (const auto* nic = std::get_if<config::PciPort>(&interface.kind)) {
        return check_nic(interface, *nic, root);
    }
    const auto* device = std::get_if<config::VirtualPort>(&interface.kind);
    if (device == nullptr) {
        return std::nullopt;
    }
    if (device->driver == "net_tap") {
        return check_tap(interface, *device, root);
    }
    if (device->driver == "net_af_packet" || device->driver == "net_af_xdp") {
        return check_kernel_interface(interface, *device, root);
    }
    if (device->driver == "net_pcap") {
        return check_pcap(interface, *device);
    }
    return std::nullopt;
}

std::optional<std::uint16_t> known_mtu_limit(const config::Interface& interface) {
    const auto* device = std::get_if<config::VirtualPort>(&interface.kind);
    if (device == nullptr) {
        return std::nullopt;
    }
    if (device->driver == "net_tap") {
        return kTapMtu;
    }
    if (device->driver == "net_memif" || device->driver == "net_af_packet") {
        return kCopyingMtu;
    }
    return std::nullopt;
}

std::uint16_t largest_tagged_mtu(const config::Model& model, const std::string& parent) {
    std::uint16_t mtu = 0;
    for (const auto& [name, interface] : model.interfaces) {
        const auto* vlan = std::get_if<config::VlanSubinterface>(&interface.kind);
        if (vlan != nullptr && vlan->parent == parent) {
            mtu = std::max(mtu, interface.mtu);
        }
    }
    return mtu;
}

std::optional<Problem> check_mtu(const config::Interface& interface, std::uint16_t mtu,
                                 std::uint16_t tagged_mtu, std::uint16_t device_limit) {
    if (mtu > device_limit) {
        return Problem{
            "mtu-too-large",
            fmt::format("interface {}: mtu {} is more than its device can do, which is {}",
                        interface.name, mtu, device_limit),
            fmt::format("set interfaces.{}.mtu to {} or less", interface.name, device_limit)};
    }
    // These two name 1500 as their limit but count the tag beside it: their buffers have 2 KiB, and
    // the kernel lets a frame of its MTU carry one tag more.
    if (const auto* device = std::get_if<config::VirtualPort>(&interface.kind)) {
        if (device->driver == "net_memif" || device->driver == "net_af_packet") {
            device_limit = static_cast<std::uint16_t>(device_limit + kVlanTagBytes);
        }
    }
    if (tagged_mtu != 0 && tagged_mtu + kVlanTagBytes > device_limit) {
        return Problem{
            "mtu-too-large",
            fmt::format(
                "interface {}: a VLAN of it has mtu {}, which with its tag of 4 bytes is more "
                "than its device can do, which is {}",
                interface.name, tagged_mtu, device_limit),
            fmt::format("set the mtu of its VLANs to {} or less", device_limit - kVlanTagBytes)};
    }
    return std::nullopt;
}

bool needs_physical_addresses(const config::Model& model, const fs::path& root) {
    for (const auto& [name, interface] : model.interfaces) {
        const auto* nic = std::get_if<config::PciPort>(&interface.kind);
        if (nic == nullptr) {
            continue;
        }
        const fs::path device = root / "sys/bus/pci/devices" / nic->address;
        const std::string driver = kernel_driver_of(device);
        const bool translated =
            fs::exists(device / "iommu_group") && !fs::exists(root / "sys/module/vfio/noiommu");
        if (driver == "uio_pci_generic" || driver == "igb_uio" ||
            (driver == "vfio-pci" && !translated)) {
            return true;
        }
    }
    return false;
}

MemifSocket memif_socket(const config::VirtualPort& device) {
    if (device.driver != "net_memif") {
        return {};
    }
    const std::string path = argument(device, "socket");
    return {.path = path.empty() ? "/run/memif.sock" : path,
            .server = argument(device, "role") == "server",
            .abstract = argument(device, "socket-abstract") != "no"};
}

std::optional<Problem> free_memif_socket(const config::Interface& interface) {
    const auto* device = std::get_if<config::VirtualPort>(&interface.kind);
    const MemifSocket endpoint = device == nullptr ? MemifSocket{} : memif_socket(*device);
    if (!endpoint.server || endpoint.abstract) {
        return std::nullopt;
    }
    const std::string path = endpoint.path.string();
    const std::string place = where(interface, device->device);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return Problem{"socket-path-too-long",
                       fmt::format("{}: the socket path {} has more than {} characters", place,
                                   path, sizeof address.sun_path - 1),
                       "choose a shorter args.socket"};
    }
    std::error_code none;
    const fs::file_status status = fs::symlink_status(endpoint.path, none);
    if (status.type() == fs::file_type::not_found) {
        return std::nullopt;
    }
    if (status.type() != fs::file_type::socket) {
        return Problem{"socket-path-taken",
                       fmt::format("{}: {} is there and is no socket", place, path),
                       "choose another args.socket, or move the file away"};
    }
    path.copy(address.sun_path, path.size());
    const int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    const bool answered =
        connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(probe);
    if (answered) {
        return Problem{"device-in-use",
                       fmt::format("{}: another program listens on {}", place, path),
                       "stop that program, or choose another args.socket"};
    }
    fs::remove(endpoint.path, none);
    return std::nullopt;
}

}  // namespace godwit::drivers
