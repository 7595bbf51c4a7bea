// Events as text for a person; see views.hpp.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace godwit::ctl {

// A line each: when, what it is about and how bad it is where that is said, and what happened.
std::string events_text(const boost::json::value& data);

}  // namespace godwit::ctl
