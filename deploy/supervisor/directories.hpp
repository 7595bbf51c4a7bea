// The two directories that both programs share: the state directory (revisions) and the one of the
// control socket, made with the owner that each needs.
//
// Both belong to the control plane's account. The group stays root's and may write, because the
// dataplane is root without the capability to ignore permissions, and makes its socket and lock
// file there. A directory that exists already keeps its owner, unless it is a state directory that
// another account left behind.
#pragma once

#include <optional>
#include <string>

#include "deploy/supervisor/account.hpp"
#include "net/result.hpp"

namespace godwit::supervisor {

// Errors are sentences with their mend.
net::Result<void, std::string> prepare_state_directory(const std::string& directory,
                                                       const std::optional<Account>& account);

// The directory of this socket. True: it was made now, and is to be removed at the end.
net::Result<bool, std::string> prepare_socket_directory(const std::string& socket_path,
                                                        const std::optional<Account>& account);

// Holds the state directory for one router; free again when the supervisor and its programs, which
// inherit it, have ended, however they ended. Right after a kill it waits for the last of them.
class StateLock {
public:
    static net::Result<StateLock, std::string> take(const std::string& directory,
                                                    const std::optional<Account>& account);
    ~StateLock();
    StateLock(StateLock&& other) noexcept;
    StateLock& operator=(StateLock&&) = delete;
    StateLock(const StateLock&) = delete;
    StateLock& operator=(const StateLock&) = delete;

private:
    explicit StateLock(int fd) : fd_(fd) {}
    int fd_;
};

}  // namespace godwit::supervisor
