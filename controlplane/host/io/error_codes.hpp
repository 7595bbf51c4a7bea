// Asio's error codes for what the host says.
#pragma once

#include <boost/system/error_code.hpp>

#include "controlplane/host/tcp/connection.hpp"
#include "controlplane/host/udp/types.hpp"
#include "controlplane/host/ways.hpp"

namespace godwit::control::io {

[[nodiscard]] boost::system::error_code error_of(const Obstacle& obstacle);
// Of a connection that has ended; none: it ended as it should.
[[nodiscard]] boost::system::error_code error_of(tcp::Trouble trouble);
// What a connected UDP socket hears of its peer; none: it is no reason to fail.
[[nodiscard]] boost::system::error_code error_of(const udp::PathReport& report);

}  // namespace godwit::control::io
