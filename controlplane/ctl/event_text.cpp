#include "controlplane/ctl/event_text.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <ctime>

#include "controlplane/ctl/json_reading.hpp"
#include "controlplane/ctl/table.hpp"

namespace godwit::ctl {

std::string events_text(const boost::json::value& data) {
    std::string text;
    for (const boost::json::value& one : items(data)) {
        const auto time = static_cast<std::time_t>(count_of(member(one, "time")));
        std::tm utc{};
        ::gmtime_r(&time, &utc);
        char stamp[32] = "";
        std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
        const std::string topic = printable(cell_of(member(one, "topic")));
        const std::string level = printable(cell_of(member(one, "level")));
        text += fmt::format("{}  {}{}\n", stamp,
                            topic.empty() ? "" : fmt::format("{:<10}  {:<7}  ", topic, level),
                            printable(cell_of(member(one, "event"))));
    }
    return text.empty() ? "nothing has happened\n" : text;
}

}  // namespace godwit::ctl
