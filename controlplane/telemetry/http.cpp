#include "controlplane/telemetry/http.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <ctime>

namespace godwit::control::telemetry {

std::string path_of(std::string_view target) {
    // RFC 9112 3.2.2: a server takes the absolute form too.
    constexpr std::string_view kScheme = "http://";
    if (target.starts_with(kScheme)) {
        target.remove_prefix(kScheme.size());
        target.remove_prefix(std::min(target.find('/'), target.size()));
        if (target.empty()) {
            target = "/";
        }
    }
    return std::string(target.substr(0, target.find('?')));
}

std::string date_text(std::int64_t unix_seconds) {
    return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT",
                       fmt::gmtime(static_cast<std::time_t>(unix_seconds)));
}

bool is_malformed(const boost::system::error_code& error) {
    return error.category() == http::make_error_code(http::error::bad_method).category() &&
           error != http::error::end_of_stream && error != http::error::partial_message;
}

}  // namespace godwit::control::telemetry
