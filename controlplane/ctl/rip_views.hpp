// `show rip` as text for a person; as in views.hpp, what one looks for first.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace godwit::ctl {

// `part`: "interfaces", "neighbors", "routes", "events", or nothing for the instance.
std::string rip_table(std::string_view part, const boost::json::value& data);

}  // namespace godwit::ctl
