// The `telemetry` section of the schema.
#include "config/schema/sections.hpp"

namespace godwit::config {

namespace {

// Scrapers come in ones and twos, and each place costs a listener for every address.
constexpr std::uint64_t kMostPlaces = 16;

}  // namespace

Descriptor telemetry_section() {
    Descriptor listen = {
        .name = "listen",
        .type = Type::OneOrList,
        .doc =
            "Where `GET /metrics` is answered, or a list of such places. Without any, nothing "
            "listens.",
        .default_text = "[]",
        .example = "lan0:9111",
        .effects = {.changed = "Places that are named no more stop answering at once, and new ones "
                               "answer at once; the others are not touched."},
        .count = Range{0, kMostPlaces},
        .children = {{.name = "<place>",
                      .type = Type::ListenPlace,
                      .doc = "An interface, for every address of it, or an address of the router; "
                             "0.0.0.0 is every address.",
                      .example = "lan0:9111"}}};
    return {.name = "telemetry",
            .doc = "How the router tells others how it does.",
            .children = {{.name = "prometheus",
                          .doc = "The metrics of docs/metrics.md, over HTTP, in the forms of "
                                 "Prometheus and OpenMetrics.",
                          .children = {std::move(listen)}}}};
}

}  // namespace godwit::config
