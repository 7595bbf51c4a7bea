// One logger, one format. A line is flushed at once: what a program said before it died is what
// matters most.
#include "controlplane/runtime/logging.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <memory>
#include <utility>

namespace godwit::control {

net::Result<void, std::string_view> set_up_logging(std::string_view level) {
    constexpr std::array<std::pair<std::string_view, spdlog::level::level_enum>, 5> kLevels{{
        {"trace", spdlog::level::trace},
        {"debug", spdlog::level::debug},
        {"info", spdlog::level::info},
        {"warning", spdlog::level::warn},
        {"error", spdlog::level::err},
    }};
    for (const auto& [word, value] : kLevels) {
        if (word != level) {
            continue;
        }
        auto logger = std::make_shared<spdlog::logger>(
            "godwit", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
        logger->set_level(value);
        logger->flush_on(spdlog::level::trace);
        spdlog::set_default_logger(std::move(logger));
        return {};
    }
    return net::unexpected<std::string_view>(
        "log level is none of trace, debug, info, warning, error");
}

}  // namespace godwit::control
