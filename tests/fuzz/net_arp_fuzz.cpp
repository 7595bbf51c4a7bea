// ARP messages.
#include <optional>

#include "net/arp.hpp"
#include "tests/fuzz/net_fuzz.hpp"

using namespace godwit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto arp = net::wire::ArpView::parse({data, size});
    if (!arp) {
        fuzz::check(!arp.error().to_string().empty(), "an error has words");
        return 0;
    }
    fuzz::check_round_trip(arp->message(), 0, [](fuzz::Bytes bytes) {
        const auto again = net::wire::ArpView::parse(bytes);
        return again ? std::optional(again->message()) : std::nullopt;
    });
    return 0;
}
