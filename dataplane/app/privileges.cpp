#include "dataplane/app/privileges.hpp"

#include <cap-ng.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstring>

namespace godwit::dataplane {

namespace {

constexpr auto kAllowed = static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED);

void choose(const Keep& keep) {
    capng_clear(CAPNG_SELECT_BOTH);
    if (keep.device_settings) {
        capng_updatev(CAPNG_ADD, kAllowed, CAP_NET_ADMIN, CAP_NET_RAW, -1);
    }
    if (keep.device_registers) {
        capng_update(CAPNG_ADD, kAllowed, CAP_SYS_RAWIO);
    }
}

}  // namespace

std::optional<User> find_user(const std::string& name) {
    const passwd* entry = getpwnam(name.c_str());
    return entry == nullptr ? std::nullopt : std::optional(User{entry->pw_uid, entry->pw_gid});
}

std::optional<gid_t> primary_group_of(uid_t uid) {
    const passwd* entry = getpwuid(uid);
    return entry == nullptr ? std::nullopt : std::optional(entry->pw_gid);
}

net::Result<void, std::string> become(const std::optional<User>& user, const Keep& keep) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!user) {
        return {};
    }
    choose(keep);
    const int result =
        capng_change_id(static_cast<int>(user->uid), static_cast<int>(user->gid),
                        static_cast<capng_flags_t>(CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING));
    if (result != 0) {
        return net::unexpected("cannot become user " + std::to_string(user->uid) + " (code " +
                               std::to_string(result) + "); start as root, or leave out --user");
    }
    return {};
}

bool drop_capabilities(const Keep& keep) {
    if (geteuid() != 0) {
        return true;  // an ordinary user has none, and one that root became has chosen already
    }
    choose(keep);
    return capng_apply(CAPNG_SELECT_BOTH) == 0;
}

}  // namespace godwit::dataplane
