#include "config/schema/schema.hpp"

#include <algorithm>

#include "config/schema/sections.hpp"

namespace godwit::config {

namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kTiB = 1ULL << 40;

// Limits of the dataplane: the blocks of counters, the members of an equal-cost group.
constexpr std::uint64_t kMostWorkers = 64;
constexpr std::uint64_t kMostNextHops = 64;
constexpr std::uint64_t kHighestCpu = 1023;

Descriptor system_section() {
    return {
        .name = "system",
        .doc = "What the router calls itself and how much it says.",
        .children = {
            {.name = "hostname",
             .type = Type::Hostname,
             .doc = "Name of the router in prompts, logs and protocols.",
             .default_text = "godwit",
             .example = "edge1",
             .effects = {.changed = "The router calls itself by the new name at once."}},
            {.name = "router-id",
             .type = Type::Address,
             .doc = "Identifies this router to routing protocols; unique in the network, "
                    "usually a loopback's address.",
             .example = "192.0.2.1",
             .effects = {.changed = "Used from now on; no routing protocol runs yet, so nothing "
                                    "is interrupted."}},
            {.name = "log",
             .doc = "The log on standard error.",
             .children = {{.name = "level",
                           .type = Type::Choice,
                           .doc = "The least important kind of message that is written.",
                           .default_text = "info",
                           .example = "info",
                           .choices = {{"error", "what a person must mend"},
                                       {"warning", "what works, but not as it should"},
                                       {"info", "starts, stops, links, applied revisions"},
                                       {"debug", "decisions, for finding a fault"},
                                       {"trace", "everything; slows the router down"}},
                           .effects = {.changed = "Both programs log at the new level at "
                                                  "once."}}}},
        }};
}

Descriptor workers_section() {
    const std::string restart =
        "The dataplane restarts: no packet is forwarded for about a second.";
    return {
        .name = "workers",
        .doc = "The CPUs and the memory that move packets.",
        .children = {
            {.name = "main-core",
             .type = Type::Integer,
             .doc = "CPU of the dataplane's main thread, which owns the tables and the timers.",
             .default_text = "0",
             .range = Range{0, kHighestCpu},
             .unit = "CPU number",
             .example = "0",
             .cost = ChangeCost::Restart,
             .effects = {.changed = restart}},
            {.name = "cores",
             .type = Type::List,
             .doc = "CPUs that forward packets, one worker each. An empty list runs one worker "
                    "on the main core, for trials.",
             .default_text = "[]",
             .example = "[1, 2]",
             .cost = ChangeCost::Restart,
             .effects = {.changed = restart},
             .count = Range{0, kMostWorkers},
             .children = {{.name = "<cpu>",
                           .type = Type::Integer,
                           .doc = "A CPU, each at most once.",
                           .range = Range{0, kHighestCpu},
                           .unit = "CPU number",
                           .example = "1"}}},
            {.name = "memory",
             .type = Type::Size,
             .doc = "Memory of the dataplane for packet buffers, rings and descriptors.",
             .default_text = "512MiB",
             .range = Range{16 * kMiB, kTiB},
             .example = "512MiB",
             .cost = ChangeCost::Restart,
             .effects = {.changed = restart}},
            {.name = "hugepages",
             .type = Type::Choice,
             .doc = "Whether that memory is made of huge pages, which forward faster.",
             .default_text = "auto",
             .example = "auto",
             .choices = {{"auto", "use them where the host has enough free, and say so where not"},
                         {"required", "do not start without them"},
                         {"off", "never use them"}},
             .cost = ChangeCost::Restart,
             .effects = {.changed = restart}},
            {.name = "idle",
             .type = Type::Choice,
             .doc = "What a worker does while no packet comes.",
             .default_text = "adaptive",
             .example = "adaptive",
             .choices =
                 {{"poll", "polls without rest: the CPU is always full, the delay least"},
                  {"adaptive",
                   "sleeps when idle until a packet wakes it (taps, packet sockets, NICs), or "
                   "else by time, a millisecond at most: saves power, adds a little delay to "
                   "the first packet"}},
             .cost = ChangeCost::Restart,
             .effects = {.changed = restart}},
        }};
}

Descriptor ipv4_section() {
    Descriptor icmp = {
        .name = "icmp",
        .doc = "ICMP errors: what senders are told about packets that go no further.",
        .children = {{.name = "errors-per-second",
                      .type = Type::Integer,
                      .doc = "Errors of each type that are sent at most, on each interface. What "
                             "is not sent is counted.",
                      .default_text = "1000",
                      .range = Range{1, 1'000'000},
                      .unit = "packets a second",
                      .example = "1000",
                      .effects = {.changed = "The new rate holds at once."}},
                     {.name = "interface-information",
                      .type = Type::Boolean,
                      .doc = "Name the interface, its address and its MTU in errors (RFC 5837), "
                             "as traceroute shows it. Tells strangers about the network.",
                      .default_text = "false",
                      .example = "true",
                      .effects = {.changed = "Holds for the next error."}}}};
    Descriptor reassembly = {
        .name = "reassembly",
        .doc = "Fragments of packets that are for the router itself.",
        .children = {{.name = "datagrams",
                      .type = Type::Integer,
                      .doc = "Datagrams that are being put together at once, at most; a new one "
                             "then takes the place of the oldest.",
                      .default_text = "1024",
                      .range = Range{1, 65536},
                      .unit = "datagrams",
                      .example = "1024",
                      .effects = {.changed = "The new limit holds at once."}},
                     {.name = "datagrams-per-interface",
                      .type = Type::Integer,
                      .doc = "The same, of those whose fragments come in on one interface.",
                      .default_text = "256",
                      .range = Range{1, 65536},
                      .unit = "datagrams",
                      .example = "256",
                      .effects = {.changed = "The new limit holds at once."}}}};
    return {.name = "ipv4",
            .doc = "What the router does with IPv4 packets beyond forwarding them.",
            .children = {std::move(icmp), std::move(reassembly)}};
}

Descriptor static_routes() {
    return {
        .name = "routes",
        .type = Type::NamedMap,
        .doc = "Routes by their destination.",
        .key_type = Type::Prefix,
        .children = {
            {.name = "<prefix>",
             .doc = "One destination. With several addresses in `via` the traffic is shared among "
                    "them, flow by flow.",
             .effects = {.changed = "The route changes at once; no other traffic is touched.",
                         .added = "The route is used at once.",
                         .removed =
                             "The route goes at once; its traffic takes the next best route, "
                             "or none."},
             .whole = true,
             .rules = {.exactly_one_of = {}, .at_least_one_of = {"via", "interface", "blackhole"}},
             .children = {
                 {.name = "via",
                  .type = Type::OneOrList,
                  .doc = "The next router, or a list of them for equal cost. An address outside "
                         "every connected subnet is looked up in the other routes.",
                  .example = "192.0.2.254",
                  .count = Range{1, kMostNextHops},
                  .children = {{.name = "<address>",
                                .type = Type::Address,
                                .doc = "Address of a next router.",
                                .example = "192.0.2.254"}}},
                 {.name = "interface",
                  .type = Type::Word,
                  .doc =
                      "Send through this interface. Without `via`, every destination is taken to "
                      "be a neighbour there.",
                  .range = Range{1, kLongestName},
                  .example = "lan0",
                  .reference = Reference::Interface},
                 {.name = "blackhole",
                  .type = Type::True,
                  .doc = "Drop what goes there.",
                  .example = "true",
                  .excludes = {"via", "interface"}},
                 {.name = "distance",
                  .type = Type::Integer,
                  .doc = "How much the route is trusted; the least wins. Connected is 0, eBGP 20, "
                         "OSPF 110, RIP 120, iBGP 200.",
                  .default_text = "1",
                  .range = Range{1, 254},
                  .example = "200"},
                 {.name = "tag",
                  .type = Type::Integer,
                  .doc = "A mark that policies can match, and that protocols carry along.",
                  .default_text = "0",
                  .range = Range{0, 4'294'967'295},
                  .example = "100"},
             }}}};
}

Descriptor static_section() {
    Descriptor neighbors = {
        .name = "neighbors",
        .type = Type::NamedMap,
        .doc = "Neighbours whose Ethernet address is not asked for by ARP, by their IPv4 address.",
        .key_type = Type::Address,
        .children = {
            {.name = "<address>",
             .doc = "One neighbour.",
             .effects = {.changed = "Packets to the neighbour take the new address at once.",
                         .added = "The neighbour is known at once, without ARP.",
                         .removed = "The neighbour is learned by ARP from now on."},
             .whole = true,
             .children = {{.name = "interface",
                           .type = Type::Word,
                           .doc = "Where the neighbour is.",
                           .required = true,
                           .range = Range{1, kLongestName},
                           .example = "lan0",
                           .reference = Reference::Interface},
                          {.name = "mac",
                           .type = Type::Mac,
                           .doc = "Its Ethernet address.",
                           .required = true,
                           .example = "02:00:5e:10:00:02"}}}}};
    return {.name = "static",
            .doc = "Routes and neighbours that do not come from a protocol.",
            .children = {static_routes(), std::move(neighbors)}};
}

Descriptor management_section() {
    return {
        .name = "management",
        .doc = "How people and programs reach the running router.",
        .children = {{.name = "control-socket",
                      .type = Type::SocketPath,
                      .doc = "The Unix socket that `godwitctl` speaks to. The two programs of the "
                             "router meet in the same folder, on `dataplane.sock`.",
                      .default_text = "/run/godwit/control.sock",
                      .example = "/run/godwit/control.sock",
                      .cost = ChangeCost::Restart,
                      .effects = {.changed = "Both programs restart with their sockets in the "
                                             "new place."}}}};
}

Descriptor build() {
    return {.name = "",
            .doc = "The configuration of one router.",
            .children = {{.name = "version",
                          .type = Type::Integer,
                          .doc = "Version of the format of this file.",
                          .required = true,
                          .range = Range{1, 1},
                          .example = "1",
                          .cost = ChangeCost::Restart,
                          .effects = {.changed = "The file is read by other rules."}},
                         system_section(),
                         workers_section(),
                         interfaces_section(),
                         ipv4_section(),
                         static_section(),
                         rip_section(),
                         policy_section(),
                         nat_section(),
                         management_section(),
                         telemetry_section()}};
}

}  // namespace

const Descriptor* Descriptor::child(std::string_view key) const {
    if (type != Type::Section) {
        return children.empty() ? nullptr : &children.front();
    }
    const auto found = std::find_if(children.begin(), children.end(),
                                    [&](const Descriptor& one) { return one.name == key; });
    return found == children.end() ? nullptr : &*found;
}

const Descriptor& schema() {
    static const Descriptor root = build();
    return root;
}

const std::vector<Choice>& virtual_drivers() {
    static const std::vector<Choice> drivers = {
        {"net_tap", "a TAP interface of the kernel; `iface` is its name"},
        {"net_af_packet",
         "a network interface of the kernel, by packet sockets; `iface` is its name"},
        {"net_af_xdp", "a network interface of the kernel, by AF_XDP; `iface` is its name"},
        {"net_memif", "shared memory with another process; `role`, `id` and `socket`"},
        {"net_pcap", "capture files or interfaces, for tests; `rx_pcap`, `tx_pcap`, `iface`"},
        {"net_ring", "a ring in memory, for tests"},
        {"net_null", "swallows and makes up packets, for measurements"},
        {"net_virtio_user", "a vhost-user socket of a virtual machine; `path`"}};
    return drivers;
}

std::string_view to_string(ChangeCost cost) {
    switch (cost) {
        case ChangeCost::Live:
            return "live";
        case ChangeCost::SessionReset:
            return "session-reset";
        case ChangeCost::Restart:
            return "restart";
    }
    return "restart";
}

}  // namespace godwit::config
