#include "drivers/device_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <vector>

namespace godwit::drivers {
namespace {

// net_af_packet: one slot holds a frame of MTU 1500 with VLAN tags behind the kernel's own header
// of 80 bytes; a block is what the kernel allocates at once.
constexpr unsigned kPacketSlotBytes = 2048;
constexpr unsigned kPacketBlockBytes = 64 << 10;
constexpr unsigned kSlotsPerBlock = kPacketBlockBytes / kPacketSlotBytes;

void packet_socket_arguments(const config::Interface& interface,
                             std::map<std::string, std::string>& args) {
    args.try_emplace("qpairs", std::to_string(interface.rx_queues));
    if (args.contains("blocksz") || args.contains("framesz") || args.contains("framecnt")) {
        return;
    }
    const unsigned wanted = std::max(interface.rx_descriptors, interface.tx_descriptors);
    const unsigned blocks = std::max(1U, (wanted + kSlotsPerBlock - 1) / kSlotsPerBlock);
    args["blocksz"] = std::to_string(kPacketBlockBytes);
    args["framesz"] = std::to_string(kPacketSlotBytes);
    args["framecnt"] = std::to_string(blocks * kSlotsPerBlock);
}

}  // namespace

DeviceArguments device_arguments(const config::Interface& interface, unsigned workers) {
    if (const auto* nic = std::get_if<config::PciPort>(&interface.kind)) {
        return {.bus = "pci", .name = nic->address, .arguments = {}};
    }
    const auto& device = std::get<config::VirtualPort>(interface.kind);
    std::map<std::string, std::string> args = device.args;
    if (device.driver == "net_af_packet") {
        packet_socket_arguments(interface, args);
    } else if (device.driver == "net_af_xdp") {
        args.try_emplace("queue_count", std::to_string(interface.rx_queues));
        // Busy polling asks for a kernel setting per device that many drivers refuse.
        args.try_emplace("busy_budget", "0");
    } else if (device.driver == "net_memif") {
        const unsigned ring = std::max(interface.rx_descriptors, interface.tx_descriptors);
        args.try_emplace("rsize", std::to_string(std::bit_width(std::max(ring, 2U) - 1)));
    } else if (device.driver == "net_virtio_user") {
        args.try_emplace("queues",
                         std::to_string(std::max<unsigned>(interface.rx_queues, workers)));
    }
    std::string joined;
    for (const auto& [key, value] : args) {
        joined += fmt::format("{}{}={}", joined.empty() ? "" : ",", key, value);
    }
    return {.bus = "vdev", .name = device.device, .arguments = std::move(joined)};
}

net::MacAddress derived_mac(const std::string& seed, const std::string& interface_name) {
    // FNV-1a: stable over builds and machines, which std::hash need not be.
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char letter : seed + '\0' + interface_name) {
        hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3ULL;
    }
    hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdULL;  // names that differ in one letter
    hash ^= hash >> 33;
    net::MacAddress::Bytes bytes{};
    for (auto& byte : bytes) {
        byte = static_cast<std::uint8_t>(hash);
        hash >>= 8;
    }
    bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0xfcU) | 0x02U);  // unicast, local
    return net::MacAddress(bytes);
}

}  // namespace godwit::drivers
