// A program that the bench starts, watches and ends.
//
// What it says goes to a log file, read back for the words that mean "ready" and for the reasons
// of an early end; its standard input is a pipe, because dpdk-testpmd takes its commands there and
// the generator waits for its end. The kernel kills it when the bench dies, and the destructor ends
// it, so nothing outlives a case whatever happens in it.
//
// Ctrl-C: while an Interruption lives, SIGINT and SIGTERM end every wait here instead of the bench;
// the case then unwinds and takes apart what it made, and the Interruption's destructor lets the
// signal do what it came for.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "net/result.hpp"

namespace godwit::bench::wire {

class Interruption {
public:
    Interruption();
    ~Interruption();
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;

    static bool asked_for();

private:
    std::array<struct sigaction, 2> before_{};
};

// Words of a command: the program (looked for in PATH when it has no slash), then its arguments.
using Command = std::vector<std::string>;

class Process {
public:
    using Duration = std::chrono::steady_clock::duration;

    // The log is begun anew.
    static net::Result<Process, std::string> start(const Command& command,
                                                   std::filesystem::path log);
    Process(Process&& other) noexcept;
    Process& operator=(Process&& other) = delete;
    ~Process();  // ends it: SIGTERM, and SIGKILL after some seconds

    // The first line of the log with these words in it. The error says what it said instead.
    net::Result<std::string, std::string> wait_for_line(const std::string& words, Duration time);
    void say(const std::string& line);  // to its standard input
    void close_input();
    // The status of waitpid; nothing when it still runs after that time.
    std::optional<int> wait(Duration time);
    void send_signal(int signal);

    [[nodiscard]] bool running() const { return pid_ > 0; }
    [[nodiscard]] std::string log() const;

private:
    Process(pid_t pid, int input, std::string name, std::filesystem::path log)
        : pid_(pid), input_(input), name_(std::move(name)), log_(std::move(log)) {}

    pid_t pid_;  // 0: it has ended, and was waited for
    int input_;
    int status_ = 0;
    std::string name_;
    std::filesystem::path log_;
};

// Runs it to its end. The error is its output, when it does not end with 0 in time.
net::Result<void, std::string> run_command(const Command& command,
                                           const std::filesystem::path& log);

// Whether PATH has the program.
bool is_installed(const std::string& program);

}  // namespace godwit::bench::wire
