// Reading what another program wrote: a key that is missing or of another type reads as nothing,
// never as an exception.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace godwit::ctl {

// The member, or null.
const boost::json::value& member(const boost::json::value& object, std::string_view key);

// The items of a list; nothing when it is none.
const boost::json::array& items(const boost::json::value& list);

std::uint64_t count_of(const boost::json::value& value);  // 0 when it is no number
double number_of(const boost::json::value& value);        // 0 when it is no number
bool truth_of(const boost::json::value& value);           // false when it is no boolean

// As a cell: strings as they are, whole numbers grouped, fractions with one digit, lists
// of these joined by ", ", booleans as yes and no, null as nothing.
std::string cell_of(const boost::json::value& value);

}  // namespace godwit::ctl
