#include "controlplane/ctl/runner.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <ostream>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load/load.hpp"
#include "controlplane/ctl/json_reading.hpp"
#include "controlplane/ctl/rip_views.hpp"
#include "controlplane/ctl/route_views.hpp"
#include "controlplane/ctl/table.hpp"
#include "controlplane/ctl/text_forms.hpp"
#include "controlplane/ctl/views.hpp"

namespace godwit::ctl {
namespace json = boost::json;
namespace {

using std::chrono::milliseconds;

// An apply may wait for devices; a router that needs longer than this does not answer.
constexpr milliseconds kPatience{60'000};
constexpr std::size_t kMaxFileBytes = 16U << 20;  // docs/control-protocol.md: one line

// The only thing that a signal handler may touch.
volatile std::sig_atomic_t interrupted = 0;

void note_interrupt(int) {
    interrupted = 1;
}

void wait_for(milliseconds time) {
    // poll() with no descriptors is a sleep that a signal ends.
    ::poll(nullptr, 0, static_cast<int>(time.count()));
}

net::Result<std::string, std::string> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return net::unexpected(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
    }
    std::ostringstream text;
    text << file.rdbuf();
    if (file.bad() || (file.fail() && !file.eof())) {
        return net::unexpected(fmt::format("cannot read {}: is it a file?", path));
    }
    if (text.str().size() > kMaxFileBytes) {
        return net::unexpected(fmt::format("{} is larger than {} MiB; no configuration is", path,
                                           kMaxFileBytes >> 20));
    }
    return text.str();
}

std::vector<std::string> strings_of(const json::value& list) {
    std::vector<std::string> strings;
    for (const json::value& item : items(list)) {
        strings.push_back(cell_of(item));
    }
    return strings;
}

std::string with_newline(std::string text) {
    if (text.empty() || text.back() != '\n') {
        text += '\n';
    }
    return text;
}

// Rendered findings have lines of their own; each line is cleaned for the terminal.
std::string printable_lines(std::string_view text) {
    std::string clean;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        clean += printable(text.substr(0, end)) + "\n";
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return clean;
}

json::array only_named(const json::value& data, std::string_view name) {
    json::array named;
    for (const json::value& item : items(data)) {
        if (cell_of(member(item, "name")) == name) {
            named.push_back(item);
        }
    }
    return named;
}

void add_selection(json::object& request, const NatSelection& nat) {
    for (const auto& [key, text] :
         {std::pair("inside", &nat.inside), std::pair("outside", &nat.outside),
          std::pair("remote", &nat.remote), std::pair("protocol", &nat.protocol),
          std::pair("rule", &nat.rule), std::pair("state", &nat.state)}) {
        if (!text->empty()) {
            request[key] = *text;
        }
    }
    if (nat.inside_port) {
        request["inside-port"] = *nat.inside_port;
    }
    if (nat.outside_port) {
        request["outside-port"] = *nat.outside_port;
    }
}

}  // namespace

void install_interrupt_handler() {
    struct sigaction action {};
    action.sa_handler = note_interrupt;  // no SA_RESTART: waits must end
    ::sigaction(SIGINT, &action, nullptr);
}

int Runner::run(const Invocation& asked) {
    interrupted = 0;
    switch (asked.verb) {
        case Verb::Show:
            return show(asked);
        case Verb::Check:
            return check(asked);
        case Verb::Plan:
        case Verb::Apply:
            return with_file(asked);
        case Verb::Diff:
            return diff(asked);
        case Verb::History:
            return history(asked);
        case Verb::Explain:
            return explain(asked);
        case Verb::Ping:
            return ping(asked);
        case Verb::Traceroute:
            return traceroute(asked);
        case Verb::Clear:
            return clear(asked);
        case Verb::Prompt:
        case Verb::Completion:
            break;
    }
    return kExitUsage;
}

// ---- asking

net::Result<json::value, int> Runner::ask(const Invocation& asked, const json::object& request) {
    auto client = ControlClient::connect(asked.socket);
    if (!client) {
        return net::unexpected(report(client.error()));
    }
    if (const auto sent = client->send(request); !sent) {
        return net::unexpected(report(sent.error()));
    }
    auto answer = client->receive(kPatience);
    if (!answer) {
        return net::unexpected(report(answer.error()));
    }
    const json::value whole(std::move(*answer));
    if (!truth_of(member(whole, "ok"))) {
        return net::unexpected(
            refuse(asked, cell_of(member(whole, "code")), strings_of(member(whole, "errors"))));
    }
    return member(whole, "data");
}

int Runner::refuse(const Invocation& asked, std::string_view code,
                   const std::vector<std::string>& errors) {
    if (asked.output == OutputForm::Table) {
        for (const std::string& error : errors) {
            console_.err << printable_lines(error);
        }
        if (errors.empty()) {
            console_.err << "godwitctl: the router refused (" << printable(code)
                         << ") and gave no reason\n";
        }
    } else {
        json::array sentences;
        for (const std::string& error : errors) {
            sentences.emplace_back(error);
        }
        const json::object answer{{"ok", false}, {"code", code}, {"errors", std::move(sentences)}};
        print(asked, answer, "");
    }
    return code == "reverted" ? kExitReverted : kExitRefused;
}

int Runner::report(const ClientError& error) {
    if (error.kind == NoAnswer::Interrupted) {
        console_.err << "godwitctl: interrupted\n";
        return kExitRefused;
    }
    console_.err << "godwitctl: error: " << error.text << "\n";
    return kExitNoRouter;
}

void Runner::print(const Invocation& asked, const json::value& data, const std::string& table) {
    switch (asked.output) {
        case OutputForm::Table:
            console_.out << table;
            break;
        case OutputForm::Json:
            // Under --watch one line an answer, for programs that read lines.
            console_.out << (asked.watch ? json::serialize(data) + "\n" : pretty_json(data));
            break;
        case OutputForm::Yaml:
            console_.out << (asked.watch ? "---\n" : "") << yaml(data);
            break;
    }
    console_.out.flush();
}

// ---- verbs

int Runner::show(const Invocation& asked) {
    if (!asked.watch) {
        return show_once(asked);
    }
    for (;;) {
        if (asked.output == OutputForm::Table && console_.clear_screen) {
            console_.out << "\033[H\033[2J";
        }
        if (const int code = show_once(asked); code != kExitDone) {
            return code;
        }
        if (asked.output == OutputForm::Table && !console_.clear_screen) {
            console_.out << "\n";
        }
        if (!interrupted) {
            wait_for(*asked.watch);
        }
        if (interrupted || !console_.out) {
            return kExitDone;
        }
    }
}

int Runner::show_once(const Invocation& asked) {
    json::object request{{"verb", "show"}, {"subject", asked.subject}};
    if (asked.subject == "nat-sessions" || asked.subject == "nat-mappings" ||
        asked.subject == "nat-subscribers") {
        request["limit"] = asked.limit;
    }
    if (asked.subject == "nat-sessions") {
        add_selection(request, asked.nat);
    }
    const bool by_name = asked.subject == "interfaces" && !asked.name.empty();
    if (asked.subject == "rip" && !asked.name.empty()) {
        request["part"] = asked.name;
    } else if (!asked.name.empty() && !by_name) {
        request[asked.subject == "policy"   ? "policy"
                : asked.subject == "events" ? "topic"
                                            : "prefix"] = asked.name;
    }
    if (!asked.route_source.empty()) {
        request["source"] = asked.route_source;
    }
    if (asked.longer) {
        request["longer"] = true;
    }
    auto data = ask(asked, request);
    if (!data) {
        return data.error();
    }
    if (by_name) {
        json::array named = only_named(*data, asked.name);
        if (named.empty()) {
            return refuse(asked, "refused",
                          {fmt::format("there is no interface '{}'; `godwitctl show interfaces` "
                                       "lists them",
                                       asked.name)});
        }
        *data = std::move(named);
        // One interface alone has room for all its keys.
        print(asked, *data, yaml(items(*data).front()));
        return kExitDone;
    }
    print(asked, *data,
          asked.subject == "rip" ? rip_table(asked.name, *data) : show_table(asked.subject, *data));
    return kExitDone;
}

int Runner::clear(const Invocation& asked) {
    if (asked.subject == "rip") {
        return clear_rip(asked);
    }
    json::object request{{"verb", "clear"}, {"subject", asked.subject}};
    if (asked.all) {
        request["all"] = true;
    }
    add_selection(request, asked.nat);
    const auto data = ask(asked, request);
    if (!data) {
        return data.error();
    }
    const std::uint64_t cleared = count_of(member(*data, "cleared"));
    const char* const what = asked.subject == "nat-mappings" ? "mapping" : "session";
    print(asked, *data, fmt::format("{} {}{} ended\n", cleared, what, cleared == 1 ? "" : "s"));
    return kExitDone;
}

int Runner::explain(const Invocation& asked) {
    const bool prefix = asked.name.find('/') != std::string::npos;
    const auto data = ask(asked, json::object{{"verb", "explain"},
                                              {"subject", asked.subject},
                                              {prefix ? "prefix" : "address", asked.name}});
    if (!data) {
        return data.error();
    }
    print(asked, *data, explanation_text(*data));
    return kExitDone;
}

int Runner::check(const Invocation& asked) {
    const config::LoadResult loaded = config::load_file(asked.file);
    if (!loaded) {
        return refuse(asked, "refused", {config::render(loaded.error())});
    }
    const std::string warnings = config::render(loaded->warnings);
    json::array sentences;
    for (const config::Diagnostic& warning : loaded->warnings) {
        sentences.emplace_back(config::render({warning}));
    }
    if (asked.output == OutputForm::Table) {
        console_.err << printable_lines(warnings);
    }
    print(asked, json::object{{"warnings", std::move(sentences)}},
          fmt::format("{}: good, {} interfaces, {} static routes, {} warnings\n", asked.file,
                      loaded->model.interfaces.size(), loaded->model.static_.routes.size(),
                      loaded->warnings.size()));
    return kExitDone;
}

int Runner::with_file(const Invocation& asked) {
    const auto text = read_file(asked.file);
    if (!text) {
        console_.err << "godwitctl: error: " << text.error() << "\n";
        return kExitRefused;
    }
    const bool apply = asked.verb == Verb::Apply;
    json::object request{{"verb", apply ? "apply" : "plan"}, {"yaml", *text}, {"file", asked.file}};
    if (apply) {
        request["message"] = asked.message;
        request["allow-restart"] = asked.allow_restart;
    }
    const auto data = ask(asked, request);
    if (!data) {
        return data.error();
    }
    if (asked.output == OutputForm::Table) {
        for (const std::string& warning : strings_of(member(*data, "warnings"))) {
            console_.err << printable_lines(with_newline(warning));
        }
    }
    std::string table = changes_text(*data);
    const std::size_t changes = items(member(*data, "changes")).size();
    const std::string cost = cell_of(member(*data, "cost"));
    if (changes > 0 && apply) {
        table += fmt::format("revision {} runs: {} changes, {}\n",
                             count_of(member(*data, "revision")), changes, cost);
    } else if (changes > 0) {
        table += fmt::format("{} changes, {}\n", changes, cost);
    }
    print(asked, *data, table);
    return kExitDone;
}

int Runner::diff(const Invocation& asked) {
    json::object request{{"verb", "diff"}};
    if (asked.from_revision) {
        request["from"] = *asked.from_revision;
    }
    if (asked.to_revision) {
        request["to"] = *asked.to_revision;
    }
    const auto data = ask(asked, request);
    if (!data) {
        return data.error();
    }
    print(asked, *data, changes_text(*data));
    return kExitDone;
}

int Runner::history(const Invocation& asked) {
    const auto data = ask(asked, json::object{{"verb", "history"}});
    if (!data) {
        return data.error();
    }
    print(asked, *data, history_table(*data));
    return kExitDone;
}

int Runner::clear_rip(const Invocation& asked) {
    json::object request{{"verb", "clear"}, {"subject", asked.subject}};
    if (!asked.address.empty()) {
        request["neighbor"] = asked.address;
    }
    if (asked.counters) {
        request["counters"] = true;
    }
    const auto data = ask(asked, request);
    if (!data) {
        return data.error();
    }
    print(asked, *data,
          fmt::format("{}: {} cleared\n", asked.subject, cell_of(member(*data, "cleared"))));
    return kExitDone;
}

int Runner::ping(const Invocation& asked) {
    auto client = ControlClient::connect(asked.socket);
    if (!client) {
        return report(client.error());
    }
    json::object request{{"verb", "ping"},
                         {"address", asked.address},
                         {"count", asked.count},
                         {"interval-ms", asked.interval.count()},
                         {"size", asked.size_bytes},
                         {"ttl", asked.ttl},
                         {"df", asked.dont_fragment},
                         {"timeout-ms", asked.timeout.count()}};
    if (!asked.source.empty()) {
        request["source"] = asked.source;
    }
    if (const auto sent = client->send(request); !sent) {
        return report(sent.error());
    }

    // What was seen, for an end by Ctrl-C before the router's own summary.
    std::uint64_t events = 0;
    std::vector<double> round_trips;
    json::value summary;
    const milliseconds patience = asked.interval + asked.timeout + milliseconds(10'000);
    for (;;) {
        auto answer = client->receive(patience);
        if (!answer && answer.error().kind == NoAnswer::Interrupted) {
            const auto [least, most] = std::minmax_element(round_trips.begin(), round_trips.end());
            double sum = 0.0;
            for (const double one : round_trips) {
                sum += one;
            }
            summary = json::object{{"sent", events}, {"received", round_trips.size()}};
            if (!round_trips.empty()) {
                summary.get_object()["rtt-min-ms"] = *least;
                summary.get_object()["rtt-avg-ms"] = sum / static_cast<double>(round_trips.size());
                summary.get_object()["rtt-max-ms"] = *most;
            }
            break;
        }
        if (!answer) {
            return report(answer.error());
        }
        const json::value whole(std::move(*answer));
        if (!truth_of(member(whole, "ok"))) {
            return refuse(asked, cell_of(member(whole, "code")),
                          strings_of(member(whole, "errors")));
        }
        const json::value& data = member(whole, "data");
        if (!truth_of(member(whole, "more"))) {
            summary = data;
            break;
        }
        ++events;
        if (member(data, "rtt-ms").is_number() && !member(data, "error").is_string()) {
            round_trips.push_back(number_of(member(data, "rtt-ms")));
        }
        if (asked.output == OutputForm::Json) {
            console_.out << json::serialize(data) << "\n";
        } else {
            console_.out << (asked.output == OutputForm::Yaml ? "---\n" + yaml(data)
                                                              : ping_event_text(data));
        }
        console_.out.flush();
    }
    if (asked.output == OutputForm::Json) {
        console_.out << json::serialize(summary) << "\n";
    } else if (asked.output == OutputForm::Yaml) {
        console_.out << "---\n" << yaml(summary);
    } else {
        console_.out << ping_summary_text(asked.address, summary);
    }
    console_.out.flush();
    // As ping(8): no answer at all is a failure.
    return count_of(member(summary, "received")) > 0 ? kExitDone : kExitRefused;
}

int Runner::traceroute(const Invocation& asked) {
    auto client = ControlClient::connect(asked.socket);
    if (!client) {
        return report(client.error());
    }
    json::object request{{"verb", "traceroute"},
                         {"address", asked.address},
                         {"probe", asked.icmp_probes ? "icmp" : "udp"},
                         {"max-hops", asked.max_hops},
                         {"probes", asked.probes},
                         {"port", asked.port},
                         {"size", asked.probe_bytes},
                         {"df", asked.dont_fragment},
                         {"timeout-ms", asked.timeout.count()}};
    if (!asked.source.empty()) {
        request["source"] = asked.source;
    }
    if (const auto sent = client->send(request); !sent) {
        return report(sent.error());
    }
    const milliseconds patience = asked.timeout + milliseconds(10'000);
    for (;;) {
        auto answer = client->receive(patience);
        if (!answer && answer.error().kind == NoAnswer::Interrupted) {
            return kExitRefused;  // what is known stands there
        }
        if (!answer) {
            return report(answer.error());
        }
        const json::value whole(std::move(*answer));
        if (!truth_of(member(whole, "ok"))) {
            return refuse(asked, cell_of(member(whole, "code")),
                          strings_of(member(whole, "errors")));
        }
        const json::value& data = member(whole, "data");
        const bool last = !truth_of(member(whole, "more"));
        if (asked.output == OutputForm::Json) {
            console_.out << json::serialize(data) << "\n";
        } else if (asked.output == OutputForm::Yaml) {
            console_.out << "---\n" << yaml(data);
        } else {
            console_.out << (last ? traceroute_summary_text(asked.address, data)
                                  : traceroute_hop_text(data));
        }
        console_.out.flush();
        if (last) {
            return truth_of(member(data, "reached")) ? kExitDone : kExitRefused;
        }
    }
}

}  // namespace godwit::ctl
