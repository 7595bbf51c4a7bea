// Where the router itself is spoken to: the ports of its listeners, of its bound sockets, and of
// connections that stand when their listener is gone.
//
// Address translation behind an address of the router's own must leave these alone, as it does the
// range that connections begin from (net/router_ports.hpp), which is not noted here. A port may be
// in use many times over; who asked for it hears when one comes into use, or goes out of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "net/ip_protocol.hpp"
#include "net/ipv4_address.hpp"
#include "net/router_ports.hpp"

namespace godwit::control {

struct LocalPort {
    net::IpProtocol protocol{};
    net::Ipv4Address address;  // unspecified: every address of ours
    std::uint16_t port = 0;
    friend constexpr auto operator<=>(const LocalPort&, const LocalPort&) = default;
};

class PortsInUse {
public:
    void set_changed(std::function<void()> changed) { changed_ = std::move(changed); }

    void add(const LocalPort& port) {
        if (port.port < net::kFirstRouterPort && ++uses_[port] == 1) {
            tell();
        }
    }
    void remove(const LocalPort& port) {
        const auto found = uses_.find(port);
        if (found != uses_.end() && --found->second == 0) {
            uses_.erase(found);
            tell();
        }
    }
    [[nodiscard]] std::vector<LocalPort> list() const {
        std::vector<LocalPort> all;
        for (const auto& [port, uses] : uses_) {
            all.push_back(port);
        }
        return all;
    }

private:
    void tell() const {
        if (changed_) {
            changed_();
        }
    }

    std::map<LocalPort, std::size_t> uses_;
    std::function<void()> changed_;
};

}  // namespace godwit::control
