#include "controlplane/ctl/views.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <span>
#include <utility>
#include <vector>

#include "controlplane/ctl/event_text.hpp"
#include "controlplane/ctl/json_reading.hpp"
#include "controlplane/ctl/nat_text.hpp"
#include "controlplane/ctl/route_views.hpp"
#include "controlplane/ctl/socket_tables.hpp"
#include "controlplane/ctl/table.hpp"

namespace godwit::ctl {
namespace json = boost::json;
namespace {

// A column of a plain view: the member of each item, its heading and side.
struct Field {
    std::string_view key;
    std::string_view heading;
    Align align = Align::Left;
};

constexpr Align kRight = Align::Right;

std::string plain_table(std::span<const Field> fields, const json::value& data) {
    std::vector<Column> columns;
    for (const Field& field : fields) {
        columns.push_back({std::string(field.heading), field.align});
    }
    Table table(std::move(columns));
    for (const json::value& item : items(data)) {
        std::vector<std::string> cells;
        for (const Field& field : fields) {
            cells.push_back(cell_of(member(item, field.key)));
        }
        table.add_row(std::move(cells));
    }
    return table.text();
}

std::string plain_table(std::initializer_list<Field> fields, const json::value& data) {
    return plain_table(std::span<const Field>(fields.begin(), fields.size()), data);
}

// What a person asks first of an interface: does it work, and if not, why.
std::string interface_state(const json::value& interface) {
    const json::value& enabled = member(interface, "enabled");
    if (enabled.is_bool() && !enabled.get_bool()) {
        return "disabled";
    }
    return cell_of(member(interface, "link"));
}

std::string interfaces_table(const json::value& data) {
    Table table({{"INTERFACE"},
                 {"TYPE"},
                 {"STATE"},
                 {"MTU BYTES", kRight},
                 {"MAC"},
                 {"ADDRESSES"},
                 {"RX PACKETS", kRight},
                 {"RX BYTES", kRight},
                 {"TX PACKETS", kRight},
                 {"TX BYTES", kRight},
                 {"IN DROPPED", kRight},
                 {"OUT DROPPED", kRight},
                 {"DEVICE LOST", kRight}});
    std::string problems;
    for (const json::value& interface : items(data)) {
        // What the device lost before a worker could see it, or could not send.
        const std::uint64_t device_lost = count_of(member(interface, "device-rx-missed")) +
                                          count_of(member(interface, "device-rx-no-buffer")) +
                                          count_of(member(interface, "device-rx-errors")) +
                                          count_of(member(interface, "device-tx-errors"));
        std::string type = cell_of(member(interface, "type"));
        if (type == "vlan") {
            type = fmt::format("vlan {} of {}", count_of(member(interface, "vlan")),
                               cell_of(member(interface, "parent")));
        }
        table.add_row(
            {cell_of(member(interface, "name")), type, interface_state(interface),
             std::to_string(count_of(member(interface, "mtu"))), cell_of(member(interface, "mac")),
             cell_of(member(interface, "addresses")), cell_of(member(interface, "rx-packets")),
             cell_of(member(interface, "rx-bytes")), cell_of(member(interface, "tx-packets")),
             cell_of(member(interface, "tx-bytes")), cell_of(member(interface, "in-dropped")),
             cell_of(member(interface, "tx-dropped")), grouped(device_lost)});
        const std::string problem = cell_of(member(interface, "problem"));
        if (!problem.empty()) {
            problems += printable(cell_of(member(interface, "name")) + ": " + problem) + "\n";
        }
    }
    return table.text() + problems;
}

// "10.0.0.1", "on link", "this router", "blackhole".
std::string next_hop_text(const json::value& next_hop) {
    const std::string kind = cell_of(member(next_hop, "kind"));
    const std::string via = cell_of(member(next_hop, "via"));
    if (kind == "glean") {
        return "on link";
    }
    if (kind == "receive") {
        return "this router";
    }
    if (!via.empty()) {
        return "via " + via;
    }
    return kind;
}

// A row for each next hop; what belongs to the whole route stands in the first.
template <class CellsOf>
void add_route_rows(Table& table, const json::value& route, std::vector<std::string> first,
                    const CellsOf& next_hop_cells) {
    const json::array& next_hops = items(member(route, "next-hops"));
    if (next_hops.empty()) {
        table.add_row(std::move(first));
        return;
    }
    const std::size_t own_columns = first.size();
    for (const json::value& next_hop : next_hops) {
        for (std::string& cell : next_hop_cells(next_hop)) {
            first.push_back(std::move(cell));
        }
        table.add_row(std::move(first));
        first.assign(own_columns, "");
    }
}

std::string routes_table(const json::value& data) {
    Table table({{"PREFIX"},
                 {"SOURCE"},
                 {"DISTANCE", kRight},
                 {"METRIC", kRight},
                 {"BEST"},
                 {"INSTALLED"},
                 {"NEXT HOP"},
                 {"INTERFACE"},
                 {"NOTE"}});
    for (const json::value& route : items(data)) {
        const std::string reason = cell_of(member(route, "reason"));
        bool first = true;
        add_route_rows(
            table, route,
            {cell_of(member(route, "prefix")), cell_of(member(route, "source")),
             cell_of(member(route, "distance")), cell_of(member(route, "metric")),
             truth_of(member(route, "selected")) ? "best" : "",
             cell_of(member(route, "installed"))},
            [&](const json::value& next_hop) {
                std::string note;
                if (std::exchange(first, false)) {
                    note = reason;
                    if (const std::uint64_t tag = count_of(member(route, "tag")); tag > 0) {
                        note += fmt::format("{}tag {}", note.empty() ? "" : ", ", tag);
                    }
                }
                const std::string through = cell_of(member(next_hop, "resolved-through"));
                if (!through.empty()) {
                    note += (note.empty() ? "through " : ", through ") + through;
                }
                const json::value& active = member(next_hop, "active");
                if (active.is_bool() && !active.get_bool()) {
                    note += note.empty() ? "inactive" : ", inactive";
                }
                return std::vector<std::string>{next_hop_text(next_hop),
                                                cell_of(member(next_hop, "interface")), note};
            });
    }
    return table.text();
}

std::string resolved_text(const json::value& next_hop) {
    const json::value& resolved = member(next_hop, "resolved");
    // Only a neighbour can be unresolved; the word at every other kind would be noise.
    const std::string kind = cell_of(member(next_hop, "kind"));
    return kind == "gateway" ? cell_of(resolved) : "";
}

std::string fib_table(const json::value& data) {
    Table table(
        {{"PREFIX"}, {"ORIGIN"}, {"NUMBER", kRight}, {"NEXT HOP"}, {"INTERFACE"}, {"RESOLVED"}});
    for (const json::value& route : items(data)) {
        add_route_rows(table, route,
                       {cell_of(member(route, "prefix")), cell_of(member(route, "origin")),
                        cell_of(member(route, "next-hop"))},
                       [](const json::value& next_hop) {
                           return std::vector<std::string>{next_hop_text(next_hop),
                                                           cell_of(member(next_hop, "interface")),
                                                           resolved_text(next_hop)};
                       });
    }
    return table.text();
}

// The columns of the ledger: what came in, and what became of it (dataplane/api/counters.hpp).
constexpr Field kLedger[] = {{"received", "RECEIVED", kRight},
                             {"handed-in", "HANDED IN", kRight},
                             {"originated", "ORIGINATED", kRight},
                             {"injected", "INJECTED", kRight},
                             {"sent", "SENT", kRight},
                             {"punted", "PUNTED", kRight},
                             {"dropped", "DROPPED", kRight},
                             {"handed-out", "HANDED OUT", kRight},
                             {"in-flight", "IN FLIGHT", kRight}};

std::string ratio_text(const json::value& ratio) {
    return ratio.is_number() ? fmt::format("{:.1f}", number_of(ratio) * 100.0) : "";
}

// How many bursts of each size; the table owner polls no queue and has no row.
std::string burst_table(const json::value& data) {
    constexpr std::string_view kSizes[] = {"1",     "2-3",   "4-7",    "8-15",
                                           "16-31", "32-63", "64-127", "128+"};
    std::vector<Column> columns{{"BURSTS OF"}};
    for (const std::string_view size : kSizes) {
        columns.push_back({std::string(size), kRight});
    }
    Table table(std::move(columns));
    for (const json::value& worker : items(data)) {
        const json::value& bursts = member(worker, "burst-sizes");
        const std::string name = cell_of(member(worker, "worker"));
        if (!bursts.is_object() || name == "owner") {
            continue;
        }
        std::vector<std::string> cells{name};
        for (const std::string_view size : kSizes) {
            cells.push_back(cell_of(member(bursts, size)));
        }
        table.add_row(std::move(cells));
    }
    return table.text();
}

std::string workers_table(const json::value& data) {
    std::vector<Column> columns{
        {"WORKER"}, {"CPU", kRight}, {"BUSY %", kRight}, {"CYCLES/PACKET", kRight}};
    for (const Field& field : kLedger) {
        if (field.key != "in-flight") {
            columns.push_back({std::string(field.heading), field.align});
        }
    }
    columns.insert(columns.end(),
                   {{"LOOPS", kRight}, {"SLEEPS", kRight}, {"WAKEUPS", kRight}, {"QUEUES"}});
    Table table(std::move(columns));
    for (const json::value& worker : items(data)) {
        std::vector<std::string> cells{
            cell_of(member(worker, "worker")), cell_of(member(worker, "cpu")),
            ratio_text(member(worker, "busy-ratio")), cell_of(member(worker, "cycles-per-packet"))};
        for (const Field& field : kLedger) {
            if (field.key != "in-flight") {
                cells.push_back(cell_of(member(worker, field.key)));
            }
        }
        for (const std::string_view key : {"loops", "sleeps", "wakeups", "queues"}) {
            cells.push_back(cell_of(member(worker, key)));
        }
        table.add_row(std::move(cells));
    }
    return table.text() + "\n" + burst_table(data);
}

// "12 sent; not sent: 3 over-rate, 1 about-group"
std::string icmp_errors_text(const json::value& errors) {
    std::string not_sent;
    if (const json::value& reasons = member(errors, "not-sent"); reasons.is_object()) {
        for (const auto& [reason, count] : reasons.as_object()) {
            if (count_of(count) > 0) {
                not_sent += fmt::format("{}{} {}", not_sent.empty() ? "; not sent: " : ", ",
                                        cell_of(count), std::string_view(reason));
            }
        }
    }
    return fmt::format("{} sent{}", cell_of(member(errors, "sent")), not_sent);
}

std::string status_text(const json::value& data) {
    const json::value& dataplane = member(data, "dataplane");
    const json::value& ledger = member(data, "ledger");
    std::string text;
    const auto line = [&text](std::string_view name, const std::string& value) {
        text += fmt::format("{:<18}{}\n", name, printable(value));
    };
    line("hostname", cell_of(member(data, "hostname")));
    line("version", cell_of(member(data, "version")));
    line("control plane", "up " + uptime(count_of(member(data, "uptime-seconds"))));
    if (truth_of(member(dataplane, "connected"))) {
        line("dataplane", fmt::format("up {}, session {}, {} restarts seen",
                                      uptime(count_of(member(dataplane, "uptime-seconds"))),
                                      count_of(member(dataplane, "session")),
                                      count_of(member(dataplane, "restarts-seen"))));
    } else {
        line("dataplane", "NOT CONNECTED: nothing is forwarded that it does not do by itself");
    }
    line("revision", cell_of(member(data, "revision")));
    const std::string own = cell_of(member(data, "config-sha256"));
    const std::string theirs = cell_of(member(dataplane, "config-sha256"));
    line("configuration",
         own +
             (theirs.empty() || own == theirs ? "" : " (the dataplane still runs " + theirs + ")"));
    line("routes", cell_of(member(data, "routes")));
    if (count_of(member(data, "routes-waiting")) > 0) {
        line("not installed",
             fmt::format("{} routes, for want of room in the dataplane; see `show routes`",
                         count_of(member(data, "routes-waiting"))));
    }
    line("fib routes", cell_of(member(data, "fib-routes")));
    line("neighbors", cell_of(member(data, "neighbors")));
    if (const json::value& limits = member(data, "limits"); limits.is_array()) {
        for (const json::value& limit : limits.as_array()) {
            if (cell_of(member(limit, "limit")) == "packet-buffers") {
                const std::string most = cell_of(member(limit, "most-used"));
                line("packet buffers",
                     fmt::format("{} of {} in use{}", cell_of(member(limit, "used")),
                                 cell_of(member(limit, "capacity")),
                                 most.empty() ? "" : fmt::format(", {} at most so far", most)));
            }
        }
        for (const json::value& limit : limits.as_array()) {
            if (count_of(member(limit, "refused")) > 0) {
                const std::string capacity = cell_of(member(limit, "capacity"));
                line("limit met",
                     fmt::format("{}: {} refused{}", cell_of(member(limit, "limit")),
                                 cell_of(member(limit, "refused")),
                                 capacity.empty()
                                     ? ""
                                     : fmt::format(", {} of {} in use now",
                                                   cell_of(member(limit, "used")), capacity)));
            }
        }
    }
    if (const json::value& errors = member(data, "icmp-errors"); errors.is_object()) {
        line("icmp errors", icmp_errors_text(errors));
    }
    if (!ledger.is_object()) {
        return text;
    }
    line("ledger", truth_of(member(ledger, "balanced")) ? "balanced" : "NOT BALANCED");
    text += "\n" + plain_table(kLedger, json::array{ledger});
    text += "\n" + plain_table({{"name", "INTERFACE"},
                                {"rx-packets", "RX PACKETS", kRight},
                                {"in-sent", "SENT ON", kRight},
                                {"in-punted", "PUNTED", kRight},
                                {"in-dropped", "DROPPED", kRight},
                                {"in-flight", "IN FLIGHT", kRight}},
                               member(ledger, "by-interface"));
    return text;
}

// Seconds since 1970, or a text that the router made of them already.
std::string time_text(const json::value& time) {
    if (!time.is_number()) {
        return cell_of(time);
    }
    const auto seconds = static_cast<std::time_t>(count_of(time));
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                       utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace

std::string show_table(std::string_view subject, const json::value& data) {
    if (subject == "interfaces") {
        return interfaces_table(data);
    }
    if (subject == "routes") {
        return routes_table(data);
    }
    if (subject == "policy") {
        return policy_table(data);
    }
    if (subject == "events") {
        return events_text(data);
    }
    if (subject == "fib") {
        return fib_table(data);
    }
    if (subject == "workers") {
        return workers_table(data);
    }
    if (subject == "status") {
        return status_text(data);
    }
    if (subject == "next-hops") {
        return plain_table({{"next-hop", "NUMBER", kRight},
                            {"kind", "KIND"},
                            {"via", "VIA"},
                            {"interface", "INTERFACE"},
                            {"resolved", "RESOLVED"},
                            {"references", "REFERENCES", kRight},
                            {"members", "MEMBERS"}},
                           data);
    }
    if (subject == "neighbors") {
        return plain_table({{"address", "ADDRESS"},
                            {"interface", "INTERFACE"},
                            {"mac", "MAC"},
                            {"state", "STATE"},
                            {"age-seconds", "AGE SECONDS", kRight},
                            {"hits", "HITS", kRight},
                            {"held-packets", "HELD PACKETS", kRight}},
                           data);
    }
    if (subject == "nodes") {
        return plain_table({{"node", "NODE"},
                            {"calls", "CALLS", kRight},
                            {"packets", "PACKETS", kRight},
                            {"cycles", "CYCLES", kRight},
                            {"cycles-per-packet", "CYCLES/PACKET", kRight}},
                           data);
    }
    if (subject == "drops") {
        return plain_table({{"reason", "REASON"},
                            {"stage", "STAGE"},
                            {"packets", "PACKETS", kRight},
                            {"what", "WHAT"}},
                           data);
    }
    if (subject == "punts") {
        return plain_table({{"class", "CLASS"},
                            {"priority", "PRIORITY"},
                            {"punted", "PUNTED", kRight},
                            {"policed", "POLICED", kRight},
                            {"ring-full", "RING FULL", kRight},
                            {"no-control-plane", "NO CONTROL PLANE", kRight}},
                           data);
    }
    if (subject == "nat") {
        return nat_text(data);
    }
    if (subject == "nat-sessions") {
        return plain_table({{"protocol", "PROTOCOL"},
                            {"inside", "INSIDE"},
                            {"outside", "OUTSIDE"},
                            {"remote", "REMOTE"},
                            {"rule", "RULE"},
                            {"state", "STATE"},
                            {"idle-seconds", "IDLE S", kRight},
                            {"expires-in-seconds", "LEFT S", kRight},
                            {"worker", "WORKER", kRight}},
                           data);
    }
    if (subject == "nat-mappings") {
        return nat_mappings_text(data);
    }
    if (subject == "nat-subscribers") {
        return plain_table({{"inside", "INSIDE"},
                            {"outside", "OUTSIDE"},
                            {"ports", "PORTS", kRight},
                            {"sessions", "SESSIONS", kRight},
                            {"blocks", "BLOCKS", kRight}},
                           data);
    }
    if (subject == "sockets") {
        return sockets_table(data);
    }
    if (subject == "socket-events") {
        return socket_events_table(data);
    }
    return json::serialize(data) + "\n";
}

std::string history_table(const json::value& data) {
    Table table({{"REVISION", kRight}, {"TIME"}, {"RUNNING"}, {"MESSAGE"}, {"SHA-256"}});
    for (const json::value& revision : items(data)) {
        table.add_row({std::to_string(count_of(member(revision, "revision"))),
                       time_text(member(revision, "time")),
                       truth_of(member(revision, "running")) ? "running" : "",
                       cell_of(member(revision, "message")),
                       cell_of(member(revision, "sha256")).substr(0, 12)});
    }
    return table.text();
}

std::string changes_text(const json::value& data) {
    const json::array& changes = items(member(data, "changes"));
    if (changes.empty()) {
        return "nothing changes\n";
    }
    std::string text;
    for (const json::value& change : changes) {
        const std::string kind = cell_of(member(change, "kind"));
        const std::string path = printable(cell_of(member(change, "path")));
        const std::string before = printable(cell_of(member(change, "before")));
        const std::string after = printable(cell_of(member(change, "after")));
        if (kind == "added") {
            text += fmt::format("+ {}: {}\n", path, after);
        } else if (kind == "removed") {
            text += fmt::format("- {}: {}\n", path, before);
        } else {
            text += fmt::format("~ {}: {} -> {}\n", path, before, after);
        }
        const std::string effect = printable(cell_of(member(change, "effect")));
        text += fmt::format("    {}{}{}\n", printable(cell_of(member(change, "cost"))),
                            effect.empty() ? "" : ": ", effect);
    }
    return text;
}

std::string milliseconds_text(double milliseconds) {
    if (milliseconds < 10.0) {
        return fmt::format("{:.3f}", milliseconds);
    }
    return milliseconds < 100.0 ? fmt::format("{:.1f}", milliseconds)
                                : fmt::format("{:.0f}", milliseconds);
}

std::string ping_event_text(const json::value& event) {
    const std::uint64_t sequence = count_of(member(event, "sequence"));
    if (truth_of(member(event, "lost"))) {
        return fmt::format("no answer to sequence {}\n", sequence);
    }
    const std::string from = printable(cell_of(member(event, "from")));
    const std::string error = printable(cell_of(member(event, "error")));
    if (!error.empty()) {
        return fmt::format("from {}: sequence {}: {}\n", from, sequence, error);
    }
    return fmt::format("{} bytes from {}: sequence {}, ttl {}, {} ms\n",
                       count_of(member(event, "bytes")), from, sequence,
                       count_of(member(event, "ttl")),
                       milliseconds_text(number_of(member(event, "rtt-ms"))));
}

std::string ping_summary_text(std::string_view address, const json::value& summary) {
    const std::uint64_t sent = count_of(member(summary, "sent"));
    const std::uint64_t received = count_of(member(summary, "received"));
    std::string text = fmt::format("{}: {} sent, {} received, {} lost\n", address, sent, received,
                                   sent - std::min(sent, received));
    if (received > 0) {
        text += fmt::format("round trip: least {} ms, mean {} ms, most {} ms\n",
                            milliseconds_text(number_of(member(summary, "rtt-min-ms"))),
                            milliseconds_text(number_of(member(summary, "rtt-avg-ms"))),
                            milliseconds_text(number_of(member(summary, "rtt-max-ms"))));
    }
    return text;
}

std::string traceroute_hop_text(const json::value& hop) {
    std::string text = fmt::format("{:>2}", count_of(member(hop, "hop")));
    std::string before;
    for (const json::value& probe : items(member(hop, "probes"))) {
        if (truth_of(member(probe, "lost"))) {
            text += "  *";
            continue;
        }
        const std::string from = printable(cell_of(member(probe, "from")));
        if (from != before) {
            text += "  " + from;
            before = from;
        }
        text += fmt::format("  {} ms", milliseconds_text(number_of(member(probe, "rtt-ms"))));
        const std::string mark = printable(cell_of(member(probe, "mark")));
        if (!mark.empty()) {
            text += " " + mark;
        }
    }
    return text + "\n";
}

std::string traceroute_summary_text(std::string_view address, const json::value& summary) {
    const std::uint64_t hops = count_of(member(summary, "hops"));
    return fmt::format("{}: {} {} {}\n", address,
                       truth_of(member(summary, "reached")) ? "reached in" : "not reached in", hops,
                       hops == 1 ? "hop" : "hops");
}

}  // namespace godwit::ctl
