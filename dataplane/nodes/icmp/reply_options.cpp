#include "dataplane/nodes/icmp/reply_options.hpp"

#include <algorithm>
#include <array>

#include "dataplane/nodes/ip4/own_addresses.hpp"
#include "net/byte_order.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using net::Ipv4Address;
using net::Ipv4OptionKind;

constexpr std::size_t kAddressBytes = 4;
constexpr std::size_t kRouteHeadBytes = 3;      // kind, length, pointer
constexpr std::uint8_t kFirstRoutePointer = 4;  // pointers count from the kind, from one on

bool is_source_route(std::uint8_t kind) {
    return Ipv4OptionKind{kind} == Ipv4OptionKind::LooseSourceRoute ||
           Ipv4OptionKind{kind} == Ipv4OptionKind::StrictSourceRoute;
}

Ipv4Address address_at(std::span<const std::uint8_t> option, std::size_t offset) {
    net::Big32 wire;
    std::copy_n(&option[offset], kAddressBytes, reinterpret_cast<std::uint8_t*>(&wire));
    return Ipv4Address::from_wire(wire);
}

void put_word(std::span<std::uint8_t> option, std::size_t offset, std::uint32_t value) {
    const net::Big32 wire = net::Big32::from_host(value);
    std::copy_n(reinterpret_cast<const std::uint8_t*>(&wire), kAddressBytes, &option[offset]);
}

// The addresses that a source route recorded and that lie on the way back, in the order of the way
// there.
struct Recorded {
    std::array<Ipv4Address, net::kMaxOptionBytes / kAddressBytes> addresses;
    std::size_t count = 0;
};

// Of what stands before the pointer, without our own addresses at the end and without the source's.
Recorded recorded_on_the_way(const InterfaceSnapshot& interfaces,
                             std::span<const std::uint8_t> option, Ipv4Address source) {
    Recorded recorded;
    if (option.size() < kRouteHeadBytes || option[2] < kFirstRoutePointer) {
        return recorded;
    }
    const std::size_t end = std::min<std::size_t>(option[2] - 1U, option.size());
    for (std::size_t at = kRouteHeadBytes; at + kAddressBytes <= end; at += kAddressBytes) {
        const Ipv4Address address = address_at(option, at);
        if (address != source) {
            recorded.addresses[recorded.count++] = address;
        }
    }
    while (recorded.count > 0 &&
           is_own_address(interfaces, recorded.addresses[recorded.count - 1])) {
        --recorded.count;
    }
    return recorded;
}

// The option becomes the route back, shorter where not all of its room was recorded in; the rest
// does nothing. Something was recorded.
Ipv4Address turn_route(std::span<std::uint8_t> option, const Recorded& recorded,
                       Ipv4Address source) {
    std::size_t end = kRouteHeadBytes;
    for (std::size_t left = recorded.count - 1; left > 0; --left) {
        put_word(option, end, recorded.addresses[left - 1].value());
        end += kAddressBytes;
    }
    put_word(option, end, source.value());
    end += kAddressBytes;
    option[1] = static_cast<std::uint8_t>(end);
    option[2] = kFirstRoutePointer;
    std::fill(option.begin() + static_cast<std::ptrdiff_t>(end), option.end(),
              static_cast<std::uint8_t>(Ipv4OptionKind::NoOperation));
    return recorded.addresses[recorded.count - 1];
}

}  // namespace

bool has_source_route(std::span<const std::uint8_t> options) {
    net::OptionWalker walker(options);
    while (const auto option = walker.next()) {
        if (is_source_route(option->kind)) {
            return true;
        }
    }
    return false;
}

std::optional<RouteBack> route_back(const InterfaceSnapshot& interfaces,
                                    std::span<const std::uint8_t> options, Ipv4Address source) {
    net::OptionWalker walker(options);
    while (const auto option = walker.next()) {
        if (!is_source_route(option->kind)) {
            continue;
        }
        std::array<std::uint8_t, net::kMaxOptionBytes> bytes{};
        const auto whole = options.subspan(option->offset, option->data.size() + 2);
        std::copy(whole.begin(), whole.end(), bytes.begin());
        const std::span<std::uint8_t> turned = std::span(bytes).first(whole.size());
        const Recorded recorded = recorded_on_the_way(interfaces, turned, source);
        if (recorded.count == 0) {
            return std::nullopt;
        }
        RouteBack back;
        back.first_hop = turn_route(turned, recorded, source);
        back.options = *net::HeaderOptions::from(turned.first(turned[1]));
        return back;
    }
    return std::nullopt;
}

Ipv4Address turn_source_route(const InterfaceSnapshot& interfaces, std::span<std::uint8_t> options,
                              Ipv4Address source) {
    net::OptionWalker walker(options);
    while (const auto option = walker.next()) {
        if (!is_source_route(option->kind)) {
            continue;
        }
        const auto whole = options.subspan(option->offset, option->data.size() + 2);
        const Recorded recorded = recorded_on_the_way(interfaces, whole, source);
        if (recorded.count > 0) {
            return turn_route(whole, recorded, source);
        }
        // Nobody was on the way: the answer needs no route either.
        std::fill(whole.begin(), whole.end(),
                  static_cast<std::uint8_t>(Ipv4OptionKind::NoOperation));
        break;
    }
    return source;
}

}  // namespace godwit::dataplane
