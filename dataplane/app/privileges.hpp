// Giving up what the dataplane needed only to start.
//
// Capabilities belong to threads: the main lcore and every worker call `drop_capabilities` for
// themselves. What is kept is for live changes of devices (MTU, MAC, link) and, with a NIC that is
// driven through its registers, for those.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "net/result.hpp"

namespace godwit::dataplane {

struct User {
    uid_t uid = 0;
    gid_t gid = 0;
};

std::optional<User> find_user(const std::string& name);
std::optional<gid_t> primary_group_of(uid_t uid);

struct Keep {
    bool device_settings = false;   // CAP_NET_ADMIN, CAP_NET_RAW
    bool device_registers = false;  // CAP_SYS_RAWIO
};

// Becomes `user` when given; the whole process. A sentence when the kernel refuses.
net::Result<void, std::string> become(const std::optional<User>& user, const Keep& keep);
// For the calling thread. False: the kernel refused.
bool drop_capabilities(const Keep& keep);

}  // namespace godwit::dataplane
