// The section `interfaces`: what an interface is, what every interface has, and how one behaves
// towards its neighbours.
#include "config/schema/sections.hpp"

namespace godwit::config {

namespace {

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

// How an interface behaves towards its neighbours. A loopback has none.
std::vector<Descriptor> interface_neighborhood() {
    const std::vector<std::string> links = {"pci", "vdev", "parent"};
    return {
        {.name = "conflict-detection",
         .type = Type::Choice,
         .doc = "What is done against another host with an address of this interface (RFC 5227).",
         .default_text = "defend",
         .example = "probe",
         .choices = {{"defend",
                      "the address is used at once, announced, and defended; a conflict is logged"},
                     {"probe",
                      "also asked for before it is used: nothing is sent from it, nor taken for "
                      "it, until nobody answered for 4 to 7 seconds"}},
         .effects = {.changed = "Holds for addresses that come from now on; those in use stay."},
         .only_with = links},
        {.name = "proxy-arp",
         .type = Type::Boolean,
         .doc = "Answer ARP for every address that is reached through another interface.",
         .default_text = "false",
         .example = "false",
         .effects = {.changed = "The next ARP request is answered, or not, accordingly."},
         .only_with = links},
        {.name = "max-neighbors",
         .type = Type::Integer,
         .doc = "Neighbours that are remembered on this interface at most; those under "
                "`static.neighbors` come on top.",
         .default_text = "4096",
         .range = Range{1, 65536},
         .unit = "neighbours",
         .example = "4096",
         .effects = {.changed = "The limit holds for new neighbours; none is forgotten."},
         .only_with = links},
        {.name = "rarp",
         .type = Type::NamedMap,
         .doc = "Hosts that may ask for their IPv4 address by RARP (RFC 903), by their Ethernet "
                "address. Others are not answered.",
         .only_with = links,
         .key_type = Type::Mac,
         .count = Range{0, 4096},
         .children = {{.name = "<mac>",
                       .type = Type::Address,
                       .doc = "The address that the host is told.",
                       .example = "192.0.2.9",
                       .effects = {.changed = "The host is told the new address when it asks.",
                                   .added = "The host is answered from now on.",
                                   .removed = "The host is not answered any more."}}}},
        {.name = "source-validation",
         .type = Type::Choice,
         .doc = "Drop what comes in from a source that the routes do not lead back to (RFC 3704).",
         .default_text = "off",
         .example = "strict",
         .choices = {{"off", "every source that can be a host's is taken"},
                     {"loose", "a route to the source must exist, the default route aside"},
                     {"strict", "the route to the source must lead through this interface"}},
         .effects = {.changed = "The next packet is judged accordingly."},
         .only_with = links},
        {.name = "source-route",
         .type = Type::Boolean,
         .doc = "Take packets with a source route option, which lets a sender choose its way "
                "around filters. Refused and counted otherwise.",
         .default_text = "false",
         .example = "false",
         .effects = {.changed = "The next packet is judged accordingly."},
         .only_with = links},
        {.name = "directed-broadcast",
         .type = Type::Boolean,
         .doc = "Forward packets from elsewhere to the broadcast addresses of this interface's "
                "subnets. Amplifies attacks: off unless a program needs it (RFC 2644).",
         .default_text = "false",
         .example = "false",
         .effects = {.changed = "The next packet is judged accordingly."},
         .only_with = links},
        {.name = "redirects",
         .type = Type::Boolean,
         .doc = "Tell hosts on this interface when another router of theirs is the better way "
                "(ICMP redirect).",
         .default_text = "true",
         .example = "true",
         .effects = {.changed = "The next packet is judged accordingly."},
         .only_with = links},
    };
}

}  // namespace

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
    for (Descriptor& property : interface_neighborhood()) {
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

}  // namespace godwit::config
