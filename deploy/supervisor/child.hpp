// One program under the supervisor: started with fork and exec, in a process group of its own, and
// never outliving the supervisor.
//
// A process group of its own keeps a terminal's Ctrl-C away from it: the supervisor stops its
// programs in order. The kernel kills it when the supervisor dies (PR_SET_PDEATHSIG).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "deploy/supervisor/account.hpp"
#include "net/result.hpp"

namespace godwit::supervisor {

struct Command {
    std::string path;
    std::vector<std::string> arguments;  // without the program's name
    // With one: its identity, no other groups, no capability, and no way to gain one.
    std::optional<Account> account;
};

// The process id. The error is a sentence with its mend; an exec that fails is one too.
net::Result<pid_t, std::string> start_child(const Command& command);

// "killed by signal 9 (Killed)", "exit code 1".
std::string describe_end(int wait_status);

}  // namespace godwit::supervisor
