#include "controlplane/management/verbs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "controlplane/management/rip_explanation.hpp"
#include "controlplane/management/rip_instance.hpp"
#include "controlplane/management/route_explanation.hpp"
#include "controlplane/management/route_view.hpp"

namespace godwit::control {

namespace json = boost::json;

namespace {

double milliseconds(std::chrono::nanoseconds time) {
    return static_cast<double>(time.count()) / 1e6;
}

json::object event_json(const PingEvent& event) {
    json::object data{{"sequence", event.sequence}};
    switch (event.outcome) {
        case PingOutcome::Duplicate:
            data["duplicate"] = true;
            [[fallthrough]];
        case PingOutcome::Reply:
            data["from"] = event.from.to_string();
            data["bytes"] = event.bytes;
            data["ttl"] = event.ttl;
            data["rtt-ms"] = milliseconds(event.round_trip);
            break;
        case PingOutcome::Error:
            data["from"] = event.from.to_string();
            data["error"] = event.error;
            if (event.mtu != 0) {
                data["mtu"] = event.mtu;
            }
            break;
        case PingOutcome::Lost:
            data["lost"] = true;
            break;
    }
    return data;
}

json::object summary_json(const PingSummary& summary) {
    const bool any = summary.received > 0;
    const auto time = [any](std::chrono::nanoseconds value) {
        return any ? json::value(milliseconds(value)) : json::value(nullptr);
    };
    return json::object{{"sent", summary.sent},
                        {"received", summary.received},
                        {"rtt-min-ms", time(summary.minimum)},
                        {"rtt-avg-ms", time(summary.average)},
                        {"rtt-max-ms", time(summary.maximum)}};
}

json::object hop_json(const TracerouteHop& hop) {
    json::array probes;
    for (const ProbeAnswer& probe : hop.probes) {
        if (!probe.from) {
            probes.push_back(json::object{{"lost", true}});
            continue;
        }
        json::object data{{"from", probe.from->to_string()},
                          {"rtt-ms", milliseconds(probe.round_trip)}};
        if (!probe.mark.empty()) {
            data["mark"] = probe.mark;
        }
        probes.push_back(std::move(data));
    }
    return json::object{{"hop", hop.hop}, {"probes", std::move(probes)}};
}

// The model of a stored revision, or a sentence why there is none.
net::Result<config::Model, std::string> model_of(const config::RevisionStore& revisions,
                                                 std::uint64_t number) {
    const auto text = revisions.text_of(number);
    if (!text) {
        return net::unexpected(text.error());
    }
    auto loaded = config::load_text(*text, fmt::format("revision {}", number));
    if (!loaded) {
        return net::unexpected(
            fmt::format("revision {} is not a good configuration for this version:\n{}", number,
                        config::render(loaded.error())));
    }
    return std::move(loaded->model);
}

}  // namespace

void Verbs::handle(json::object keys, const std::shared_ptr<Answer>& answer) {
    Request request(std::move(keys));
    const std::string verb = request.required_text("verb");
    if (verb == "show") {
        show_.answer(request, answer);
    } else if (verb == "check" || verb == "plan" || verb == "apply") {
        configuration(verb, request, answer);
    } else if (verb == "diff") {
        diff(request, answer);
    } else if (verb == "history") {
        history(request, answer);
    } else if (verb == "explain") {
        explain(request, answer);
    } else if (verb == "clear") {
        clear(request, answer);
    } else if (verb == "ping") {
        ping(request, answer);
    } else if (verb == "traceroute") {
        traceroute(request, answer);
    } else {
        answer->fail(AnswerCode::BadRequest,
                     fmt::format("there is no verb '{}'; there are show, check, plan, apply, diff, "
                                 "history, explain, clear, ping and traceroute",
                                 printable(verb.data(), std::min<std::size_t>(verb.size(), 64))));
    }
}

// A prefix is looked up as it stands, an address by the longest prefix that is used for it.
void Verbs::explain(Request& request, const std::shared_ptr<Answer>& answer) {
    const std::string subject = request.required_text("subject");
    const auto prefix = request.optional_prefix("prefix");
    const auto address = request.optional_address("address");
    if (const auto errors = request.finish(); !errors.empty()) {
        answer->fail(AnswerCode::BadRequest, errors);
        return;
    }
    if (subject != "route") {
        answer->fail(
            AnswerCode::BadRequest,
            fmt::format("there is no '{}' to explain; there is route",
                        printable(subject.data(), std::min<std::size_t>(subject.size(), 64))));
        return;
    }
    if (prefix.has_value() == address.has_value()) {
        answer->fail(AnswerCode::BadRequest, "give a 'prefix' or an 'address', one of the two");
        return;
    }
    const auto found = prefix ? router_.rib().find(*prefix) : router_.rib().lookup(*address);
    // What no source has may still be what RIP has refused, or is about to forget.
    const auto known_to_rip = prefix  ? prefix
                              : found ? std::nullopt
                                      : longest_in_rip(router_.rip(), *address);
    const PrefixView known =
        found.value_or(PrefixView{known_to_rip.value_or(net::Ipv4Prefix()), {}});
    const auto rip = rip_explanation(router_.rip(), known.prefix);
    if (!found && (!known_to_rip || !rip || rip->is_empty())) {
        answer->fail(AnswerCode::Failed,
                     prefix ? fmt::format("no source has a route to {}", prefix->to_string())
                            : fmt::format("no route leads to {}", address->to_string()));
        return;
    }
    answer->done(explanation_json(router_.rib(), known, router_.interfaces().names(),
                                  rip_explanation_json(rip, router_.policies())));
}

void Verbs::configuration(const std::string& verb, Request& request,
                          const std::shared_ptr<Answer>& answer) {
    ApplyRequest asked;
    asked.yaml = request.required_text("yaml");
    asked.file = request.text("file", "configuration");
    if (verb == "apply") {
        asked.message = request.text("message");
        if (asked.message.empty()) {
            asked.message = fmt::format("apply {}", asked.file);
        }
        asked.allow_restart = request.flag("allow-restart");
    }
    if (const auto errors = request.finish(); !errors.empty()) {
        answer->fail(AnswerCode::BadRequest, errors);
    } else if (verb == "check") {
        applier_.check(asked, answer);
    } else if (verb == "plan") {
        applier_.plan(asked, answer);
    } else {
        applier_.apply(std::move(asked), answer);
    }
}

void Verbs::diff(Request& request, const std::shared_ptr<Answer>& answer) {
    const auto from = request.optional_number("from");
    const auto to = request.optional_number("to");
    if (const auto errors = request.finish(); !errors.empty()) {
        answer->fail(AnswerCode::BadRequest, errors);
        return;
    }
    // Without `to` the newest; without `from` the one before it.
    const std::vector<config::Revision> history = revisions_.history();
    if (history.empty()) {
        answer->fail(AnswerCode::Refused, "there is no revision yet; apply a configuration first");
        return;
    }
    const std::uint64_t later = to.value_or(history.back().number);
    std::optional<std::uint64_t> earlier = from;
    for (const config::Revision& revision : history) {
        if (!from && revision.number < later) {
            earlier = revision.number;
        }
    }
    if (!earlier) {
        answer->fail(
            AnswerCode::Refused,
            fmt::format("there is no revision before {} to compare it with; see `history`", later));
        return;
    }
    const auto before = model_of(revisions_, *earlier);
    const auto after = model_of(revisions_, later);
    std::vector<std::string> errors;
    for (const auto* const each : {&before, &after}) {
        if (!*each) {
            errors.push_back(each->error());
        }
    }
    if (!errors.empty()) {
        answer->fail(AnswerCode::Refused, errors);
        return;
    }
    answer->done(json::object{{"from", *earlier},
                              {"to", later},
                              {"changes", changes_json(config::diff(*before, *after))}});
}

void Verbs::history(Request& request, const std::shared_ptr<Answer>& answer) {
    if (const auto errors = request.finish(); !errors.empty()) {
        answer->fail(AnswerCode::BadRequest, errors);
        return;
    }
    json::array list;
    std::vector<config::Revision> history = revisions_.history();
    std::reverse(history.begin(), history.end());
    for (const config::Revision& revision : history) {
        list.push_back(
            revision_json(revision, revision.number == router_.running().revision.number));
    }
    answer->done(list);
}

void Verbs::clear(Request& request, const std::shared_ptr<Answer>& answer) {
    const std::string subject = request.required_text("subject");
    if (subject == "rip") {
        clear_rip(request, answer);
        return;
    }
    std::vector<std::string> wrong;
    const NatSelection selection = NatViews::read_selection(request, wrong);
    const bool all = request.flag("all");
    std::vector<std::string> errors = request.finish();
    errors.insert(errors.end(), wrong.begin(), wrong.end());
    const bool is_mappings = subject == "nat-mappings";
    if (subject != "nat" && !is_mappings && !subject.empty()) {
        errors.emplace_back("there is nothing to clear but 'nat', 'nat-mappings' and 'rip'");
    } else if (selection.is_all() && !all) {
        errors.push_back(fmt::format("say which {} are to end, or 'all': true",
                                     is_mappings ? "mappings" : "sessions"));
    } else if (is_mappings &&
               (!selection.ages.empty() || (selection.filter.fields & api::kNatRemote) != 0)) {
        errors.emplace_back("a mapping has no 'remote' and no 'state'; sessions have");
    }
    if (!errors.empty()) {
        answer->fail(AnswerCode::BadRequest, errors);
        return;
    }
    nat_.clear(is_mappings ? api::NatAskKind::ClearMappings : api::NatAskKind::Clear, selection,
               answer);
}

void Verbs::clear_rip(Request& request, const std::shared_ptr<Answer>& answer) {
    const auto neighbor = request.optional_address("neighbor");
    const bool counters = request.flag("counters");
    if (const auto errors = request.finish(); !errors.empty()) {
        answer->fail(AnswerCode::BadRequest, errors);
        return;
    }
    RipInstance& rip = router_.rip();
    if (rip.service() == nullptr) {
        answer->fail(AnswerCode::Refused, "rip does not run; configure 'rip.interfaces' first");
        return;
    }
    if (counters) {
        rip.clear_counters();
        answer->done(json::object{{"cleared", "counters"}});
        return;
    }
    std::optional<rip::NeighborId> id;
    if (neighbor) {
        for (const auto& [known, entry] : rip.service()->core().neighbors().entries()) {
            if (known.address == *neighbor) {
                id = known;
            }
        }
        if (!id) {
            answer->fail(AnswerCode::Refused,
                         fmt::format("rip has no neighbor {}; see `show rip neighbors`",
                                     neighbor->to_string()));
            return;
        }
    }
    rip.clear(id);
    answer->done(json::object{{"cleared", "routes"}});
}

void Verbs::ping(Request& request, const std::shared_ptr<Answer>& answer) {
    PingRequest asked;
    const auto address = request.required_address("address");
    asked.count = static_cast<std::uint32_t>(request.number("count", 4, 1, Ping::kMaxCount));
    asked.interval = std::chrono::milliseconds(
        request.number("interval-ms", 1000, static_cast<std::uint64_t>(Ping::kMinInterval.count()),
                       static_cast<std::uint64_t>(Ping::kMaxInterval.count())));
    asked.size = static_cast<std::uint16_t>(request.number("size", 56, 0, Ping::kMaxSize));
    asked.dont_fragment = request.flag("df");
    asked.source = request.optional_address("source").value_or(net::Ipv4Address());
    asked.ttl = static_cast<std::uint8_t>(request.number("ttl", 64, 1, 255));
    asked.timeout = std::chrono::milliseconds(request.number(
        "timeout-ms", 1000, 1, static_cast<std::uint64_t>(Ping::kMaxTimeout.count())));
    if (const auto errors = request.finish(); !errors.empty()) {
        answer->fail(AnswerCode::BadRequest, errors);
        return;
    }
    asked.destination = *address;
    if (!dataplane_is_there(answer)) {
        return;
    }
    PingListener listener;
    listener.event = [answer](const PingEvent& event) { answer->more(event_json(event)); };
    listener.end = [answer](const PingSummary& summary) { answer->done(summary_json(summary)); };
    const auto started = router_.ping(asked, std::move(listener));
    if (!started) {
        answer->fail(AnswerCode::Refused, started.error());
        return;
    }
    answer->when_gone([this, id = *started] { router_.cancel_ping(id); });
}

void Verbs::traceroute(Request& request, const std::shared_ptr<Answer>& answer) {
    TracerouteRequest asked;
    const auto address = request.required_address("address");
    const std::string probe = request.text("probe", "udp");
    asked.kind = probe == "icmp" ? ProbeKind::Echo : ProbeKind::Udp;
    asked.max_hops = static_cast<std::uint8_t>(request.number("max-hops", 30, 1, 255));
    asked.probes_a_hop =
        static_cast<std::uint8_t>(request.number("probes", 3, 1, Traceroute::kMaxProbes));
    asked.timeout = std::chrono::milliseconds(request.number(
        "timeout-ms", 2000, 1, static_cast<std::uint64_t>(Traceroute::kMaxTimeout.count())));
    asked.port = static_cast<std::uint16_t>(request.number("port", asked.port, 1, 65'535));
    asked.size = static_cast<std::uint16_t>(request.number("size", 32, 0, Traceroute::kMaxSize));
    asked.dont_fragment = request.flag("df");
    asked.source = request.optional_address("source").value_or(net::Ipv4Address());
    std::vector<std::string> errors = request.finish();
    if (probe != "udp" && probe != "icmp") {
        errors.push_back(
            fmt::format("probe: '{}' is neither udp nor icmp",
                        printable(probe.data(), std::min<std::size_t>(probe.size(), 64))));
    }
    if (!errors.empty()) {
        answer->fail(AnswerCode::BadRequest, errors);
        return;
    }
    asked.destination = *address;
    if (!dataplane_is_there(answer)) {
        return;
    }
    TracerouteListener listener;
    listener.hop = [answer](const TracerouteHop& hop) { answer->more(hop_json(hop)); };
    listener.end = [answer](const TracerouteSummary& summary) {
        answer->done(json::object{{"hops", summary.hops}, {"reached", summary.reached}});
    };
    const auto started = router_.traceroute(asked, std::move(listener));
    if (!started) {
        answer->fail(AnswerCode::Refused, started.error());
        return;
    }
    answer->when_gone([this, id = *started] { router_.cancel_traceroute(id); });
}

bool Verbs::dataplane_is_there(const std::shared_ptr<Answer>& answer) const {
    if (!router_.channel().connected()) {
        answer->fail(AnswerCode::Unavailable,
                     fmt::format("the dataplane is not there ({}); try again in a moment",
                                 router_.channel().problem()));
        return false;
    }
    return true;
}

}  // namespace godwit::control
