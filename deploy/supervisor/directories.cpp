#include "deploy/supervisor/directories.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

namespace godwit::supervisor {
namespace {

namespace fs = std::filesystem;

// Makes the directory and those above it; only the last one gets the owner.
net::Result<bool, std::string> make_directory(const std::string& directory,
                                              const std::optional<Account>& account) {
    struct stat status {};
    if (::stat(directory.c_str(), &status) == 0) {
        if (!S_ISDIR(status.st_mode)) {
            return net::unexpected(
                fmt::format("{} is no directory; remove it, or choose another "
                            "place",
                            directory));
        }
        return false;
    }
    std::error_code error;
    fs::create_directories(directory, error);
    if (error) {
        return net::unexpected(
            fmt::format("cannot make the directory {}: {}; run as root, or "
                        "choose another place",
                        directory, error.message()));
    }
    if (account && (::chown(directory.c_str(), account->uid, 0) != 0 ||
                    ::chmod(directory.c_str(), 0775) != 0)) {
        return net::unexpected(fmt::format("cannot give {} to the account '{}': {}", directory,
                                           account->name, std::strerror(errno)));
    }
    return true;
}

// Gives what another account left behind to this one. Only directories and regular files with one
// name, and never through a link: the former owner must not be able to hand root's files over.
void take_over(int directory_fd, const Account& account, unsigned depth) {
    ::fchown(directory_fd, account.uid, 0);
    ::fchmod(directory_fd, 0775);
    DIR* entries = ::fdopendir(::dup(directory_fd));
    if (entries == nullptr) {
        return;
    }
    while (const dirent* entry = ::readdir(entries)) {
        const std::string name = entry->d_name;
        if (name == "." || name == "..") {
            continue;
        }
        const int fd =
            ::openat(directory_fd, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) {
            continue;
        }
        struct stat status {};
        if (::fstat(fd, &status) == 0) {
            if (S_ISDIR(status.st_mode) && depth > 0) {
                take_over(fd, account, depth - 1);
            } else if (S_ISREG(status.st_mode) && status.st_nlink == 1) {
                ::fchown(fd, account.uid, account.gid);
            }
        }
        ::close(fd);
    }
    ::closedir(entries);
}

net::Result<void, std::string> check_writable(const std::string& directory,
                                              const std::optional<Account>& account,
                                              std::string_view mend) {
    const ActingAs acting(account);
    // faccessat with AT_EACCESS asks for the effective identity, which is the account's here.
    if (::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) == 0) {
        return {};
    }
    return net::unexpected(
        fmt::format("the control plane runs as '{}', which cannot write {}: {}; "
                    "{}",
                    account ? account->name : "you", directory, std::strerror(errno), mend));
}

// What a supervisor wrote into the lock that it holds; 0 when that is no process id.
pid_t holder_of(int fd) {
    char text[24] = {};
    pid_t pid = 0;
    const ssize_t bytes = ::pread(fd, text, sizeof(text) - 1, 0);
    std::from_chars(text, text + std::max<ssize_t>(bytes, 0), pid);
    return pid;
}

constexpr std::chrono::milliseconds kRetry{20};
constexpr std::chrono::milliseconds kDyingPatience{5000};

}  // namespace

net::Result<void, std::string> prepare_state_directory(const std::string& directory,
                                                       const std::optional<Account>& account) {
    const auto made = make_directory(directory, account);
    if (!made) {
        return net::unexpected(made.error());
    }
    if (account && !*made) {
        const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat status {};
        // Ours by its content: empty, or with revisions in it. Another directory is left alone.
        std::error_code error;
        const bool ours = fs::is_empty(directory, error) || fs::exists(directory + "/revisions");
        if (fd >= 0 && ::fstat(fd, &status) == 0 && status.st_uid != account->uid && ours) {
            take_over(fd, *account, 1);
        }
        if (fd >= 0) {
            ::close(fd);
        }
    }
    return check_writable(directory, account,
                          "open the folders above it to all (chmod o+x), or choose another "
                          "--state-dir");
}

net::Result<bool, std::string> prepare_socket_directory(const std::string& socket_path,
                                                        const std::optional<Account>& account) {
    const std::string directory = fs::path(socket_path).parent_path().string();
    if (directory.empty()) {
        return net::unexpected(
            fmt::format("management.control-socket '{}' has no directory; write "
                        "an absolute path",
                        socket_path));
    }
    const auto made = make_directory(directory, account);
    if (!made) {
        return net::unexpected(made.error());
    }
    const auto writable =
        check_writable(directory, account,
                       fmt::format("set management.control-socket to a directory of its own, as in "
                                   "/run/godwit/control.sock, or run: chown {}:root {}",
                                   account ? account->name : "$USER", directory));
    if (!writable) {
        return net::unexpected(writable.error());
    }
    return *made;
}

net::Result<StateLock, std::string> StateLock::take(const std::string& directory,
                                                    const std::optional<Account>& account) {
    const std::string path = directory + "/supervisor.lock";
    const ActingAs acting(account);
    // No O_CLOEXEC: both programs hold the lock too, so that it is free when the last of them is
    // gone, and its channel's lock with it.
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0644);
    if (fd < 0) {
        return net::unexpected(
            fmt::format("cannot write {}: {}; is it a file that another user "
                        "left? Remove it",
                        path, std::strerror(errno)));
    }
    StateLock lock(fd);
    // A supervisor that was killed takes its programs with it, which is a matter of milliseconds.
    for (unsigned tries = 0; ::flock(fd, LOCK_EX | LOCK_NB) != 0; ++tries) {
        const pid_t holder = holder_of(fd);
        const bool holder_is_gone = holder > 0 && ::kill(holder, 0) != 0 && errno == ESRCH;
        if (!holder_is_gone || tries * kRetry >= kDyingPatience) {
            return net::unexpected(
                fmt::format("a router runs with {} already{}; stop it, or give this one its own "
                            "--state-dir",
                            directory, holder > 0 ? fmt::format(" (pid {})", holder) : ""));
        }
        std::this_thread::sleep_for(kRetry);
    }
    const std::string own = std::to_string(::getpid());
    // For the message above only; the lock is the flock.
    if (::ftruncate(fd, 0) != 0 ||
        ::pwrite(fd, own.data(), own.size(), 0) != static_cast<ssize_t>(own.size())) {
        return net::unexpected(
            fmt::format("cannot write {}: {}; is the disk full?", path, std::strerror(errno)));
    }
    return lock;
}

StateLock::~StateLock() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

StateLock::StateLock(StateLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

}  // namespace godwit::supervisor
