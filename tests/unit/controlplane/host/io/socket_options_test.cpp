// Options of sockets: what they change on the wire, before a connection and while it stands; and
// that they are the ones of a kernel's socket too.
#include "controlplane/host/io/socket_options.hpp"

#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/unicast.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "controlplane/host/io/tcp_acceptor.hpp"
#include "controlplane/host/io/udp_socket.hpp"
#include "controlplane/host/tcp/signature.hpp"
#include "net/tcp.hpp"
#include "net/tcp_options.hpp"
#include "tests/unit/controlplane/host/io/two_stacks.hpp"

namespace godwit::control::io {
namespace {

namespace errors = asio::error;
using asio::ip::address_v4;
using Hops = asio::ip::unicast::hops;
using SendBuffer = asio::socket_base::send_buffer_size;
using ReceiveBuffer = asio::socket_base::receive_buffer_size;
using net::wire::Ipv4View;
using net::wire::TcpView;
using test::kFar;
using test::kNear;
using test::Packet;

constexpr std::uint16_t kPort = 179;

std::vector<std::uint8_t> bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}

net::Ipv4Prefix only(net::Ipv4Address address) {
    return net::Ipv4Prefix::covering(address, 32);
}

tcp::AoKey ao_key(std::uint8_t id, std::string_view master) {
    return {.send_id = id, .receive_id = id, .master = bytes_of(master)};
}

class SocketOptions : public test::TwoStacks {
protected:
    SocketOptions() {
        watch = [this](bool from_near, const Packet& packet) {
            (from_near ? ours : theirs).push_back(packet);
        };
    }
    static asio::ip::tcp::endpoint at(net::Ipv4Address address) {
        return {address_v4(address.value()), kPort};
    }
    TcpAcceptor listen() {
        return std::move(*TcpAcceptor::listen(*far.stack, on(), at({}), {}, 8));
    }
    // How it ended; both ends are there when it ended well.
    error_code connect(Duration patience = std::chrono::seconds(5)) {
        acceptor.async_accept([&](error_code error, TcpSocket socket) {
            if (!error) {
                server.emplace(std::move(socket));
            }
        });
        std::optional<error_code> ended;
        client.async_connect(at(kFar), [&](error_code error) { ended = error; });
        const Instant end = clock.now() + patience;
        run_until([&] { return (ended && (*ended || server)) || clock.now() > end; });
        if (!ended) {
            acceptor.cancel();
            client.close();
            run_ready();
            return errors::timed_out;
        }
        return *ended;
    }
    // Five bytes of ours arrive.
    void speak() {
        std::array<char, 5> heard{};
        bool done = false;
        asio::async_write(client, asio::buffer("hello", 5), [](error_code, std::size_t) {});
        asio::async_read(*server, asio::buffer(heard), [&](error_code error, std::size_t) {
            EXPECT_FALSE(error) << error.message();
            done = true;
        });
        run_until([&] { return done; });
        EXPECT_EQ(std::string(heard.data(), 5), "hello");
    }
    [[nodiscard]] Ipv4View last() const { return *Ipv4View::parse(ours.back()); }
    template <class Option, class Socket>
    static Option option_of(const Socket& socket) {
        Option option;
        socket.get_option(option);
        return option;
    }
    // The signature option in a packet of ours.
    [[nodiscard]] static tcp::SignaturePlaces signatures(const Packet& packet) {
        return tcp::signatures_in(Ipv4View::parse(packet)->payload());
    }

