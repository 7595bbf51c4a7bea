// JSON values as text for `-o json` and `-o yaml`. Both are the router's answer whole: the same
// keys in the same order, numbers with every digit.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace godwit::ctl {

// Indented by two spaces, ended by a newline.
std::string pretty_json(const boost::json::value& value);

// YAML 1.2 that reads back as the same value: a string that YAML would take for something else
// ("no", "1.5", "10:20", one with ": " in it) is quoted.
std::string yaml(const boost::json::value& value);

}  // namespace godwit::ctl
