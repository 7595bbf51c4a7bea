// Fuzz target: what the dataplane reads from the control connection.
#include "dataplane/api/decode.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace godwit::api;
    const auto message = read_control(std::as_bytes(std::span(data, size)));
    if (!message) {
        return 0;
    }
    if (message->body.size() != size - sizeof(ControlHeader)) {
        __builtin_trap();
    }
    // The type decides which reader is used; here all of them see every body.
    if (const auto query = read_query(message->body); query && record_bytes_of(query->kind) == 0) {
        __builtin_trap();
    }
    if (const auto ask = read_nat_ask(message->body);
        ask && (ask->kind > NatAskKind::Map || ask->filter.age >= NatAge::kCount ||
                (ask->kind == NatAskKind::Map && ask->map.filter_count > kNatMapFilters))) {
        __builtin_trap();
    }
    if (const auto ports = read_own_ports(message->body);
        ports && ports->size() * sizeof(OwnPortRecord) != message->body.size()) {
        __builtin_trap();
    }
    (void)read_configure(message->body);
    (void)read_front<std::uint32_t>(message->body);
    (void)read_exact<HelloBody>(message->body);
    return 0;
}
