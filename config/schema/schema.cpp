#include "config/schema/schema.hpp"

#include <algorithm>

namespace godwit::config {

namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kTiB = 1ULL << 40;

// Limits of the dataplane that a file can run into: the blocks of counters, the place for a name
// in a message, the members of an equal-cost group.
constexpr std::uint64_t kMostWorkers = 64;
constexpr std::uint64_t kMostInterfaces = 255;
constexpr std::uint64_t kMostNextHops = 64;
constexpr std::uint64_t kLongestName = 31;
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
                   "else by time, 200 microseconds at most: saves power, adds a little delay to "
                   "the first packet"}},
             .cost = ChangeCost::Restart,
             .effects = {.changed = restart}},
        }};
}

// The keys that say what an interface is. Adding or removing one with its whole entry costs what
// the key says, which is why a VLAN comes and goes live and a port does not.
std::vector<Descriptor> interface_kinds() {
    const Effects port = {
        .changed =
            "The dataplane restarts and opens the other device: no packet is forwarded for "
            "about a second.",
        .added =
            "The dataplane restarts to open the port: no packet is forwarded for about a "
            "second.",
        .removed =
            "The dataplane restarts without the port: no packet is forwarded for about a "
            "second, and none goes through the port any more."};
    const Effects vlan = {
        .changed =
            "The sub-interface leaves the old VLAN and joins the new one at once; its "
            "neighbours are learned again.",
        .added = "The VLAN sub-interface is made at once; its port keeps forwarding.",
        .removed =
            "The VLAN sub-interface goes at once, with its routes and neighbours; its port "
            "keeps forwarding."};
    return {
        {.name = "pci",
         .type = Type::PciAddress,
         .doc = "A network card by its PCI address, as `lspci -D` prints it.",
         .example = "\"0000:8a:00.0\"",
         .cost = ChangeCost::Restart,
         .effects = port},
        {.name = "vdev",
         .type = Type::VirtualDevice,
         .doc = "A virtual device: one of the drivers below, and a number.",
         .example = "net_tap0",
         .cost = ChangeCost::Restart,
         .effects = port},
        {.name = "args",
         .type = Type::Arguments,
         .doc = "Arguments of the virtual device, as DPDK documents them for its driver. "
                "net_af_packet and net_af_xdp need `iface`, net_virtio_user needs `path`, net_pcap "
                "needs where to read or write.",
         .example = "{iface: lan0}",
         .cost = ChangeCost::Restart,
         .effects = {.changed = port.changed},
         .only_with = {"vdev"}},
        {.name = "parent",
         .type = Type::Word,
         .doc = "The port whose tagged frames this VLAN sub-interface takes.",
         .range = Range{1, kLongestName},
         .example = "lan0",
         .reference = Reference::Port,
         .effects = vlan,
         .needs = {"vlan"}},
        {.name = "vlan",
         .type = Type::Integer,
         .doc = "The VLAN (IEEE 802.1Q tag) of the sub-interface.",
         .range = Range{1, 4094},
         .unit = "VLAN",
         .example = "20",
         .effects = {.changed = vlan.changed},
         .only_with = {"parent"}},
        {.name = "loopback",
         .type = Type::True,
         .doc = "An interface without a device that is always up: holds addresses of the router "
                "itself.",
         .example = "true",
         .effects = {.changed = "The loopback appears at once.",
                     .added = "The loopback and its addresses are there at once.",
                     .removed = "The loopback and its addresses go at once; what talked to them "
                                "loses its connection."}},
    };
}

