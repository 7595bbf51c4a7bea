// Files that are there whole or not at all, also after a crash: written beside the target, synced,
// renamed over it, and the folder synced.
#pragma once

#include <string>
#include <string_view>

#include "net/result.hpp"

namespace godwit::config {

net::Result<void, std::string> write_durably(const std::string& path, std::string_view text);

// The whole file, at most `most` bytes of it; more is an error.
net::Result<std::string, std::string> read_bounded(const std::string& path, std::size_t most);

}  // namespace godwit::config
