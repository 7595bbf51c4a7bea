// What RIP was told of one prefix and what it tells of it, and why: values, made when somebody asks
// (core_explanation.cpp). With each goes what the policy there is asked, for whoever can trace it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/rip/settings.hpp"
#include "controlplane/rip/types.hpp"

namespace godwit::control::rip {

// Why an interface is told of a destination as it is, or is not told of it.
enum class TellingReason : std::uint8_t {
    AsItIs,
    Whole,          // RFC 2453 3.7: one entry for a natural network as a whole
    Poisoned,       // RFC 2453 3.4.3: split horizon with poisoned reverse
    Ending,         // kept back from now on: whoever has it shall not wait for a timeout
    Deleted,        // RFC 2453 3.8
    InterfaceDown,  // the first of those with which it is not told
    Passive,
    OwnNetwork,    // RFC 2453 3.4.3: known to all who are on it
    SplitHorizon,  // RFC 2453 3.4.3
    Policy,
    Misread,  // RFC 2453 4.3: by routers that know no masks
};

// Of AsItIs there is nothing to say.
constexpr std::array<std::string_view, 11> kTellingSentences{
    "",
    "routers without masks are told its network as a whole",
    "it was learned there, so it is told as unreachable",
    "it is kept back from now on, so it is told as unreachable for a while",
    "it is there no more, and told as unreachable until it is forgotten",
    "the interface is down",
    "the interface is passive",
    "it is the network of the interface",
    "it was learned there",
    "the policy refuses it",
    "routers without masks would misread it"};
constexpr std::string_view sentence_of(TellingReason reason) {
    return kTellingSentences[static_cast<std::size_t>(reason)];
}

// A route that a neighbour tells: in use, or refused by the import policy. What passed the policy
// and is not among the best is not kept by RIP (RFC 2453 3.4), so it is not here either.
struct ImportExplanation {
    std::string interface;
    net::Ipv4Address neighbor;
    PolicyInput told;  // as the neighbour tells it, and the policy is asked
    Cost cost = 1;
    Duration heard{};              // so long ago
    std::optional<Metric> metric;  // behind the policy, with the cost; none: refused
    std::uint16_t tag = 0;         // behind the policy
    std::string policy;            // empty: none
};

struct ExportExplanation {
    std::string interface;
    std::optional<net::Ipv4Address> to;  // none: nobody is told anything there
    TellingReason reason = TellingReason::AsItIs;
    // As it is told.
    struct Telling {
        net::Ipv4Prefix prefix;
        Metric metric;
        std::uint16_t tag = 0;
        std::optional<net::Ipv4Address> next_hop;  // none: this router
    };
    std::optional<Telling> told;
    std::string policy;                // empty: none
    std::optional<PolicyInput> asked;  // of the policy; none: it did not come to that
};

struct PrefixExplanation {
    std::vector<ImportExplanation> imports;
    std::vector<ExportExplanation> exports;  // one for each way out of an interface
    [[nodiscard]] bool is_empty() const { return imports.empty() && exports.empty(); }
};

}  // namespace godwit::control::rip
