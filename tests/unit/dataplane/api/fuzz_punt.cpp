// Fuzz target: the control plane's reader of a punt ring.
#include "dataplane/api/decode.hpp"
#include "tests/unit/dataplane/api/fuzz_ring.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace godwit::api;
    read_hostile_ring<kMaxPuntBody>(data, size, [](const Record& record) {
        if (const auto punt = read_punt(record)) {
            const volatile std::uint64_t sum = touch(punt->packet);
            (void)sum;
            if (punt->header.packet_bytes != punt->packet.size() || punt->packet.empty()) {
                __builtin_trap();
            }
        }
    });
    return 0;
}
