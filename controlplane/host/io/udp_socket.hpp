// A UDP socket of the router's own stack, as Asio has them. Who needs more than datagrams (the
// interface of arrival, groups, options) has it too, by `receive_info()` and by the functions that
// asio::ip::udp::socket does not have; who needs no Asio takes control::UdpSocket (stack.hpp).
//
// One send never waits: a datagram leaves at once or fails. One receive may wait at a time. What
// the peer of a connected socket is said to be (connection_refused) fails the next receive.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "controlplane/host/io/asio_options.hpp"
#include "controlplane/host/io/completion.hpp"
#include "controlplane/host/io/stack.hpp"
#include "net/result.hpp"

namespace godwit::control::io {

class UdpSocket {
public:
    using executor_type = asio::any_io_executor;
    using lowest_layer_type = UdpSocket;
    using protocol_type = asio::ip::udp;
    using endpoint_type = asio::ip::udp::endpoint;

    // The error is a sentence for a person.
    static net::Result<UdpSocket, std::string> open(Stack& stack, executor_type executor,
                                                    const udp::Settings& settings);
    ~UdpSocket();
    UdpSocket(UdpSocket&&) noexcept;
    UdpSocket& operator=(UdpSocket&&) noexcept;

    [[nodiscard]] executor_type get_executor() const;
    [[nodiscard]] lowest_layer_type& lowest_layer() { return *this; }
    [[nodiscard]] const lowest_layer_type& lowest_layer() const { return *this; }

    void connect(const endpoint_type& peer, error_code& error);
    net::Result<void, std::string> join(net::Ipv4Address group, net::InterfaceId interface);
    void leave(net::Ipv4Address group, net::InterfaceId interface);
    // broadcast, receive_buffer_size, ip::unicast::hops, ip::multicast::hops and Dscp.
    template <SettingOption<udp::Settings> Option>
    void set_option(const Option& option, error_code& error) {
        udp::Settings wanted = settings();
        error = is_open() ? put(wanted, option) : error_code(asio::error::bad_descriptor);
        if (!error) {
            change_settings(wanted);
        }
    }
    template <SettingOption<udp::Settings> Option>
    void set_option(const Option& option) {
        error_code error;
        set_option(option, error);
        throw_if(error, "set_option");
    }
    template <SettingOption<udp::Settings> Option>
    void get_option(Option& option, error_code& error) const {
        error = is_open() ? error_code() : error_code(asio::error::bad_descriptor);
        get(settings(), option);
    }
    template <SettingOption<udp::Settings> Option>
    void get_option(Option& option) const {
        error_code error;
        get_option(option, error);
        throw_if(error, "get_option");
    }

    template <class ConstBuffers, class Token>
    auto async_send_to(const ConstBuffers& buffers, const endpoint_type& to, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this](Waiting<std::size_t>::Handler handler, Buffers<asio::const_buffer> from,
                   const endpoint_type& peer) { start_send(from, &peer, std::move(handler)); },
            token, Buffers<asio::const_buffer>::of(buffers), to);
    }
    // To the peer of a connected socket.
    template <class ConstBuffers, class Token>
    auto async_send(const ConstBuffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this](Waiting<std::size_t>::Handler handler, Buffers<asio::const_buffer> from) {
                start_send(from, nullptr, std::move(handler));
            },
            token, Buffers<asio::const_buffer>::of(buffers));
    }
    // `from` is set before the handler is called, and must live until then. What does not fit into
    // the buffers is cut off, with message_size.
    template <class MutableBuffers, class Token>
    auto async_receive_from(const MutableBuffers& buffers, endpoint_type& from, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this, &from](Waiting<std::size_t>::Handler handler,
                          Buffers<asio::mutable_buffer> into) {
                start_receive(into, &from, std::move(handler));
            },
            token, Buffers<asio::mutable_buffer>::of(buffers));
    }
    template <class MutableBuffers, class Token>
    auto async_receive(const MutableBuffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this](Waiting<std::size_t>::Handler handler, Buffers<asio::mutable_buffer> into) {
                start_receive(into, nullptr, std::move(handler));
            },
            token, Buffers<asio::mutable_buffer>::of(buffers));
    }
    // Of the datagram that was received last, without its payload.
    [[nodiscard]] const udp::Datagram& receive_info() const;

    void close();
    void cancel();
    [[nodiscard]] bool is_open() const;
    [[nodiscard]] endpoint_type local_endpoint() const;

private:
    struct State;
    static void throw_if(const error_code& error, const char* what);
    [[nodiscard]] udp::Settings settings() const;
    void change_settings(const udp::Settings& wanted);
    explicit UdpSocket(std::shared_ptr<State> state) : state_(std::move(state)) {}
    void start_send(const Buffers<asio::const_buffer>& from, const endpoint_type* to,
                    Waiting<std::size_t>::Handler handler);
    void start_receive(const Buffers<asio::mutable_buffer>& into, endpoint_type* from,
                       Waiting<std::size_t>::Handler handler);

    std::shared_ptr<State> state_;  // shared with the watcher and cancellation slots
};

}  // namespace godwit::control::io
