// One message of the control connection, sent or received: a SOCK_SEQPACKET packet with its file
// descriptors (unix(7), SCM_RIGHTS). Never blocks, never raises SIGPIPE, never leaks a descriptor
// that came uninvited.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/api/descriptor.hpp"
#include "dataplane/api/messages.hpp"

namespace godwit::api {

// A whole message: header, body, and what follows the body.
std::vector<std::byte> encode_control(ControlType type, std::uint32_t request,
                                      std::span<const std::byte> body,
                                      std::span<const std::byte> more = {});

enum class SendOutcome : std::uint8_t { Sent, WouldBlock, Failed };
SendOutcome send_control(int socket, std::span<const std::byte> message,
                         std::span<const int> descriptors = {});

enum class ReceiveOutcome : std::uint8_t { Message, Nothing, Closed, Malformed };
struct ReceivedControl {
    std::span<const std::byte> message;  // in the caller's buffer
    std::vector<Descriptor> descriptors;
};
// `buffer` should have kMaxControlMessageBytes; a longer packet is malformed.
ReceiveOutcome receive_control(int socket, std::span<std::byte> buffer, ReceivedControl& received);

}  // namespace godwit::api
