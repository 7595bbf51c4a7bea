// How boost::beast::websocket::stream<io::TcpSocket> ends a connection: Beast finds these by the
// socket's namespace (its section "Teardown").
//
// Our half is closed and what the peer still sends is read and forgotten until it closes its own;
// so neither side resets what the other has not read yet.
#pragma once

#include <array>
#include <boost/asio/compose.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <memory>
#include <utility>

#include "controlplane/host/io/tcp_socket.hpp"

namespace godwit::control::io {

// When a WebSocket has waited long enough for its peer.
inline void beast_close_socket(TcpSocket& socket) {
    socket.close();
}

// Nothing here may wait, so this one does not: the connection ends by itself.
inline void teardown(boost::beast::role_type /*role*/, TcpSocket& socket, error_code& error) {
    socket.shutdown(asio::socket_base::shutdown_send, error);
    socket.close();
}

template <class Handler>
void async_teardown(boost::beast::role_type /*role*/, TcpSocket& socket, Handler&& handler) {
    using Scratch = std::array<char, 2048>;
    asio::async_compose<Handler, void(error_code)>(
        [&socket, scratch = std::make_unique<Scratch>(), begun = false](
            auto& self, error_code error = {}, std::size_t /*bytes*/ = 0) mutable {
            if (!begun) {
                begun = true;
                socket.shutdown(asio::socket_base::shutdown_send, error);
            }
            if (!error) {
                const auto into = asio::buffer(*scratch);
                socket.async_read_some(into, std::move(self));
                return;
            }
            socket.close();
            self.complete(error == asio::error::eof ? error_code() : error);
        },
        handler, socket);
}

}  // namespace godwit::control::io
