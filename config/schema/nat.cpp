// The `nat` section of the file.
#include <string>
#include <utility>

#include "config/schema/sections.hpp"

namespace godwit::config {

namespace {

constexpr std::uint64_t kMostRules = 256;      // of each kind
constexpr std::uint64_t kMostPrefixes = 64;    // of one rule
constexpr std::uint64_t kMostExclusions = 16;  // of one rule
constexpr std::uint64_t kSecond = 1000;        // milliseconds
constexpr std::uint64_t kDay = 86'400 * kSecond;
constexpr std::uint64_t kMiB = 1ULL << 20;

Descriptor name_key(const std::string& example) {
    return {.name = "name",
            .type = Type::Word,
            .doc = "What the rule is called in views and in the journal; no two rules have one.",
            .required = true,
            .range = Range{1, kLongestName},
            .example = example,
            .effects = {.changed = "Another name is another rule."}};
}

Descriptor out_interface() {
    return {.name = "out-interface",
            .type = Type::Word,
            .doc = "Packets that leave by this interface are meant.",
            .required = true,
            .range = Range{1, kLongestName},
            .example = "wan0",
            .reference = Reference::Interface,
            .effects = {.changed = "New sessions are translated where they leave now."}};
}

Descriptor port_block() {
    return {.name = "port-block",
            .doc =
                "Give ports out in blocks that belong to one subscriber, so that the journal "
                "has a line a block (RFC 6888 REQ-14).",
            .effects = {.changed = "The sessions of the rule stay."},
            .absent_unless_written = true,
            .children = {{.name = "size",
                          .type = Type::Integer,
                          .doc = "Ports of a block. It cannot change while the addresses of the "
                                 "pool stay.",
                          .default_text = "512",
                          .range = Range{2, 32768},
                          .unit = "ports",
                          .example = "512",
                          .effects = {.changed = "Refused while the rule is in use."}},
                         {.name = "per-subscriber",
                          .type = Type::Integer,
                          .doc = "Blocks that a subscriber may have at once.",
                          .default_text = "4",
                          .range = Range{1, 4},
                          .unit = "blocks",
                          .example = "4",
                          .effects = {.changed = "Holds for new blocks."}}}};
}

// For all rules, or for the sessions of one.
Descriptor limits(bool of_rule) {
    const auto limit = [](const std::string& name, const std::string& doc, const std::string& unit,
                          std::uint64_t most) {
        return Descriptor{.name = name,
                          .type = Type::Integer,
                          .doc = doc + " 0 is no limit.",
                          .default_text = "0",
                          .range = Range{0, most},
                          .unit = unit,
                          .example = "1000",
                          .effects = {.changed = "Holds for new sessions; none ends."}};
    };
    return {.name = "limits",
            .doc = std::string("What one subscriber, an inside address, may have at once") +
                   (of_rule ? ", asked when it begins a session by this rule; in the place of "
                              "`nat.limits`."
                            : ". Shared out among the workers, rounded up."),
            .absent_unless_written = of_rule,
            .children = {limit("ports", "Outside ports.", "ports", 65535),
                         limit("sessions", "Sessions.", "sessions", 1'000'000'000),
                         limit("sessions-per-second", "New sessions in a second.",
                               "sessions a second", 65535)}};
}

// The same with and without a default: what holds for all rules, and what a rule says instead.
Descriptor filtering(std::optional<std::string> default_text, const std::string& doc) {
    return {.name = "filtering",
            .type = Type::Choice,
            .doc = doc,
            .default_text = std::move(default_text),
            .example = "address-dependent",
            .choices = {{"endpoint-independent",
                         "anyone who knows it; what applications work best with"},
                        {"address-dependent", "hosts that the inside has sent to"},
                        {"address-and-port-dependent",
                         "only the address and port that the inside has sent to"}},
            .cost = ChangeCost::Restart,
            .effects = {.changed = "The dataplane restarts, and the sessions are lost."}};
}

Descriptor at_limit(std::optional<std::string> default_text, const std::string& doc) {
    return {.name = "at-limit",
            .type = Type::Choice,
            .doc = doc,
            .default_text = std::move(default_text),
            .example = "refuse",
            .choices = {{"end-transitory",
                         "the oldest TCP session that is opening or closing makes room"},
                        {"refuse", "it is refused (RFC 6888 REQ-11)"}},
            .effects = {.changed = "Holds for the next session."}};
}

constexpr const char* kAtLimitOfRule =
    "What a new session of this rule meets when all are in use; in the place of `nat.at-limit`.";

std::vector<Descriptor> source_keys() {
    return {
        name_key("lan-out"),
        out_interface(),
        {.name = "from",
         .type = Type::OneOrList,
         .doc = "Whose packets: inside prefixes. What comes from elsewhere leaves as it is.",
         .default_text = "[10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]",
         .example = "10.0.0.0/16",
         .effects = {.changed = "Sessions of addresses that are no longer meant end."},
         .count = Range{1, kMostPrefixes},
         .children = {{.name = "<prefix>",
                       .type = Type::Prefix,
                       .doc = "A prefix inside.",
                       .example = "10.0.0.0/16"}}},
        {.name = "exclude",
         .type = Type::OneOrList,
         .doc = "Destinations that these are to reach untranslated, by whatever interface: the far "
                "end of a tunnel, the provider's own network.",
         .default_text = "[]",
         .example = "[10.99.0.0/16]",
         .effects = {.changed = "Sessions to what is excluded now end; others stay."},
         .count = Range{0, kMostExclusions},
         .children = {{.name = "<prefix>",
                       .type = Type::Prefix,
                       .doc = "A prefix outside.",
                       .example = "10.99.0.0/16"}}},
        {.name = "to",
         .type = Type::OneOrList,
         .doc = "What they become: the interface's own primary address, or a pool. A subscriber "
                "has one address of the pool at all times.",
         .required = true,
         .example = "interface-address",
         .effects = {.changed = "Sessions whose outside address is no longer there end."},
         .count = Range{1, kMostPrefixes},
         .children = {{.name = "<outside>",
                       .type = Type::AddressRange,
                       .doc = "Outside addresses.",
                       .example = "203.0.113.8-203.0.113.15",
                       .choices = {{"interface-address",
                                    "the primary address of `out-interface`"}}}}},
        {.name = "ports",
         .type = Type::PortRange,
         .doc =
             "Outside ports that are given out. Of an address that is the router's own, 61440 to "
             "65535 are kept for what the router itself begins.",
         .default_text = "1024-65535",
         .example = "1024-65535",
         .effects = {.changed = "Sessions with ports outside the range end."}},
        port_block(),
        {.name = "deterministic",
         .type = Type::True,
         .doc = "Outside address and ports follow from the inside address (RFC 7422), so that no "
                "journal is needed to know who it was.",
         .example = "true",
         .effects = {.changed = "Sessions with another address or port than follows now end."},
         .excludes = {"port-block"}},
        filtering(std::nullopt,
                  "Who outside may answer to a mapping of this rule; in the place of "
                  "`nat.filtering`."),
        limits(true),
        at_limit(std::nullopt, kAtLimitOfRule),
    };
}

Descriptor source_rules() {
    return {.name = "source",
            .type = Type::NamedList,
            .doc =
                "Source NAT: many inside addresses behind one or few. The first rule that fits "
                "is taken.",
            .default_text = "[]",
            .example = "[{name: lan-out, out-interface: wan0, to: interface-address}]",
            .effects = {.changed = "The order holds for new sessions; others stay."},
            .count = Range{0, kMostRules},
            .children = {{.name = "<rule>",
                          .doc = "One rule.",
                          .effects = {.changed = "Holds at once; of the sessions only those end "
                                                 "that the rule no longer allows.",
                                      .added = "New sessions are translated by the rule.",
                                      .removed = "The sessions of the rule end."},
                          .whole = true,
                          .children = source_keys()}}};
}

Descriptor static_rules() {
    const Effects ends = {.changed = "Connections of these addresses end."};
    return {
        .name = "static",
        .type = Type::NamedList,
        .doc =
            "One-to-one NAT: an inside address is an outside one, both ways, for all protocols "
            "and ports, without state. Whoever may come in is the packet filter's decision.",
        .default_text = "[]",
        .example = "[{name: mail, out-interface: wan0, inside: 10.0.0.25, outside: 203.0.113.9}]",
        .effects = {.changed = "The order has no meaning."},
        .count = Range{0, kMostRules},
        .children = {
            {.name = "<rule>",
             .doc = "One pair of addresses, or of prefixes of one length.",
             .effects = {.changed = "Holds from the next packet on.",
                         .added = "Holds from the next packet on; sessions that the inside "
                                  "addresses have by other rules end.",
                         .removed = "Connections of these addresses end."},
             .whole = true,
             .children = {name_key("mail"),
                          out_interface(),
                          {.name = "inside",
                           .type = Type::AddressOrPrefix,
                           .doc = "Address or prefix inside.",
                           .required = true,
                           .example = "10.0.0.25",
                           .effects = ends},
                          {.name = "outside",
                           .type = Type::AddressOrPrefix,
                           .doc = "Address or prefix outside, of the same length.",
                           .required = true,
                           .example = "203.0.113.9",
                           .effects = ends}}}}};
}

std::vector<Descriptor> destination_keys() {
    const Effects ends = {.changed = "The sessions of the rule end."};
    return {
        name_key("web"),
        {.name = "in-interface",
         .type = Type::Word,
         .doc = "The interface whose primary address is spoken to. It may be spoken to from "
                "everywhere, also from inside (hairpin).",
         .range = Range{1, kLongestName},
         .example = "wan0",
         .reference = Reference::Interface,
         .effects = ends},
        {.name = "address",
         .type = Type::Address,
         .doc = "Another outside address that is spoken to.",
         .example = "203.0.113.10",
         .effects = ends},
        {.name = "protocol",
         .type = Type::Choice,
         .doc = "Of what protocol the port is.",
         .required = true,
         .example = "tcp",
         .choices = {{"tcp", "TCP"}, {"udp", "UDP"}, {"tcp-udp", "both"}},
         .effects = ends},
        {.name = "port",
         .type = Type::PortRange,
         .doc = "The port outside, or a range of them.",
         .required = true,
         .example = "443",
         .effects = ends},
        {.name = "to",
         .type = Type::AddressAndPort,
         .doc = "The host inside, with its port; of a range the first. Without a port it is the "
                "same as outside.",
         .required = true,
         .example = "\"10.0.0.10:8443\"",
         .effects = ends},
        at_limit(std::nullopt, kAtLimitOfRule),
    };
}

Descriptor destination_rules() {
    return {.name = "destination",
            .type = Type::NamedList,
            .doc =
                "Destination NAT: ports of an outside address that lead to a host inside (port "
                "forwarding).",
            .default_text = "[]",
            .example =
                "[{name: web, in-interface: wan0, protocol: tcp, port: 443, to: "
                "\"10.0.0.10:8443\"}]",
            .effects = {.changed = "The order has no meaning."},
            .count = Range{0, kMostRules},
            .children = {{.name = "<rule>",
                          .doc = "One port, or one range of ports.",
                          .effects = {.changed = "The sessions of the rule end that it no longer "
                                                 "allows.",
                                      .added = "Holds from the next packet on.",
                                      .removed = "The sessions of the rule end."},
                          .whole = true,
                          .rules = {.exactly_one_of = {"in-interface", "address"}},
                          .children = destination_keys()}}};
}

Descriptor timeout(const std::string& name, const std::string& doc,
                   std::optional<std::string> default_text, const std::string& example) {
    return {.name = name,
            .type = Type::Duration,
            .doc = doc,
            .default_text = std::move(default_text),
            .range = Range{0, 30 * kDay},
            .example = example,
            .effects = {.changed = "Holds for all sessions, also for those that there are."}};
}

Descriptor timeouts() {
    return {
        .name = "timeouts",
        .doc = "How long a session lives without traffic. The RFCs say how short each may be.",
        .children = {
            timeout("tcp-established", "A TCP connection; at least 2h4m (RFC 5382 REQ-5).", "7440s",
                    "7440s"),
            timeout("tcp-transitory",
                    "A TCP connection that is opening or closing; at least 4m (RFC 5382 REQ-5).",
                    "240s", "240s"),
            timeout("tcp-opening",
                    "One that is opening, apart from the other; at least 30s (RFC 7857 2.1).",
                    std::nullopt, "60s"),
            timeout("tcp-closing", "One that is closing, apart from the other; at least 4m.",
                    std::nullopt, "240s"),
            timeout("udp", "UDP; at least 2m, better 5m (RFC 4787 REQ-5).", "300s", "300s"),
            timeout("icmp", "ICMP queries; at least 1m (RFC 5508 REQ-2).", "60s", "60s"),
            timeout("port-quarantine",
                    "How long an outside port rests before another gets it (RFC 6888 REQ-8); 0s: "
                    "not at all.",
                    "120s", "120s"),
            timeout("syn-hold",
                    "How long a TCP SYN from outside that nobody asked for waits for one from "
                    "inside, before it is refused; at least 6s (RFC 5382 REQ-4).",
                    "6s", "6s"),
        }};
}

Descriptor gateways() {
    return {
        .name = "alg",
        .doc =
            "Gateways for protocols that speak of addresses in their payload. Each is off "
            "unless asked for: a gateway opens ports for whoever speaks its protocol.",
        .children = {
            {.name = "ftp",
             .type = Type::Boolean,
             .doc = "FTP in active mode by clients inside, and in passive mode by servers behind "
                    "a forwarded port 21: the endpoint of a data connection is replaced where it "
                    "is named (RFC 959, RFC 2428), and opened to the other end of the control "
                    "connection. Passive mode by clients inside needs no gateway.",
             .default_text = "false",
             .example = "true",
             .effects = {.changed = "Holds for new control connections; those that are followed "
                                    "stay open."}},
        }};
}

Descriptor pcp_keys() {
    const auto lifetime = [](const std::string& name, const std::string& doc,
                             const std::string& default_text, std::uint64_t most) {
        return Descriptor{.name = name,
                          .type = Type::Duration,
                          .doc = doc,
                          .default_text = default_text,
                          .range = Range{30 * kSecond, most},
                          .example = default_text,
                          .effects = {.changed = "Holds for the next request; mappings that there "
                                                 "are keep their lifetime."}};
    };
    return {
        .name = "pcp",
        .doc =
            "The server of the Port Control Protocol (RFC 6887): hosts behind `source` rules ask "
            "for ports that lead to them, by themselves (RFC 6888 REQ-9).",
        .children = {
            {.name = "interfaces",
             .type = Type::OneOrList,
             .doc = "Where clients are answered, on UDP port 5351. Without any there is no server. "
                    "None that is outside for a rule: whoever is there could open ports inside.",
             .default_text = "[]",
             .example = "[lan0]",
             .effects = {.changed = "Clients behind the new ones are answered at once, and those "
                                    "behind the others no longer."},
             .count = Range{0, kMostInterfaces},
             .children = {{.name = "<interface>",
                           .type = Type::Word,
                           .doc = "An interface inside, with an address.",
                           .range = Range{1, kLongestName},
                           .example = "lan0",
                           .reference = Reference::Interface}}},
            lifetime("min-lifetime",
                     "A mapping is given for no shorter time, whatever its client asks for "
                     "(RFC 6887 15).",
                     "120s", kDay),
            lifetime("max-lifetime", "A mapping is given for no longer time; its client renews it.",
                     "1d", 7 * kDay),
            {.name = "mappings-per-subscriber",
             .type = Type::Integer,
             .doc =
                 "Mappings that one subscriber, an inside address at an outside one, may have at "
                 "once by asking. Shared out among the workers, rounded up.",
             .default_text = "64",
             .range = Range{1, 65535},
             .unit = "mappings",
             .example = "64",
             .effects = {.changed = "Holds for new mappings; none ends."}},
        }};
}

Descriptor log_keys() {
    return {
        .name = "log",
        .doc =
            "The journal of who had which outside address and port when, with the fields of RFC "
            "8158: `nat-journal.jsonl` in the router's state directory.",
        .children = {
            {.name = "events",
             .type = Type::Choice,
             .doc = "What is written.",
             .default_text = "nothing",
             .example = "bindings",
             .choices = {{"nothing", "no journal"},
                         {"bindings",
                          "each mapping of an inside to an outside port, or each block "
                          "of ports; not who was spoken to (RFC 6888 REQ-12)"},
                         {"sessions", "each session with its remote"}},
             .effects = {.changed = "Holds from the next session on."}},
            {.name = "rate",
             .type = Type::Integer,
             .doc = "Records that are written in a second at most; what is left out is counted.",
             .default_text = "1000",
             .range = Range{1, 1'000'000},
             .unit = "records a second",
             .example = "1000",
             .effects = {.changed = "The new rate holds at once."}},
            {.name = "file-size",
             .type = Type::Size,
             .doc = "Size of a file, before the next is begun.",
             .default_text = "16MiB",
             .range = Range{kMiB, 1024 * kMiB},
             .example = "16MiB",
             .effects = {.changed = "Holds for the file that is being written."}},
            {.name = "files",
             .type = Type::Integer,
             .doc = "Files that are kept; the oldest goes.",
             .default_text = "8",
             .range = Range{1, 1000},
             .unit = "files",
             .example = "8",
             .effects = {.changed = "Files that are too many go when the next is begun."}},
        }};
}

}  // namespace

Descriptor nat_section() {
    return {
        .name = "nat",
        .doc =
            "Network address translation. A private network behind the router's own address is "
            "one rule of `source` with `to: interface-address`.",
        .children = {
            source_rules(),
            static_rules(),
            destination_rules(),
            filtering("endpoint-independent", "Who outside may answer to a mapping."),
            limits(false),
            timeouts(),
            {.name = "max-sessions",
             .type = Type::Integer,
             .doc =
                 "Sessions of all workers together. 128 bytes each are taken when the dataplane "
                 "starts. Of 128 there may be one mapping that a host asked for (`pcp`), of each "
                 "worker 64 at least.",
             .default_text = "262144",
             .range = Range{1024, 134'217'728},
             .unit = "sessions",
             .example = "1000000",
             .cost = ChangeCost::Restart,
             .effects = {.changed = "The dataplane restarts, and the sessions are lost."}},
            at_limit("end-transitory", "What a new session meets when all are in use."),
            {.name = "unsolicited-syn",
             .type = Type::Choice,
             .doc = "A TCP SYN from outside that nobody inside asked for.",
             .default_text = "hold",
             .example = "drop",
             .choices = {{"hold",
                          "waits for a SYN from inside, so that two hosts behind NATs can "
                          "open a connection; then an ICMP error (RFC 5382 REQ-4)"},
                         {"drop", "in silence"}},
             .effects = {.changed = "Holds for the next one."}},
            {.name = "inbound-refresh",
             .type = Type::Boolean,
             .doc = "Packets from outside keep UDP and ICMP sessions alive too (RFC 4787 REQ-6). "
                    "Whoever is outside can then keep them for ever.",
             .default_text = "false",
             .example = "true",
             .effects = {.changed = "Holds at once."}},
            {.name = "quarantine-ports",
             .type = Type::Integer,
             .doc = "Ports of an outside address and a protocol that rest at a time "
                    "(`timeouts.port-quarantine`) at most; what comes back beyond them may be "
                    "given out at once.",
             .default_text = "65536",
             .range = Range{0, 65536},
             .unit = "ports",
             .example = "20000",
             .effects = {.changed = "Holds for ports that come back from now on."}},
            gateways(),
            pcp_keys(),
            log_keys(),
        }};
}

}  // namespace godwit::config
