// One VLAN tag, from its first byte.
#include <optional>

#include "net/vlan.hpp"
#include "tests/fuzz/net_fuzz.hpp"

using namespace godwit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto tag = net::wire::VlanTagView::parse({data, size});
    if (!tag) {
        fuzz::check(!tag.error().to_string().empty(), "an error has words");
        return 0;
    }
    fuzz::touch(tag->payload());
    fuzz::check(tag->id() <= 4095 && tag->priority() <= 7, "a tag's fields are in range");
    fuzz::check_round_trip(tag->tag(), 0, [](fuzz::Bytes bytes) {
        const auto again = net::wire::VlanTagView::parse(bytes);
        return again ? std::optional(again->tag()) : std::nullopt;
    });
    return 0;
}
