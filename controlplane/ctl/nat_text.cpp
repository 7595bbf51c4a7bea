#include "controlplane/ctl/nat_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <vector>

#include "controlplane/ctl/json_reading.hpp"
#include "controlplane/ctl/table.hpp"

namespace godwit::ctl {
namespace json = boost::json;
namespace {

constexpr Align kRight = Align::Right;

// "3 of 100", or the number alone where there is no limit.
std::string of(const json::value& data, std::string_view used, std::string_view most) {
    const std::uint64_t limit = count_of(member(data, most));
    const std::string number = grouped(count_of(member(data, used)));
    return limit == 0 ? number : fmt::format("{} of {}", number, grouped(limit));
}

// "a 1, b 2" of the members that are not zero.
std::string not_zero(const json::value& counters) {
    std::string text;
    if (const auto* object = counters.if_object()) {
        for (const auto& [key, value] : *object) {
            if (const std::uint64_t count = count_of(value); count != 0) {
                text += fmt::format("{}{} {}", text.empty() ? "" : ", ",
                                    printable(std::string_view(key.data(), key.size())),
                                    grouped(count));
            }
        }
    }
    return text;
}

std::string line(std::string_view heading, const std::string& text) {
    return text.empty() ? std::string() : fmt::format("{:<18}{}\n", heading, text);
}

// What hosts asked for; nothing where nobody may and nobody did.
std::string requested_text(const json::value& requested, const json::value& pcp) {
    if (pcp.is_null() && count_of(member(requested, "granted")) == 0) {
        return "";
    }
    std::string text = line("  asked for", of(requested, "mappings", "max-mappings"));
    text += line("  granted",
                 fmt::format("{}, renewed {}", grouped(count_of(member(requested, "granted"))),
                             grouped(count_of(member(requested, "renewed")))));
    text += line("  ended", not_zero(member(requested, "ended")));
    text += line("  not granted", not_zero(member(requested, "refused")));
    text += line("pcp requests", not_zero(member(pcp, "requests")));
    text += line("  answers", not_zero(member(pcp, "answers")));
    text += line("  dropped", not_zero(member(pcp, "dropped")));
    if (const std::uint64_t late = count_of(member(pcp, "not-answered-by-dataplane")); late != 0) {
        text += line("  given up", fmt::format("{}, the dataplane did not answer", grouped(late)));
    }
    if (const std::uint64_t unsent = count_of(member(pcp, "not-sent")); unsent != 0) {
        text += line("  not sent", fmt::format("{}, {}", grouped(unsent),
                                               printable(cell_of(member(pcp, "why-not-sent")))));
    }
    if (const json::value& problem = member(pcp, "problem"); problem.is_string()) {
        text += line("  problem", printable(cell_of(problem)));
    }
    return text;
}

// "198.51.100.0/24 port 53, 203.0.113.9/32"
std::string filters_text(const json::value& filters) {
    std::string text;
    for (const json::value& filter : items(filters)) {
        const json::value& port = member(filter, "port");
        text += fmt::format("{}{}{}", text.empty() ? "" : ", ",
                            printable(cell_of(member(filter, "remote"))),
                            port.is_null() ? "" : fmt::format(" port {}", count_of(port)));
    }
    return text.empty() ? "everyone" : text;
}

}  // namespace

std::string nat_mappings_text(const json::value& data) {
    Table table({{"PROTOCOL"},
                 {"INSIDE"},
                 {"OUTSIDE"},
                 {"RULE"},
                 {"SESSIONS", kRight},
                 {"LEFT S", kRight},
                 {"WORKER", kRight},
                 {"WHO ENTERS"}});
    for (const json::value& mapping : items(data)) {
        table.add_row(
            {cell_of(member(mapping, "protocol")), cell_of(member(mapping, "inside")),
             cell_of(member(mapping, "outside")), cell_of(member(mapping, "rule")),
             cell_of(member(mapping, "sessions")), cell_of(member(mapping, "expires-in-seconds")),
             cell_of(member(mapping, "worker")), filters_text(member(mapping, "filters"))});
    }
    return table.text();
}

std::string nat_text(const json::value& data) {
    if (count_of(member(data, "max-sessions")) == 0) {
        return "nothing is translated\n";
    }
    std::string text = line("sessions", of(data, "sessions", "max-sessions"));
    text += line("  by state", not_zero(member(data, "sessions-by-state")));
    text += line("  made", grouped(count_of(member(data, "sessions-made"))));
    text += line("  ended", not_zero(member(data, "sessions-ended")));
    text += line("mappings", grouped(count_of(member(data, "mappings"))));
    text += requested_text(member(data, "requested"), member(data, "pcp"));
    text += line("subscribers", of(data, "subscribers", "max-subscribers"));
    text += line("  limits", not_zero(member(data, "limits")));
    text += line("memory bytes", grouped(count_of(member(data, "memory-bytes"))));
    text += line("packets", not_zero(member(data, "packets")));
    text += line("refused", not_zero(member(data, "refused")));
    text += line("ftp", not_zero(member(data, "ftp")));
    text += line("events", not_zero(member(data, "events")));
    const json::value& journal = member(data, "journal");
    if (const std::uint64_t lost = count_of(member(journal, "not-written")); lost != 0) {
        text += line("journal", fmt::format("{} lines are missing from {}", grouped(lost),
                                            printable(cell_of(member(journal, "file")))));
    }

    Table rules({{"RULE"}, {"KIND"}, {"PROTOCOL"}, {"SESSIONS", kRight}, {"MADE", kRight}});
    for (const json::value& rule : items(member(data, "rules"))) {
        rules.add_row({cell_of(member(rule, "name")), cell_of(member(rule, "kind")),
                       cell_of(member(rule, "protocol")), cell_of(member(rule, "sessions")),
                       cell_of(member(rule, "sessions-made"))});
    }
    text += "\n" + rules.text();

    Table addresses({{"ADDRESS"},
                     {"RULE"},
                     {"TCP USED", kRight},
                     {"TCP FREE", kRight},
                     {"UDP USED", kRight},
                     {"UDP FREE", kRight},
                     {"ICMP USED", kRight}});
    for (const json::value& address : items(member(data, "addresses"))) {
        addresses.add_row(
            {cell_of(member(address, "address")), cell_of(member(address, "rule")),
             cell_of(member(address, "tcp-ports-used")), cell_of(member(address, "tcp-ports-free")),
             cell_of(member(address, "udp-ports-used")), cell_of(member(address, "udp-ports-free")),
             cell_of(member(address, "icmp-identifiers-used"))});
    }
    text += "\n" + addresses.text();
    if (const std::uint64_t more = count_of(member(data, "addresses-not-shown")); more != 0) {
        text += fmt::format("and {} more addresses\n", grouped(more));
    }
    return text;
}

}  // namespace godwit::ctl
