// The addresses of the router: each may be an interface's, none is there twice, and no subnet lies
// on two interfaces. The last is what makes forwarding unambiguous: an address is a neighbour on at
// most one interface.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "config/check/check.hpp"

namespace godwit::config {

namespace {

Path path_of(const std::string& interface, const net::Ipv4InterfaceAddress& address,
             std::size_t repeat = 0) {
    return {{"interfaces"}, {interface}, {"addresses"}, {address.to_string(), true, repeat}};
}

// Why an address may not be an interface's; empty when it may.
std::string objection(const net::Ipv4InterfaceAddress& own, bool on_loopback) {
    const net::Ipv4Address address = own.address;
    if (address.is_multicast()) {
        return "is a multicast group (224.0.0.0/4)";  // RFC 1122 3.2.1.3
    }
    if (address.is_limited_broadcast()) {
        return "is the broadcast address of every network";
    }
    if (address.is_reserved()) {
        return "is reserved (240.0.0.0/4)";  // RFC 1112 4
    }
    if (address.is_this_network()) {
        return "is in 0.0.0.0/8, which means 'this network'";  // RFC 1122 3.2.1.3 (a), (b)
    }
    if (address.is_loopback() && !on_loopback) {
        return "is in 127.0.0.0/8, which never leaves a host";  // RFC 1122 3.2.1.3 (g)
    }
    // RFC 3021 2.1: a /31 has neither a network nor a broadcast address, and so has a /32.
    if (own.prefix_length < 31 && address == own.subnet().address()) {
        return "is the address of its subnet itself";
    }
    if (own.broadcast() == address) {
        return "is the broadcast address of its subnet";
    }
    return "";
}

std::string mend(const net::Ipv4InterfaceAddress& own) {
    const net::Ipv4Prefix subnet = own.subnet();
    const bool at_an_end = own.prefix_length < 31 && (own.address == subnet.address() ||
                                                      own.address == subnet.last_address());
    if (at_an_end && !own.address.is_multicast() && !own.address.is_reserved() &&
        !own.address.is_this_network() && !own.address.is_limited_broadcast()) {
        return fmt::format(
            "Use an address between the two ends of {}, for example {}/{}.", subnet.to_string(),
            net::Ipv4Address(subnet.address().value() + 1).to_string(), own.prefix_length);
    }
    return "Use a unicast address.";
}

struct Owned {
    net::Ipv4InterfaceAddress address;
    const std::string* interface = nullptr;
    std::size_t order = 0;  // of the interfaces' names, then of the list
};

std::vector<Owned> check_each(const Model& model, std::vector<Finding>& findings) {
    std::vector<Owned> usable;
    std::map<net::Ipv4Address, std::string> owners;
    for (const auto& [name, interface] : model.interfaces) {
        const bool on_loopback = std::holds_alternative<Loopback>(interface.kind);
        std::map<net::Ipv4InterfaceAddress, std::size_t> seen;
        for (const net::Ipv4InterfaceAddress& address : interface.addresses) {
            const std::size_t repeat = seen[address]++;
            if (const std::string why = objection(address, on_loopback); !why.empty()) {
                findings.push_back({.id = "invalid-address",
                                    .path = path_of(name, address, repeat),
                                    .what = fmt::format("{} {}", address.address.to_string(), why),
                                    .help = mend(address)});
                continue;
            }
            const auto [owner, is_new] = owners.emplace(address.address, name);
            if (!is_new) {
                findings.push_back({.id = "duplicate-address",
                                    .path = path_of(name, address, repeat),
                                    .what = fmt::format("{} is already an address of '{}'",
                                                        address.address.to_string(), owner->second),
                                    .help = "An address belongs to one interface, once."});
                continue;
            }
            if (on_loopback && address.prefix_length != 32) {
                findings.push_back(
                    {.warning = true,
                     .id = "loopback-subnet",
                     .path = path_of(name, address, repeat),
                     .what = fmt::format("a loopback has no neighbours, but {} covers {} addresses",
                                         address.subnet().to_string(),
                                         std::uint64_t{1} << (32U - address.prefix_length)),
                     .suggestion = address.address.to_string() + "/32",
                     .help = "Packets to the other addresses of the subnet end here."});
            }
            usable.push_back({address, &name, usable.size()});
        }
    }
    return usable;
}

// Prefixes either nest or are disjoint, so in the order of (address, length) those that enclose the
// current one form a stack.
void check_overlaps(std::vector<Owned> owned, std::vector<Finding>& findings) {
    std::sort(owned.begin(), owned.end(), [](const Owned& a, const Owned& b) {
        return std::tuple(a.address.subnet(), a.order) < std::tuple(b.address.subnet(), b.order);
    });
    std::vector<const Owned*> enclosing;
    for (const Owned& current : owned) {
        const net::Ipv4Prefix subnet = current.address.subnet();
        while (!enclosing.empty() && !enclosing.back()->address.subnet().contains(subnet)) {
            enclosing.pop_back();
        }
        const auto other =
            std::find_if(enclosing.rbegin(), enclosing.rend(),
                         [&](const Owned* one) { return *one->interface != *current.interface; });
        if (other != enclosing.rend()) {
            const bool later = current.order > (*other)->order;
            const Owned& at = later ? current : **other;
            const Owned& against = later ? **other : current;
            findings.push_back(
                {.id = "overlapping-address",
                 .path = path_of(*at.interface, at.address),
                 .what = fmt::format("the subnet {} overlaps {} of '{}'",
                                     at.address.subnet().to_string(), against.address.to_string(),
                                     *against.interface),
                 .help = "Every subnet is on one interface; choose another, or another length."});
        }
        enclosing.push_back(&current);
    }
}

}  // namespace

void check_addresses(const Model& model, std::vector<Finding>& findings) {
    if (model.system.router_id && model.system.router_id->is_unspecified()) {
        findings.push_back({.id = "invalid-address",
                            .path = {{"system"}, {"router-id"}},
                            .what = "0.0.0.0 identifies no router",
                            .help = "Use an address of this router, or leave the key out."});
    }
    check_overlaps(check_each(model, findings), findings);
}

}  // namespace godwit::config
