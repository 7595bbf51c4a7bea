// Ethernet frames, through all their VLAN tags.
#include <optional>

#include "net/ethernet.hpp"
#include "net/vlan.hpp"
#include "tests/fuzz/net_fuzz.hpp"

using namespace godwit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto frame = net::wire::EthernetView::parse({data, size});
    if (!frame) {
        fuzz::check(!frame.error().to_string().empty(), "an error has words");
        return 0;
    }
    fuzz::touch(frame->payload());
    fuzz::check_round_trip(frame->header(), 0, [](fuzz::Bytes bytes) {
        const auto again = net::wire::EthernetView::parse(bytes);
        return again ? std::optional(again->header()) : std::nullopt;
    });
    net::EtherType type = frame->type();
    fuzz::Bytes rest = frame->payload();
    while (type == net::EtherType::Vlan) {
        const auto tag = net::wire::VlanTagView::parse(rest);
        if (!tag) {
            break;
        }
        fuzz::check_round_trip(tag->tag(), 0, [](fuzz::Bytes bytes) {
            const auto again = net::wire::VlanTagView::parse(bytes);
            return again ? std::optional(again->tag()) : std::nullopt;
        });
        type = tag->type();
        rest = tag->payload();
    }
    fuzz::touch(rest);
    return 0;
}
