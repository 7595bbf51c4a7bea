#include "deploy/supervisor/supervisor.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "config/load/load.hpp"
#include "deploy/supervisor/directories.hpp"

namespace godwit::supervisor {
namespace {

// What a program ends with when it wants to be started again (dataplane/api/messages.hpp states the
// same number for the two programs; the supervisor includes neither).
constexpr int kWantsRestart = 75;
constexpr int kStartMistake = 1;
// A first start that ends with kStartMistake so soon has told its mistake already.
constexpr std::chrono::seconds kStartLimit{15};
constexpr std::chrono::seconds kStopPatience{5};

sigset_t handled_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) {
        ::sigaddset(&set, signal);
    }
    return set;
}

}  // namespace

Supervisor::Supervisor(Programs programs, std::string file, std::string state_directory,
                       std::optional<Account> account, Boot& boot, spdlog::logger& log)
    : paths_(std::move(programs)),
      file_(std::move(file)),
      state_directory_(std::move(state_directory)),
      account_(std::move(account)),
      boot_(boot),
      log_(log) {
    program(Half::Dataplane).name = "dataplane";
    program(Half::ControlPlane).name = "control plane";
    // A shell that starts this in the background ignores SIGINT for it, and an ignored signal never
    // reaches the signalfd.
    for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) {
        ::signal(signal, SIG_DFL);
    }
    const sigset_t set = handled_signals();
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_ < 0) {
        throw std::system_error(errno, std::generic_category(), "cannot receive signals");
    }
}

Supervisor::~Supervisor() {
    ::close(signals_);
    if (made_directory_) {
        std::error_code ignored;
        // The lock file of the channel stays behind by design of locks; nobody holds it now.
        std::filesystem::remove(*made_directory_ + "/dataplane.sock.lock", ignored);
        std::filesystem::remove(*made_directory_, ignored);  // only when it is empty
    }
}

int Supervisor::run() {
    start(Half::Dataplane);
    if (!exit_code_) {
        start(Half::ControlPlane);
    }
    while (!exit_code_) {
        std::optional<Clock::time_point> next;
        for (const Program& one : programs_) {
            if (one.start_due && (!next || *one.start_due < *next)) {
                next = one.start_due;
            }
        }
        wait(next);
        read_signals();
        for (const Half half : {Half::Dataplane, Half::ControlPlane}) {
            const Program& one = program(half);
            if (!exit_code_ && one.start_due && *one.start_due <= Clock::now()) {
                start(half);
            }
        }
    }
    stop_all();
    return *exit_code_;
}

// ---- starting

Command Supervisor::command_of(Half half) const {
    Command command;
    if (half == Half::Dataplane) {
        command.path = paths_.dataplane;
        command.arguments = {boot_.running_path()};
        if (account_) {
            command.arguments.insert(command.arguments.end(),
                                     {"--channel-uid", std::to_string(account_->uid)});
        }
    } else {
        command.path = paths_.controlplane;
        command.arguments = {boot_.running_path(), "--state-dir", state_directory_};
        command.account = account_;
    }
    return command;
}

// An applied revision may have moved the control socket, so this is asked before every start.
bool Supervisor::prepare_sockets() {
    const config::LoadResult running = config::load_file(boot_.running_path());
    if (!running) {
        log_.error("{} cannot be used:\n{}", boot_.running_path(), config::render(running.error()));
        return false;
    }
    const std::string& socket = running->model.management.control_socket;
    const auto made = prepare_socket_directory(socket, account_);
    if (!made) {
        log_.error("{}", made.error());
        return false;
    }
    if (*made) {
        made_directory_ = std::filesystem::path(socket).parent_path().string();
    }
    return true;
}

void Supervisor::start(Half half) {
    Program& starting = program(half);
    starting.start_due.reset();
    const bool again = starting.starts > 0;
    if (half == Half::ControlPlane && again) {
        if (const auto edited = boot_.look_again()) {
            log_.log(edited->refused ? spdlog::level::err : spdlog::level::info, "{}",
                     edited->text);
        }
    }
    if (!prepare_sockets() && !again) {
        exit_code_ = 1;  // a start-up mistake; later it may pass, and the program says so itself
        return;
    }
    ++starting.starts;
    starting.started = Clock::now();
    const auto pid = start_child(command_of(half));
    if (!pid) {
        log_.error("{}", pid.error());
        if (!again) {
            exit_code_ = 1;
        } else {
            starting.start_due = Clock::now() + RestartPolicy::kLongestWait;
        }
        return;
    }
    starting.pid = *pid;
    log_.info("{} started: pid {}{}", starting.name, *pid,
              again ? fmt::format(", restart {}", starting.policy.restarts()) : "");
}

