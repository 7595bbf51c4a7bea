// Bytes of packets as text: "45 00 00 54 ..." in, the same out.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::testing {

// Hexadecimal digits of either case; blanks and line ends between bytes are ignored. Anything else
// is a mistake in the test and throws.
std::vector<std::uint8_t> from_hex(std::string_view text);
std::string to_hex(std::span<const std::uint8_t> bytes);

}  // namespace godwit::testing