std::vector<Descriptor> interface_properties() {
    const std::vector<std::string> ports = {"pci", "vdev"};
    const Effects reopened = {.changed =
                                  "The dataplane restarts to set the port up anew: no packet "
                                  "is forwarded for about a second."};
    return {
        {.name = "description",
         .type = Type::Text,
         .doc = "A note for people.",
         .default_text = "",
         .range = Range{0, 255},
         .example = "to the office switch",
         .effects = {.changed = "Only the note changes."}},
        {.name = "enabled",
         .type = Type::Boolean,
         .doc = "Whether the interface sends and receives.",
         .default_text = "true",
         .example = "true",
         .effects = {.changed = "The interface goes up or down at once, and its connected routes "
                                "with it."}},
        {.name = "mtu",
         .type = Type::Integer,
         .doc =
             "The largest IPv4 packet, without the Ethernet header. A VLAN sub-interface may not "
             "exceed its port.",
         .default_text = "1500",
         .range = Range{68, 9216},
         .unit = "bytes",
         .example = "1500",
         .effects = {.changed = "The new limit holds at once; some devices drop packets for a "
                                "moment while they change it."}},
        {.name = "mac",
         .type = Type::Mac,
         .doc = "Ethernet address of the port instead of the device's own.",
         .example = "02:00:5e:10:00:01",
         .effects = {.changed = "The port uses the address at once; neighbours learn it when they "
                                "ask again."},
         .only_with = ports},
        {.name = "rx-queues",
         .type = Type::Integer,
         .doc = "Receive queues of the port, shared out among the workers.",
         .default_text = "1",
         .range = Range{1, 64},
         .unit = "queues",
         .example = "2",
         .cost = ChangeCost::Restart,
         .effects = reopened,
         .only_with = ports},
        {.name = "rx-descriptors",
         .type = Type::Integer,
         .doc = "Packets that a receive queue can hold until a worker fetches them.",
         .default_text = "1024",
         .range = Range{64, 32768},
         .power_of_two = true,
         .unit = "packets",
         .example = "2048",
         .cost = ChangeCost::Restart,
         .effects = reopened,
         .only_with = ports},
        {.name = "tx-descriptors",
         .type = Type::Integer,
         .doc = "Packets that a transmit queue can hold until the device sends them.",
         .default_text = "1024",
         .range = Range{64, 32768},
         .power_of_two = true,
         .unit = "packets",
         .example = "2048",
         .cost = ChangeCost::Restart,
         .effects = reopened,
         .only_with = ports},
        {.name = "promiscuous",
         .type = Type::Boolean,
         .doc =
             "Receive frames for every Ethernet address, not only for the port's own. The router "
             "still forwards only what is addressed to it.",
         .default_text = "false",
         .example = "false",
         .effects = {.changed = "The port changes what it receives at once."},
         .only_with = ports},
        {.name = "addresses",
         .type = Type::List,
         .doc = "IPv4 addresses with the length of their subnet; the first is the primary one.",
         .default_text = "[]",
         .example = "[192.0.2.1/24]",
         .effects = {.changed =
                         "Addresses come and go at once, with their connected routes; others "
                         "keep forwarding."},
         .count = Range{0, 256},
         .children = {{.name = "<address>",
                       .type = Type::InterfaceAddress,
                       .doc = "An address of this router, with the length of its subnet.",
                       .example = "192.0.2.1/24"}}},
    };
}

Descriptor interfaces_section() {
    Descriptor entry = {
        .name = "<interface>",
        .doc =
            "An interface. Exactly one of `pci`, `vdev`, `parent` (with `vlan`) and `loopback` "
            "says what it is.",
        .rules = {.exactly_one_of = {"pci", "vdev", "parent", "loopback"}, .at_least_one_of = {}},
        .children = interface_kinds()};
    for (Descriptor& property : interface_properties()) {
        entry.children.push_back(std::move(property));
    }
    return {.name = "interfaces",
            .type = Type::NamedMap,
            .doc = "Ports, VLAN sub-interfaces and loopbacks, each under a name of your choice.",
            .key_type = Type::Word,
            .key_range = Range{1, kLongestName},
            .count = Range{0, kMostInterfaces},
            .children = {std::move(entry)}};
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
                         static_section(),
                         management_section()}};
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
