#include "config/model/nat.hpp"

#include <fmt/format.h>

#include <charconv>

namespace godwit::config {

namespace {

// 1 to 65535, without sign and leading zeros.
std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || port == 0 ||
        text.front() == '0') {
        return std::nullopt;
    }
    return port;
}

// The longest run from `first` that is one prefix and ends not behind `last`.
net::Ipv4Prefix largest_prefix(net::Ipv4Address first, net::Ipv4Address last) {
    std::uint8_t length = 32;
    while (length > 0) {
        const auto wider = net::Ipv4Prefix::covering(first, static_cast<std::uint8_t>(length - 1));
        if (wider.address() != first || wider.last_address() > last) {
            break;
        }
        --length;
    }
    return net::Ipv4Prefix::covering(first, length);
}

}  // namespace

std::optional<AddressRange> AddressRange::parse(std::string_view text) {
    if (const auto address = net::Ipv4Address::parse(text)) {
        return AddressRange{*address, *address};
    }
    if (const auto prefix = net::Ipv4Prefix::parse(text)) {
        return AddressRange{prefix->address(), prefix->last_address()};
    }
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos) {
        return std::nullopt;
    }
    const auto first = net::Ipv4Address::parse(text.substr(0, dash));
    const auto last = net::Ipv4Address::parse(text.substr(dash + 1));
    if (!first || !last || *last < *first) {
        return std::nullopt;
    }
    return AddressRange{*first, *last};
}

std::string AddressRange::to_string() const {
    if (first == last) {
        return first.to_string();
    }
    if (const auto prefix = largest_prefix(first, last); prefix.last_address() == last) {
        return prefix.to_string();
    }
    return first.to_string() + "-" + last.to_string();
}

std::vector<net::Ipv4Prefix> AddressRange::prefixes() const {
    std::vector<net::Ipv4Prefix> result;
    net::Ipv4Address at = first;
    while (true) {
        result.push_back(largest_prefix(at, last));
        if (result.back().last_address() == last) {
            return result;
        }
        at = net::Ipv4Address(result.back().last_address().value() + 1);
    }
}

std::optional<PortRange> PortRange::parse(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto first = parse_port(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
    if (!first || !last || *last < *first) {
        return std::nullopt;
    }
    return PortRange{*first, *last};
}

std::string PortRange::to_string() const {
    return first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
}

std::optional<InsideEndpoint> InsideEndpoint::parse(std::string_view text) {
    const std::size_t colon = text.find(':');
    const auto address = net::Ipv4Address::parse(text.substr(0, colon));
    if (!address) {
        return std::nullopt;
    }
    if (colon == std::string_view::npos) {
        return InsideEndpoint{*address, std::nullopt};
    }
    const auto port = parse_port(text.substr(colon + 1));
    return port ? std::optional(InsideEndpoint{*address, port}) : std::nullopt;
}

std::string InsideEndpoint::to_string() const {
    return port ? fmt::format("{}:{}", address.to_string(), *port) : address.to_string();
}

std::vector<net::Ipv4Prefix> private_prefixes() {
    return {net::Ipv4Prefix::covering(net::Ipv4Address(10, 0, 0, 0), 8),
            net::Ipv4Prefix::covering(net::Ipv4Address(172, 16, 0, 0), 12),
            net::Ipv4Prefix::covering(net::Ipv4Address(192, 168, 0, 0), 16)};
}

}  // namespace godwit::config
