#include "deploy/supervisor/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace godwit::supervisor {
namespace {

// What the child tells its parent when it could not become the program.
struct StartFailure {
    int step = 0;  // which of kSteps
    int error = 0;
};

enum Step : int { kGroups, kGid, kUid, kPrivileges, kExec };
constexpr const char* kSteps[] = {"leave the groups of root", "change the group", "change the user",
                                  "give up privileges", "run the program"};

[[noreturn]] void fail(int pipe, Step step) {
    const StartFailure failure{step, errno};
    // Nothing can be done about a failed write here: the parent then sees an early end.
    [[maybe_unused]] const ssize_t written = ::write(pipe, &failure, sizeof(failure));
    ::_exit(127);
}

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(const Command& command, char* const* arguments, pid_t parent, int program,
                         int pipe) {
    ::setpgid(0, 0);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (command.account) {
        if (::setgroups(0, nullptr) != 0) {
            fail(pipe, kGroups);
        }
        if (::setresgid(command.account->gid, command.account->gid, command.account->gid) != 0) {
            fail(pipe, kGid);
        }
        // Leaving uid 0 by setresuid clears every capability (capabilities(7)).
        if (::setresuid(command.account->uid, command.account->uid, command.account->uid) != 0) {
            fail(pipe, kUid);
        }
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
            fail(pipe, kPrivileges);
        }
    }
    // After the change of identity, which clears it. The parent may have died just before.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) {
        ::_exit(127);
    }
    ::execv(command.path.c_str(), arguments);
    if (errno == EACCES && program >= 0) {
        // A build tree in a home directory is closed to the account; the program was opened before
        // the identity changed, and its own mode still decides.
        ::fexecve(program, arguments, environ);
        errno = EACCES;
    }
    fail(pipe, kExec);
}

}  // namespace

net::Result<pid_t, std::string> start_child(const Command& command) {
    // Made before fork: nothing may allocate in the child.
    std::vector<std::string> words{command.path};
    words.insert(words.end(), command.arguments.begin(), command.arguments.end());
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);

    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0) {
        return net::unexpected(
            fmt::format("cannot start {}: {}", command.path, std::strerror(errno)));
    }
    const int program = ::open(command.path.c_str(), O_PATH | O_CLOEXEC);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
        become(command, arguments.data(), parent, program, pipe[1]);
    }
    const int fork_error = errno;
    ::close(pipe[1]);
    if (program >= 0) {
        ::close(program);
    }
    if (pid < 0) {
        ::close(pipe[0]);
        return net::unexpected(
            fmt::format("cannot start {}: {}", command.path, std::strerror(fork_error)));
    }
    // The pipe closes at exec; what comes before is a failure.
    StartFailure failure;
    ssize_t bytes = 0;
    do {
        bytes = ::read(pipe[0], &failure, sizeof(failure));
    } while (bytes < 0 && errno == EINTR);
    ::close(pipe[0]);
    if (bytes != static_cast<ssize_t>(sizeof(failure))) {
        return pid;
    }
    ::waitpid(pid, nullptr, 0);
    if (failure.step == kExec && failure.error == ENOENT) {
        return net::unexpected(fmt::format(
            "there is no program {}; install it there, or say where it is (godwit run --help)",
            command.path));
    }
    if (failure.step == kExec && failure.error == EACCES && command.account) {
        return net::unexpected(fmt::format(
            "the account '{}' may not run {}; open the program to all (chmod o+rx), or install "
            "Godwit in /usr",
            command.account->name, command.path));
    }
    return net::unexpected(fmt::format("cannot start {}: cannot {}: {}", command.path,
                                       kSteps[failure.step], std::strerror(failure.error)));
}

std::string describe_end(int wait_status) {
    if (WIFSIGNALED(wait_status)) {
        const int signal = WTERMSIG(wait_status);
        return fmt::format("killed by signal {} ({})", signal, ::strsignal(signal));
    }
    return fmt::format("exit code {}", WEXITSTATUS(wait_status));
}

}  // namespace godwit::supervisor
