// Fuzz target: the control plane's reader of the event ring.
#include "dataplane/api/counters.hpp"
#include "dataplane/api/decode.hpp"
#include "tests/unit/dataplane/api/fuzz_ring.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace godwit::api;
    read_hostile_ring<kMaxEventBody>(data, size, [](const Record& record) {
        const auto type = check_event(record);
        if (!type || *type != EventType::InterfaceChanged) {
            return;
        }
        const auto interface = read_exact<InterfaceRecord>(record.body);
        if (!interface || interface->interface >= kMaxInterfaces ||
            bounded_text(interface->name).size() > kInterfaceNameBytes) {
            __builtin_trap();
        }
    });
    return 0;
}
