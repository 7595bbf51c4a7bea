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

// How many addresses of a source route were recorded before its pointer, our own at their end left
// out.
std::size_t recorded_before_us(const InterfaceSnapshot& interfaces,
                               std::span<const std::uint8_t> option) {
    if (option.size() < kRouteHeadBytes || option[2] < kFirstRoutePointer) {
        return 0;
    }
    const std::size_t end = std::min<std::size_t>(option[2] - 1U, option.size());
    std::size_t count = (end - kRouteHeadBytes) / kAddressBytes;
    while (count > 0 &&
           is_own_address(interfaces,
                          address_at(option, kRouteHeadBytes + (count - 1) * kAddressBytes))) {
        --count;
    }
    return count;
}

// The option becomes the route back, shorter where not all of its room was recorded in; the rest
// does nothing. `count` is not zero.
Ipv4Address turn_route(std::span<std::uint8_t> option, std::size_t count, Ipv4Address source) {
    const Ipv4Address first_hop = address_at(option, kRouteHeadBytes + (count - 1) * kAddressBytes);
    std::array<Ipv4Address, net::kMaxOptionBytes / kAddressBytes> route;
    for (std::size_t i = 0; i + 1 < count; ++i) {
        route[i] = address_at(option, kRouteHeadBytes + (count - 2 - i) * kAddressBytes);
    }
    route[count - 1] = source;
    for (std::size_t i = 0; i < count; ++i) {
        put_word(option, kRouteHeadBytes + i * kAddressBytes, route[i].value());
    }
    const std::size_t length = kRouteHeadBytes + count * kAddressBytes;
    option[1] = static_cast<std::uint8_t>(length);
    option[2] = kFirstRoutePointer;
    std::fill(option.begin() + static_cast<std::ptrdiff_t>(length), option.end(),
              static_cast<std::uint8_t>(Ipv4OptionKind::NoOperation));
    return first_hop;
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
        const std::size_t count = recorded_before_us(interfaces, turned);
        if (count == 0) {
            return std::nullopt;
        }
        RouteBack back;
        back.first_hop = turn_route(turned, count, source);
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
        const std::size_t count = recorded_before_us(interfaces, whole);
        if (count > 0) {
            return turn_route(whole, count, source);
        }
        // Nobody was on the way: the answer needs no route either.
        std::fill(whole.begin(), whole.end(),
                  static_cast<std::uint8_t>(Ipv4OptionKind::NoOperation));
        break;
    }
    return source;
}

}  // namespace godwit::dataplane
