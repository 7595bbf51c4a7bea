// The options of an IPv4 header that a router takes part in (RFC 791 3.1, RFC 1812 4.2.2.1, 5.3.13;
// router alert: RFC 2113), in place. All others are data that passes.
//
//   Record Route, Loose and Strict Source and Record Route
//       kind, length, pointer, addresses of 4 bytes; the smallest pointer is 4
//   Timestamp
//       kind, length, pointer, overflow (4 bits) and flag (4 bits); the smallest pointer is 5
//       flag 0: stamps of 4 bytes · 1: address and stamp · 3: the same, the addresses given before
//
// A pointer counts from 1 at the kind, and names the next free place; beyond the length, the option
// is full. A pointer need not be where a well-behaved sender would have left it, only its place
// must lie in the option.
//
// read_ipv4_options() judges; the others change a header whose options it found without fault. They
// leave the header's checksum to the caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "net/ipv4_address.hpp"

namespace godwit::net {

struct Ipv4Options {
    enum class Fault : std::uint8_t {
        None,
        Malformed,  // a length or pointer that lies, or an option that may stand there only once
        NoRoom      // less room than one entry, or an overflow that cannot be counted any more
    };

    // Where each stands in the header, its kind; 0: it is not there.
    std::uint8_t record_route = 0;
    std::uint8_t timestamp = 0;
    std::uint8_t source_route = 0;
    std::uint8_t router_alert = 0;
    bool is_strict = false;  // the source route
    Fault fault = Fault::None;
    std::uint8_t fault_at = 0;  // the byte of the header to point at (RFC 792)
};

// `header` is a whole one, of at least 20 bytes. Stops at the first fault.
Ipv4Options read_ipv4_options(std::span<const std::uint8_t> header);

// Enters `own` into the Record Route option, if it is not full.
void record_route(std::span<std::uint8_t> header, std::size_t option, Ipv4Address own);

// The address that the next stamp is asked of: with flag 3, and while the option is not full.
std::optional<Ipv4Address> timestamp_asks(std::span<const std::uint8_t> header, std::size_t option);
// Enters a stamp, with `own` as its address where the option has addresses; counts an overflow when
// it is full. With flag 3 only for who has the address that is asked; a full one is done then, and
// nobody was left out.
void add_timestamp(std::span<std::uint8_t> header, std::size_t option, Ipv4Address own,
                   std::uint32_t milliseconds);

[[nodiscard]] bool is_unexpired_source_route(std::span<const std::uint8_t> header,
                                             std::size_t option);
// The next address of an unexpired source route, whose place `reached` takes: the packet came there
// because of it.
Ipv4Address take_source_route_hop(std::span<std::uint8_t> header, std::size_t option,
                                  Ipv4Address reached);
// Enters `own` into the last `hops` places before the pointer: those that were taken here.
void record_source_route(std::span<std::uint8_t> header, std::size_t option, unsigned hops,
                         Ipv4Address own);

}  // namespace godwit::net
