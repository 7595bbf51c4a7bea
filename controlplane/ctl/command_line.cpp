#include "controlplane/ctl/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace godwit::ctl {
namespace {

struct Subject {
    const char* word;
    const char* help;
    const char* filter;  // what an extra word narrows it to; null when nothing does
};

constexpr std::array<Subject, 16> kSubjects{{
    {"interfaces", "ports, VLANs and loopbacks: state, addresses, counters", "NAME"},
    {"routes", "the routes that the control plane knows, the best and the others", "PREFIX"},
    {"policy", "the policies that routes pass, and how many each term applied to", "NAME"},
    {"fib", "the routes that the dataplane really uses", "PREFIX"},
    {"next-hops", "the dataplane's next hops and who uses them", nullptr},
    {"neighbors", "the ARP table", nullptr},
    {"nat", "address translation: sessions by rule, ports, limits, refusals", nullptr},
    {"rip", "RIP: the instance, or its interfaces, neighbors, routes, events", "PART"},
    {"workers", "worker threads and the table owner: load and ledger", nullptr},
    {"nodes", "the nodes of the packet graph: packets and cycles", nullptr},
    {"drops", "why packets were dropped, and how many", nullptr},
    {"punts", "what came for the router itself, by class, and what was refused", nullptr},
    {"sockets", "the router's own TCP services and connections, and its UDP sockets", nullptr},
    {"socket-events", "what happened to TCP connections lately, the newest last", "PREFIX"},
    {"events", "what has happened in the router lately, the newest last", "TOPIC"},
    {"status", "versions, revision, uptime and the ledger of all packets", nullptr},
}};

std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    for (std::size_t j = 0; j <= to.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= from.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[to.size()];
}

std::vector<std::string> verbs_of(const CLI::App& app) {
    std::vector<std::string> words;
    for (const CLI::App* verb : app.get_subcommands({})) {
        words.push_back(verb->get_name());
    }
    return words;
}

std::vector<std::string> options_of(const CLI::App& app) {
    std::vector<std::string> words;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_snames()) {
            words.push_back("-" + name);
        }
        for (const std::string& name : option->get_lnames()) {
            words.push_back("--" + name);
        }
    }
    return words;
}

// The verb that these words lead to, and the option that waits for its value, if the last word is
// one.
struct Place {
    const CLI::App* app;
    const CLI::Option* open_option = nullptr;
    bool positional_given = false;
};

const CLI::Option* option_named(const CLI::App& app, const std::string& word) {
    for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
        for (const CLI::Option* option : at->get_options()) {
            if (!option->get_positional() && option->check_name(word)) {
                return option;
            }
        }
    }
    return nullptr;
}

Place place_after(const CLI::App& root, const std::vector<std::string>& words) {
    Place place{&root};
    for (const std::string& word : words) {
        if (place.open_option != nullptr) {
            place.open_option = nullptr;  // this word was its value
            continue;
        }
        if (word.starts_with("-")) {
            const CLI::Option* option = option_named(*place.app, word);
            if (option != nullptr && option->get_type_size() > 0) {
                place.open_option = option;
            }
            continue;
        }
        const std::vector<std::string> verbs = verbs_of(*place.app);
        if (std::find(verbs.begin(), verbs.end(), word) != verbs.end()) {
            place.app = place.app->get_subcommand(word);
        } else {
            place.positional_given = true;
        }
    }
    return place;
}

bool selects_nothing(const NatSelection& nat) {
    return nat.inside.empty() && nat.outside.empty() && nat.remote.empty() &&
           nat.protocol.empty() && nat.rule.empty() && nat.state.empty() && !nat.inside_port &&
           !nat.outside_port;
}

// The word that was not expected, and what stands nearest to it.
std::string unknown_word_text(const CLI::App& root, const std::vector<std::string>& words) {
    std::vector<std::string> before;
    for (const std::string& word : words) {
        const Place place = place_after(root, before);
        const bool expected_verb = !verbs_of(*place.app).empty() && place.open_option == nullptr;
        if (expected_verb && !word.starts_with("-")) {
            std::string nearest;
            std::size_t least = 3;  // more than two mistakes is another word
            for (const std::string& verb : verbs_of(*place.app)) {
                if (verb == word) {
                    least = 0;
                } else if (const std::size_t distance = edit_distance(word, verb);
                           distance < least) {
                    least = distance;
                    nearest = verb;
                }
            }
            if (least > 0) {
                return fmt::format(
                    "'{}' is no verb{}", word,
                    nearest.empty() ? std::string() : fmt::format("; did you mean '{}'?", nearest));
            }
        }
        before.push_back(word);
    }
    return {};
}

}  // namespace

