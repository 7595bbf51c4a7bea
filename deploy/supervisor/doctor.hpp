// `godwit doctor`: what of this machine helps or hinders a router, and the command that mends it.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "drivers/host.hpp"

namespace godwit::supervisor {

struct Finished {
    int exit_code = 0;
    std::string out;
    std::string err;
};

// With a file (may be empty) its needs are looked at too. Exit code 1 when a finding is bad, or the
// file is.
Finished doctor(const std::string& file, bool json);

// The findings as text, bad ones and warnings with their mend on a line of its own.
std::string findings_text(const std::vector<drivers::Finding>& findings);
std::string findings_json(const std::vector<drivers::Finding>& findings);

}  // namespace godwit::supervisor
