// `show rip`: what people see of RIP, as JSON (docs/control-protocol.md).
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <optional>

#include "controlplane/management/interface_directory.hpp"
#include "controlplane/management/rip_instance.hpp"

namespace godwit::control {

boost::json::object rip_instance_json(const RipInstance& rip);
boost::json::array rip_interfaces_json(const RipInstance& rip);
boost::json::array rip_neighbors_json(const RipInstance& rip, const InterfaceNames& names);
boost::json::array rip_events_json(const RipInstance& rip);

// At most `limit` routes behind `after`; `after` becomes the last of them.
boost::json::array rip_routes_json(const RipInstance& rip, const InterfaceNames& names,
                                   std::optional<net::Ipv4Prefix>& after, std::size_t limit);

}  // namespace godwit::control
