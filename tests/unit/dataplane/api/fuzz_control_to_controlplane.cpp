// Fuzz target: what the control plane reads from the control connection.
#include "dataplane/api/decode.hpp"
#include "tests/unit/dataplane/api/fuzz_ring.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace godwit::api;
    const auto message = read_control(std::as_bytes(std::span(data, size)));
    if (!message) {
        return 0;
    }
    volatile std::uint64_t sum = 0;
    if (const auto welcome = read_welcome(message->body);
        welcome && !valid_ring_bytes(welcome->route_ring_bytes)) {
        __builtin_trap();
    }
    if (const auto refused = read_exact<RefusedBody>(message->body)) {
        sum = bounded_text(refused->reason).size();
    }
    if (const auto reply = read_query_reply(message->body)) {
        sum = touch(reply->records);
        if (reply->records.size() !=
            std::size_t{reply->header.record_count} * record_bytes_of(reply->header.kind)) {
            __builtin_trap();
        }
    }
    if (const auto answer = read_nat_answer(message->body)) {
        sum = touch(answer->records);
        if (answer->records.size() !=
            std::size_t{answer->header.record_count} * record_bytes_of(answer->header.kind)) {
            __builtin_trap();
        }
    }
    if (const auto reply = read_configure_reply(message->body)) {
        sum = touch(std::as_bytes(std::span(reply->text)));
    }
    (void)sum;
    return 0;
}
