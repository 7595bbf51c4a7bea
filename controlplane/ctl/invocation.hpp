// What a person asked for, after the words were understood: a value without any CLI11 in it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace godwit::ctl {

enum class Verb : std::uint8_t {
    Prompt,  // no verb: the interactive prompt
    Show,
    Check,
    Plan,
    Apply,
    Diff,
    History,
    Ping,
    Traceroute,
    Clear,
    Explain,
    Completion
};

enum class OutputForm : std::uint8_t { Table, Json, Yaml };

// Which sessions of NAT are meant; what is not said is any.
struct NatSelection {
    std::string inside;
    std::string outside;
    std::string remote;
    std::string protocol;
    std::string rule;
    std::string state;
    std::optional<unsigned> inside_port;
    std::optional<unsigned> outside_port;
};

struct Invocation {
    Verb verb = Verb::Prompt;
    std::string socket;
    OutputForm output = OutputForm::Table;
    std::string subject;       // show, clear, explain
    std::string name;          // show: only this interface, prefix, policy; explain: of what
    std::string route_source;  // show routes: only of this source
    bool longer = false;       // show routes: also what lies inside the prefix
    std::optional<std::chrono::milliseconds> watch;
    std::string file;                            // check, plan, apply
    std::string message;                         // apply
    bool allow_restart = false;                  // apply
    std::optional<std::uint64_t> from_revision;  // diff
    std::optional<std::uint64_t> to_revision;
    bool counters = false;  // clear
    std::string address;    // clear, ping, traceroute
    unsigned count = 5;
    std::chrono::milliseconds interval{1000};
    std::chrono::milliseconds timeout{2000};
    unsigned size_bytes = 56;  // of the ICMP data, as ping(8) counts
    unsigned ttl = 64;
    bool dont_fragment = false;
    std::string source;        // ping, traceroute: empty: the router chooses
    bool icmp_probes = false;  // traceroute; else UDP
    unsigned max_hops = 30;
    unsigned probes = 3;  // for each hop
    unsigned port = 33'434;
    unsigned probe_bytes = 32;  // of data
    std::string shell;          // completion
    NatSelection nat;           // show nat sessions, clear nat
    bool all = false;           // clear: without a filter
    unsigned limit = 1000;      // show nat sessions, subscribers; 0 = all
};

// The exit codes of godwitctl.
constexpr int kExitDone = 0;
constexpr int kExitRefused = 1;  // refused or failed
constexpr int kExitUsage = 2;
constexpr int kExitNoRouter = 3;
constexpr int kExitReverted = 4;

}  // namespace godwit::ctl
