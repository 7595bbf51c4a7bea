// The router's answers as text for a person (`-o table`), one function a verb.
//
// A view shows what one looks for first, and may leave keys out that `-o json` has; it never
// changes a number. Keys that are missing or of another type leave an empty cell: a newer or older
// router is still readable.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace godwit::ctl {

// `subject` is the word after "show".
std::string show_table(std::string_view subject, const boost::json::value& data);

std::string history_table(const boost::json::value& data);

// The changes of plan, apply and diff: "+ path: after", "- path: before", "~ path: before -> after"
// with what each costs and does.
std::string changes_text(const boost::json::value& data);

// One line for an event of a ping, and the last lines.
std::string ping_event_text(const boost::json::value& event);
std::string ping_summary_text(std::string_view address, const boost::json::value& summary);
// One line for a hop of a traceroute, as traceroute(8) has it, and the last line.
std::string traceroute_hop_text(const boost::json::value& hop);
std::string traceroute_summary_text(std::string_view address, const boost::json::value& summary);

// A number of milliseconds with what matters of it: "0.213", "12.4", "1500".
std::string milliseconds_text(double milliseconds);

}  // namespace godwit::ctl
