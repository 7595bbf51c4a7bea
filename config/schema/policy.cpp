// The `policy` section of the file.
#include <string>
#include <utility>

#include "config/model/policy.hpp"
#include "config/schema/sections.hpp"

namespace godwit::config {

namespace {

constexpr std::uint64_t kMostSets = 1000;
constexpr std::uint64_t kMostPrefixes = 100'000;  // of one set
constexpr std::uint64_t kMostPolicies = 1000;
constexpr std::uint64_t kMostTerms = 1000;  // of one policy
constexpr std::uint64_t kMostValues = 64;   // of one key of a match
constexpr std::uint64_t kHighest = 4'294'967'295;

const std::string kReevaluated =
    "The routes that pass a policy which uses it are judged again; no others are touched.";

Descriptor pattern_item() {
    return {.name = "<prefix>",
            .type = Type::PrefixRange,
            .doc = "A prefix, alone or with the lengths that count inside it.",
            .example = "\"10.0.0.0/8 le 24\""};
}

Descriptor prefix_sets() {
    return {.name = "prefix-sets",
            .type = Type::NamedMap,
            .doc =
                "Sets of prefixes. `10.0.0.0/8` is that prefix alone, `10.0.0.0/8 le 24` every "
                "prefix inside it of at most 24 bits, `0.0.0.0/0 ge 25` every one of at least "
                "25, `10.0.0.0/8 ge 16 le 24` what is between.",
            .key_range = Range{1, kLongestName},
            .count = Range{0, kMostSets},
            .children = {{.name = "<set>",
                          .type = Type::List,
                          .doc = "The prefixes of the set, in any order.",
                          .example = "[\"10.0.0.0/8 le 32\", 192.168.0.0/16]",
                          .effects = {.changed = kReevaluated},
                          .count = Range{0, kMostPrefixes},
                          .children = {pattern_item()}}}};
}

Descriptor range_key(const std::string& name, const std::string& doc, std::uint64_t most,
                     const std::string& example) {
    const auto bound = [&](const std::string& which, const std::string& what) {
        return Descriptor{.name = which,
                          .type = Type::Integer,
                          .doc = what,
                          .range = Range{0, most},
                          .example = example};
    };
    return {.name = name,
            .doc = doc,
            .absent_unless_written = true,
            .rules = {.exactly_one_of = {}, .at_least_one_of = {"min", "max"}},
            .children = {bound("min", "The least, itself included. Without it there is none."),
                         bound("max", "The most, itself included. Without it there is none.")}};
}

Descriptor names_key(const std::string& name, const std::string& doc, const std::string& example,
                     Reference reference) {
    return {.name = name,
            .type = Type::OneOrList,
            .doc = doc,
            .example = example,
            .reference = reference,
            .count = Range{1, kMostValues},
            .children = {{.name = "<name>",
                          .type = Type::Word,
                          .doc = "A name.",
                          .range = Range{1, kLongestName},
                          .example = example}}};
}

std::vector<Choice> origins() {
    return {{std::string(kRouteOriginWords[0]), "the subnets of the interfaces"},
            {std::string(kRouteOriginWords[1]), "`static.routes`"},
            {std::string(kRouteOriginWords[2]), "learned by RIP"},
            {std::string(kRouteOriginWords[3]), "learned by OSPF"},
            {std::string(kRouteOriginWords[4]), "learned from a BGP neighbour of another AS"},
            {std::string(kRouteOriginWords[5]), "learned from a BGP neighbour of the own AS"}};
}

Descriptor match_section() {
    return {
        .name = "match",
        .doc =
            "What the term applies to. All keys that are there must hold; of several values "
            "of a key, one. Without any key the term applies to every route.",
        .children = {
            names_key("prefix-set", "The route's prefix is in the set.", "bogons",
                      Reference::PrefixSet),
            {.name = "prefix",
             .type = Type::OneOrList,
             .doc = "The route's prefix is one of these, as in a prefix set.",
             .example = "\"10.0.0.0/8 le 24\"",
             .count = Range{1, kMostValues},
             .children = {pattern_item()}},
            range_key("prefix-length", "How long the route's prefix is.", 32, "24"),
            {.name = "source",
             .type = Type::OneOrList,
             .doc = "Where the route comes from.",
             .example = "static",
             .count = Range{1, kRouteOriginWords.size()},
             .children = {{.name = "<source>",
                           .type = Type::Choice,
                           .doc = "A source.",
                           .example = "static",
                           .choices = origins()}}},
            {.name = "tag",
             .type = Type::OneOrList,
             .doc = "The route's tag; 0 is none.",
             .example = "100",
             .count = Range{1, kMostValues},
             .children = {{.name = "<tag>",
                           .type = Type::Integer,
                           .doc = "A tag.",
                           .range = Range{0, kHighest},
                           .example = "100"}}},
            range_key("metric", "The route's metric, as its source counts.", kHighest, "10"),
            names_key("interface",
                      "One of the route's next hops leads through the interface; a connected route "
                      "is of its own interface, a received one of that which it came in by.",
                      "lan0", Reference::Interface),
            {.name = "next-hop",
             .type = Type::OneOrList,
             .doc = "One of the route's next hops is this router.",
             .example = "192.0.2.254",
             .count = Range{1, kMostValues},
             .children = {{.name = "<address>",
                           .type = Type::Address,
                           .doc = "Address of a router.",
                           .example = "192.0.2.254"}}},
            names_key("next-hop-set", "One of the route's next hops lies in a prefix of the set.",
                      "transit-routers", Reference::PrefixSet),
        }};
}

Descriptor number_to_set(const std::string& name, const std::string& doc, Range range,
                         const std::string& example, std::vector<std::string> excludes = {}) {
    return {.name = name,
            .type = Type::Integer,
            .doc = doc,
            .range = range,
            .example = example,
            .excludes = std::move(excludes)};
}

Descriptor set_section() {
    return {
        .name = "set",
        .doc = "What the term changes of the route.",
        .children = {
            number_to_set("metric", "The metric becomes this.", {0, kHighest}, "5",
                          {"add-metric", "subtract-metric"}),
            number_to_set("add-metric", "The metric grows by this.", {1, kHighest}, "5",
                          {"subtract-metric"}),
            number_to_set("subtract-metric", "The metric shrinks by this, to nothing at the least.",
                          {1, kHighest}, "5"),
            number_to_set("tag", "The tag becomes this; protocols that can carry it.",
                          {0, kHighest}, "100"),
            number_to_set("distance", "How much the route is trusted here, where it is taken in.",
                          {1, 254}, "150"),
            {.name = "next-hop",
             .type = Type::Address,
             .doc = "The router that the route leads to.",
             .example = "192.0.2.254"},
        }};
}

Descriptor terms() {
    return {.name = "terms",
            .type = Type::NamedList,
            .doc = "Asked in order, until one accepts or rejects the route.",
            .default_text = "[]",
            .example = "[{name: all, then: accept}]",
            .effects = {.changed = "The routes that pass the policy are judged again."},
            .count = Range{0, kMostTerms},
            .children = {
                {.name = "<term>",
                 .doc = "One step of a policy.",
                 .effects = {.changed = "The routes that pass the policy are judged again."},
                 .whole = true,
                 .children = {{.name = "name",
                               .type = Type::Word,
                               .doc = "What the term is called in views; its counter goes by it.",
                               .required = true,
                               .range = Range{1, kLongestName},
                               .example = "no-bogons"},
                              match_section(),
                              set_section(),
                              {.name = "then",
                               .type = Type::Choice,
                               .doc = "What becomes of a route that the term applies to.",
                               .required = true,
                               .example = "accept",
                               .choices = {{"accept", "it passes, as it is now"},
                                           {"reject", "it does not pass"},
                                           {"next", "the next term sees it, as it is now"}}}}}}};
}

Descriptor policies() {
    return {.name = "policies",
            .type = Type::NamedMap,
            .doc = "Policies. A protocol or a redistribution names the one that routes must pass.",
            .key_range = Range{1, kLongestName},
            .count = Range{0, kMostPolicies},
            .children = {
                {.name = "<policy>",
                 .doc = "One policy.",
                 .effects = {.changed = "The routes that pass it are judged again; no others are "
                                        "touched."},
                 .children = {{.name = "default",
                               .type = Type::Choice,
                               .doc = "What becomes of a route that no term decides.",
                               .default_text = "reject",
                               .example = "reject",
                               .choices = {{"accept", "it passes"}, {"reject", "it does not pass"}},
                               .effects = {.changed = "The routes that pass the policy are judged "
                                                      "again."}},
                              terms()}}}};
}

}  // namespace

Descriptor policy_section() {
    return {.name = "policy",
            .doc = "What routes must pass on their way from one source to another.",
            .children = {prefix_sets(), policies()}};
}

}  // namespace godwit::config
