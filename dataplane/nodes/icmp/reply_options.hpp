// The way back of a source-routed packet (RFC 1122 3.2.2.6, RFC 1812 4.3.2.6, 4.3.3.6): the
// recorded part of its route from the end to the beginning. The last address recorded is where the
// answer goes first, and the packet's source is where its route ends.
//
// Our own address at the end of the record (this router forwarded the packet before it found what
// is wrong with it) is left out: no packet comes to us on its way from us. So is the packet's
// source, with which some senders wrongly begin their record: the way back would end there twice
// (RFC 1122 3.2.1.8 (c), RFC 1812 4.2.2.1).
//
// The other options of a request return with its reply as they came; recorded routes and timestamps
// are gone on with by ip4-options, which every reply passes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/tables/interface_table.hpp"
#include "net/header_options.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::dataplane {

// Whether the options have a source route, loose or strict.
[[nodiscard]] bool has_source_route(std::span<const std::uint8_t> options);

struct RouteBack {
    net::Ipv4Address first_hop;  // the destination field of the answer
    net::HeaderOptions options;  // the source route alone
};

// For an error about a packet with these options; nothing when no source route leads back.
[[nodiscard]] std::optional<RouteBack> route_back(const InterfaceSnapshot& interfaces,
                                                  std::span<const std::uint8_t> options,
                                                  net::Ipv4Address source);

// Turns the source route among the options of a request into that of its reply, in place and in the
// same number of bytes. Returns the destination field of the reply: `source` where there is none.
net::Ipv4Address turn_source_route(const InterfaceSnapshot& interfaces,
                                   std::span<std::uint8_t> options, net::Ipv4Address source);

}  // namespace godwit::dataplane
