// What a change of a key does to the running router. Ordered: a plan costs as much as its dearest
// change. Declared here, and not in config/diff, because the schema states the cost of every key.
#pragma once

#include <cstdint>
#include <string_view>

namespace godwit::config {

enum class ChangeCost : std::uint8_t { Live, SessionReset, Restart };

// "live", "session-reset", "restart".
std::string_view to_string(ChangeCost cost);

}  // namespace godwit::config
