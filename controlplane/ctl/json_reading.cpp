#include "controlplane/ctl/json_reading.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "controlplane/ctl/table.hpp"

namespace godwit::ctl {
namespace json = boost::json;

const json::value& member(const json::value& object, std::string_view key) {
    static const json::value kNothing;
    if (const json::object* members = object.if_object()) {
        if (const json::value* found = members->if_contains(key)) {
            return *found;
        }
    }
    return kNothing;
}

const json::array& items(const json::value& list) {
    static const json::array kNothing;
    const json::array* array = list.if_array();
    return array != nullptr ? *array : kNothing;
}

std::uint64_t count_of(const json::value& value) {
    if (const std::uint64_t* number = value.if_uint64()) {
        return *number;
    }
    if (const std::int64_t* number = value.if_int64()) {
        return *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
    }
    return 0;
}

double number_of(const json::value& value) {
    if (const double* number = value.if_double()) {
        return *number;
    }
    if (const std::int64_t* number = value.if_int64()) {
        return static_cast<double>(*number);
    }
    if (const std::uint64_t* number = value.if_uint64()) {
        return static_cast<double>(*number);
    }
    return 0.0;
}

bool truth_of(const json::value& value) {
    const bool* truth = value.if_bool();
    return truth != nullptr && *truth;
}

std::string cell_of(const json::value& value) {
    switch (value.kind()) {
        case json::kind::null:
            return "";
        case json::kind::bool_:
            return value.get_bool() ? "yes" : "no";
        case json::kind::string:
            return std::string(value.get_string());
        case json::kind::uint64:
            return grouped(value.get_uint64());
        case json::kind::int64:
            return grouped(value.get_int64());
        case json::kind::double_:
            return fmt::format("{:.1f}", value.get_double());
        case json::kind::array: {
            std::string joined;
            for (const json::value& item : value.get_array()) {
                joined += (joined.empty() ? "" : ", ") + cell_of(item);
            }
            return joined;
        }
        case json::kind::object:
            return json::serialize(value);
    }
    return "";
}

}  // namespace godwit::ctl
