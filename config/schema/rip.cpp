// The `rip` section of the file.
#include <string>
#include <utility>

#include "config/schema/sections.hpp"

namespace godwit::config {

namespace {

constexpr std::uint64_t kSecond = 1000;  // milliseconds
constexpr std::uint64_t kHour = 3600 * kSecond;
constexpr std::uint64_t kMostNeighbors = 64;  // configured ones, of one interface
constexpr std::uint64_t kMostKeys = 64;       // of one chain
constexpr std::uint64_t kMostChains = 64;
constexpr std::uint64_t kMostRoutes = 1'000'000;
constexpr std::uint64_t kLongestPath = 4095;
constexpr std::uint64_t kLongestVariable = 255;

const std::vector<Choice>& algorithms() {
    static const std::vector<Choice> choices = {{"md5", "keyed MD5 (RFC 2082): what everybody has"},
                                                {"hmac-sha-1", "HMAC-SHA-1 (RFC 4822)"},
                                                {"hmac-sha-256", "HMAC-SHA-256 (RFC 4822)"},
                                                {"hmac-sha-384", "HMAC-SHA-384 (RFC 4822)"},
                                                {"hmac-sha-512", "HMAC-SHA-512 (RFC 4822)"}};
    return choices;
}

// Where a secret is kept; never the secret itself.
Descriptor secret(const std::string& name, const std::string& doc) {
    return {.name = name,
            .doc = doc,
            .required = true,
            .example = "{file: /etc/godwit/rip.key}",
            .absent_unless_written = true,
            .rules = {.exactly_one_of = {"file", "env"}, .at_least_one_of = {}},
            .children = {{.name = "file",
                          .type = Type::Text,
                          .doc = "Absolute path of a file; its first line is the secret.",
                          .range = Range{1, kLongestPath},
                          .example = "/etc/godwit/rip.key"},
                         {.name = "env",
                          .type = Type::Word,
                          .doc = "Name of a variable in the environment of the control plane.",
                          .range = Range{1, kLongestVariable},
                          .example = "RIP_KEY"}}};
}

Descriptor key_id() {
    return {.name = "id",
            .type = Type::Integer,
            .doc = "Number of the key, the same on all routers of the network.",
            .default_text = "1",
            .range = Range{0, 255},
            .example = "1"};
}

Descriptor single_key(const Choice& algorithm) {
    return {.name = algorithm.word,
            .doc = "One key without an end: " + algorithm.doc + ".",
            .absent_unless_written = true,
            .children = {key_id(), secret("key", "The key.")}};
}

Descriptor authentication() {
    Descriptor section = {
        .name = "authentication",
        .doc =
            "What every packet must prove. Without this section, packets with a proof are "
            "dropped as well (RFC 2453 5.2).",
        .effects = {.changed = "Holds for the next packet; routes stay while neighbours prove "
                               "themselves anew within the timeout."},
        .whole = true,
        .absent_unless_written = true,
        .rules = {.exactly_one_of = {"password", "key-chain"}, .at_least_one_of = {}},
        .children = {secret("password",
                            "A password of at most 16 characters, sent in the clear: against "
                            "mistakes, not against attackers.")}};
    section.children.front().required = false;
    for (const Choice& algorithm : algorithms()) {
        section.rules.exactly_one_of.push_back(algorithm.word);
        section.children.push_back(single_key(algorithm));
    }
    section.children.push_back({.name = "key-chain",
                                .type = Type::Word,
                                .doc = "Keys with lifetimes, of `key-chains`.",
                                .range = Range{1, kLongestName},
                                .example = "backbone"});
    section.children.push_back(
        {.name = "auth-length",
         .type = Type::Choice,
         .doc = "What the length of the authentication data in our packets counts. Either is "
                "understood in what is received.",
         .default_text = "digest",
         .example = "digest",
         .choices = {{"digest", "the digest (RFC 4822)"},
                     {"digest-and-trailer", "four bytes more, as old implementations expect it"}}});
    return section;
}

std::vector<Descriptor> interface_keys() {
    return {
        {.name = "cost",
         .type = Type::Integer,
         .doc = "What the network adds to the metric of routes that are learned on it, and the "
                "metric of the network itself.",
         .default_text = "1",
         .range = Range{1, 15},
         .example = "1",
         .effects = {.changed = "The neighbours are asked again, and their routes get the new "
                                "metric as they answer."}},
        {.name = "passive",
         .type = Type::Boolean,
         .doc = "Only listen; tell nobody but `neighbors`. The networks of the interface are told "
                "on the others all the same.",
         .default_text = "false",
         .example = "true",
         .effects = {.changed = "Neighbours are told at once that nothing leads through this "
                                "router, or everything."}},
        {.name = "split-horizon",
         .type = Type::Choice,
         .doc = "How routes are told on the interface that they were learned on (RFC 2453 3.4.3).",
         .default_text = "poison-reverse",
         .example = "poison-reverse",
         .choices = {{"off", "like all others: loops of two routers are possible"},
                     {"simple", "not at all: shorter updates, slower convergence"},
                     {"poison-reverse", "as unreachable"}},
         .effects = {.changed = "The next update is told so, at once."}},
        {.name = "send",
         .type = Type::Choice,
         .doc = "In what form updates are sent (RFC 2453 5.1).",
         .default_text = "multicast",
         .example = "multicast",
         .choices = {{"multicast", "version 2 to 224.0.0.9"},
                     {"broadcast",
                      "version 2 to the broadcast address, where no router of "
                      "version 1 listens"},
                     {"compatible",
                      "version 2 by broadcast, without what a router of version 1 "
                      "would misread"},
                     {"version-1", "version 1 by broadcast"}},
         .effects = {.changed = "Holds for the next update, at once."}},
        {.name = "receive",
         .type = Type::Choice,
         .doc = "Which versions are taken.",
         .default_text = "version-2",
         .example = "both",
         .choices = {{"version-2", "version 2"},
                     {"version-1", "version 1"},
                     {"both", "either"},
                     {"none", "nothing: tell only"}},
         .effects = {.changed = "Holds for the next packet."}},
        {.name = "ttl-security",
         .type = Type::Boolean,
         .doc = "Send with a TTL of 255 and take nothing that has less, so that nobody farther "
                "than the link can speak (RFC 5082). Both sides must have it.",
         .default_text = "false",
         .example = "true",
         .effects = {.changed = "Holds for the next packet."}},
        {.name = "neighbors",
         .type = Type::OneOrList,
         .doc = "Routers that are told by unicast, beside the others; with `passive`, only they.",
         .default_text = "[]",
         .example = "[192.0.2.2]",
         .effects = {.changed = "The new ones are told everything at once."},
         .count = Range{0, kMostNeighbors},
         .children = {{.name = "<address>",
                       .type = Type::Address,
                       .doc = "A router on the network of the interface.",
                       .example = "192.0.2.2"}}},
        {.name = "max-routes",
         .type = Type::Integer,
         .doc = "Routes of one neighbour at most. What it tells beyond is not taken, counted, and "
                "an event.",
         .default_text = "10000",
         .range = Range{1, kMostRoutes},
         .unit = "routes",
         .example = "10000",
         .effects = {.changed = "Holds for routes that come from now on."}},
        {.name = "import",
         .type = Type::Word,
         .doc = "Policy that routes pass before they are learned. Without one everything passes.",
         .range = Range{1, kLongestName},
         .example = "from-branch",
         .reference = Reference::Policy,
         .effects = {.changed = "The neighbours are asked again; what the policy refuses goes as "
                                "they answer."}},
        {.name = "export",
         .type = Type::Word,
         .doc = "Policy that routes pass before they are told. Without one everything passes.",
         .range = Range{1, kLongestName},
         .example = "to-branch",
         .reference = Reference::Policy,
         .effects = {.changed = "What is refused now is told as unreachable, at once."}},
        authentication(),
    };
}

Descriptor timers() {
    const auto timer = [](const char* name, const char* doc, const char* normal,
                          const char* effect) {
        return Descriptor{.name = name,
                          .type = Type::Duration,
                          .doc = doc,
                          .default_text = normal,
                          .range = Range{kSecond, kHour},
                          .example = normal,
                          .effects = {.changed = effect}};
    };
    return {.name = "timers",
            .doc = "The same on all routers of the network (RFC 2453 3.8).",
            .children = {timer("update",
                               "Between two updates with everything, more or less a sixth of it "
                               "by chance.",
                               "30s", "Holds for the next update."),
                         timer("timeout", "A route that is not heard for so long is lost.", "180s",
                               "Holds for all routes at once, from when each was last heard."),
                         timer("garbage-collect",
                               "So long a lost route is told as unreachable before it is "
                               "forgotten.",
                               "120s", "Holds for all lost routes at once.")}};
}

Descriptor redistribute() {
    Descriptor from = {.name = "from",
                       .type = Type::Choice,
                       .doc = "Whose routes.",
                       .required = true,
                       .example = "connected",
                       .choices = {{"connected",
                                    "networks of interfaces, also of those that do "
                                    "not speak RIP"},
                                   {"static", "static routes"}}};
    return {.name = "redistribute",
            .type = Type::List,
            .doc =
                "Routes of other sources that are told as well, while they are the best ones. "
                "Each source once.",
            .default_text = "[]",
            .example = "[{from: static, policy: lan-only}]",
            .effects = {.changed = "What is told no more is told as unreachable; other routes "
                                   "are not touched."},
            .count = Range{0, 16},
            .children = {{.name = "<source>",
                          .doc = "One source.",
                          .children = {std::move(from),
                                       {.name = "policy",
                                        .type = Type::Word,
                                        .doc = "Policy that its routes pass first. Without one "
                                               "all of them are told.",
                                        .range = Range{1, kLongestName},
                                        .example = "lan-only",
                                        .reference = Reference::Policy},
                                       {.name = "metric",
                                        .type = Type::Integer,
                                        .doc = "Their metric, unless the policy sets one. Without "
                                               "it, `default-metric`.",
                                        .range = Range{1, 15},
                                        .example = "2"}}}}};
}

Descriptor lifetime(const char* name, const char* doc) {
    return {.name = name,
            .doc = doc,
            .children = {{.name = "from",
                          .type = Type::Timestamp,
                          .doc = "Beginning, in UTC.",
                          .example = "2026-12-01T00:00:00Z"},
                         {.name = "until",
                          .type = Type::Timestamp,
                          .doc = "End, in UTC.",
                          .example = "2027-01-01T00:00:00Z"}}};
}

Descriptor key_chains() {
    Descriptor algorithm = {.name = "algorithm",
                            .type = Type::Choice,
                            .doc = "How it signs.",
                            .required = true,
                            .example = "hmac-sha-256",
                            .choices = algorithms()};
    Descriptor key = {
        .name = "<key>",
        .doc = "One key, under a name of your choice.",
        .effects = {.changed = "Holds for the next packet.",
                    .added = "Taken and sent from its time on.",
                    .removed = "Packets that it signs are dropped from now on."},
        .whole = true,
        .children = {key_id(), std::move(algorithm), secret("key", "The key itself."),
                     lifetime("send",
                              "When packets are signed with it. Of several, the one that "
                              "began last is used, and an older one beside it while a "
                              "neighbour still signs with that."),
                     lifetime("accept",
                              "When packets that it signs are taken; wider than `send`, "
                              "as clocks differ.")}};
    Descriptor keys = {.name = "keys",
                       .type = Type::NamedMap,
                       .doc = "The keys of the chain.",
                       .key_type = Type::Word,
                       .key_range = Range{1, kLongestName},
                       .count = Range{0, kMostKeys},
                       .children = {std::move(key)}};
    Descriptor when_expired = {
        .name = "when-expired",
        .type = Type::Choice,
        .doc = "What happens when the last key has ended (RFC 4822 5.1). Either is an event.",
        .default_text = "continue",
        .example = "continue",
        .choices = {{"continue", "the key that ended last goes on, so that routing does not stop"},
                    {"stop", "nothing is sent and taken any more"}},
        .effects = {.changed = "Holds for the next packet."}};
    return {.name = "key-chains",
            .type = Type::NamedMap,
            .doc = "Keys that follow one another without an interruption.",
            .key_type = Type::Word,
            .key_range = Range{1, kLongestName},
            .count = Range{0, kMostChains},
            .children = {{.name = "<chain>",
                          .doc = "One chain.",
                          .effects = {.changed = "Holds for the next packet."},
                          .children = {std::move(keys), std::move(when_expired)}}}};
}

}  // namespace

Descriptor rip_section() {
    Descriptor interfaces = {
        .name = "interfaces",
        .type = Type::NamedMap,
        .doc = "The interfaces that speak RIP, by their names. Without any, RIP does not run.",
        .key_type = Type::Word,
        .key_range = Range{1, kLongestName},
        .count = Range{0, kMostInterfaces},
        .children = {{.name = "<interface>",
                      .doc = "One interface; its networks are told on the others.",
                      .effects = {.changed = "Routes of other interfaces are not touched.",
                                  .added = "RIP begins there at once.",
                                  .removed = "The neighbours there are told that nothing leads "
                                             "through this router; their routes go."},
                      .children = interface_keys()}}};
    return {
        .name = "rip",
        .doc =
            "Routing Information Protocol, version 2 (RFC 2453), with version 1 where it is "
            "still needed.",
        .children = {
            std::move(interfaces),
            timers(),
            redistribute(),
            {.name = "originate-default",
             .type = Type::Boolean,
             .doc = "Tell the default route, whether there is one or not.",
             .default_text = "false",
             .example = "true",
             .effects = {.changed = "Told at once."}},
            {.name = "default-metric",
             .type = Type::Integer,
             .doc = "Metric of what is redistributed and of the originated default, where nothing "
                    "else says one.",
             .default_text = "1",
             .range = Range{1, 15},
             .example = "1",
             .effects = {.changed = "Told at once."}},
            {.name = "distance",
             .type = Type::Integer,
             .doc = "How much RIP is trusted against other sources; the least wins.",
             .default_text = "120",
             .range = Range{1, 254},
             .example = "120",
             .effects = {.changed = "All routes of RIP are weighed anew, at once."}},
            {.name = "max-paths",
             .type = Type::Integer,
             .doc = "Equally good neighbours that share the traffic to a destination.",
             .default_text = "8",
             .range = Range{1, 64},
             .unit = "paths",
             .example = "8",
             .effects = {.changed = "Fewer paths hold at once, more as neighbours tell of them."}},
            {.name = "max-routes",
             .type = Type::Integer,
             .doc = "Destinations that are learned at most, from all neighbours together.",
             .default_text = "20000",
             .range = Range{1, kMostRoutes},
             .unit = "routes",
             .example = "20000",
             .effects = {.changed = "Holds for routes that come from now on."}},
            key_chains(),
        }};
}

}  // namespace godwit::config
