// RIP messages as a person reads and writes them, for cases and traces:
//
//     response 2: 10.9.0.0/16 metric 2 tag 7 next-hop 10.0.0.9, 0.0.0.0/0 metric 16
//     request 2: everything
#pragma once

#include <string>
#include <string_view>

#include "controlplane/rip/packet/message.hpp"

namespace godwit::control::rip {

std::string text_of(const Message& message);
// Of a packet as it is sent, with its authentication.
std::string text_of_packet(std::span<const std::uint8_t> packet);
// Throws std::invalid_argument with the part that it does not understand.
Message message_of(std::string_view text);

}  // namespace godwit::control::rip
