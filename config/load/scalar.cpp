#include "config/load/scalar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>
#include <limits>

#include "config/check/suggest.hpp"
#include "config/load/source_text.hpp"
#include "config/model/nat.hpp"
#include "config/model/rip.hpp"
#include "config/model/telemetry.hpp"
#include "net/ipv4_address.hpp"
#include "net/ipv4_prefix_range.hpp"
#include "net/mac_address.hpp"

namespace godwit::config {

namespace {

using Parsed = net::Result<Value, Problem>;

constexpr std::size_t kMostShown = 60;

auto refuse(std::string id, std::string what, std::string help, std::string suggestion = {}) {
    return net::unexpected(
        Problem{std::move(id), std::move(what), std::move(help), std::move(suggestion)});
}

std::string shown(std::string_view text) {
    return "'" + printable(text, kMostShown) + "'";
}

// "expected …, got '…'", with the type's example as the help.
auto refuse_form(const Descriptor& descriptor, std::string_view text, const std::string& id,
                 std::string suggestion = {}) {
    return refuse(id, fmt::format("expected {}, got {}", expectation(descriptor), shown(text)),
                  descriptor.example.empty() ? "" : "For example: " + descriptor.example,
                  std::move(suggestion));
}

bool all_digits(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_letter_or_digit(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

// Decimal without sign and leading zeros; nothing when it does not fit.
std::optional<std::uint64_t> parse_decimal(std::string_view digits) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) {
        return std::nullopt;
    }
    return value;
}

Parsed parse_boolean(const Descriptor& descriptor, std::string_view text, bool quoted) {
    const bool only_true = descriptor.type == Type::True;
    if (!quoted && (text == "true" || (text == "false" && !only_true))) {
        return Value(text == "true");
    }
    if (!quoted && text == "false") {
        return refuse("invalid-value", "the key is either 'true' or not there at all",
                      "Remove the key.");
    }
    constexpr std::array<std::string_view, 6> kYes = {"yes", "on", "y", "True", "TRUE", "true"};
    constexpr std::array<std::string_view, 6> kNo = {"no", "off", "n", "False", "FALSE", "false"};
    std::string suggestion;
    if (std::find(kYes.begin(), kYes.end(), text) != kYes.end()) {
        suggestion = "true";
    } else if (!only_true && std::find(kNo.begin(), kNo.end(), text) != kNo.end()) {
        suggestion = "false";
    }
    return refuse("wrong-type",
                  fmt::format("expected {}, got {}{}", expectation(descriptor), shown(text),
                              quoted ? " in quotes" : ""),
                  quoted ? "Remove the quotes." : "", suggestion);
}

Parsed parse_integer(const Descriptor& descriptor, std::string_view text, bool quoted) {
    const bool negative = text.size() > 1 && text.front() == '-' && all_digits(text.substr(1));
    if (quoted || (!all_digits(text) && !negative)) {
        return refuse("wrong-type",
                      fmt::format("expected {}, got {}{}", expectation(descriptor), shown(text),
                                  quoted ? " in quotes" : ""),
                      quoted ? "Remove the quotes." : "Write decimal digits only.");
    }
    if (text.size() > 1 && text.front() == '0') {
        std::string_view digits = text;
        digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size() - 1));
        return refuse("invalid-value",
                      fmt::format("{} starts with 0, which some programs read as octal", text),
                      "Write the number without leading zeros.", std::string(digits));
    }
    const auto value = negative ? std::nullopt : parse_decimal(text);
    const bool in_range = value && (!descriptor.range || (*value >= descriptor.range->least &&
                                                          *value <= descriptor.range->most));
    if (!in_range) {
        return refuse(
            "out-of-range",
            fmt::format("must be {}, not {}", expectation(descriptor), printable(text, kMostShown)),
            descriptor.example.empty() ? "" : "For example: " + descriptor.example);
    }
    if (descriptor.power_of_two && !std::has_single_bit(*value)) {
        return refuse("out-of-range",
                      fmt::format("must be {}, not {}", expectation(descriptor), *value),
                      "Devices count in powers of two.", std::to_string(std::bit_ceil(*value)));
    }
    return Value(*value);
}