net::Result<std::chrono::milliseconds, std::string> parse_duration(const std::string& text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (error != std::errc{} || end == text.data()) {
        return net::unexpected(
            fmt::format("'{}' is no duration; write a number and its unit, as 500ms or 1s", text));
    }
    const std::uint64_t scale = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : 0;
    if (scale == 0) {
        return net::unexpected(
            unit.empty()
                ? fmt::format("'{}' has no unit; write {}ms or {}s", text, number, number)
                : fmt::format("'{}' is no unit of time; use ms, s or m, as in 500ms", unit));
    }
    constexpr std::uint64_t kDay = 86'400'000;
    if (number == 0 || number > kDay / scale) {
        return net::unexpected(fmt::format("'{}' is out of range; use 1ms to 1440m", text));
    }
    return std::chrono::milliseconds(number * scale);
}

std::optional<std::vector<std::string>> split_words(const std::string& line) {
    std::vector<std::string> words;
    std::optional<std::string> word;
    char quote = '\0';
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != '\0') {
            if (c == quote) {
                quote = '\0';
            } else {
                *word += c;
            }
        } else if (c == '"' || c == '\'') {
            quote = c;
            word = word.value_or("");
        } else if (c == '\\' && i + 1 < line.size()) {
            word = word.value_or("") + line[++i];
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            if (word) {
                words.push_back(std::move(*word));
                word.reset();
            }
        } else {
            word = word.value_or("") + c;
        }
    }
    if (quote != '\0') {
        return std::nullopt;
    }
    if (word) {
        words.push_back(std::move(*word));
    }
    return words;
}

CommandLine::CommandLine(std::string version)
    : app_(std::make_unique<CLI::App>("The command line of a running Godwit router.", "godwitctl")),
      version_(std::move(version)) {
    add_verbs();
}

CommandLine::~CommandLine() = default;

