// The loop of `godwit run`: two programs, started together, either restarted when it ends, both
// stopped in order.
//
// One thread, no handlers: SIGCHLD, SIGINT, SIGTERM and SIGHUP come through a signalfd, and poll()
// waits for it or for the next start that is due. Invariants: a program that should run either runs
// or has a start that is due; nothing is started while stopping; the control plane is stopped
// before the dataplane, so that a last show or route is never answered by half a router.
#pragma once

#include <spdlog/logger.h>
#include <sys/types.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "deploy/supervisor/boot.hpp"
#include "deploy/supervisor/child.hpp"
#include "deploy/supervisor/restart_policy.hpp"

namespace godwit::supervisor {

struct Programs {
    std::string dataplane;
    std::string controlplane;
    std::string godwitctl;  // for SIGHUP
};

class Supervisor {
public:
    Supervisor(Programs programs, std::string file, std::string state_directory,
               std::optional<Account> account, Boot& boot, spdlog::logger& log);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    // Until SIGINT or SIGTERM (0), or a program's start-up mistake (1).
    int run();

private:
    using Clock = std::chrono::steady_clock;

    struct Program {
        std::string name;
        pid_t pid = 0;  // 0: does not run
        Clock::time_point started;
        std::optional<Clock::time_point> start_due;
        unsigned starts = 0;
        RestartPolicy policy;
    };

    enum class Half : std::size_t { Dataplane, ControlPlane };
    Program& program(Half half) { return programs_[static_cast<std::size_t>(half)]; }
    [[nodiscard]] Command command_of(Half half) const;

    bool prepare_sockets();
    void start(Half half);
    void reap();
    void ended(Half half, int wait_status);
    void reload();
    void stop_all();
    void stop(Program& stopping, Clock::time_point deadline);
    void wait(std::optional<Clock::time_point> until);
    void read_signals();

    Programs paths_;
    std::string file_;
    std::string state_directory_;
    std::optional<Account> account_;
    Boot& boot_;
    spdlog::logger& log_;
    std::array<Program, 2> programs_;
    std::optional<std::string> made_directory_;  // of the control socket; removed at the end
    pid_t reloader_ = 0;
    int signals_ = -1;
    std::optional<int> exit_code_;  // set: stop
};

}  // namespace godwit::supervisor
