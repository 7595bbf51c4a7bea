// The words for what the dataplane reports, and its texts made safe to print.
//
// The dataplane is not trusted: a code that is none of the enum's shows as a number, and a text
// ends at its array's end and holds printable ASCII only.
#pragma once

#include <array>
#include <boost/json/fwd.hpp>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "dataplane/api/messages.hpp"
#include "net/interface_id.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::control {

using InterfaceNames = std::map<net::InterfaceId, std::string>;
// The dataplane's next hops by their number, as far as they were asked for.
using NextHopRecords = std::map<std::uint32_t, api::NextHopRecord>;

std::string printable(const char* text, std::size_t bytes);

template <std::size_t kBytes>
std::string text_in(const std::array<char, kBytes>& text) {
    return printable(text.data(), kBytes);
}

// Sentences, one a line, as the dataplane sends them.
std::vector<std::string> sentences_of(const std::string& text);

std::string word(api::InterfaceType type);   // "port"
std::string word(api::NextHopKind kind);     // "gateway"
std::string word(api::NeighborState state);  // "reachable"
std::string word(api::RouteRejection reason);
std::string word(api::TableLimit limit);

// The name, or "interface-7" for a number that has none (any more).
std::string name_of(const InterfaceNames& names, net::InterfaceId id);

// One element of `show fib`, `show next-hops` and `show neighbors`.
boost::json::object fib_json(const api::FibRecord& record, const NextHopRecords& next_hops,
                             const InterfaceNames& names);
boost::json::object next_hop_json(const api::NextHopRecord& record, const InterfaceNames& names);
boost::json::object neighbor_json(const api::NeighborRecord& record, const InterfaceNames& names);

// A prefix from a record; a length over 32 is cut, so a bad record cannot do more than look odd.
net::Ipv4Prefix prefix_of(std::uint32_t address, std::uint8_t length);

}  // namespace godwit::control
