// Reads the secrets that a configuration points to (config/model/secret.hpp). They are read when a
// protocol is given its settings, live in its memory only, and are never shown.
#pragma once

#include <string>

#include "config/model/secret.hpp"
#include "net/result.hpp"

namespace godwit::control {

// The first line of the file, or the variable. The error is a sentence for a person.
net::Result<std::string, std::string> read_secret(const config::Secret& secret);

}  // namespace godwit::control
