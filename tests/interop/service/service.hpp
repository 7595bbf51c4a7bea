// A service for strangers, on the router's own TCP: what test_host_stack.py talks to.
//
//   port 80   HTTP (Beast): GET /bytes/N       N bytes that are known beforehand
//   and 8080                POST /count        the length and SHA-256 of what was sent
//                           GET /fetch/A/P/X   the same of http://A:P/X, fetched by this router
//   port 7    what comes in goes back, until the peer has ended its half; then we end ours
//   port 179  the same for a peer whose segments are signed by MD5 (RFC 2385) with the key "secret"
//
// Byte i of /bytes/N is (i * 167 + (i >> 16)) mod 256, so a byte that is lost, doubled or moved
// shows.
#pragma once

#include "controlplane/host/io/stack.hpp"

namespace boost::asio {
class io_context;
}

namespace godwit::interop {

// Runs for as long as the context does.
void serve(control::Stack& stack, boost::asio::io_context& context);

}  // namespace godwit::interop
