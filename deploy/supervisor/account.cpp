#include "deploy/supervisor/account.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace godwit::supervisor {

std::optional<Account> control_plane_account() {
    if (::geteuid() != 0) {
        return std::nullopt;
    }
    for (const char* name : {"godwit", "nobody"}) {
        if (const passwd* entry = ::getpwnam(name); entry != nullptr && entry->pw_uid != 0) {
            return Account{name, entry->pw_uid, entry->pw_gid};
        }
    }
    // A system without "nobody" still has its number.
    return Account{"65534", 65534, 65534};
}

ActingAs::ActingAs(const std::optional<Account>& account) {
    if (!account) {
        return;
    }
    // Group first: without root's identity it could not be changed any more.
    if (::setegid(account->gid) != 0 || ::seteuid(account->uid) != 0) {
        throw std::system_error(errno, std::generic_category(),
                                "cannot work as the account " + account->name);
    }
    acting_ = true;
}

ActingAs::~ActingAs() {
    // The saved identity is root's, so this cannot fail; going on with another one would be wrong.
    if (acting_ && (::seteuid(0) != 0 || ::setegid(0) != 0)) {
        std::abort();
    }
}

}  // namespace godwit::supervisor
