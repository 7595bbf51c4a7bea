#include "config/model/telemetry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "config/model/nat.hpp"

namespace godwit::config {

namespace {

// As Type::Word: what an interface may be called.
bool is_name(std::string_view text) {
    const auto is_letter_or_digit = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0;
    };
    return !text.empty() && is_letter_or_digit(text.front()) &&
           std::all_of(text.begin(), text.end(), [&](char c) {
               return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_';
           });
}

}  // namespace

std::optional<ListenPlace> ListenPlace::parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    const auto ports = PortRange::parse(text.substr(colon + 1));
    if (!ports || ports->first != ports->last) {
        return std::nullopt;
    }
    ListenPlace place;
    place.port = ports->first;
    const std::string_view where = text.substr(0, colon);
    if (const auto address = net::Ipv4Address::parse(where)) {
        place.address = *address;
    } else if (is_name(where)) {
        place.interface = where;
    } else {
        return std::nullopt;
    }
    return place;
}

std::string ListenPlace::to_string() const {
    return fmt::format("{}:{}", interface.empty() ? address.to_string() : interface, port);
}

}  // namespace godwit::config
