// IPv4 packets, whole and as an ICMP error quotes them.
#include <optional>

#include "net/ipv4.hpp"
#include "tests/fuzz/net_fuzz.hpp"

using namespace godwit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::Bytes input(data, size);
    const auto packet = net::wire::Ipv4View::parse(input);
    const auto quoted = net::wire::Ipv4View::parse_quoted(input);
    fuzz::check(!packet || quoted.has_value(), "a whole packet may be quoted");
    if (!quoted) {
        fuzz::check(!quoted.error().to_string().empty(), "an error has words");
        return 0;
    }
    fuzz::touch(quoted->packet());
    fuzz::check(quoted->packet().size() == quoted->header_bytes() + quoted->payload().size(),
                "header and payload make the packet");
    net::OptionWalker options(quoted->options());
    while (const auto option = options.next()) {
        fuzz::touch(option->data);
    }
    fuzz::check(!options.malformed(), "options of a valid view are well formed");
    fuzz::asked(quoted->has_valid_checksum());
    if (packet) {
        fuzz::check(packet->packet().size() == packet->total_bytes(), "a packet is all there");
        fuzz::check_round_trip(packet->header(), packet->payload().size(), [](fuzz::Bytes bytes) {
            const auto again = net::wire::Ipv4View::parse(bytes);
            fuzz::check(again && again->has_valid_checksum(), "encode() makes the checksum");
            return again ? std::optional(again->header()) : std::nullopt;
        });
    }
    return 0;
}
