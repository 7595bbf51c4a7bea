// `show sockets` and `show socket-events` as text for a person.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace godwit::ctl {

std::string sockets_table(const boost::json::value& data);
std::string socket_events_table(const boost::json::value& data);

}  // namespace godwit::ctl
