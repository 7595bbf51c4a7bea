// The interfaces as workers see them: one immutable snapshot, replaced as a whole. A worker takes
// the pointer once a loop and uses it until its next quiescent state; the old snapshot waits in the
// Reclaimer.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/api/counters.hpp"
#include "dataplane/api/messages.hpp"
#include "dataplane/tables/reclaimer.hpp"
#include "net/interface_id.hpp"
#include "net/ipv4_address.hpp"
#include "net/mac_address.hpp"

namespace godwit::dataplane {

// Reverse path check (RFC 3704).
enum class SourceValidation : std::uint8_t { Off, Loose, Strict };

struct InterfaceEntry {
    net::InterfaceId id;
    api::InterfaceType type{};
    bool up = false;  // enabled, and its port runs; a link that is down still receives
    bool promiscuous = false;
    std::uint16_t port = 0;  // DPDK port; meaningless for a loopback
    std::uint16_t vlan = 0;  // 0 = untagged
    std::uint16_t mtu = 0;
    net::MacAddress mac;
    bool partial_checksums = false;  // of its port; see drivers/port.hpp
    std::vector<net::Ipv4InterfaceAddress> addresses;
    // Configured too, and not ours to use until nobody else is known to have them (RFC 5227 2.1).
    std::vector<net::Ipv4InterfaceAddress> tentative;
    std::string name;
    // as the configuration has them
    SourceValidation source_validation = SourceValidation::Off;
    bool proxy_arp = false;
    bool source_route = false;
    bool directed_broadcast = false;
    bool redirects = true;
    std::uint32_t max_neighbors = 4096;
    std::vector<std::pair<net::MacAddress, net::Ipv4Address>> rarp;  // in order

    [[nodiscard]] bool owns(net::Ipv4Address address) const {
        for (const auto& own : addresses) {
            if (own.address == address) {
                return true;
            }
        }
        return false;
    }
    [[nodiscard]] bool is_tentative(net::Ipv4Address address) const {
        for (const auto& own : tentative) {
            if (own.address == address) {
                return true;
            }
        }
        return false;
    }
    // The address to speak from to `peer`: of the subnet that contains it, else the primary one.
    [[nodiscard]] net::Ipv4Address source_for(net::Ipv4Address peer) const {
        for (const auto& own : addresses) {
            if (own.subnet().contains(peer)) {
                return own.address;
            }
        }
        return addresses.empty() ? net::Ipv4Address() : addresses.front().address;
    }
};

// Addresses that no packet from outside can have as its source: our own, and the broadcast and
// network addresses of our subnets (RFC 1812 4.2.2.11, 5.3.7). Asked for every packet, so a bitmap
// answers nearly always.
class ImpossibleSources {
public:
    void rebuild(const std::vector<InterfaceEntry>& entries);
    [[nodiscard]] bool contains(net::Ipv4Address address) const {
        return may_contain(address) && contains_exactly(address);
    }
    // Without the last word: true for a few others, never false for one of them.
    [[nodiscard]] bool may_contain(net::Ipv4Address address) const {
        const std::uint32_t bit = hash(address);
        return (bitmap_[bit / 64] >> (bit % 64) & 1U) != 0;
    }

    // For who asks about many at once: 1024 bits in words of 16. One of them has bit (address *
    // kMultiplier mod 2^32) >> kFilterShift set; so have a few others.
    static constexpr std::uint32_t kMultiplier = 0x9e3779b1U;
    static constexpr unsigned kFilterShift = 32 - 10;
    [[nodiscard]] const std::uint16_t* filter() const { return filter_.data(); }

private:
    static constexpr std::uint32_t kBits = 8192;
    static std::uint32_t hash(net::Ipv4Address address) {
        return (address.value() * kMultiplier) >> (32 - 13);
    }
    [[nodiscard]] bool contains_exactly(net::Ipv4Address address) const;

    std::array<std::uint64_t, kBits / 64> bitmap_{};
    alignas(64) std::array<std::uint16_t, 1024 / 16> filter_{};
    std::vector<net::Ipv4Address> sorted_;
};

constexpr std::size_t kMaxPorts = 128;
constexpr std::size_t kVlanCount = 4096;

struct InterfaceSnapshot {
    struct PortView {
        net::InterfaceId untagged;
        std::unique_ptr<std::array<net::InterfaceId, kVlanCount>> by_vlan;  // null: no VLANs here
        // drivers::Port::tx_queues. Transmit queue q belongs to worker q and to nobody else; a
        // worker without a queue of its own hands its packets to worker `number % tx_queue_count`.
        // 0: the port cannot send (it failed).
        std::uint16_t tx_queue_count = 0;
        bool software_rss = false;  // spread received flows over the workers by our own hash
        bool may_vanish = false;
        // Made by InterfaceTable::replace. Untagged frames with the MAC address `own_mac` (as
        // mac_bits() has it) are the untagged interface's, which is up. The straight path may take
        // them: no flow of this port is another worker's, and no checksum is left to complete.
        bool straight = false;
        std::uint64_t own_mac = 0;
    };
    // What a worker asks about an egress for every packet, by interface id; made by
    // InterfaceTable::replace.
    struct alignas(8) Egress {
        std::uint16_t port = 0;
        std::uint16_t mtu = 0;
        std::uint16_t tx_queue_count = 0;  // 0: nothing can be sent on this interface now
    };
    std::vector<InterfaceEntry> entries;  // by id (below api::kMaxInterfaces); entry 0 is empty
    std::array<PortView, kMaxPorts> ports;
    std::array<Egress, api::kMaxInterfaces> egress{};
    // of all interfaces
    std::uint32_t icmp_errors_per_second = 1000;  // of each type, on each interface
    bool icmp_interface_information = false;      // RFC 5837
    std::uint32_t reassembly_datagrams = 1024;
    std::uint32_t reassembly_datagrams_per_interface = 256;
    ImpossibleSources impossible_sources;     // made from `entries` by InterfaceTable::replace
    std::vector<net::Ipv4Address> tentative;  // of all interfaces, in order; made there too

    [[nodiscard]] bool is_tentative(net::Ipv4Address address) const {
        return !tentative.empty() &&
               std::binary_search(tentative.begin(), tentative.end(), address);
    }

    [[nodiscard]] const InterfaceEntry* find(net::InterfaceId id) const {
        return id.value() < entries.size() && !entries[id.value()].id.is_none()
                   ? &entries[id.value()]
                   : nullptr;
    }
};

// The six bytes as a number that a load from the wire gives; the upper 16 bits are 0.
inline std::uint64_t mac_bits(const net::MacAddress& mac) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, mac.bytes().data(), mac.bytes().size());
    return bits;
}

class InterfaceTable {
public:
    explicit InterfaceTable(Reclaimer& reclaimer) : reclaimer_(reclaimer) {}
    ~InterfaceTable() { delete current_.load(); }
    InterfaceTable(const InterfaceTable&) = delete;
    InterfaceTable& operator=(const InterfaceTable&) = delete;

    [[nodiscard]] const InterfaceSnapshot& current() const {
        return *current_.load(std::memory_order_acquire);
    }
    void replace(std::unique_ptr<InterfaceSnapshot> next);  // owner

private:
    Reclaimer& reclaimer_;
    std::atomic<const InterfaceSnapshot*> current_{new InterfaceSnapshot()};
};

}  // namespace godwit::dataplane
