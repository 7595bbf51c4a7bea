#include "controlplane/management/request.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>
#include <limits>

namespace godwit::control {

namespace json = boost::json;

namespace {

std::string_view view_of(const json::string& text) {
    return {text.data(), text.size()};
}

// A whole number from 0 on, however JSON spells its kind.
std::optional<std::uint64_t> natural(const json::value& value) {
    if (value.is_uint64()) {
        return value.get_uint64();
    }
    if (value.is_int64() && value.get_int64() >= 0) {
        return static_cast<std::uint64_t>(value.get_int64());
    }
    return std::nullopt;
}

}  // namespace

const json::value* Request::find(std::string_view key) {
    known_.emplace(key);
    const auto found = keys_.find(key);
    return found == keys_.end() || found->value().is_null() ? nullptr : &found->value();
}

void Request::wrong(std::string_view key, std::string_view expected) {
    errors_.push_back(fmt::format("'{}' must be {}", key, expected));
}

std::string Request::text(std::string_view key, std::string_view otherwise) {
    const json::value* const value = find(key);
    if (value == nullptr) {
        return std::string(otherwise);
    }
    if (!value->is_string()) {
        wrong(key, "a string");
        return std::string(otherwise);
    }
    return std::string(view_of(value->get_string()));
}

std::string Request::required_text(std::string_view key) {
    if (find(key) == nullptr) {
        errors_.push_back(fmt::format("'{}' is missing; give it as a string", key));
        return {};
    }
    return text(key);
}

std::uint64_t Request::number(std::string_view key, std::uint64_t otherwise, std::uint64_t least,
                              std::uint64_t most) {
    const json::value* const value = find(key);
    if (value == nullptr) {
        return otherwise;
    }
    const auto given = natural(*value);
    if (!given || *given < least || *given > most) {
        wrong(key, fmt::format("a whole number from {} to {}", least, most));
        return otherwise;
    }
    return *given;
}

std::optional<std::uint64_t> Request::optional_number(std::string_view key) {
    if (find(key) == nullptr) {
        return std::nullopt;
    }
    return number(key, 0, 0, std::numeric_limits<std::int64_t>::max());
}

bool Request::flag(std::string_view key) {
    const json::value* const value = find(key);
    if (value != nullptr && !value->is_bool()) {
        wrong(key, "true or false");
        return false;
    }
    return value != nullptr && value->get_bool();
}

std::optional<net::Ipv4Prefix> Request::optional_prefix(std::string_view key) {
    const std::string given = text(key);
    if (given.empty()) {
        return std::nullopt;
    }
    if (const auto prefix = net::Ipv4Prefix::parse(given)) {
        return prefix;
    }
    wrong(key, fmt::format("a prefix such as 10.0.0.0/8 without host bits, not '{}'", given));
    return std::nullopt;
}

std::size_t Request::place_of_word(std::string_view key, std::span<const std::string_view> words) {
    const std::string given = text(key);
    const auto found = std::find(words.begin(), words.end(), given);
    if (found == words.end() && !given.empty()) {
        wrong(key, fmt::format("one of {}, not '{}'", fmt::join(words, ", "), given));
    }
    return static_cast<std::size_t>(found - words.begin());
}

std::optional<net::Ipv4Address> Request::required_address(std::string_view key) {
    const std::string given = required_text(key);
    const auto address = net::Ipv4Address::parse(given);
    if (!address && !given.empty()) {
        wrong(key, fmt::format("an IPv4 address such as 192.0.2.1, not '{}'", given));
    }
    return address;
}

std::optional<net::Ipv4Address> Request::optional_address(std::string_view key) {
    return text(key).empty() ? std::nullopt : required_address(key);
}

std::vector<std::string> Request::finish() {
    for (const auto& [key, value] : keys_) {
        const std::string_view name(key.data(), key.size());
        if (!known_.contains(name)) {
            errors_.push_back(fmt::format("'{}' is no key of this verb; leave it out", name));
        }
    }
    return errors_;
}

}  // namespace godwit::control