    std::vector<Packet> ours;
    std::vector<Packet> theirs;
    TcpAcceptor acceptor = listen();
    TcpSocket client{*near.stack, on()};
    std::optional<TcpSocket> server;
};

// rfc9293: MUST-48, MUST-49, SHLD-22
TEST_F(SocketOptions, ttl_and_dscp_are_in_every_packet_from_the_syn_on_and_can_be_changed) {
    client.set_option(Hops(7));
    client.set_option(Dscp(48));
    EXPECT_EQ(option_of<Hops>(client).value(), 7);
    EXPECT_EQ(option_of<Dscp>(client).value(), 48);
    ASSERT_FALSE(connect());
    speak();
    for (const Packet& packet : ours) {
        EXPECT_EQ(Ipv4View::parse(packet)->ttl_hops(), 7);
        EXPECT_EQ(Ipv4View::parse(packet)->type_of_service(), 48 << 2);
    }
    client.set_option(Hops(255));
    client.set_option(Dscp(8));
    EXPECT_EQ(option_of<Hops>(client).value(), 255);
    speak();
    EXPECT_EQ(last().ttl_hops(), 255);
    EXPECT_EQ(last().type_of_service(), 8 << 2);

    error_code error;
    client.set_option(Hops(0), error);
    EXPECT_EQ(error, errors::invalid_argument);
    EXPECT_THROW(Dscp(64), std::out_of_range);
}

// rfc9293: MUST-14, MUST-16
TEST_F(SocketOptions, a_maximum_segment_is_asked_for_and_kept) {
    client.set_option(MaximumSegment(600));
    EXPECT_EQ(option_of<MaximumSegment>(client).value(), 600);
    ASSERT_FALSE(connect());
    const auto syn = *TcpView::parse(Ipv4View::parse(ours.front())->payload());
    EXPECT_EQ(net::TcpOptions::parse(syn.options()).maximum_segment_size, 600);
    ours.clear();
    theirs.clear();
    const std::string much(20'000, 'z');
    std::string all(much.size(), 0);
    int done = 0;
    const auto note = [&](error_code error, std::size_t) {
        EXPECT_FALSE(error);
        ++done;
    };
    asio::async_write(client, asio::buffer(much), note);
    asio::async_write(*server, asio::buffer(much), note);
    asio::async_read(*server, asio::buffer(all), note);
    std::string back(much.size(), 0);
    asio::async_read(client, asio::buffer(back), note);
    run_until([&] { return done == 4; });
    for (const auto* sent : {&ours, &theirs}) {
        std::size_t largest = 0;
        for (const Packet& packet : *sent) {
            largest = std::max(largest, packet.size());
        }
        EXPECT_EQ(largest, 640U);
    }
    error_code error;
    client.set_option(MaximumSegment(20), error);
    EXPECT_EQ(error, errors::invalid_argument);
}

TEST_F(SocketOptions, a_listener_gives_its_own_to_those_whom_it_accepts) {
    acceptor.set_option(Hops(9));
    acceptor.set_option(Dscp(16));
    acceptor.set_option(asio::ip::tcp::no_delay(true));
    acceptor.set_option(asio::socket_base::keep_alive(true));
    EXPECT_EQ(option_of<Hops>(acceptor).value(), 9);
    ASSERT_FALSE(connect());
    for (const Packet& packet : theirs) {
        EXPECT_EQ(Ipv4View::parse(packet)->ttl_hops(), 9) << "the SYN and ACK too";
        EXPECT_EQ(Ipv4View::parse(packet)->type_of_service(), 16 << 2);
    }
    EXPECT_TRUE(option_of<asio::ip::tcp::no_delay>(*server).value());
    EXPECT_TRUE(option_of<asio::socket_base::keep_alive>(*server).value());
    error_code error;
    acceptor.set_option(ReceiveBuffer(1 << 20), error);
    EXPECT_EQ(error, errors::invalid_argument) << "a handshake may have told the old size";
}

// rfc9293: MUST-17
TEST_F(SocketOptions, no_delay_sends_at_once_what_nagle_would_keep) {
    ASSERT_FALSE(connect());
    cut = true;  // nothing is acknowledged any more
    const auto write = [&] {
        ours.clear();
        client.async_write_some(asio::buffer("x", 1), [](error_code, std::size_t) {});
        run_ready();
        return ours.size();
    };
    EXPECT_EQ(write(), 1U);
    EXPECT_EQ(write(), 0U);
    ours.clear();
    client.set_option(asio::ip::tcp::no_delay(true));
    EXPECT_EQ(ours.size(), 1U) << "what was kept goes";
    EXPECT_EQ(write(), 1U);
    client.set_option(asio::ip::tcp::no_delay(false));
    EXPECT_EQ(write(), 0U);
}

// rfc9293: MUST-24, MUST-25
TEST_F(SocketOptions, keep_alive_asks_a_silent_peer) {
    ASSERT_FALSE(connect());
    ours.clear();
    const auto wait_for_hours = [&](int hours) {
        const Instant end = clock.now() + std::chrono::hours(hours);
        while (clock.now() < end) {
            clock.advance(std::chrono::minutes(1));
            run_ready();
        }
    };
    wait_for_hours(3);
    EXPECT_TRUE(ours.empty());
    client.set_option(asio::socket_base::keep_alive(true));
    wait_for_hours(3);
    EXPECT_FALSE(ours.empty());
}

// rfc9293: SHLD-14
TEST_F(SocketOptions, a_receive_buffer_may_grow_and_shrink_and_what_was_offered_stays) {
    client.set_option(ReceiveBuffer(20'000));
    ASSERT_FALSE(connect());
    EXPECT_EQ(option_of<ReceiveBuffer>(client).value(), 20'000);
    const std::string much(60'000, 'z');
    bool sent = false;
    asio::async_write(*server, asio::buffer(much), [&](error_code, std::size_t) { sent = true; });
    const auto wait = [&] {
        for (int i = 0; i < 100; ++i) {
            run_ready();
            clock.advance(std::chrono::milliseconds(10));
        }
    };
    wait();
    EXPECT_EQ(client.available(), 20'000U) << "nobody reads";
    client.set_option(ReceiveBuffer(50'000));
    wait();
    EXPECT_EQ(client.available(), 50'000U) << "the peer was told that there is room";
    client.set_option(ReceiveBuffer(10'000));
    std::string all(much.size(), 0);
    bool received = false;
    asio::async_read(client, asio::buffer(all), [&](error_code error, std::size_t) {
        EXPECT_FALSE(error);
        received = true;
    });
    run_until([&] { return received; });
    EXPECT_EQ(all, much);
    asio::async_write(*server, asio::buffer(much), [](error_code, std::size_t) {});
    wait();
    EXPECT_LE(client.available(), 10'000U);
}

TEST_F(SocketOptions, a_larger_send_buffer_takes_what_waited_for_room) {
    client.set_option(SendBuffer(4096));
    ASSERT_FALSE(connect());
    cut = true;
    const std::string much(10'000, 'z');
    std::size_t taken = 0;
    const auto note = [&](error_code, std::size_t count) { taken += count; };
    client.async_write_some(asio::buffer(much), note);
    run_ready();
    EXPECT_EQ(taken, 4096U);
    client.async_write_some(asio::buffer(much), note);
    run_ready();
    EXPECT_EQ(taken, 4096U);
    client.set_option(SendBuffer(8192));
    run_ready();
    EXPECT_EQ(taken, 8192U);
}

// rfc2385: 2.0, 3.0
TEST_F(SocketOptions, an_md5_key_is_set_before_connecting_and_signs_every_segment) {
    client.set_option(Md5Key(only(kFar), bytes_of("secret")));
    EXPECT_EQ(connect(), errors::timed_out) << "the listener has no key, and hears nothing";
    ASSERT_FALSE(ours.empty());
    EXPECT_TRUE(signatures(ours.front()).md5);

    acceptor.set_option(Md5Key(only(kNear), bytes_of("secret")));
    ours.clear();
    ASSERT_FALSE(connect());
    speak();
    for (const auto* sent : {&ours, &theirs}) {
        for (const Packet& packet : *sent) {
            EXPECT_TRUE(signatures(packet).md5);
        }
    }
    // A key may become another one while the connection stands (4.5).
    client.set_option(Md5Key(only(kFar), bytes_of("other")));
    server->set_option(Md5Key(only(kNear), bytes_of("other")));
    speak();
    const auto wrong = [&] {
        return far.host.tcp().security().dropped(tcp::SecurityDrop::Md5Wrong);
    };
    EXPECT_EQ(wrong(), 0U);
    client.set_option(Md5Key(only(kFar), bytes_of("guess")));
    asio::async_write(client, asio::buffer("x", 1), [](error_code, std::size_t) {});
    run_until([&] { return wrong() != 0; });
    EXPECT_THROW(Md5Key(only(kFar), std::vector<std::uint8_t>(81)), std::out_of_range);
}

// rfc5925: 3.1, 6.1, 7.1
TEST_F(SocketOptions, ao_keys_are_set_before_connecting_and_roll_over_without_a_gap) {
    client.set_option(AoKeys(only(kFar), {ao_key(1, "first")}));
    acceptor.set_option(AoKeys(only(kNear), {ao_key(1, "first")}));
    ASSERT_FALSE(connect());
    speak();
    for (const auto* sent : {&ours, &theirs}) {
        for (const Packet& packet : *sent) {
            EXPECT_TRUE(signatures(packet).ao);
        }
    }
    EXPECT_EQ(client.ao_status()->current_send_id, 1);

    error_code error;
    client.set_option(AoKeys(only(kFar), {ao_key(2, "second")}), error);
    EXPECT_EQ(error, boost::system::errc::device_or_resource_busy) << "the first one is in use";
    client.set_option(AoKeys(only(kFar), {ao_key(1, "changed"), ao_key(2, "second")}), error);
    EXPECT_EQ(error, boost::system::errc::device_or_resource_busy);
    const std::vector both{ao_key(1, "first"), ao_key(2, "second")};
    client.set_option(AoKeys(only(kFar), both));
    server->set_option(AoKeys(only(kNear), both));
    client.set_option(AoNextKey(9), error);
    EXPECT_EQ(error, errors::invalid_argument) << "there is no such key";
    client.set_option(AoNextKey(2));
    EXPECT_EQ(option_of<AoNextKey>(client).value(), 2);
    speak();  // it asks; the peer goes over
    server->set_option(AoNextKey(2));
    asio::async_write(*server, asio::buffer("x", 1), [](error_code, std::size_t) {});
    run_ready();
    speak();
    EXPECT_EQ(client.ao_status()->current_send_id, 2);
    EXPECT_EQ(client.ao_status()->last_key_id, 2);
    // Nobody uses the first one any more.
    client.set_option(AoKeys(only(kFar), {ao_key(2, "second")}));
    server->set_option(AoKeys(only(kNear), {ao_key(2, "second")}));
    speak();
    const tcp::PeerGuard& guard = far.host.tcp().security();
    EXPECT_EQ(guard.dropped(tcp::SecurityDrop::AoWrong), 0U);
    EXPECT_EQ(guard.dropped(tcp::SecurityDrop::AoUnknownKey), 0U);
}

// rfc5925: 7.2
TEST_F(SocketOptions, a_connection_that_began_unsigned_stays_so) {
    ASSERT_FALSE(connect());
    error_code error;
    client.set_option(AoKeys(only(kFar), {ao_key(1, "first")}), error);
    EXPECT_EQ(error, errors::already_connected);
    client.set_option(AoNextKey(1), error);
    EXPECT_EQ(error, errors::not_connected);
    AoNextKey next;
    client.get_option(next, error);
    EXPECT_EQ(error, errors::not_connected);
    EXPECT_FALSE(client.ao_status());
    speak();
}

TEST_F(SocketOptions, keys_that_cannot_be_fail_the_connection_and_not_silently) {
    client.set_option(Md5Key(only(kFar), bytes_of("secret")));
    client.set_option(AoKeys(only(kFar), {ao_key(1, "first")}));
    EXPECT_EQ(connect(), errors::invalid_argument);
    EXPECT_TRUE(ours.empty());
}

// rfc5082: 3
TEST_F(SocketOptions, a_neighbour_is_known_by_the_ttl_of_what_it_sends) {
    acceptor.set_option(LeastTtl(only(kNear), 255));
    EXPECT_EQ(connect(), errors::timed_out);
    EXPECT_GT(far.host.tcp().security().dropped(tcp::SecurityDrop::TooManyHops), 0U);
    client.set_option(LeastTtl(only(kFar), 255));
    ASSERT_FALSE(connect());
    EXPECT_EQ(last().ttl_hops(), 255);
    // Beside a key, not in its place.
    client.set_option(Md5Key(only(kFar), bytes_of("secret")));
    server->set_option(Md5Key(only(kNear), bytes_of("secret")));
    speak();
    EXPECT_EQ(last().ttl_hops(), 255);
    EXPECT_TRUE(signatures(ours.back()).md5);
}

TEST_F(SocketOptions, datagrams_have_theirs) {
    auto socket = UdpSocket::open(*near.stack, on(), {.interface = net::InterfaceId(1)});
    ASSERT_TRUE(socket);
    socket->set_option(Hops(3));
    socket->set_option(asio::ip::multicast::hops(5));
    socket->set_option(Dscp(46));
    socket->set_option(asio::socket_base::broadcast(true));
    socket->set_option(ReceiveBuffer(1000));
    EXPECT_EQ(option_of<Hops>(*socket).value(), 3);
    EXPECT_EQ(option_of<asio::ip::multicast::hops>(*socket).value(), 5);
    EXPECT_EQ(option_of<Dscp>(*socket).value(), 46);
    EXPECT_TRUE(option_of<asio::socket_base::broadcast>(*socket).value());
    EXPECT_EQ(option_of<ReceiveBuffer>(*socket).value(), 1000);
    const auto sent_to = [&](net::Ipv4Address to) {
        ours.clear();
        socket->async_send_to(asio::buffer("x", 1), {address_v4(to.value()), 9},
                              [](error_code error, std::size_t) { EXPECT_FALSE(error); });
        run_ready();
        return *Ipv4View::parse(ours.at(0));
    };
    EXPECT_EQ(sent_to(kFar).ttl_hops(), 3);
    EXPECT_EQ(sent_to(kFar).type_of_service(), 46 << 2);
    EXPECT_EQ(sent_to(net::Ipv4Address(224, 0, 0, 9)).ttl_hops(), 5);
    sent_to(net::Ipv4Address(10, 0, 0, 255));

    auto peer = UdpSocket::open(*far.stack, on(), {});
    for (int i = 0; i < 3; ++i) {
        const std::string part(400, 'x');
        peer->async_send_to(asio::buffer(part),
                            {address_v4(kNear.value()), socket->local_endpoint().port()},
                            [](error_code, std::size_t) {});
        run_ready();
    }
    EXPECT_EQ(near.host.count(HostCounter::UdpQueueFull), 1U) << "a thousand bytes hold two";
}

// The same lines, on the kernel's sockets.
TEST(SocketOptionsOfTheKernel, take_the_same_classes) {
    asio::io_context context;
    asio::ip::tcp::socket socket(context, asio::ip::tcp::v4());
    socket.set_option(Dscp(48));
    socket.set_option(Hops(7));
    Dscp dscp;
    socket.get_option(dscp);
    EXPECT_EQ(dscp.value(), 48);
    const Md5Key key(*net::Ipv4Prefix::parse("192.0.2.0/24"), bytes_of("secret"));
    ASSERT_EQ(key.size(asio::ip::tcp::v4()), sizeof(tcp_md5sig));
    const auto& kernel = *static_cast<const tcp_md5sig*>(key.data(asio::ip::tcp::v4()));
    const auto& peers = reinterpret_cast<const sockaddr_in&>(kernel.tcpm_addr);
    EXPECT_EQ(peers.sin_family, AF_INET);
    EXPECT_EQ(ntohl(peers.sin_addr.s_addr), net::Ipv4Address(192, 0, 2, 0).value());
    EXPECT_EQ(kernel.tcpm_prefixlen, 24);
    EXPECT_EQ(kernel.tcpm_keylen, 6);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(kernel.tcpm_key), 6), "secret");
}

}  // namespace
}  // namespace godwit::control::io
