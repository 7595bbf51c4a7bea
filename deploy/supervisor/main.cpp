// godwit: the one command of a router. `run` is the supervisor of its two programs; `check`,
// `schema` and `doctor` work offline and need no router.
//
// Exit codes: 0 done (run: stopped by a signal), 1 refused or failed, 2 usage.
#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "config/load/load.hpp"
#include "config/schema/schema.hpp"
#include "deploy/supervisor/account.hpp"
#include "deploy/supervisor/boot.hpp"
#include "deploy/supervisor/directories.hpp"
#include "deploy/supervisor/doctor.hpp"
#include "deploy/supervisor/supervisor.hpp"

namespace {

namespace supervisor = godwit::supervisor;

constexpr const char* kDefaultFile = "/etc/godwit/godwit.yaml";

struct RunOptions {
    std::string file = kDefaultFile;
    std::string state_directory = "/var/lib/godwit";
    supervisor::Programs programs;
};

int complain(const std::string& sentence) {
    fmt::print(stderr, "godwit: error: {}\n", sentence);
    return 1;
}

// The folder of this executable, where its two programs stand.
std::string own_folder() {
    std::error_code error;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? "/usr/bin" : self.parent_path().string();
}

std::unique_ptr<spdlog::logger> make_log() {
    auto log = std::make_unique<spdlog::logger>("godwit",
                                                std::make_shared<spdlog::sinks::stderr_sink_st>());
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    log->flush_on(spdlog::level::trace);
    return log;
}

int run(RunOptions options) {
    for (auto [path, name] : {std::pair(&options.programs.dataplane, "godwit-dataplane"),
                              std::pair(&options.programs.controlplane, "godwit-controlplane"),
                              std::pair(&options.programs.godwitctl, "godwitctl")}) {
        if (path->empty()) {
            *path = own_folder() + "/" + name;
        }
    }
    // The programs are started from another identity and must not depend on where a person stands.
    options.file = std::filesystem::absolute(options.file).string();
    options.state_directory = std::filesystem::absolute(options.state_directory).string();

    const std::optional<supervisor::Account> account = supervisor::control_plane_account();
    supervisor::Boot boot(options.file, options.state_directory, account, [] {
        return std::chrono::duration_cast<std::chrono::seconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
    });
    const auto checked = boot.check();
    if (!checked) {
        fmt::print(stderr, "{}", checked.error());
        return 1;
    }
    fmt::print(stderr, "{}", checked->warnings);
    for (const std::string& program : {options.programs.dataplane, options.programs.controlplane}) {
        if (::access(program.c_str(), X_OK) != 0) {
            return complain(
                fmt::format("there is no program {}; install it there, or say where it "
                            "is (godwit run --help)",
                            program));
        }
    }
    if (const auto ready = supervisor::prepare_state_directory(options.state_directory, account);
        !ready) {
        return complain(ready.error());
    }
    const auto lock = supervisor::StateLock::take(options.state_directory, account);
    if (!lock) {
        return complain(lock.error());
    }
    const auto running = boot.begin();
    if (!running) {
        return complain(running.error());
    }

    const std::unique_ptr<spdlog::logger> log = make_log();
    for (const std::string& problem : running->problems) {
        log->warn("{}", problem);
    }
    log->info("{}", running->note);
    if (account) {
        log->info("the control plane runs as '{}'", account->name);
    }
    supervisor::Supervisor router(options.programs, options.file, options.state_directory, account,
                                  boot, *log);
    return router.run();
}

int check(const std::string& file) {
    const godwit::config::LoadResult loaded = godwit::config::load_file(file);
    if (!loaded) {
        fmt::print(stderr, "{}", godwit::config::render(loaded.error()));
        return 1;
    }
    fmt::print(stderr, "{}", godwit::config::render(loaded->warnings));
    fmt::print("{}: good, {} interfaces, {} static routes, {} warnings\n", file,
               loaded->model.interfaces.size(), loaded->model.static_.routes.size(),
               loaded->warnings.size());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("A router: DPDK moves the packets, its own control plane decides where they go.",
                 "godwit");
    app.set_version_flag("--version", "godwit " GODWIT_VERSION, "print the version");
    app.require_subcommand(1);
    app.footer("A running router is asked and changed with godwitctl.");

    RunOptions options;
    CLI::App* run_verb = app.add_subcommand("run", "run a router until SIGINT or SIGTERM");
    run_verb->add_option("FILE", options.file, "the YAML file")->capture_default_str();
    run_verb->add_option("--state-dir", options.state_directory, "where revisions are kept")
        ->capture_default_str();
    run_verb->add_option("--dataplane", options.programs.dataplane,
                         "the program godwit-dataplane (default: beside this one)");
    run_verb->add_option("--controlplane", options.programs.controlplane,
                         "the program godwit-controlplane (default: beside this one)");
    run_verb->add_option("--godwitctl", options.programs.godwitctl,
                         "the program godwitctl, for SIGHUP (default: beside this one)");

    std::string check_file;
    CLI::App* check_verb = app.add_subcommand("check", "is this file a good configuration?");
    check_verb->add_option("FILE", check_file, "the YAML file")->required();

    CLI::App* schema_verb =
        app.add_subcommand("schema", "print the JSON Schema of the configuration");

    std::string doctor_file;
    std::string doctor_output = "table";
    CLI::App* doctor_verb = app.add_subcommand(
        "doctor", "look at this machine, and print the command that mends each finding");
    doctor_verb->add_option("FILE", doctor_file, "also check what this configuration needs");
    doctor_verb->add_option("-o,--output", doctor_output, "table or json")
        ->check(CLI::IsMember({"table", "json"}));

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error);
        return code == 0 ? 0 : 2;
    }

    try {
        if (*run_verb) {
            return run(std::move(options));
        }
        if (*check_verb) {
            return check(check_file);
        }
        if (*schema_verb) {
            fmt::print("{}\n", godwit::config::json_schema());
            return 0;
        }
        if (*doctor_verb) {
            const supervisor::Finished finished =
                supervisor::doctor(doctor_file, doctor_output == "json");
            fmt::print(stderr, "{}", finished.err);
            fmt::print("{}", finished.out);
            return finished.exit_code;
        }
    } catch (const std::exception& error) {
        return complain(error.what());
    }
    return 2;
}
