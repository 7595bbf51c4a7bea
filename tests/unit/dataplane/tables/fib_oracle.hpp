// What the tests of the forwarding table compare it with: an oracle that is too simple to be wrong
// (try every length, longest first, in a map), and random prefixes and addresses that meet.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <random>

#include "dataplane/tables/fib.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::dataplane {

class Oracle {
public:
    using Routes = std::map<net::Ipv4Prefix, std::uint32_t>;

    void set(const net::Ipv4Prefix& at, std::uint32_t next_hop) { routes_[at] = next_hop; }
    bool remove(const net::Ipv4Prefix& at) { return routes_.erase(at) > 0; }
    [[nodiscard]] std::uint32_t lookup(std::uint32_t of) const {
        for (int length = 32; length >= 0; --length) {
            const auto found = routes_.find(
                net::Ipv4Prefix::covering(net::Ipv4Address(of), static_cast<std::uint8_t>(length)));
            if (found != routes_.end()) {
                return found->second;
            }
        }
        return Fib::kNoRoute;
    }
    // Is there a longer prefix for it than the default route's?
    [[nodiscard]] bool has_specific_route(std::uint32_t of) const {
        for (int length = 32; length > 0; --length) {
            if (routes_.contains(net::Ipv4Prefix::covering(net::Ipv4Address(of),
                                                           static_cast<std::uint8_t>(length)))) {
                return true;
            }
        }
        return false;
    }
    [[nodiscard]] const Routes& routes() const { return routes_; }

private:
    Routes routes_;
};

// Addresses inside a few /16s, so that random prefixes nest, cover and uncover each other.
class Neighborhood {
public:
    explicit Neighborhood(std::uint64_t seed) : random_(seed) {
        for (std::uint32_t& base : bases_) {
            base = static_cast<std::uint32_t>(random_()) & 0xffff0000U;
        }
    }
    std::uint32_t address() {
        const std::uint32_t base = bases_[random_() % bases_.size()];
        // Few /24s of each /16: long prefixes must share groups.
        const auto bits = static_cast<std::uint32_t>(random_());
        return base | (bits & 0x103ffU);
    }
    // Every length, the long ones more often; /0 to /7 touch much and are rare.
    net::Ipv4Prefix prefix() {
        static constexpr std::array<std::uint8_t, 24> kLengths{0,  8,  9,  12, 15, 16, 17, 20,
                                                               22, 23, 24, 24, 25, 26, 27, 28,
                                                               29, 30, 31, 32, 32, 32, 24, 26};
        const std::uint8_t length = random_() % 64 == 0 ? static_cast<std::uint8_t>(random_() % 33)
                                                        : kLengths[random_() % kLengths.size()];
        return net::Ipv4Prefix::covering(net::Ipv4Address(address()), length);
    }
    // Anywhere, of any length from `shortest` on.
    net::Ipv4Prefix far_prefix(std::uint8_t shortest) {
        const auto length = static_cast<std::uint8_t>(shortest + random_() % (33U - shortest));
        return net::Ipv4Prefix::covering(net::Ipv4Address(static_cast<std::uint32_t>(random_())),
                                         length);
    }
    std::uint32_t number(std::uint32_t below) {
        return static_cast<std::uint32_t>(random_() % below);
    }

private:
    std::mt19937_64 random_;
    std::array<std::uint32_t, 4> bases_{};
};

}  // namespace godwit::dataplane
