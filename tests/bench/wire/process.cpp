#include "tests/bench/wire/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <thread>
#include <utility>

namespace godwit::bench::wire {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM};
constexpr std::chrono::milliseconds kLookEvery{10};
constexpr std::chrono::seconds kPatienceAtTheEnd{10};
constexpr std::chrono::seconds kPatienceWithCommands{30};
constexpr std::size_t kLastLines = 12;
// Before everything of the ordinary kind: two programs that poll at each other stand still while
// either of them waits for its core. Where the kernel groups processes by session (sched(7), the
// autogroup feature), the priority of a group is written to a file, and a process's own counts
// inside of its group only. Where neither may be changed, the figures are as good as the machine is
// quiet.
constexpr int kPriority = -20;
constexpr std::string_view kGroupPriority = "-20";

// Signals reach the whole process, so this one value cannot be passed to where it is needed.
std::atomic<int> signal_that_came{0};

extern "C" void remember_signal(int signal) {
    signal_that_came.store(signal);
}

// In the child, between fork and exec: only calls that are safe there.
void go_before_others() {
    ::setpriority(PRIO_PROCESS, 0, kPriority);
    const int group = ::open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    if (group >= 0) {
        [[maybe_unused]] const ssize_t written =
            ::write(group, kGroupPriority.data(), kGroupPriority.size());
        ::close(group);
    }
}

std::string read_whole(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::string last_lines(const std::string& text) {
    std::size_t from = text.size();
    for (std::size_t line = 0; line <= kLastLines && from != 0 && from != std::string::npos;
         ++line) {
        from = text.rfind('\n', from - 1);
    }
    return from == 0 || from == std::string::npos ? text : text.substr(from + 1);
}

std::string describe_end(int status) {
    if (WIFSIGNALED(status)) {
        return fmt::format("was killed by signal {} ({})", WTERMSIG(status),
                           ::strsignal(WTERMSIG(status)));
    }
    return fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

}  // namespace

Interruption::Interruption() {
    signal_that_came.store(0);
    struct sigaction action {};
    action.sa_handler = remember_signal;
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
        ::sigaction(kSignals[i], &action, &before_[i]);
    }
}

Interruption::~Interruption() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
        ::sigaction(kSignals[i], &before_[i], nullptr);
    }
    if (const int signal = signal_that_came.load(); signal != 0) {
        ::raise(signal);
    }
}

bool Interruption::asked_for() {
    return signal_that_came.load() != 0;
}

net::Result<Process, std::string> Process::start(const Command& command,
                                                 std::filesystem::path log) {
    const auto fail = [&command](const char* what) {
        return net::unexpected(
            fmt::format("cannot start {}: {}: {}", command.front(), what, std::strerror(errno)));
    };
    // Made before fork: nothing may allocate in the child.
    Command words = command;
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);

    const int output =
        ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (output < 0) {
        return fail(log.c_str());
    }
    std::array<int, 2> input{-1, -1};
    if (::pipe2(input.data(), O_CLOEXEC) != 0) {
        ::close(output);
        return fail("no pipe");
    }
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::setsid();  // a terminal's Ctrl-C is the bench's, which ends its programs in order
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) {
            ::_exit(127);
        }
        go_before_others();
        ::dup2(input[0], STDIN_FILENO);
        ::dup2(output, STDOUT_FILENO);
        ::dup2(output, STDERR_FILENO);
        ::execvp(arguments.front(), arguments.data());
        const char* const reason = std::strerror(errno);
        [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, reason, strlen(reason));
        ::_exit(127);
    }
    ::close(input[0]);
    ::close(output);
    if (pid < 0) {
        ::close(input[1]);
        return fail("no process");
    }
    return Process(pid, input[1], std::filesystem::path(command.front()).filename().string(),
                   std::move(log));
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      input_(std::exchange(other.input_, -1)),
      status_(other.status_),
      name_(std::move(other.name_)),
      log_(std::move(other.log_)) {}

Process::~Process() {
    close_input();
    if (running()) {
        send_signal(SIGTERM);
        if (!wait(kPatienceAtTheEnd)) {
            send_signal(SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }
}

std::string Process::log() const {
    return read_whole(log_);
}

net::Result<std::string, std::string> Process::wait_for_line(const std::string& words,
                                                             Duration time) {
    const auto deadline = std::chrono::steady_clock::now() + time;
    for (;;) {
        // Looked at before the log: what it said just before its end is in there then.
        const bool ended = wait(Duration::zero()).has_value();
        std::istringstream lines(log());
        for (std::string line; std::getline(lines, line);) {
            if (line.find(words) != std::string::npos) {
                return line;
            }
        }
        if (ended) {
            return net::unexpected(fmt::format("{} {}, and said last:\n{}", name_,
                                               describe_end(status_), last_lines(log())));
        }
        if (Interruption::asked_for()) {
            return net::unexpected(std::string("interrupted"));
        }
        if (std::chrono::steady_clock::now() > deadline) {
            return net::unexpected(fmt::format(
                "{} did not say \"{}\" in {} s, but last:\n{}", name_, words,
                std::chrono::duration_cast<std::chrono::seconds>(time).count(), last_lines(log())));
        }
        std::this_thread::sleep_for(kLookEvery);
    }
}

void Process::say(const std::string& line) {
    // A pipe whose reader is gone kills who writes to it; the answer is then missed in the log.
    struct sigaction before {};
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &before);
    const std::string whole = line + "\n";
    [[maybe_unused]] const ssize_t written = ::write(input_, whole.data(), whole.size());
    ::sigaction(SIGPIPE, &before, nullptr);
}

void Process::close_input() {
    if (input_ >= 0) {
        ::close(std::exchange(input_, -1));
    }
}

std::optional<int> Process::wait(Duration time) {
    const auto deadline = std::chrono::steady_clock::now() + time;
    while (running()) {
        if (::waitpid(pid_, &status_, WNOHANG) == pid_) {
            pid_ = 0;
            break;
        }
        if (std::chrono::steady_clock::now() >= deadline) {
            return std::nullopt;
        }
        std::this_thread::sleep_for(kLookEvery);
    }
    return status_;
}

void Process::send_signal(int signal) {
    if (running()) {
        ::kill(pid_, signal);
    }
}

net::Result<void, std::string> run_command(const Command& command,
                                           const std::filesystem::path& log) {
    auto process = Process::start(command, log);
    if (!process) {
        return net::unexpected(process.error());
    }
    process->close_input();
    const auto status = process->wait(kPatienceWithCommands);
    if (!status) {
        return net::unexpected(fmt::format("{} does not end", fmt::join(command, " ")));
    }
    if (*status != 0) {
        return net::unexpected(fmt::format("{} {}: {}", fmt::join(command, " "),
                                           describe_end(*status), process->log()));
    }
    return {};
}

bool is_installed(const std::string& program) {
    const char* const path = std::getenv("PATH");
    std::istringstream folders(path == nullptr ? "" : path);
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (::access((folder + "/" + program).c_str(), X_OK) == 0) {
            return true;
        }
    }
    return false;
}

}  // namespace godwit::bench::wire
