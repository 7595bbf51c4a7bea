#include "config/diff/yaml_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "config/load/scalar.hpp"
#include "config/model/binding.hpp"

namespace godwit::config {

namespace {

// Words that stand in YAML without quotes and mean themselves to every reader. Digits with colons
// do not: YAML 1.1 reads them as a number to the base 60.
bool is_plain(std::string_view text) {
    if (text.empty() || text == "null" || text == "Null" || text == "NULL") {
        return false;
    }
    const auto letter_or_digit = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0;
    };
    const bool only_plain = std::all_of(text.begin(), text.end(), [&](char c) {
        return letter_or_digit(c) || c == '.' || c == '_' || c == '-' || c == '/';
    });
    return only_plain && (letter_or_digit(text.front()) || text.front() == '/');
}

std::string scalar_text(std::string_view text) {
    if (is_plain(text)) {
        return std::string(text);
    }
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result += '\\';
        }
        result += c;
    }
    return result + "\"";
}

// In the largest unit that divides it.
std::string size_text(std::uint64_t bytes) {
    constexpr std::array<std::pair<std::string_view, std::uint64_t>, 8> kUnits = {
        {{"TiB", 1ULL << 40},
         {"GiB", 1ULL << 30},
         {"GB", 1'000'000'000ULL},
         {"MiB", 1ULL << 20},
         {"MB", 1'000'000ULL},
         {"KiB", 1ULL << 10},
         {"KB", 1'000ULL},
         {"B", 1ULL}}};
    for (const auto& [name, unit] : kUnits) {
        if (bytes >= unit && bytes % unit == 0) {
            return fmt::format("{}{}", bytes / unit, name);
        }
    }
    return "0B";
}

// The descriptor of an entry's value; arguments have none and are plain text.
const Descriptor& descriptor_of(const Descriptor& parent, std::string_view key) {
    static const Descriptor plain = {.name = "", .type = Type::Text, .doc = ""};
    const Descriptor* child = parent.child(key);
    return child == nullptr ? plain : *child;
}

// Whether nothing of a value is worth writing: a default, or a section of nothing but defaults. The
// entry of a map is always worth its name.
bool says_nothing(const Value& value, const Descriptor& descriptor) {
    if (descriptor.required) {
        return false;
    }
    if (descriptor.type == Type::Section) {
        const Value::Map& entries = value.map();
        return std::all_of(entries.begin(), entries.end(), [&](const Entry& entry) {
            return says_nothing(entry.value, descriptor_of(descriptor, entry.key));
        });
    }
    if (descriptor.type == Type::NamedMap) {
        return value.map().empty();
    }
    if (descriptor.type == Type::NamedList) {
        return value.list().empty();
    }
    return is_default(value, descriptor);
}

void write_block(std::string& text, const Value& value, const Descriptor& descriptor,
                 std::size_t depth) {
    const bool is_section = descriptor.type == Type::Section;
    for (const Entry& entry : value.map()) {
        const Descriptor& child = descriptor_of(descriptor, entry.key);
        if (is_section && says_nothing(entry.value, child)) {
            continue;
        }
        text += std::string(2 * depth, ' ') + scalar_text(entry.key) + ":";
        const bool is_block =
            child.type == Type::NamedMap || (child.type == Type::Section && !child.whole);
        if (child.type == Type::NamedList) {
            text += "\n";
            for (const Value& item : entry.value.list()) {
                text += std::string(2 * depth + 2, ' ') + "- " +
                        flow_text(item, child.children.front()) + "\n";
            }
        } else if (is_block) {
            text += "\n";
            write_block(text, entry.value, child, depth + 1);
        } else {
            text += " " + flow_text(entry.value, child) + "\n";
        }
    }
}

std::string flow_map(const Value::Map& entries, const Descriptor& descriptor) {
    std::string text;
    for (const Entry& entry : entries) {
        const Descriptor& child = descriptor_of(descriptor, entry.key);
        if (descriptor.type == Type::Section && says_nothing(entry.value, child)) {
            continue;
        }
        text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", scalar_text(entry.key),
                            flow_text(entry.value, child));
    }
    return "{" + text + "}";
}

std::string flow_list(const Value::List& items, const Descriptor& descriptor) {
    if (descriptor.type == Type::OneOrList && items.size() == 1) {
        return flow_text(items.front(), descriptor.children.front());
    }
    std::string text;
    for (const Value& item : items) {
        text += (text.empty() ? "" : ", ") + flow_text(item, descriptor.children.front());
    }
    return "[" + text + "]";
}

}  // namespace

bool is_default(const Value& value, const Descriptor& descriptor) {
    const auto expected = default_of(descriptor);
    return expected && *expected == value;
}

std::string flow_text(const Value& value, const Descriptor& descriptor) {
    if (const auto* entries = std::get_if<Value::Map>(&value.data)) {
        return flow_map(*entries, descriptor);
    }
    if (const auto* items = std::get_if<Value::List>(&value.data)) {
        return flow_list(*items, descriptor);
    }
    if (const auto* flag = std::get_if<bool>(&value.data)) {
        return *flag ? "true" : "false";
    }
    if (const auto* number = std::get_if<std::uint64_t>(&value.data)) {
        return descriptor.type == Type::Size       ? size_text(*number)
               : descriptor.type == Type::Duration ? duration_text(*number)
                                                   : std::to_string(*number);
    }
    return scalar_text(std::get<std::string>(value.data));
}

std::string to_yaml(const Model& model) {
    std::string text;
    write_block(text, to_value(model), schema(), 0);
    return text;
}

}  // namespace godwit::config
