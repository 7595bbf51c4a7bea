// What the server is told to do, as one immutable value.
#pragma once

#include <cstdint>
#include <set>

#include "net/interface_id.hpp"

namespace godwit::control::pcp {

struct Settings {
    std::set<net::InterfaceId> interfaces;  // where clients are
    // What a mapping lives for, whatever its client asks (RFC 6887 15).
    std::uint32_t min_lifetime_seconds = 120;
    std::uint32_t max_lifetime_seconds = 86'400;
    friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace godwit::control::pcp
