// What a value must be, in words: the "expected …" of the messages and the column "value" of the
// reference.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "config/schema/schema.hpp"

namespace godwit::config {

namespace {

constexpr std::uint64_t kLongestWord = 31;  // when the descriptor does not say

std::string joined_choices(const std::vector<Choice>& choices) {
    std::string text;
    for (const Choice& choice : choices) {
        text += (text.empty() ? "" : ", ") + choice.word;
    }
    return text;
}

std::string size_text(std::uint64_t bytes) {
    return bytes % (1ULL << 40) == 0 ? fmt::format("{}TiB", bytes >> 40)
                                     : fmt::format("{}MiB", bytes >> 20);
}

}  // namespace

std::string duration_text(std::uint64_t milliseconds) {
    constexpr std::array<std::pair<std::string_view, std::uint64_t>, 4> kUnits = {
        {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}}};
    for (const auto& [name, unit] : kUnits) {
        if (milliseconds >= unit && milliseconds % unit == 0) {
            return fmt::format("{}{}", milliseconds / unit, name);
        }
    }
    return milliseconds == 0 ? "0s" : fmt::format("{}ms", milliseconds);
}

std::string expectation(const Descriptor& descriptor) {
    const auto bounds = [&](const std::string& unit) {
        if (!descriptor.range) {
            return std::string();
        }
        return fmt::format(" from {} to {}{}", descriptor.range->least, descriptor.range->most,
                           unit);
    };
    switch (descriptor.type) {
        case Type::Section:
        case Type::NamedMap:
            return "a map of keys and values";
        case Type::List:
            return "a list, such as " +
                   (descriptor.example.empty() ? "[a, b]" : descriptor.example);
        case Type::NamedList:
            return "a list of maps, each with a name";
        case Type::OneOrList:
            return expectation(descriptor.children.front()) + ", or a list of them";
        case Type::Arguments:
            return "a map of words and plain values";
        case Type::True:
            return "true (or leave the key out)";
        case Type::Boolean:
            return "true or false";
        case Type::Integer:
            if (descriptor.range && descriptor.range->least == descriptor.range->most) {
                return fmt::format("{}", descriptor.range->least);
            }
            return (descriptor.power_of_two ? "a power of two" : "a whole number") +
                   bounds(descriptor.unit.empty() || descriptor.unit == "VLAN" ||
                                  descriptor.unit == "CPU number"
                              ? ""
                              : " " + descriptor.unit);
        case Type::Size:
            return descriptor.range ? fmt::format("a size with its unit from {} to {}",
                                                  size_text(descriptor.range->least),
                                                  size_text(descriptor.range->most))
                                    : "a size with its unit";
        case Type::Duration:
            return descriptor.range ? fmt::format("a duration with its unit from {} to {}",
                                                  duration_text(descriptor.range->least),
                                                  duration_text(descriptor.range->most))
                                    : "a duration with its unit";
        case Type::Timestamp:
            return "a point of time in UTC, such as 2026-12-01T00:00:00Z";
        case Type::Text:
            return descriptor.range ? fmt::format("one line of at most {} printable characters",
                                                  descriptor.range->most)
                                    : "one line of printable text";
        case Type::Hostname:
            return "a host name: letters, digits, '-' and '.', at most 253 characters";
        case Type::Word:
            return fmt::format(
                "a name of letters, digits, '.', '-' and '_', starting with a letter "
                "or a digit, at most {} characters",
                descriptor.range ? descriptor.range->most : kLongestWord);
        case Type::SocketPath:
            return "an absolute path for a Unix socket";
        case Type::Choice:
            return "one of " + joined_choices(descriptor.choices);
        case Type::Address:
            return "an IPv4 address, such as 192.0.2.1";
        case Type::Prefix:
            return "an IPv4 prefix, such as 192.0.2.0/24";
        case Type::InterfaceAddress:
            return "an IPv4 address with the length of its subnet, such as 192.0.2.1/24";
        case Type::AddressOrPrefix:
            return "an IPv4 address or prefix, such as 192.0.2.1 or 192.0.2.0/24";
        case Type::PrefixRange:
            return "an IPv4 prefix, alone or with the lengths that count inside it, such as "
                   "\"10.0.0.0/8 le 24\"";
        case Type::AddressRange:
            return (descriptor.choices.empty() ? ""
                                               : joined_choices(descriptor.choices) + ", or ") +
                   "an IPv4 address, prefix or range, such as 192.0.2.8-192.0.2.15";
        case Type::AddressAndPort:
            return "an IPv4 address with a port or without, such as 192.0.2.1:443";
        case Type::PortRange:
            return "a port or a range of ports, such as 443 or 5000-5010";
        case Type::ListenPlace:
            return "an interface or an address of the router, with a port, such as lan0:9111";
        case Type::Mac:
            return "an Ethernet address, such as 02:00:5e:10:00:01";
        case Type::PciAddress:
            return "a PCI address, such as \"0000:8a:00.0\"";
        case Type::VirtualDevice:
            return "a virtual device: one of " + joined_choices(virtual_drivers()) +
                   ", followed by a number";
    }
    return "a value";
}

}  // namespace godwit::config
