// The UDP socket as Asio's rules have it.
#include "controlplane/host/io/udp_socket.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "tests/unit/controlplane/host/io/two_stacks.hpp"

namespace godwit::control::io {
namespace {

namespace errors = asio::error;
using asio::ip::address_v4;
using test::kFar;
using test::kNear;

class AsioUdpSocket : public test::TwoStacks {
protected:
    UdpSocket open(Side& side, std::uint16_t port) {
        auto made = UdpSocket::open(*side.stack, on(), {.local = {{}, port}});
        EXPECT_TRUE(made.has_value());
        return std::move(*made);
    }
    static asio::ip::udp::endpoint at(net::Ipv4Address address, std::uint16_t port) {
        return {address_v4(address.value()), port};
    }
    struct Ended {
        std::optional<error_code> error;
        std::size_t bytes = 0;
        auto token() {
            return [this](error_code why, std::size_t count) {
                error = why;
                bytes = count;
            };
        }
    };

    UdpSocket client = open(near, 0);
    UdpSocket server = open(far, 53);
    std::array<char, 64> buffer{};
    asio::ip::udp::endpoint from;
};

TEST_F(AsioUdpSocket, a_datagram_comes_with_its_sender) {
    Ended received;
    server.async_receive_from(asio::buffer(buffer), from, received.token());
    Ended sent;
    const std::array parts{asio::buffer("hel", 3), asio::buffer("lo", 2)};
    client.async_send_to(parts, at(kFar, 53), sent.token());
    EXPECT_FALSE(sent.error);  // never within the call
    run_ready();
    EXPECT_EQ(sent.bytes, 5U);
    ASSERT_TRUE(received.error);
    EXPECT_FALSE(*received.error);
    EXPECT_EQ(std::string(buffer.data(), received.bytes), "hello");
    EXPECT_EQ(from, at(kNear, client.local_endpoint().port()));
    EXPECT_EQ(server.receive_info().interface, net::InterfaceId(1));
}

TEST_F(AsioUdpSocket, datagrams_wait_for_who_receives_them_one_at_a_time) {
    for (const char* const word : {"one", "two"}) {
        Ended sent;
        client.async_send_to(asio::buffer(word, 3), at(kFar, 53), sent.token());
        run_ready();
    }
    for (const char* const word : {"one", "two"}) {
        Ended received;
        server.async_receive_from(asio::buffer(buffer), from, received.token());
        run_ready();
        EXPECT_EQ(std::string(buffer.data(), received.bytes), word);
    }
}

TEST_F(AsioUdpSocket, what_does_not_fit_is_cut_off_and_said) {
    Ended sent;
    client.async_send_to(asio::buffer(std::string(100, 'x')), at(kFar, 53), sent.token());
    Ended received;
    server.async_receive_from(asio::buffer(buffer), from, received.token());
    run_ready();
    EXPECT_EQ(*received.error, errors::message_size);
    EXPECT_EQ(received.bytes, buffer.size());
}

TEST_F(AsioUdpSocket, a_connected_socket_hears_that_nobody_listens) {
    error_code error;
    client.connect(at(kFar, 54), error);
    ASSERT_FALSE(error);
    EXPECT_EQ(client.local_endpoint().address(), address_v4(kNear.value()));
    Ended sent;
    client.async_send(asio::buffer("x", 1), sent.token());
    Ended received;
    client.async_receive(asio::buffer(buffer), received.token());
    run_ready();
    EXPECT_EQ(*received.error, errors::connection_refused);
}

TEST_F(AsioUdpSocket, a_receive_can_be_cancelled) {
    asio::cancellation_signal signal;
    Ended first;
    server.async_receive_from(asio::buffer(buffer), from,
                              asio::bind_cancellation_slot(signal.slot(), first.token()));
    Ended second;
    server.async_receive_from(asio::buffer(buffer), from, second.token());
    signal.emit(asio::cancellation_type::terminal);
    run_ready();
    EXPECT_EQ(*first.error, errors::operation_aborted);
    EXPECT_EQ(*second.error, errors::already_started);
    Ended third;
    server.async_receive_from(asio::buffer(buffer), from, third.token());
    server.close();
    run_ready();
    EXPECT_EQ(*third.error, errors::operation_aborted);
    EXPECT_FALSE(server.is_open());
}

TEST_F(AsioUdpSocket, what_cannot_be_sent_says_why) {
    Ended sent;
    client.async_send_to(asio::buffer("x", 1), at(net::Ipv4Address(224, 0, 0, 9), 53),
                         sent.token());
    run_ready();
    EXPECT_EQ(*sent.error, errors::invalid_argument);  // by no interface
    client.async_send_to(asio::buffer("x", 1), {asio::ip::address_v6::loopback(), 53},
                         sent.token());
    run_ready();
    EXPECT_EQ(*sent.error, errors::address_family_not_supported);
    client.async_send(asio::buffer("x", 1), sent.token());
    run_ready();
    EXPECT_EQ(*sent.error, errors::not_connected);
    client.async_send_to(asio::buffer(std::string(70'000, 'x')), at(kFar, 53), sent.token());
    run_ready();
    EXPECT_EQ(*sent.error, errors::message_size);
}

}  // namespace
}  // namespace godwit::control::io