struct Unit {
    std::string_view name;
    std::uint64_t bytes;
};
constexpr std::array<Unit, 9> kUnits = {{{"KiB", 1ULL << 10},
                                         {"MiB", 1ULL << 20},
                                         {"GiB", 1ULL << 30},
                                         {"TiB", 1ULL << 40},
                                         {"KB", 1'000ULL},
                                         {"MB", 1'000'000ULL},
                                         {"GB", 1'000'000'000ULL},
                                         {"TB", 1'000'000'000'000ULL},
                                         {"B", 1ULL}}};

// "512M", "512mib", "512 MiB": the unit that was meant.
std::string meant_unit(std::string_view unit) {
    for (const Unit& known : kUnits) {
        const bool same = std::equal(unit.begin(), unit.end(), known.name.begin(), known.name.end(),
                                     [](char a, char b) {
                                         return std::tolower(static_cast<unsigned char>(a)) ==
                                                std::tolower(static_cast<unsigned char>(b));
                                     });
        if (same) {
            return std::string(known.name);
        }
    }
    if (unit.size() == 1) {
        const char letter = static_cast<char>(std::toupper(static_cast<unsigned char>(unit[0])));
        if (letter == 'K' || letter == 'M' || letter == 'G' || letter == 'T') {
            return std::string(1, letter) + "iB";
        }
    }
    return "";
}

Parsed parse_size(const Descriptor& descriptor, std::string_view text) {
    const std::size_t split = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::string_view digits = text.substr(0, split);
    if (digits.empty()) {
        return refuse_form(descriptor, text, "wrong-type");
    }
    std::string_view unit_text = text.substr(split);
    if (unit_text.empty()) {
        return refuse(
            "missing-unit", fmt::format("{} of what? A size carries its unit", shown(text)),
            "Write KiB, MiB or GiB behind the number, for example " + descriptor.example + ".",
            std::string(printable(digits, kMostShown)) + "MiB");
    }
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(),
                                   [&](const Unit& one) { return one.name == unit_text; });
    if (unit == kUnits.end()) {
        unit_text.remove_prefix(std::min(unit_text.find_first_not_of(' '), unit_text.size()));
        const std::string meant = meant_unit(unit_text);
        return refuse("unknown-unit", fmt::format("{} is no size with a unit", shown(text)),
                      "A size is a whole number with B, KiB, MiB, GiB, TiB, KB, MB, GB or TB right "
                      "behind it.",
                      meant.empty() ? "" : printable(digits, kMostShown) + meant);
    }
    const auto number = parse_decimal(digits);
    const bool fits = number && *number <= std::numeric_limits<std::uint64_t>::max() / unit->bytes;
    if (!fits || (descriptor.range && (*number * unit->bytes < descriptor.range->least ||
                                       *number * unit->bytes > descriptor.range->most))) {
        return refuse(
            "out-of-range",
            fmt::format("must be {}, not {}", expectation(descriptor), printable(text, kMostShown)),
            "For example: " + descriptor.example);
    }
    return Value(*number * unit->bytes);
}

struct DurationUnit {
    std::string_view name;
    std::uint64_t milliseconds;
};
constexpr std::array<DurationUnit, 5> kDurationUnits = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

// "30sec", "5 min", "2H": the unit that was meant, by its first letter.
std::string meant_duration_unit(std::string_view unit) {
    if (unit.size() >= 2 && (unit.substr(0, 2) == "ms" || unit.substr(0, 3) == "mil")) {
        return "ms";
    }
    const char first =
        unit.empty() ? ' '
                     : static_cast<char>(std::tolower(static_cast<unsigned char>(unit.front())));
    return first == 's' || first == 'm' || first == 'h' || first == 'd' ? std::string(1, first)
                                                                        : "";
}

Parsed parse_duration(const Descriptor& descriptor, std::string_view text) {
    const std::size_t split = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::string_view digits = text.substr(0, split);
    if (digits.empty()) {
        return refuse_form(descriptor, text, "wrong-type");
    }
    std::string_view unit_text = text.substr(split);
    if (unit_text.empty()) {
        return refuse(
            "missing-unit", fmt::format("{} of what? A duration carries its unit", shown(text)),
            "Write ms, s, m, h or d behind the number, for example " + descriptor.example + ".",
            printable(digits, kMostShown) + "s");
    }
    const auto unit = std::find_if(kDurationUnits.begin(), kDurationUnits.end(),
                                   [&](const DurationUnit& one) { return one.name == unit_text; });
    if (unit == kDurationUnits.end()) {
        unit_text.remove_prefix(std::min(unit_text.find_first_not_of(' '), unit_text.size()));
        const std::string meant = meant_duration_unit(unit_text);
        return refuse("unknown-unit", fmt::format("{} is no duration with a unit", shown(text)),
                      "A duration is a whole number with ms, s, m, h or d right behind it.",
                      meant.empty() ? "" : printable(digits, kMostShown) + meant);
    }
    const auto number = parse_decimal(digits);
    const bool fits =
        number && *number <= std::numeric_limits<std::uint64_t>::max() / unit->milliseconds;
    if (!fits || (descriptor.range && (*number * unit->milliseconds < descriptor.range->least ||
                                       *number * unit->milliseconds > descriptor.range->most))) {
        return refuse(
            "out-of-range",
            fmt::format("must be {}, not {}", expectation(descriptor), printable(text, kMostShown)),
            "For example: " + descriptor.example);
    }
    return Value(*number * unit->milliseconds);
}

Parsed parse_timestamp_text(const Descriptor& descriptor, std::string_view text) {
    if (const auto time = parse_timestamp(text)) {
        return Value(timestamp_text(*time));
    }
    return refuse_form(descriptor, text, "invalid-value");
}

// The forms of the model with a parse() and a to_string() of their own.
template <class Form>
Parsed parse_form(const Descriptor& descriptor, std::string_view text) {
    for (const Choice& choice : descriptor.choices) {
        if (choice.word == text) {
            return Value(std::string(text));
        }
    }
    if (const auto parsed = Form::parse(text)) {
        return Value(parsed->to_string());
    }
    std::vector<std::string> words;
    for (const Choice& choice : descriptor.choices) {
        words.push_back(choice.word);
    }
    return refuse_form(descriptor, text, "invalid-value", nearest_word(text, words));
}

Parsed parse_address_or_prefix(const Descriptor& descriptor, std::string_view text) {
    if (const auto address = net::Ipv4Address::parse(text)) {
        return Value(address->to_string());
    }
    if (const auto prefix = net::Ipv4Prefix::parse(text)) {
        return Value(prefix->length() == 32 ? prefix->address().to_string() : prefix->to_string());
    }
    if (const auto address = net::Ipv4InterfaceAddress::parse(text)) {
        return refuse("host-bits-set",
                      fmt::format("{} has bits set behind its {} bits of network", text,
                                  address->prefix_length),
                      "A prefix names a network; write its first address.",
                      address->subnet().to_string());
    }
    return refuse_form(descriptor, text, "invalid-value");
}

Parsed parse_text(const Descriptor& descriptor, std::string_view text) {
    std::size_t characters = 0;
    bool all_printable = true;
    for (std::size_t offset = 0; offset < text.size(); ++characters) {
        const Character character = character_at(text, offset);
        all_printable = all_printable && character.is_printable();
        offset += character.size;
    }
    if (!all_printable) {
        return refuse_form(descriptor, text, "invalid-value");
    }
    if (descriptor.range && characters > descriptor.range->most) {
        return refuse("out-of-range",
                      fmt::format("must be {}, this has {}", expectation(descriptor), characters),
                      "Shorten it.");
    }
    return Value(std::string(text));
}

// RFC 1123 2.1, RFC 952: labels of letters, digits and inner hyphens, at most 63 each.
bool is_hostname(std::string_view text) {
    if (text.empty() || text.size() > 253) {
        return false;
    }
    while (true) {
        const std::size_t dot = text.find('.');
        const std::string_view label = text.substr(0, dot);
        const bool good = !label.empty() && label.size() <= 63 && label.front() != '-' &&
                          label.back() != '-' &&
                          std::all_of(label.begin(), label.end(),
                                      [](char c) { return is_letter_or_digit(c) || c == '-'; });
        if (!good) {
            return false;
        }
        if (dot == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(dot + 1);
    }
}

Parsed parse_word(const Descriptor& descriptor, std::string_view text) {
    const bool good = !text.empty() && is_letter_or_digit(text.front()) &&
                      std::all_of(text.begin(), text.end(), [](char c) {
                          return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_';
                      });
    if (!good || (descriptor.range && text.size() > descriptor.range->most)) {
        return refuse_form(descriptor, text, "invalid-value");
    }
    return Value(std::string(text));
}

Parsed parse_path(const Descriptor& descriptor, std::string_view text) {
    const bool good = text.size() > 1 && text.front() == '/' && text.back() != '/' &&
                      parse_text(descriptor, text).has_value();
    if (!good) {
        return refuse_form(descriptor, text, "invalid-value");
    }
    return Value(std::string(text));
}

Parsed parse_choice(const Descriptor& descriptor, std::string_view text) {
    std::vector<std::string> words;
    for (const Choice& choice : descriptor.choices) {
        if (choice.word == text) {
            return Value(std::string(text));
        }
        words.push_back(choice.word);
    }
    return refuse("invalid-value",
                  fmt::format("expected {}, got {}", expectation(descriptor), shown(text)), "",
                  nearest_word(text, words));
}

Parsed parse_prefix(const Descriptor& descriptor, std::string_view text) {
    if (const auto prefix = net::Ipv4Prefix::parse(text)) {
        return Value(prefix->to_string());
    }
    if (const auto address = net::Ipv4InterfaceAddress::parse(text)) {
        return refuse("host-bits-set",
                      fmt::format("{} has bits set behind its {} bits of network", text,
                                  address->prefix_length),
                      "A prefix names a network; write its first address.",
                      address->subnet().to_string());
    }
    if (const auto address = net::Ipv4Address::parse(text)) {
        return refuse("invalid-value", fmt::format("{} has no prefix length", text),
                      "Write the length behind it; a single address is a /32.",
                      address->to_string() + "/32");
    }
    return refuse_form(descriptor, text, "invalid-value", text == "default" ? "0.0.0.0/0" : "");
}

Parsed parse_prefix_range(const Descriptor& descriptor, std::string_view text) {
    if (const auto range = net::Ipv4PrefixRange::parse(text)) {
        return Value(range->to_string());
    }
    const std::string_view first = text.substr(0, text.find(' '));
    const auto prefix = net::Ipv4Prefix::parse(first);
    if (!prefix) {
        return parse_prefix(descriptor, first);  // what is wrong with it is said there
    }
    return refuse(
        "invalid-value", fmt::format("expected {}, got {}", expectation(descriptor), shown(text)),
        fmt::format("Behind the prefix stands 'ge', 'le' or both in this order, each with "
                    "a length from {} to 32, the second not below the first.",
                    prefix->length()));
}

Parsed parse_interface_address(const Descriptor& descriptor, std::string_view text) {
    if (const auto address = net::Ipv4InterfaceAddress::parse(text)) {
        if (address->prefix_length == 0) {
            return refuse("out-of-range", "a subnet of length 0 is the whole Internet",
                          "The length of a subnet is from 1 to 32, for example " +
                              address->address.to_string() + "/24.");
        }
        return Value(address->to_string());
    }
    if (const auto address = net::Ipv4Address::parse(text)) {
        return refuse(
            "invalid-value", fmt::format("{} has no length of its subnet", text),
            fmt::format("Write the length behind it, for example {}/24.", address->to_string()));
    }
    return refuse_form(descriptor, text, "invalid-value");
}

Parsed parse_address(const Descriptor& descriptor, std::string_view text) {
    if (const auto address = net::Ipv4Address::parse(text)) {
        return Value(address->to_string());
    }
    if (const auto with_length = net::Ipv4InterfaceAddress::parse(text)) {
        return refuse("invalid-value", fmt::format("expected an address alone, got {}", text),
                      "Remove the length.", with_length->address.to_string());
    }
    return refuse_form(descriptor, text, "invalid-value");
}

Parsed parse_mac(const Descriptor& descriptor, std::string_view text) {
    const auto mac = net::MacAddress::parse(text);
    if (!mac) {
        std::string with_colons(text);
        std::replace(with_colons.begin(), with_colons.end(), '-', ':');
        const auto meant = net::MacAddress::parse(with_colons);
        return refuse_form(descriptor, text, "invalid-value", meant ? meant->to_string() : "");
    }
    if (mac->is_zero() || mac->is_group()) {
        return refuse(
            "invalid-value",
            fmt::format("{} is {}", mac->to_string(),
                        mac->is_zero() ? "no address" : "a group address, which no station has"),
            "The first byte of a station's address is even: 02:… is free for own use.");
    }
    return Value(mac->to_string());
}

// "8a:00.0" and "0000:8A:00.0" are the same card.
Parsed parse_pci(const Descriptor& descriptor, std::string_view text) {
    std::string address(text);
    std::transform(address.begin(), address.end(), address.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr std::string_view kForm = "xxxx:xx:xx.7";  // domain, bus, device, function
    if (address.size() + 5 == kForm.size()) {
        address.insert(0, "0000:");
    }
    bool good = address.size() == kForm.size();
    for (std::size_t i = 0; good && i < kForm.size(); ++i) {
        const char c = address[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        good = kForm[i] == 'x' ? hex : kForm[i] == '7' ? c >= '0' && c <= '7' : c == kForm[i];
    }
    if (!good || address[8] > '1') {  // a device number has five bits
        return refuse_form(descriptor, text, "invalid-value");
    }
    return Value(std::move(address));
}

Parsed parse_virtual_device(const Descriptor& descriptor, std::string_view text) {
    const std::size_t end = text.find_last_not_of("0123456789") + 1;
    const std::string_view driver = text.substr(0, end);
    const std::string_view number = text.substr(end);
    std::vector<std::string> drivers;
    for (const Choice& known : virtual_drivers()) {
        drivers.push_back(known.word);
    }
    const bool known = std::find(drivers.begin(), drivers.end(), driver) != drivers.end();
    const bool good_number =
        !number.empty() && number.size() <= 4 && (number.size() == 1 || number.front() != '0');
    if (known && good_number) {
        return Value(std::string(text));
    }
    std::string meant = known ? std::string(driver) : nearest_word(driver, drivers);
    if (!meant.empty()) {
        meant += known || number.empty() ? "0" : printable(number, 4);
    }
    return refuse_form(descriptor, text, "invalid-value", meant);
}

}  // namespace

net::Result<Value, Problem> parse_scalar(const Descriptor& descriptor, std::string_view text,
                                         bool quoted) {
    switch (descriptor.type) {
        case Type::True:
        case Type::Boolean:
            return parse_boolean(descriptor, text, quoted);
        case Type::Integer:
            return parse_integer(descriptor, text, quoted);
        case Type::Size:
            return parse_size(descriptor, text);
        case Type::Duration:
            return parse_duration(descriptor, text);
        case Type::Timestamp:
            return parse_timestamp_text(descriptor, text);
        case Type::Text:
            return parse_text(descriptor, text);
        case Type::Hostname:
            if (!is_hostname(text)) {
                return refuse_form(descriptor, text, "invalid-value");
            }
            return Value(std::string(text));
        case Type::Word:
            return parse_word(descriptor, text);
        case Type::SocketPath:
            return parse_path(descriptor, text);
        case Type::Choice:
            return parse_choice(descriptor, text);
        case Type::Address:
            return parse_address(descriptor, text);
        case Type::Prefix:
            return parse_prefix(descriptor, text);
        case Type::InterfaceAddress:
            return parse_interface_address(descriptor, text);
        case Type::AddressOrPrefix:
            return parse_address_or_prefix(descriptor, text);
        case Type::PrefixRange:
            return parse_prefix_range(descriptor, text);
        case Type::AddressRange:
            return parse_form<AddressRange>(descriptor, text);
        case Type::AddressAndPort:
            return parse_form<InsideEndpoint>(descriptor, text);
        case Type::PortRange:
            return parse_form<PortRange>(descriptor, text);
        case Type::ListenPlace:
            return parse_form<ListenPlace>(descriptor, text);
        case Type::Mac:
            return parse_mac(descriptor, text);
        case Type::PciAddress:
            return parse_pci(descriptor, text);
        case Type::VirtualDevice:
            return parse_virtual_device(descriptor, text);
        case Type::Section:
        case Type::NamedMap:
        case Type::List:
        case Type::NamedList:
        case Type::OneOrList:
        case Type::Arguments:
            break;
    }
    return refuse("wrong-type",
                  fmt::format("expected {}, got {}", expectation(descriptor), shown(text)),
                  descriptor.example.empty() ? "" : "For example: " + descriptor.example);
}

namespace {

// "[a, b]" of plain values.
std::optional<Value> default_list(const Descriptor& descriptor) {
    std::string_view text = *descriptor.default_text;
    text.remove_prefix(1);
    text.remove_suffix(1);
    Value::List items;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(", "), text.size());
        auto item = parse_scalar(descriptor.children.front(), text.substr(0, comma), false);
        if (!item) {
            return std::nullopt;
        }
        items.push_back(std::move(*item));
        text.remove_prefix(std::min(comma + 2, text.size()));
    }
    return Value(std::move(items));
}

}  // namespace

std::optional<Value> default_of(const Descriptor& descriptor) {
    if (!descriptor.default_text) {
        return std::nullopt;
    }
    if (descriptor.type == Type::List || descriptor.type == Type::NamedList ||
        descriptor.type == Type::OneOrList) {
        return default_list(descriptor);
    }
    const auto value = parse_scalar(descriptor, *descriptor.default_text, false);
    return value ? std::optional(*value) : std::nullopt;
}

}  // namespace godwit::config
