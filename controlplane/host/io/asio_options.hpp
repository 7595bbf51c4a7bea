// Options of sockets as what they change: Asio's own and those of socket_options.hpp in the
// settings of a socket, keys in the rules of an endpoint.
//
// put() changes nothing when it answers with an error; get() is its inverse.
#pragma once

#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/unicast.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>
#include <concepts>
#include <cstdint>

#include "controlplane/host/io/socket_options.hpp"
#include "controlplane/host/tcp/endpoint.hpp"
#include "controlplane/host/udp/types.hpp"

namespace godwit::control::io {

namespace asio = boost::asio;
using boost::system::error_code;

error_code put(tcp::Settings& settings, const asio::ip::tcp::no_delay& option);
error_code put(tcp::Settings& settings, const asio::socket_base::keep_alive& option);
error_code put(tcp::Settings& settings, const asio::socket_base::send_buffer_size& option);
error_code put(tcp::Settings& settings, const asio::socket_base::receive_buffer_size& option);
error_code put(tcp::Settings& settings, const asio::ip::unicast::hops& option);
error_code put(tcp::Settings& settings, const Dscp& option);
error_code put(tcp::Settings& settings, const MaximumSegment& option);

void get(const tcp::Settings& settings, asio::ip::tcp::no_delay& option);
void get(const tcp::Settings& settings, asio::socket_base::keep_alive& option);
void get(const tcp::Settings& settings, asio::socket_base::send_buffer_size& option);
void get(const tcp::Settings& settings, asio::socket_base::receive_buffer_size& option);
void get(const tcp::Settings& settings, asio::ip::unicast::hops& option);
void get(const tcp::Settings& settings, Dscp& option);
void get(const tcp::Settings& settings, MaximumSegment& option);

error_code put(udp::Settings& settings, const asio::socket_base::broadcast& option);
error_code put(udp::Settings& settings, const asio::socket_base::receive_buffer_size& option);
error_code put(udp::Settings& settings, const asio::ip::unicast::hops& option);
error_code put(udp::Settings& settings, const asio::ip::multicast::hops& option);
error_code put(udp::Settings& settings, const Dscp& option);

void get(const udp::Settings& settings, asio::socket_base::broadcast& option);
void get(const udp::Settings& settings, asio::socket_base::receive_buffer_size& option);
void get(const udp::Settings& settings, asio::ip::unicast::hops& option);
void get(const udp::Settings& settings, asio::ip::multicast::hops& option);
void get(const udp::Settings& settings, Dscp& option);

// What else the rule of those peers and that service says stays as it is.
error_code secure(tcp::Endpoint& endpoint, std::uint16_t service, const Md5Key& option);
error_code secure(tcp::Endpoint& endpoint, std::uint16_t service, const AoKeys& option);
error_code secure(tcp::Endpoint& endpoint, std::uint16_t service, const LeastTtl& option);

// Options that are settings of such a socket.
template <class Option, class Settings>
concept SettingOption = requires(Settings& settings, const Option& option) {
    { put(settings, option) } -> std::same_as<error_code>;
};
// Options that are of peers.
template <class Option>
concept PeerOption = requires(tcp::Endpoint& endpoint, const Option& option) {
    { secure(endpoint, std::uint16_t{}, option) } -> std::same_as<error_code>;
};

}  // namespace godwit::control::io
