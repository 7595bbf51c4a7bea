// godwit-controlplane: decides where packets go, and answers whoever asks.
//
// This file reads FILE, makes everything once and ties it together; what each part does is written
// in its own folder. No privilege is needed: a writable state directory and a place for the control
// socket are enough.
//
// Exit codes: 0 stopped by a signal, 1 did not start, 75 (api::kRestartExitCode) wants to be
// started again at once with running.yaml.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "config/load/load.hpp"
#include "config/store/store.hpp"
#include "controlplane/management/apply.hpp"
#include "controlplane/management/control_server.hpp"
#include "controlplane/management/metrics/page.hpp"
#include "controlplane/management/nat_journal.hpp"
#include "controlplane/management/router.hpp"
#include "controlplane/management/show.hpp"
#include "controlplane/management/verbs.hpp"
#include "controlplane/runtime/executor.hpp"
#include "controlplane/runtime/logging.hpp"
#include "dataplane/api/messages.hpp"

namespace {

namespace config = godwit::config;
namespace control = godwit::control;
namespace net = godwit::net;

// How long answers have to go out before this program ends for its own restart.
constexpr std::chrono::milliseconds kLastWords{200};

struct Options {
    std::string file;
    std::string state_directory = "/var/lib/godwit";
};

int complain(const std::string& sentence) {
    fmt::print(stderr, "godwit-controlplane: error: {}\n", sentence);
    return 1;
}

std::int64_t unix_seconds() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// The revision of `yaml`: the newest, if it is that; else a new one.
net::Result<config::Revision, std::string> revision_of(config::RevisionStore& revisions,
                                                       const std::string& file,
                                                       const std::string& yaml) {
    const std::string hash = config::sha256_hex(yaml);
    const auto newest = revisions.newest();
    if (newest && newest->sha256 == hash) {
        return *newest;
    }
    // running.yaml is a copy of ours, and no person's file.
    const bool own = file == revisions.running_path() && newest;
    return revisions.append(yaml, "start", own ? newest->source_hash : hash, unix_seconds());
}

int run(const Options& options) {
    // load_file says what is wrong with a file that cannot be read; what runs is the text as it is
    // read here, once.
    config::LoadResult loaded = config::load_file(options.file);
    std::ifstream stream(options.file, std::ios::binary);
    const std::string yaml{std::istreambuf_iterator<char>(stream),
                           std::istreambuf_iterator<char>()};
    if (loaded) {
        loaded = config::load_text(yaml, options.file);
    }
    if (!loaded) {
        fmt::print(stderr, "{}", config::render(loaded.error()));
        return 1;
    }
    if (!loaded->warnings.empty()) {
        fmt::print(stderr, "{}", config::render(loaded->warnings));
    }
    const config::Model& model = loaded->model;
    constexpr std::array kLevels{"error", "warning", "info", "debug", "trace"};
    const auto level = static_cast<std::size_t>(model.system.log_level);
    if (const auto set = control::set_up_logging(kLevels.at(level)); !set) {
        return complain(std::string(set.error()));
    }

    control::Executor executor;
    control::AsioTimers timers(executor);
    auto revisions = config::RevisionStore::open(options.state_directory);
    if (!revisions) {
        return complain(revisions.error());
    }

    // The socket first: who does not get it leaves everything else as it is.
    control::Verbs* verbs = nullptr;
    auto server = control::ControlServer::open(
        executor.io_context(), model.management.control_socket,
        [&verbs](boost::json::object request, const std::shared_ptr<control::Answer>& answer) {
            verbs->handle(std::move(request), answer);
        });
    if (!server) {
        return complain(server.error());
    }
    for (const std::string& problem : revisions->problems()) {
        spdlog::warn("{}", problem);
    }
    auto revision = revision_of(*revisions, options.file, yaml);
    if (!revision) {
        return complain(revision.error());
    }
    spdlog::info("revision {} runs, control socket {}", revision->number,
                 model.management.control_socket);

    std::random_device random;  // getrandom(2) or RDRAND: not to be guessed
    control::NatJournal nat_journal(options.state_directory);
    control::Router router(
        executor, timers, [&random] { return random(); },
        control::RunningConfiguration{std::move(*revision), yaml, model});

    router.set_nat_journal(nat_journal);

    int exit_code = 0;
    const auto farewell = timers.make_timer();
    control::Applier applier(router, *revisions, {unix_seconds, [&] {
                                                      exit_code = godwit::api::kRestartExitCode;
                                                      farewell->arm(
                                                          timers.now() + kLastWords,
                                                          [&executor] { executor.stop(); });
                                                  }});
    control::Show show(router, [&server] { return &(*server)->counters(); });
    control::MetricsPage metrics(router,
                                 {[&server] { return &(*server)->counters(); }, unix_seconds});
    metrics.adopt(model);
    router.set_adoption_listener([&metrics](const config::Model& next) { metrics.adopt(next); });
    control::Verbs all_verbs(router, applier, show, *revisions);
    verbs = &all_verbs;

    const control::Signals signals(executor, {SIGINT, SIGTERM}, [&executor](int signal) {
        spdlog::info("signal {}: stopping", signal);
        executor.stop();
    });
    std::signal(SIGPIPE, SIG_IGN);
    router.start();
    executor.run();

    server->reset();
    router.stop();
    return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"The control plane of a Godwit router", "godwit-controlplane"};
    Options options;
    app.add_option("FILE", options.file, "the configuration to run")->required();
    app.add_option("--state-dir", options.state_directory, "where revisions are kept")
        ->capture_default_str();
    app.set_version_flag("--version", GODWIT_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return error.get_exit_code() == 0 ? app.exit(error) : (app.exit(error), 2);
    }
    try {
        return run(options);
    } catch (const std::exception& error) {
        return complain(fmt::format("{}; see the log above", error.what()));
    }
}
