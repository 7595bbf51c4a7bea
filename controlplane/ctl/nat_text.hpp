// `show nat` as text: what there is of everything, then the rules, the outside addresses, and why
// packets were refused.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace godwit::ctl {

std::string nat_text(const boost::json::value& data);
// `show nat mappings`: what hosts asked for, who may enter, and for how long.
std::string nat_mappings_text(const boost::json::value& data);

}  // namespace godwit::ctl