void CommandLine::add_verbs() {
    CLI::App& app = *app_;
    app.set_version_flag("--version", "godwitctl " + version_, "print the version");
    app.set_help_flag("-h,--help", "print this help");
    app.fallthrough();
    app.require_subcommand(0, 1);
    app.footer(
        "Without a verb, on a terminal, a prompt with TAB completion.\n"
        "Exit codes: 0 done, 1 refused or failed, 2 usage, 3 no router answers, 4 reverted.");
    app.add_option("-o,--output", output_, "the form of the output")
        ->check(CLI::IsMember({"table", "json", "yaml"}));
    app.add_option("--socket", invocation_.socket,
                   "the router's control socket (default /run/godwit/control.sock)")
        ->envname("GODWIT_SOCKET");

    CLI::App* show = app.add_subcommand("show", "what the router is and does");
    show->require_subcommand(1);
    for (const Subject& subject : kSubjects) {
        CLI::App* verb = show->add_subcommand(subject.word, subject.help);
        verb->add_option("--watch", watch_, "again and again, as in --watch 1s")
            ->type_name("DURATION");
        if (subject.filter != nullptr) {
            verb->add_option(subject.filter, invocation_.name, "only this one");
        }
        if (std::string_view(subject.word) == "nat") {
            add_nat_subjects(*verb);
        }
        if (std::string_view(subject.word) == "routes") {
            verb->add_option("--source", invocation_.route_source, "only routes of this source")
                ->check(
                    CLI::IsMember({"local", "connected", "static", "rip", "ospf", "ebgp", "ibgp"}));
            verb->add_flag("--longer", invocation_.longer,
                           "with PREFIX: also the prefixes inside it");
        }
    }

    CLI::App* check = app.add_subcommand("check",
                                         "is this file a good configuration? No router "
                                         "is needed");
    check->add_option("FILE", invocation_.file, "the YAML file")->required();

    CLI::App* plan = app.add_subcommand("plan", "what would change, and what each change costs");
    plan->add_option("FILE", invocation_.file, "the YAML file")->required();

    CLI::App* apply = app.add_subcommand("apply", "run this configuration from now on");
    apply->add_option("FILE", invocation_.file, "the YAML file")->required();
    apply->add_option("-m,--message", invocation_.message, "why, for the history");
    apply->add_flag("--allow-restart", invocation_.allow_restart,
                    "also when it restarts the dataplane, which drops packets meanwhile");

    CLI::App* diff = app.add_subcommand("diff", "what differs between two revisions");
    diff->add_option("REVISIONS", revisions_,
                     "two of them, or one and the newest; without any the last two")
        ->expected(0, 2);

    CLI::App* explain = app.add_subcommand("explain", "why the router does what it does");
    explain->require_subcommand(1);
    explain->add_subcommand("route", "all routes to a prefix, why this one, who announces it")
        ->add_option("PREFIX", invocation_.name,
                     "a prefix, or an address: then the prefix that is used for it")
        ->required();

    app.add_subcommand("history", "the revisions that have run");

    CLI::App* ping = app.add_subcommand("ping", "ICMP echo from the router itself");
    ping->add_option("ADDRESS", invocation_.address, "an IPv4 address")
        ->required()
        ->check(CLI::ValidIPV4);
    ping->add_option("-c,--count", invocation_.count, "how many (default 5)")
        ->check(CLI::Range(1, 1'000'000));
    ping->add_option("-i,--interval", interval_, "between two (default 1s)")->type_name("DURATION");
    ping->add_option("-W,--timeout", timeout_, "how long to wait for an answer (default 2s)")
        ->type_name("DURATION");
    ping->add_option("-s,--size", invocation_.size_bytes, "bytes of data (default 56)")
        ->check(CLI::Range(0, 65'507));
    ping->add_option("-t,--ttl", invocation_.ttl, "time to live (default 64)")
        ->check(CLI::Range(1, 255));
    ping->add_option("-I,--source", invocation_.source,
                     "an address of the router to send from (default: of the way out)")
        ->check(CLI::ValidIPV4);
    ping->add_flag("--df", invocation_.dont_fragment,
                   "do not fragment: a router on the way whose next MTU is less says so");

    CLI::App* traceroute =
        app.add_subcommand("traceroute", "the routers on the way, asked by the router itself");
    traceroute->add_option("ADDRESS", invocation_.address, "an IPv4 address")
        ->required()
        ->check(CLI::ValidIPV4);
    traceroute->add_flag("-I,--icmp", invocation_.icmp_probes,
                         "ICMP echo as probes instead of UDP");
    traceroute->add_option("-m,--max-hops", invocation_.max_hops, "the last hop (default 30)")
        ->check(CLI::Range(1, 255));
    traceroute->add_option("-q,--probes", invocation_.probes, "for each hop (default 3)")
        ->check(CLI::Range(1, 10));
    traceroute->add_option("-W,--timeout", timeout_, "how long to wait for an answer (default 2s)")
        ->type_name("DURATION");
    traceroute
        ->add_option("-p,--port", invocation_.port,
                     "of the first UDP probe, one more for each (default 33434)")
        ->check(CLI::Range(1, 65'535));
    traceroute->add_option("-s,--size", invocation_.probe_bytes, "bytes of data (default 32)")
        ->check(CLI::Range(0, 65'507));
    traceroute
        ->add_option("--source", invocation_.source,
                     "an address of the router to send from (default: of the way out)")
        ->check(CLI::ValidIPV4);
    traceroute->add_flag("--df", invocation_.dont_fragment,
                         "do not fragment: a router on the way whose next MTU is less says so");

    CLI::App* clear = app.add_subcommand("clear", "end what the router remembers");
    clear->require_subcommand(1);
    CLI::App* clear_nat = clear->add_subcommand("nat", "end sessions of address translation");
    add_nat_selection(*clear_nat);
    clear_nat->add_flag("--all", invocation_.all, "all sessions");
    CLI::App* clear_mappings =
        clear_nat->add_subcommand("mappings", "end what hosts inside asked for, by PCP");
    add_nat_selection(*clear_mappings);
    clear_mappings->add_flag("--all", invocation_.all, "all of them");
    CLI::App* clear_rip = clear->add_subcommand("rip", "routes of RIP, of one neighbor or of all");
    clear_rip->add_option("NEIGHBOR", invocation_.address, "only of this neighbor")
        ->check(CLI::ValidIPV4);
    clear_rip->add_flag("--counters", invocation_.counters, "the counters, and no routes");

    CLI::App* completion = app.add_subcommand("completion", "a completion script for a shell");
    completion->add_option("SHELL", invocation_.shell, "bash")
        ->required()
        ->check(CLI::IsMember({"bash"}));
}

void CommandLine::add_nat_subjects(CLI::App& nat) {
    CLI::App* sessions = nat.add_subcommand("sessions", "who speaks to whom, and as what");
    CLI::App* mappings =
        nat.add_subcommand("mappings", "ports that hosts inside asked for, by PCP");
    CLI::App* subscribers =
        nat.add_subcommand("subscribers", "inside addresses: their ports and sessions");
    for (CLI::App* verb : {sessions, mappings, subscribers}) {
        verb->add_option("--limit", invocation_.limit, "at most so many (default 1000; 0: all)")
            ->check(CLI::Range(0, 1'000'000'000));
        verb->add_option("--watch", watch_, "again and again, as in --watch 1s")
            ->type_name("DURATION");
    }
    add_nat_selection(*sessions);
}

void CommandLine::add_nat_selection(CLI::App& verb) {
    NatSelection& nat = invocation_.nat;
    verb.add_option("--inside", nat.inside, "of this inside address")->check(CLI::ValidIPV4);
    verb.add_option("--outside", nat.outside, "with this outside address")->check(CLI::ValidIPV4);
    verb.add_option("--remote", nat.remote, "to this address")->check(CLI::ValidIPV4);
    verb.add_option("--protocol", nat.protocol, "tcp, udp, icmp or a number");
    verb.add_option("--rule", nat.rule, "made by this rule");
    verb.add_option("--state", nat.state, "of a TCP connection")
        ->check(CLI::IsMember({"opening", "established", "closing"}));
    verb.add_option("--inside-port", nat.inside_port, "from this inside port")
        ->check(CLI::Range(0, 65'535));
    verb.add_option("--outside-port", nat.outside_port, "with this outside port")
        ->check(CLI::Range(0, 65'535));
}

net::Result<Invocation, NotRun> CommandLine::parse(const std::vector<std::string>& words,
                                                   const Invocation& defaults) {
    invocation_ = defaults;
    invocation_.verb = Verb::Prompt;
    output_.clear();
    watch_.clear();
    interval_.clear();
    timeout_.clear();
    revisions_.clear();
    const auto usage = [](const std::string& what) {
        return net::unexpected(
            NotRun{kExitUsage, fmt::format("godwitctl: {}\nRun godwitctl --help.\n", what)});
    };

    std::vector<std::string> reversed(words.rbegin(), words.rend());
    try {
        app_->clear();
        app_->parse(reversed);
    } catch (const CLI::CallForHelp&) {
        const CLI::App* asked = app_.get();
        while (!asked->get_subcommands().empty()) {
            asked = asked->get_subcommands().front();
        }
        return net::unexpected(NotRun{kExitDone, asked->help()});
    } catch (const CLI::CallForVersion&) {
        return net::unexpected(NotRun{kExitDone, "godwitctl " + version_ + "\n"});
    } catch (const CLI::ParseError& error) {
        const std::string unknown = unknown_word_text(*app_, words);
        return usage(unknown.empty() ? std::string(error.what()) : unknown);
    }

    if (output_ == "json") {
        invocation_.output = OutputForm::Json;
    } else if (output_ == "yaml") {
        invocation_.output = OutputForm::Yaml;
    } else if (output_ == "table") {
        invocation_.output = OutputForm::Table;
    }
    if (invocation_.socket.empty()) {
        invocation_.socket = "/run/godwit/control.sock";
    }
    if (!watch_.empty()) {
        const auto watch = parse_duration(watch_);
        if (!watch) {
            return usage("--watch: " + watch.error());
        }
        invocation_.watch = *watch;
    }
    for (const auto& [text, target, name] :
         {std::tuple(&interval_, &invocation_.interval, "--interval"),
          std::tuple(&timeout_, &invocation_.timeout, "--timeout")}) {
        if (!text->empty()) {
            const auto duration = parse_duration(*text);
            if (!duration) {
                return usage(std::string(name) + ": " + duration.error());
            }
            *target = *duration;
        }
    }
    if (!revisions_.empty()) {
        invocation_.from_revision = revisions_.front();
    }
    if (revisions_.size() > 1) {
        invocation_.to_revision = revisions_.back();
    }

    if (app_->get_subcommands().empty()) {
        return invocation_;
    }
    const CLI::App* verb = app_->get_subcommands().front();
    constexpr std::array<std::pair<std::string_view, Verb>, 11> kVerbs{
        {{"show", Verb::Show},
         {"check", Verb::Check},
         {"plan", Verb::Plan},
         {"apply", Verb::Apply},
         {"diff", Verb::Diff},
         {"history", Verb::History},
         {"explain", Verb::Explain},
         {"ping", Verb::Ping},
         {"traceroute", Verb::Traceroute},
         {"clear", Verb::Clear},
         {"completion", Verb::Completion}}};
    for (const auto& [word, value] : kVerbs) {
        if (verb->get_name() == word) {
            invocation_.verb = value;
        }
    }
    if (invocation_.verb == Verb::Show || invocation_.verb == Verb::Clear ||
        invocation_.verb == Verb::Explain) {
        const CLI::App* subject = verb->get_subcommands().front();
        invocation_.subject = subject->get_name();
        for (const CLI::App* part : subject->get_subcommands()) {
            invocation_.subject += "-" + part->get_name();
        }
    }
    if (invocation_.verb == Verb::Clear && !invocation_.all && selects_nothing(invocation_.nat)) {
        if (invocation_.subject == "nat") {
            return usage("clear nat: say which sessions, or --all");
        }
        if (invocation_.subject == "nat-mappings") {
            return usage("clear nat mappings: say which, or --all");
        }
    }
    return invocation_;
}

CommandLine::Candidates CommandLine::complete(const std::vector<std::string>& before,
                                              const std::string& partial) const {
    const Place place = place_after(*app_, before);
    std::vector<std::string> words;
    Candidates candidates;
    if (place.open_option != nullptr) {
        if (place.open_option->check_lname("output")) {
            words = {"table", "json", "yaml"};
        } else if (place.open_option->check_lname("state")) {
            words = {"opening", "established", "closing"};
        } else if (place.open_option->check_lname("protocol")) {
            words = {"tcp", "udp", "icmp"};
        }
        candidates.wants_file = place.open_option->check_lname("socket");
    } else if (partial.starts_with("-")) {
        for (const CLI::App* app = place.app; app != nullptr; app = app->get_parent()) {
            const std::vector<std::string> more = options_of(*app);
            words.insert(words.end(), more.begin(), more.end());
        }
    } else {
        words = verbs_of(*place.app);
        for (const CLI::Option* option : place.app->get_options()) {
            if (!option->get_positional() || place.positional_given) {
                continue;
            }
            candidates.wants_file = candidates.wants_file || option->get_name() == "FILE";
            if (option->get_name() == "PART") {
                words.insert(words.end(), {"interfaces", "neighbors", "routes", "events"});
            }
            if (option->get_name() == "SHELL") {
                words.emplace_back("bash");
            }
        }
    }
    for (std::string& word : words) {
        if (word.starts_with(partial)) {
            candidates.words.push_back(std::move(word));
        }
    }
    std::sort(candidates.words.begin(), candidates.words.end());
    candidates.words.erase(std::unique(candidates.words.begin(), candidates.words.end()),
                           candidates.words.end());
    return candidates;
}

std::string CommandLine::bash_completion() const {
    // One case a verb, from the tree: its own words, or files.
    std::string cases;
    const auto join = [](const std::vector<std::string>& words) {
        return fmt::format("{}", fmt::join(words, " "));
    };
    const auto add_case = [&](const std::string& path, const std::vector<std::string>& words) {
        std::vector<std::string> options = complete(words, "-").words;
        const Candidates next = complete(words, "");
        cases += fmt::format("        '{}') verbs='{}' options='{}' files={} ;;\n", path,
                             join(next.words), join(options), next.wants_file ? 1 : 0);
    };
    add_case("", {});
    for (const std::string& verb : verbs_of(*app_)) {
        add_case(verb, {verb});
        for (const std::string& subject : verbs_of(*app_->get_subcommand(verb))) {
            add_case(verb + " " + subject, {verb, subject});
            const CLI::App* parts = app_->get_subcommand(verb)->get_subcommand(subject);
            for (const std::string& part : verbs_of(*parts)) {
                add_case(verb + " " + subject + " " + part, {verb, subject, part});
            }
        }
    }
    return fmt::format(
        R"(# bash completion for godwitctl; load it with: source <(godwitctl completion bash)
_godwitctl() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
    local path='' verbs='' options='' files=0 i word
    case "$previous" in
        -o|--output) COMPREPLY=($(compgen -W 'table json yaml' -- "$current")); return ;;
        --socket) COMPREPLY=($(compgen -f -- "$current")); return ;;
    esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        word="${{COMP_WORDS[i]}}"
        case "$word" in
            -o|--output|--socket|--watch|-m|--message|-c|--count|-i|--interval|-W|--timeout|-s|--size|-t|--ttl|-q|--probes|-p|--port|--max-hops|--source|--limit|--inside|--outside|--remote|--protocol|--rule|--state|--inside-port|--outside-port) ((i++)) ;;
            -*) ;;
            *) [[ "$path" == *' '*' '* ]] || path="${{path:+$path }}$word" ;;
        esac
    done
    case "$path" in
{}        *) path="${{path%% *}}" ;;
    esac
    if [[ "$current" == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$current"))
    elif ((files)); then
        COMPREPLY=($(compgen -f -- "$current"))
    else
        COMPREPLY=($(compgen -W "$verbs" -- "$current"))
    fi
}}
complete -o filenames -F _godwitctl godwitctl
)",
        cases);
}

}  // namespace godwit::ctl
