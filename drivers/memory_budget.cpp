// The memory budget: how many packet buffers the model can have in use at once, and what they and
// the rest of DPDK's memory cost. Pure: the same model gives the same figures on every machine, so
// they can be printed and refused before anything is started.
//
// A buffer may be in a receive or transmit descriptor, in a burst or mempool cache of a worker, in
// a ring between threads, in a hold queue waiting for a neighbour, or a fragment that waits for the
// rest of its datagram. Each of these has a limit, so their sum is a pool that cannot run dry while
// every queue keeps to its limit; an eighth on top covers what devices keep for themselves.
// Reassembly's limit is a share of the pool itself, so the pool is larger than the rest of it by
// that share.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "drivers/buffer_size.hpp"
#include "drivers/port.hpp"

namespace godwit::drivers {
namespace {

constexpr std::uint64_t kDeviceBurst = 256;
constexpr std::uint64_t kGraphPackets = 128;
constexpr std::uint64_t kPacketsInHand = 2 * kDeviceBurst + kGraphPackets;  // receive, transmit
constexpr std::uint64_t kHandOverPackets = 2048;                            // ring to one worker
constexpr std::uint64_t kOwnerPackets = 4096;  // ring to the table owner
constexpr std::uint64_t kArpMessages = 1024;   // its ring for ARP
constexpr std::uint64_t kHoldPackets = 4096;   // all hold queues of unresolved neighbours
// One in so many buffers of the pool may wait in the reassemblers of all workers
// (dataplane/nodes/fragment/ip4_reassembly.cpp).
constexpr std::uint64_t kReassemblyShare = 8;
// What waits in each worker where packets are translated (dataplane/nodes/nat): connections that
// nobody asked for, and fragments before their first.
constexpr std::uint64_t kNatHeldPackets = 256 + 512;
constexpr std::uint64_t kPointerBytes = 8;
constexpr std::uint64_t kDescriptorBytes = 64;  // device descriptor and the driver's shadow of it
// Buffers of devices that copy through an area of their own: memif, AF_PACKET, AF_XDP.
constexpr std::uint64_t kCopySlotBytes = 2048 + 64;
constexpr std::uint64_t kXdpFrameBytes = 4096;
constexpr std::uint64_t kXdpFrames = 8192;
constexpr std::uint64_t kEalBytes = 8ULL << 20;  // ethdev data, service tables, heap headers

// Transmit queues the port gets: what its driver pairs with receive queues, else one a worker.
std::uint64_t transmit_queues(const config::Interface& interface, unsigned workers) {
    if (const auto* device = std::get_if<config::VirtualPort>(&interface.kind)) {
        return pairs_queues(device->driver) ? interface.rx_queues : workers;
    }
    return workers;
}

std::uint64_t device_area(const config::Interface& interface, std::uint64_t descriptors) {
    std::uint64_t bytes = descriptors * kDescriptorBytes;
    if (const auto* device = std::get_if<config::VirtualPort>(&interface.kind)) {
        if (device->driver == "net_memif" || device->driver == "net_af_packet") {
            bytes += descriptors * kCopySlotBytes;
        } else if (device->driver == "net_af_xdp") {
            bytes += interface.rx_queues * kXdpFrames * kXdpFrameBytes;
        }
    }
    return bytes;
}

double mebibytes(std::uint64_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(1ULL << 20);
}

}  // namespace

unsigned worker_count(const config::Model& model) {
    return std::max<unsigned>(1, static_cast<unsigned>(model.workers.cores.size()));
}

bool pairs_queues(const std::string& driver) {
    return driver == "net_tap" || driver == "net_af_packet" || driver == "net_af_xdp" ||
           driver == "net_memif";
}

std::uint16_t largest_mtu(const config::Model& model) {
    std::uint16_t mtu = 1500;
    for (const auto& [name, interface] : model.interfaces) {
        mtu = std::max(mtu, interface.mtu);
    }
    return mtu;
}

std::uint16_t data_room(std::uint16_t mtu) {
    const unsigned frame = mtu + kFrameOverheadBytes;
    const unsigned rounded = (frame + kRoomStepBytes - 1) / kRoomStepBytes * kRoomStepBytes;
    return static_cast<std::uint16_t>(std::max(rounded, kSmallestRoomBytes) + kHeadroomBytes);
}

MemoryBudget memory_budget(const config::Model& model) {
    const std::uint64_t workers = worker_count(model);
    MemoryBudget budget;
    budget.configured_bytes = model.workers.memory.value;

    std::uint64_t packets = 0;
    for (const auto& [name, interface] : model.interfaces) {
        if (!interface.is_port()) {
            continue;
        }
        const std::uint64_t descriptors =
            std::uint64_t{interface.rx_descriptors} * interface.rx_queues +
            interface.tx_descriptors * transmit_queues(interface, static_cast<unsigned>(workers));
        packets += descriptors;
        budget.device_bytes += device_area(interface, descriptors);
    }
    // A mempool cache may grow to one and a half times its size before it gives back.
    packets += (workers + 1) * (kCachePackets * 3 / 2 + kPacketsInHand);
    if (model.nat.is_used()) {
        packets += workers * kNatHeldPackets;
    }
    packets += workers * kHandOverPackets + kOwnerPackets + kArpMessages + kHoldPackets;
    packets += packets / 8;

    // As many as leave `packets` when their share is taken away.
    budget.packet_count =
        (packets * kReassemblyShare + kReassemblyShare - 2) / (kReassemblyShare - 1);
    budget.reassembly_packets = budget.packet_count / kReassemblyShare;
    // In front of each mbuf lies its mempool header, and memory channels are spread by padding.
    budget.packet_bytes = kMempoolHeaderBytes + kMbufBytes + kPrivateBytes +
                          data_room(largest_mtu(model)) + kChannelPaddingBytes;
    budget.pool_bytes = budget.packet_count * budget.packet_bytes;
    budget.ring_bytes = (std::bit_ceil(budget.packet_count + 1) + workers * kHandOverPackets * 2 +
                         (kOwnerPackets + kArpMessages) * 2) *
                        kPointerBytes;
    budget.total_bytes = budget.pool_bytes + budget.ring_bytes + budget.device_bytes + kEalBytes;
    return budget;
}

std::optional<Problem> check_memory(const MemoryBudget& budget) {
    if (budget.total_bytes <= budget.configured_bytes) {
        return std::nullopt;
    }
    const std::uint64_t enough = std::bit_ceil(budget.total_bytes) >> 20;
    return Problem{
        "memory-too-small",
        fmt::format("workers.memory is {:.0f} MiB, but these interfaces need {:.1f} MiB ({} packet "
                    "buffers of {} bytes, {} of them for fragments)",
                    mebibytes(budget.configured_bytes), mebibytes(budget.total_bytes),
                    budget.packet_count, budget.packet_bytes, budget.reassembly_packets),
        fmt::format("set workers.memory: {}MiB, or lower the descriptors, queues or MTU of the "
                    "interfaces",
                    enough)};
}

std::string describe(const MemoryBudget& budget) {
    return fmt::format(
        "memory: {:.1f} MiB of {:.0f} MiB: {} packet buffers of {} bytes = {:.1f} MiB ({} of them "
        "for fragments that wait for their datagram), rings {:.1f} MiB, devices {:.1f} MiB",
        mebibytes(budget.total_bytes), mebibytes(budget.configured_bytes), budget.packet_count,
        budget.packet_bytes, mebibytes(budget.pool_bytes), budget.reassembly_packets,
        mebibytes(budget.ring_bytes), mebibytes(budget.device_bytes));
}

}  // namespace godwit::drivers
