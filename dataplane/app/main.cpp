// godwit-dataplane FILE: the half of the router that moves packets.
//
// Start-up mistakes end it with exit code 1 and one plain line, `godwit-dataplane: error: WHAT;
// MEND`; a configuration that does not load shows all its findings. Exit code kRestartExitCode asks
// the supervisor for a new start, with the configuration that is then in FILE.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "config/load/load.hpp"
#include "dataplane/app/dataplane.hpp"

namespace {

using namespace godwit;

// Signals reach the whole process, so this one value cannot be passed to where it is needed.
std::atomic<bool> stop_asked{false};

extern "C" void ask_to_stop(int) {
    stop_asked.store(true);
}

void set_up_logging(config::LogLevel level) {
    auto logger = std::make_shared<spdlog::logger>(
        "godwit", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    logger->flush_on(spdlog::level::trace);  // what it said before it died matters most
    spdlog::set_default_logger(std::move(logger));
    dataplane::set_log_level(level);
}

void handle_signals() {
    struct sigaction action {};
    action.sa_handler = ask_to_stop;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, nullptr);  // a control plane that died is no reason to die
}

int fail(const std::string& text) {
    fmt::print(stderr, "godwit-dataplane: error: {}\n", text);
    return EXIT_FAILURE;
}

std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

int run(const std::string& path, const std::string& user_name,
        const std::optional<uid_t>& channel_uid) {
    dataplane::StartOptions options;
    options.channel_uid = channel_uid;
    options.stop = &stop_asked;
    if (!user_name.empty()) {
        options.user = dataplane::find_user(user_name);
        if (!options.user) {
            return fail(fmt::format("there is no user '{}'; give --user one that /etc/passwd has",
                                    user_name));
        }
    }
    const std::string yaml = read_text(path);
    // The same text is loaded and hashed; a file that cannot be read is a finding like any other.
    const auto loaded = yaml.empty() ? config::load_file(path) : config::load_text(yaml, path);
    if (!loaded) {
        fmt::print(stderr, "{}", config::render(loaded.error()));
        return EXIT_FAILURE;
    }
    set_up_logging(loaded->model.system.log_level);
    handle_signals();
    auto started = dataplane::Dataplane::start(loaded->model, yaml, options);
    if (!started && stop_asked.load()) {
        return EXIT_SUCCESS;  // who asked us to stop does not want to hear what did not start
    }
    if (!started) {
        return fail(started.error());
    }
    return (*started)->run(stop_asked);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"The packet-moving half of the Godwit router"};
    std::string path;
    std::string user;
    std::optional<uid_t> channel_uid;
    app.add_option("FILE", path, "Configuration (YAML)")->required();
    app.add_option("--user", user, "Become this user after the start");
    app.add_option("--channel-uid", channel_uid,
                   "Number of the user that the control plane runs as (beside root)");
    app.set_version_flag("--version", std::string("godwit-dataplane " GODWIT_VERSION));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? EXIT_SUCCESS : 2;
    }
    try {
        return run(path, user, channel_uid);
    } catch (const std::exception& error) {
        return fail(
            fmt::format("{}; see the free memory and the limits of this process", error.what()));
    }
}
