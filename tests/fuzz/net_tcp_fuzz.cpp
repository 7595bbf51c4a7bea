// TCP segments and their options.
#include <optional>

#include "net/tcp.hpp"
#include "tests/fuzz/net_fuzz.hpp"

using namespace godwit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto tcp = net::wire::TcpView::parse({data, size});
    if (!tcp) {
        fuzz::check(!tcp.error().to_string().empty(), "an error has words");
        return 0;
    }
    fuzz::touch(tcp->payload());
    net::OptionWalker options(tcp->options());
    while (const auto option = options.next()) {
        fuzz::touch(option->data);
    }
    fuzz::check(!options.malformed(), "options of a valid view are well formed");
    fuzz::check_round_trip(tcp->header(), 0, [](fuzz::Bytes bytes) {
        const auto again = net::wire::TcpView::parse(bytes);
        return again ? std::optional(again->header()) : std::nullopt;
    });
    return 0;
}
