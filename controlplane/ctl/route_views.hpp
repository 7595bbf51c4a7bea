// Policies, and why a route is as it is, as text for a person; see views.hpp.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace godwit::ctl {

// `show policy`: a row for each term, then the default of each policy.
std::string policy_table(const boost::json::value& data);

// `explain route`: the candidates, the way to their next hops, and each announcement, each import
// and each export of RIP with the steps of its policy.
std::string explanation_text(const boost::json::value& data);

}  // namespace godwit::ctl
