// UDP datagrams.
#include <optional>

#include "net/udp.hpp"
#include "tests/fuzz/net_fuzz.hpp"

using namespace godwit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto udp = net::wire::UdpView::parse({data, size});
    if (!udp) {
        fuzz::check(!udp.error().to_string().empty(), "an error has words");
        return 0;
    }
    fuzz::touch(udp->payload());
    const net::Ipv4Address source(192, 0, 2, 1);
    const net::Ipv4Address destination(198, 51, 100, 1);
    fuzz::asked(udp->has_valid_checksum(source, destination));
    fuzz::check_round_trip(udp->header(), udp->payload().size(), [](fuzz::Bytes bytes) {
        const auto again = net::wire::UdpView::parse(bytes);
        return again ? std::optional(again->header()) : std::nullopt;
    });
    std::vector<std::uint8_t> bytes(net::UdpHeader::encoded_size() + udp->payload().size());
    net::ByteWriter writer(bytes);
    udp->header().encode_datagram(writer, source, destination, udp->payload());
    const auto again = net::wire::UdpView::parse(bytes);
    fuzz::check(again && again->has_checksum() && again->has_valid_checksum(source, destination),
                "encode_datagram() makes the checksum");
    return 0;
}
