// The whole core under strangers: the input is cut into packets, from one of a few neighbours each,
// with time in between. Whatever comes, every packet is counted once, limits hold, and what is sent
// can be read.
#include <memory>

#include "controlplane/rip/core.hpp"
#include "net/byte_reader.hpp"
#include "tests/fuzz/fuzz_check.hpp"

using namespace godwit;
using namespace godwit::control::rip;

namespace {

constexpr std::size_t kMaxRoutes = 40;
constexpr std::size_t kMaxNeighborRoutes = 30;

Settings settings_of(std::uint8_t choice) {
    Settings settings;
    settings.max_routes = kMaxRoutes;
    settings.max_paths = 1 + choice % 3;
    for (const char* const name : {"a", "b"}) {
        InterfaceSettings& interface = settings.interfaces[name];
        interface.max_routes = kMaxNeighborRoutes;
        interface.send = static_cast<SendForm>(choice / 3 % 4);
        interface.receive = static_cast<ReceiveForm>(choice / 12 % 3);
        interface.split_horizon = static_cast<SplitHorizon>(choice / 36 % 3);
        if (choice >= 200) {
            interface.authentication = Password{"secret"};
        } else if (choice >= 150) {
            Key key;
            key.secret = "secret";
            interface.authentication = Keys{{key}, {}, false};
        }
    }
    return settings;
}

void look_at(const Actions& actions) {
    for (const Transmit& packet : actions.transmit) {
        fuzz::check(packet.payload.size() <= kMostBytes, "no packet is too long");
        fuzz::check(wire::MessageView::parse(packet.payload).has_value(),
                    "what is sent can be read");
    }
    for (const RouteUpdate& update : actions.routes) {
        fuzz::check(!update.route || (update.route->metric >= 1 && update.route->metric < 16 &&
                                      !update.route->next_hops.empty()),
                    "only what can be used goes to the RIB");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    Instant now(std::chrono::hours(1));
    std::uint32_t random = 1;
    Core core({[&random] { return random = random * 1664525 + 1013904223; },
               [&now] { return WallTime(now.time_since_epoch()); }},
              settings_of(data[0]), now);
    look_at(core.set_links({{"a", net::InterfaceId(1), true, {{{10, 0, 0, 1}, 24}}},
                            {"b", net::InterfaceId(2), true, {{{10, 0, 1, 1}, 24}}}},
                           now));
    net::ByteReader reader({data + 1, size - 1});
    std::uint64_t given = 0;
    while (reader.remaining() > 0) {
        const std::uint8_t how = reader.u8();
        const std::size_t length = std::min<std::size_t>(reader.u8() * 2U + 4U, reader.remaining());
        Datagram datagram;
        datagram.interface = net::InterfaceId(1 + how % 2);
        datagram.source = net::Ipv4Address(10, 0, how % 2, static_cast<std::uint8_t>(how / 16));
        datagram.source_port = (how & 8U) != 0 ? 4000 : kPort;
        datagram.payload = reader.bytes(length);
        look_at(core.receive(datagram, now));
        ++given;
        now += std::chrono::seconds(how & 7U);
        look_at(core.advance(now));
        fuzz::check(core.database().learned_count() <= kMaxRoutes, "the limit of routes holds");
    }
    std::uint64_t counted = 0;
    for (const auto& [name, interface] : core.interfaces()) {
        counted += interface.counters.packets_received + interface.counters.own_packets +
                   interface.counters.faults.bad_packets();
    }
    fuzz::check(counted == given, "every packet is counted once");
    for (const auto& [id, neighbor] : core.neighbors().entries()) {
        fuzz::check(core.database().paths_of(id) <= kMaxNeighborRoutes,
                    "the limit of a neighbour holds");
    }
    return 0;
}
