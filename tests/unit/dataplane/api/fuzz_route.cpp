// Fuzz target: the dataplane's reader of the route ring.
#include "dataplane/api/decode.hpp"
#include "tests/unit/dataplane/api/fuzz_ring.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace godwit::api;
    read_hostile_ring<kMaxRouteBody>(data, size, [](const Record& record) {
        if (!check_route(record)) {
            return;
        }
        if (static_cast<RouteType>(record.type) == RouteType::GroupSet) {
            const auto group = read_front<GroupSetRecord>(record.body);
            if (!group || group->count > kMaxGroupMembers ||
                record.body.size() != sizeof(GroupSetRecord) + group->count * 4) {
                __builtin_trap();
            }
        }
    });
    return 0;
}