// ---- ends

void Supervisor::reap() {
    int status = 0;
    for (;;) {
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid <= 0) {
            return;
        }
        for (const Half half : {Half::Dataplane, Half::ControlPlane}) {
            if (pid == program(half).pid) {
                ended(half, status);
            }
        }
        if (pid == reloader_) {
            reloader_ = 0;
            if (status != 0) {
                log_.error("{} was not applied ({})", file_, describe_end(status));
            }
        }
    }
}

void Supervisor::ended(Half half, int wait_status) {
    Program& one = program(half);
    // What the program itself may have started goes with it.
    ::kill(-one.pid, SIGKILL);
    one.pid = 0;
    const auto lived = std::chrono::duration_cast<Duration>(Clock::now() - one.started);
    if (exit_code_) {
        return;  // stopping
    }
    const int code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
    if (code == kStartMistake && one.starts == 1 && lived < kStartLimit) {
        log_.error("the {} could not start; nothing runs", one.name);
        exit_code_ = 1;
        return;
    }
    const Duration wait = one.policy.after_end(lived);
    one.start_due = Clock::now() + wait;
    const std::string when =
        wait == Duration::zero() ? "at once" : fmt::format("in {} ms", wait.count());
    if (code == kWantsRestart) {
        log_.info("{} asked for its restart after {} ms; it starts {}", one.name, lived.count(),
                  when);
    } else {
        log_.error("{} ended: {}, after {} ms; it starts {}", one.name, describe_end(wait_status),
                   lived.count(), when);
    }
}

// ---- signals

void Supervisor::wait(std::optional<Clock::time_point> until) {
    int timeout = -1;
    if (until) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now()).count();
        timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    }
    pollfd waiting{signals_, POLLIN, 0};
    ::poll(&waiting, 1, timeout);
}

void Supervisor::read_signals() {
    signalfd_siginfo info{};
    while (::read(signals_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
        switch (static_cast<int>(info.ssi_signo)) {
            case SIGCHLD:
                break;  // signals merge, so reap() looks at all children below
            case SIGHUP:
                reload();
                break;
            default:
                if (!exit_code_) {
                    log_.info("stopping: {}", ::strsignal(static_cast<int>(info.ssi_signo)));
                    exit_code_ = 0;
                }
        }
    }
    reap();
}

// SIGHUP is `godwitctl apply FILE`: the same checks, the same answer, in this log.
void Supervisor::reload() {
    if (reloader_ != 0) {
        log_.info("{} is being applied already", file_);
        return;
    }
    const config::LoadResult running = config::load_file(boot_.running_path());
    if (!running) {
        log_.error("{} cannot be used:\n{}", boot_.running_path(), config::render(running.error()));
        return;
    }
    const auto pid = start_child({paths_.godwitctl,
                                  {"--socket", running->model.management.control_socket, "apply",
                                   file_, "-m", "reloaded by signal"},
                                  std::nullopt});
    if (!pid) {
        log_.error("{}", pid.error());
        return;
    }
    reloader_ = *pid;
}

// ---- stopping

void Supervisor::stop_all() {
    for (Program& one : programs_) {
        one.start_due.reset();
    }
    if (reloader_ != 0) {
        ::kill(reloader_, SIGTERM);
    }
    stop(program(Half::ControlPlane), Clock::now() + kStopPatience);
    stop(program(Half::Dataplane), Clock::now() + kStopPatience);
}

void Supervisor::stop(Program& stopping, Clock::time_point deadline) {
    if (stopping.pid == 0) {
        return;
    }
    ::kill(stopping.pid, SIGTERM);
    while (stopping.pid != 0 && Clock::now() < deadline) {
        wait(deadline);
        read_signals();
    }
    if (stopping.pid != 0) {
        log_.warn("{} did not stop in {} s; it is killed", stopping.name, kStopPatience.count());
        ::kill(-stopping.pid, SIGKILL);
        ::waitpid(stopping.pid, nullptr, 0);
        stopping.pid = 0;
    }
    log_.info("{} stopped", stopping.name);
}

}  // namespace godwit::supervisor
