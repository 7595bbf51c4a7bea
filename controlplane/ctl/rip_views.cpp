#include "controlplane/ctl/rip_views.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <ctime>
#include <vector>

#include "controlplane/ctl/event_text.hpp"
#include "controlplane/ctl/json_reading.hpp"
#include "controlplane/ctl/table.hpp"

namespace godwit::ctl {

namespace json = boost::json;

namespace {

std::string seconds_cell(const json::value& value) {
    return value.is_null() ? "" : cell_of(value) + " s";
}

std::string instance_text(const json::value& data) {
    std::string text;
    if (!truth_of(member(data, "running"))) {
        text = "RIP does not run\n";
    } else {
        text = fmt::format(
            "routes learned     {} of at most {}\n"
            "neighbors          {}\n"
            "entries            {}\n"
            "timers             update {}, timeout {}, garbage collection {}\n"
            "next update        in {}\n"
            "distance           {}\n"
            "converged          {}\n",
            cell_of(member(data, "routes")), cell_of(member(data, "max-routes")),
            cell_of(member(data, "neighbors")), cell_of(member(data, "entries")),
            seconds_cell(member(data, "update-seconds")),
            seconds_cell(member(data, "timeout-seconds")),
            seconds_cell(member(data, "garbage-collect-seconds")),
            seconds_cell(member(data, "next-update-seconds")), cell_of(member(data, "distance")),
            truth_of(member(data, "converged")) ? "yes" : "not yet");
        if (count_of(member(data, "refused-routes")) > 0) {
            text += fmt::format("routes refused     {} by import policies\n",
                                cell_of(member(data, "refused-routes")));
        }
        if (count_of(member(data, "refused-over-limit")) > 0) {
            text +=
                fmt::format("refused, no room   {}\n", cell_of(member(data, "refused-over-limit")));
        }
        if (count_of(member(data, "packets-not-sent")) > 0) {
            text +=
                fmt::format("packets not sent   {}\n", cell_of(member(data, "packets-not-sent")));
        }
    }
    for (const json::value& problem : items(member(data, "problems"))) {
        text += "problem: " + cell_of(problem) + "\n";
    }
    return text;
}

std::string interfaces_table(const json::value& data) {
    Table table({{"INTERFACE"},
                 {"STATE"},
                 {"COST", Align::Right},
                 {"SEND"},
                 {"RECEIVE"},
                 {"SPLIT HORIZON"},
                 {"AUTHENTICATION"},
                 {"NEIGHBORS", Align::Right},
                 {"RECEIVED", Align::Right},
                 {"SENT", Align::Right},
                 {"BAD PACKETS", Align::Right},
                 {"BAD ROUTES", Align::Right}});
    for (const json::value& one : items(data)) {
        table.add_row({cell_of(member(one, "interface")), cell_of(member(one, "state")),
                       cell_of(member(one, "cost")), cell_of(member(one, "send")),
                       cell_of(member(one, "receive")), cell_of(member(one, "split-horizon")),
                       cell_of(member(one, "authentication")), cell_of(member(one, "neighbors")),
                       cell_of(member(one, "received")), cell_of(member(one, "sent")),
                       cell_of(member(one, "bad-packets")), cell_of(member(one, "bad-routes"))});
    }
    return table.text();
}

// "wrong-digest 3, old-sequence 1"
std::string faults_cell(const json::value& neighbor) {
    std::string text;
    for (const char* const key : {"packet-faults", "route-faults"}) {
        const json::value& faults = member(neighbor, key);
        if (!faults.is_object()) {
            continue;
        }
        for (const auto& fault : faults.get_object()) {
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", std::string(fault.key()),
                                cell_of(fault.value()));
        }
    }
    return text;
}

std::string neighbors_table(const json::value& data) {
    Table table({{"NEIGHBOR"},
                 {"INTERFACE"},
                 {"STATE"},
                 {"VERSION", Align::Right},
                 {"HEARD", Align::Right},
                 {"EXPIRES", Align::Right},
                 {"ROUTES", Align::Right},
                 {"RECEIVED", Align::Right},
                 {"REFUSED"}});
    for (const json::value& one : items(data)) {
        table.add_row({cell_of(member(one, "neighbor")), cell_of(member(one, "interface")),
                       cell_of(member(one, "state")), cell_of(member(one, "version")),
                       seconds_cell(member(one, "heard-seconds")),
                       seconds_cell(member(one, "expires-seconds")), cell_of(member(one, "routes")),
                       cell_of(member(one, "received")), faults_cell(one)});
    }
    return table.text();
}

// A row a path; the timer is that of the path, or of the deletion.
std::string routes_table(const json::value& data) {
    Table table({{"PREFIX"},
                 {"METRIC", Align::Right},
                 {"TAG", Align::Right},
                 {"ORIGIN"},
                 {"VIA"},
                 {"INTERFACE"},
                 {"EXPIRES", Align::Right},
                 {"FORGOTTEN", Align::Right}});
    for (const json::value& one : items(data)) {
        std::vector<std::string> row{cell_of(member(one, "prefix")), cell_of(member(one, "metric")),
                                     cell_of(member(one, "tag")), cell_of(member(one, "origin"))};
        const json::array& paths = items(member(one, "paths"));
        if (paths.empty()) {
            row.insert(row.end(), {"", "", "", seconds_cell(member(one, "forgotten-seconds"))});
            table.add_row(std::move(row));
            continue;
        }
        for (const json::value& path : paths) {
            row.insert(row.end(), {cell_of(member(path, "via")), cell_of(member(path, "interface")),
                                   seconds_cell(member(path, "expires-seconds"))});
            table.add_row(std::move(row));
            row = {"", "", "", ""};
        }
    }
    return table.text();
}

}  // namespace

std::string rip_table(std::string_view part, const json::value& data) {
    if (part == "interfaces") {
        return interfaces_table(data);
    }
    if (part == "neighbors") {
        return neighbors_table(data);
    }
    if (part == "routes") {
        return routes_table(data);
    }
    if (part == "events") {
        return events_text(data);
    }
    return instance_text(data);
}

}  // namespace godwit::ctl
