// The unprivileged account that the control plane runs as, and working as it for a moment.
//
// The state directory is the control plane's: it stores revisions there. The supervisor, which is
// root, writes the first ones, and does so with that account's identity, so that every file belongs
// to it and no link that the account planted can make root write elsewhere.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace godwit::supervisor {

struct Account {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
};

// "godwit" when the system has it, else "nobody". Nothing when this process is not root: then
// everything runs as whoever started it.
std::optional<Account> control_plane_account();

// Works as the account until it is destroyed: files that are made meanwhile belong to it. For a
// single-threaded process only. Without an account it does nothing. Throws std::system_error when
// the identity cannot be changed, which nothing may survive.
class ActingAs {
public:
    explicit ActingAs(const std::optional<Account>& account);
    ~ActingAs();
    ActingAs(const ActingAs&) = delete;
    ActingAs& operator=(const ActingAs&) = delete;

private:
    bool acting_ = false;
};

}  // namespace godwit::supervisor
