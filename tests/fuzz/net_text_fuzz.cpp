// Addresses, prefixes and prefix ranges as text: what parses is written the same way.
#include <string>
#include <string_view>

#include "net/ipv4_address.hpp"
#include "net/ipv4_prefix_range.hpp"
#include "net/mac_address.hpp"
#include "tests/fuzz/fuzz_check.hpp"

using namespace godwit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto address = net::Ipv4Address::parse(text)) {
        fuzz::check(address->to_string() == text, "an address has one text");
    }
    if (const auto prefix = net::Ipv4Prefix::parse(text)) {
        fuzz::check(prefix->to_string() == text, "a prefix has one text");
    }
    if (const auto address = net::Ipv4InterfaceAddress::parse(text)) {
        fuzz::check(address->to_string() == text, "an interface address has one text");
    }
    if (const auto range = net::Ipv4PrefixRange::parse(text)) {
        fuzz::check(net::Ipv4PrefixRange::parse(range->to_string()) == range,
                    "a prefix range round-trips");
        fuzz::check(range->prefix.length() <= range->least_length &&
                        range->least_length <= range->most_length && range->most_length <= 32,
                    "the lengths of a prefix range are in order");
    }
    if (const auto mac = net::MacAddress::parse(text)) {
        fuzz::check(net::MacAddress::parse(mac->to_string()) == mac, "a MAC address round-trips");
    }
    return 0;
}
