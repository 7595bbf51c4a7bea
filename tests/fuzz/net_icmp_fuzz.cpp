// ICMP messages, and the packets that errors quote.
#include <optional>

#include "net/icmp.hpp"
#include "net/ipv4.hpp"
#include "tests/fuzz/net_fuzz.hpp"

using namespace godwit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto icmp = net::wire::IcmpView::parse({data, size});
    if (!icmp) {
        fuzz::check(!icmp.error().to_string().empty(), "an error has words");
        return 0;
    }
    fuzz::touch(icmp->body());
    fuzz::asked(icmp->has_valid_checksum());
    if (net::is_icmp_error(icmp->type())) {
        if (const auto quoted = net::wire::Ipv4View::parse_quoted(icmp->body())) {
            fuzz::touch(quoted->payload());
        }
    }
    std::vector<std::uint8_t> bytes(net::IcmpMessage::encoded_size(icmp->body().size()));
    net::ByteWriter writer(bytes);
    icmp->message().encode(writer, icmp->body());
    fuzz::check(writer.ok(), "a decoded message can be encoded");
    const auto again = net::wire::IcmpView::parse(bytes);
    fuzz::check(again && again->message() == icmp->message(), "parse(encode(x)) == x");
    // Ones' complement has two zeros: a message of zeros only has a checksum of ones.
    fuzz::check(again->has_valid_checksum(), "encode() makes the checksum");
    return 0;
}
