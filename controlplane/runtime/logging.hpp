// Log lines of both programs: `2026-01-01T00:00:00.000Z level message`, on standard error, where
// systemd, a container or the supervisor collects them.
#pragma once

#include <string_view>

#include "net/result.hpp"

namespace godwit::control {

// `level` is one of the configuration's words: trace, debug, info, warning, error. Call once at
// start, and again when the level changes; spdlog's default logger is the one that is set up.
net::Result<void, std::string_view> set_up_logging(std::string_view level);

}  // namespace godwit::control
