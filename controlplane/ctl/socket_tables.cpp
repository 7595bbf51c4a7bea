#include "controlplane/ctl/socket_tables.hpp"

#include <boost/json.hpp>

#include "controlplane/ctl/json_reading.hpp"
#include "controlplane/ctl/table.hpp"
#include "controlplane/ctl/views.hpp"

namespace godwit::ctl {

namespace json = boost::json;

namespace {

constexpr Align kRight = Align::Right;

double number_of(const json::value& value) {
    if (value.is_double()) {
        return value.get_double();
    }
    return value.is_int64() ? static_cast<double>(value.get_int64())
                            : static_cast<double>(count_of(value));
}

std::string time_or_nothing(const json::value& value) {
    return value.is_number() ? milliseconds_text(number_of(value)) : "";
}

// The timer that goes off first: "retransmit 198".
std::string first_timer(const json::value& timers) {
    std::string text;
    double first = 0;
    if (const json::object* const all = timers.if_object()) {
        for (const auto& timer : *all) {
            const double left = number_of(timer.value());
            if (timer.value().is_number() && (text.empty() || left < first)) {
                first = left;
                text = printable(std::string(timer.key())) + " " + milliseconds_text(left);
            }
        }
    }
    return text;
}

}  // namespace

std::string sockets_table(const json::value& data) {
    Table table({{"PROTOCOL"},
                 {"STATE"},
                 {"LOCAL"},
                 {"REMOTE"},
                 {"RECV-Q", kRight},
                 {"SEND-Q", kRight},
                 {"CWND", kRight},
                 {"SSTHRESH", kRight},
                 {"RTT MS", kRight},
                 {"RTO MS", kRight},
                 {"RETRANS", kRight},
                 {"NEXT TIMER MS"}});
    for (const json::value& socket : items(data)) {
        table.add_row(
            {cell_of(member(socket, "protocol")), cell_of(member(socket, "state")),
             cell_of(member(socket, "local")), cell_of(member(socket, "remote")),
             cell_of(member(socket, "receive-queue-bytes")),
             cell_of(member(socket, "send-queue-bytes")),
             cell_of(member(socket, "congestion-window-bytes")),
             cell_of(member(socket, "slow-start-threshold-bytes")),
             time_or_nothing(member(socket, "rtt-ms")), time_or_nothing(member(socket, "rto-ms")),
             cell_of(member(socket, "retransmissions")), first_timer(member(socket, "timers-ms"))});
    }
    return table.text();
}

std::string socket_events_table(const json::value& data) {
    Table table({{"AGO MS", kRight}, {"LOCAL"}, {"REMOTE"}, {"EVENT"}});
    for (const json::value& event : items(data)) {
        std::string what = cell_of(member(event, "event"));
        if (what == "state") {
            what = cell_of(member(event, "from")) + " -> " + cell_of(member(event, "to"));
            const std::string trouble = cell_of(member(event, "trouble"));
            what += trouble.empty() ? "" : " (" + trouble + ")";
        } else {
            what += " " + cell_of(member(event, "count"));
        }
        table.add_row({time_or_nothing(member(event, "ago-ms")), cell_of(member(event, "local")),
                       cell_of(member(event, "remote")), what});
    }
    return table.text();
}

}  // namespace godwit::ctl
