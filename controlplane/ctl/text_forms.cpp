#include "controlplane/ctl/text_forms.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cctype>
#include <string_view>

namespace godwit::ctl {
namespace json = boost::json;
namespace {

bool is_scalar(const json::value& value) {
    return !(value.is_object() && !value.get_object().empty()) &&
           !(value.is_array() && !value.get_array().empty());
}

void append_json(std::string& out, const json::value& value, std::size_t depth) {
    const std::string inner((depth + 1) * 2, ' ');
    const std::string outer(depth * 2, ' ');
    if (is_scalar(value)) {
        out += json::serialize(value);
        return;
    }
    if (const json::object* object = value.if_object()) {
        out += "{\n";
        std::size_t left = object->size();
        for (const auto& member : *object) {
            out += inner + json::serialize(json::value(member.key())) + ": ";
            append_json(out, member.value(), depth + 1);
            out += --left > 0 ? ",\n" : "\n";
        }
        out += outer + "}";
        return;
    }
    const json::array& array = value.get_array();
    // A list of scalars stays on its line: addresses, members.
    if (std::all_of(array.begin(), array.end(), is_scalar)) {
        out += json::serialize(value);
        return;
    }
    out += "[\n";
    std::size_t left = array.size();
    for (const json::value& item : array) {
        out += inner;
        append_json(out, item, depth + 1);
        out += --left > 0 ? ",\n" : "\n";
    }
    out += outer + "]";
}

// A string that may stand without quotes: starts with a letter or digit, contains nothing that
// YAML gives a meaning, and would not be read as a number, a boolean, null or a time.
bool plain_in_yaml(std::string_view text) {
    constexpr std::array<std::string_view, 10> kWords{"y",  "n",   "yes",   "no",   "true",
                                                      "on", "off", "false", "null", "nan"};
    if (text.empty() || std::isalnum(static_cast<unsigned char>(text.front())) == 0) {
        return false;
    }
    bool has_letter = false;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) == 0 &&
            std::string_view("._-/ ").find(c) == std::string_view::npos) {
            return false;
        }
        has_letter = has_letter || std::isalpha(byte) != 0;
    }
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (std::find(kWords.begin(), kWords.end(), lower) != kWords.end() || text.back() == ' ') {
        return false;
    }
    // Addresses and prefixes have three dots, which no number has; all else that begins with a
    // digit is quoted ("1e5", "0x10", "2026-01-01").
    const bool address = std::count(text.begin(), text.end(), '.') == 3 && !has_letter &&
                         text.find('-') == std::string_view::npos;
    return address || std::isdigit(static_cast<unsigned char>(text.front())) == 0;
}

std::string yaml_scalar(const json::value& value) {
    if (value.is_string()) {
        const std::string_view text = value.get_string();
        if (plain_in_yaml(text)) {
            return std::string(text);
        }
    }
    // JSON's strings, numbers, booleans, null, {} and [] are YAML 1.2 as they stand.
    return json::serialize(value);
}

void append_yaml(std::string& out, const json::value& value, std::size_t depth, bool after_dash) {
    const std::string indent(depth * 2, ' ');
    if (const json::object* object = value.if_object()) {
        bool first = true;
        for (const auto& member : *object) {
            out += first && after_dash ? "" : indent;
            first = false;
            out += yaml_scalar(json::value(member.key())) + ":";
            if (is_scalar(member.value())) {
                out += " " + yaml_scalar(member.value()) + "\n";
            } else {
                out += "\n";
                append_yaml(out, member.value(), depth + 1, false);
            }
        }
        return;
    }
    for (const json::value& item : value.get_array()) {
        out += indent + "- ";
        if (is_scalar(item)) {
            out += yaml_scalar(item) + "\n";
        } else if (item.is_object()) {
            append_yaml(out, item, depth + 1, true);
        } else {
            out += "\n";
            append_yaml(out, item, depth + 1, false);
        }
    }
}

}  // namespace

std::string pretty_json(const json::value& value) {
    std::string out;
    append_json(out, value, 0);
    return out + "\n";
}

std::string yaml(const json::value& value) {
    if (is_scalar(value)) {
        return yaml_scalar(value) + "\n";
    }
    std::string out;
    append_yaml(out, value, 0, false);
    return out;
}

}  // namespace godwit::ctl
