// Fuzz target: the dataplane's reader of the inject ring.
#include "dataplane/api/decode.hpp"
#include "tests/unit/dataplane/api/fuzz_ring.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace godwit::api;
    read_hostile_ring<kMaxInjectBody>(data, size, [](const Record& record) {
        if (const auto inject = read_inject(record)) {
            const volatile std::uint64_t sum = touch(inject->packet);
            (void)sum;
            if (inject->packet.empty() || inject->packet.size() > kMaxPacketBytes) {
                __builtin_trap();
            }
        }
    });
    return 0;
}
