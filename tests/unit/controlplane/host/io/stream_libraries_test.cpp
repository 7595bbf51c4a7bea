// Boost.Beast and OpenSSL run on the socket unchanged, and the same code runs on a kernel's: every
// conversation below is a template of its stream.
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <exception>

#include "controlplane/host/io/tcp_acceptor.hpp"
#include "controlplane/host/io/teardown.hpp"
#include "tests/unit/controlplane/host/io/two_stacks.hpp"

namespace godwit::control::io {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
namespace ssl = asio::ssl;
using asio::use_awaitable;
using test::kFar;

template <class Stream>
using WebSocket = websocket::stream<Stream, false>;  // nothing is compressed here

// ---- the conversations

// Answers every request with its target and the length of its body, until the client has enough.
template <class Stream>
asio::awaitable<void> serve_http(Stream& stream) {
    beast::flat_buffer buffer;
    for (;;) {
        http::request<http::string_body> request;
        error_code error;
        co_await http::async_read(stream, buffer, request,
                                  asio::redirect_error(use_awaitable, error));
        if (error == http::error::end_of_stream) {
            co_return;
        }
        if (error) {
            throw boost::system::system_error(error);
        }
        http::response<http::string_body> response(http::status::ok, request.version());
        response.body() =
            std::string(request.target()) + " " + std::to_string(request.body().size());
        response.body().append(100'000, '.');
        response.prepare_payload();
        co_await http::async_write(stream, response, use_awaitable);
    }
}

template <class Stream>
asio::awaitable<void> ask_http(Stream& stream) {
    beast::flat_buffer buffer;
    for (int i = 0; i < 3; ++i) {
        http::request<http::string_body> request(http::verb::post, "/page", 11);
        request.body().assign(200'000, 'b');
        request.prepare_payload();
        co_await http::async_write(stream, request, use_awaitable);
        http::response_parser<http::string_body> parser;
        co_await http::async_read(stream, buffer, parser, use_awaitable);
        EXPECT_EQ(parser.get().result(), http::status::ok);
        EXPECT_EQ(parser.get().body().substr(0, 12), "/page 200000");
        EXPECT_EQ(parser.get().body().size(), 100'012U);
    }
}

template <class Stream>
asio::awaitable<void> serve_websocket(Stream& stream) {
    co_await stream.async_accept(use_awaitable);
    for (;;) {
        beast::flat_buffer message;
        error_code error;
        co_await stream.async_read(message, asio::redirect_error(use_awaitable, error));
        if (error == websocket::error::closed) {
            co_return;
        }
        if (error) {
            throw boost::system::system_error(error);
        }
        stream.text(stream.got_text());
        co_await stream.async_write(message.data(), use_awaitable);
    }
}

template <class Stream>
asio::awaitable<void> talk_websocket(Stream& stream) {
    co_await stream.async_handshake("router", "/events", use_awaitable);
    for (const std::size_t size : {0U, 5U, 70'000U}) {
        const std::string said(size, 'w');
        co_await stream.async_write(asio::buffer(said), use_awaitable);
        beast::flat_buffer heard;
        co_await stream.async_read(heard, use_awaitable);
        EXPECT_EQ(beast::buffers_to_string(heard.data()), said);
    }
    co_await stream.async_close(websocket::close_code::normal, use_awaitable);
}

// ---- TLS with a certificate that is made here

ssl::context server_context() {
    ssl::context context(ssl::context::tls_server);
    EVP_PKEY* const key = EVP_RSA_gen(2048);
    X509* const certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* const name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("router"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_sign(certificate, key, EVP_sha256());
    SSL_CTX_use_certificate(context.native_handle(), certificate);
    SSL_CTX_use_PrivateKey(context.native_handle(), key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}

template <class Stream>
asio::awaitable<void> serve_https(ssl::stream<Stream>& stream) {
    co_await stream.async_handshake(ssl::stream_base::server, use_awaitable);
    co_await serve_http(stream);
    error_code ignored;
    co_await stream.async_shutdown(asio::redirect_error(use_awaitable, ignored));
}

template <class Stream>
asio::awaitable<void> ask_https(ssl::stream<Stream>& stream) {
    co_await stream.async_handshake(ssl::stream_base::client, use_awaitable);
    co_await ask_http(stream);
    error_code error;
    co_await stream.async_shutdown(asio::redirect_error(use_awaitable, error));
    EXPECT_TRUE(!error || error == asio::error::eof) << error.message();
}

// ---- the streams

class StreamLibraries : public test::TwoStacks {
protected:
    // Both of a conversation, to their end.
    template <class Server, class Client>
    void converse(Server server, Client client) {
        int done = 0;
        const auto ended = [&done](std::exception_ptr problem) {
            ++done;
            if (problem) {
                try {
                    std::rethrow_exception(problem);
                } catch (const std::exception& error) {
                    ADD_FAILURE() << error.what();
                }
            }
        };
        asio::co_spawn(on(), std::move(server), ended);
        asio::co_spawn(on(), std::move(client), ended);
        run_until([&] { return done == 2; });
    }
    std::pair<TcpSocket, TcpSocket> on_our_stack() {
        auto acceptor = *TcpAcceptor::listen(*far.stack, on(), {{}, 80}, {}, 8);
        TcpSocket client(*near.stack, on());
        std::optional<TcpSocket> server;
        bool connected = false;
        acceptor.async_accept([&](error_code, TcpSocket made) { server.emplace(std::move(made)); });
        client.async_connect({asio::ip::address_v4(kFar.value()), 80}, [&](error_code error) {
            EXPECT_FALSE(error) << error.message();
            connected = true;
        });
        run_until([&] { return server && connected; });
        return {std::move(*server), std::move(client)};
    }
    std::pair<asio::ip::tcp::socket, asio::ip::tcp::socket> on_the_kernels() {
        asio::io_context& context = executor.io_context();
        asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
        asio::ip::tcp::socket client(context);
        client.connect(acceptor.local_endpoint());
        return {acceptor.accept(), std::move(client)};
    }

    template <class Sockets>
    void http_over(Sockets sockets) {
        converse([&]() -> asio::awaitable<void> { co_await serve_http(sockets.first); },
                 [&]() -> asio::awaitable<void> {
                     co_await ask_http(sockets.second);
                     sockets.second.shutdown(asio::socket_base::shutdown_send);
                 });
    }
    template <class Sockets>
    void websocket_over(Sockets sockets) {
        using Stream = WebSocket<typename Sockets::first_type>;
        Stream server(std::move(sockets.first));
        Stream client(std::move(sockets.second));
        converse([&]() -> asio::awaitable<void> { co_await serve_websocket(server); },
                 [&]() -> asio::awaitable<void> { co_await talk_websocket(client); });
    }
    template <class Sockets>
    void https_over(Sockets sockets) {
        ssl::context serving = server_context();
        ssl::context asking(ssl::context::tls_client);
        asking.set_verify_mode(ssl::verify_none);
        ssl::stream<typename Sockets::first_type> server(std::move(sockets.first), serving);
        ssl::stream<typename Sockets::first_type> client(std::move(sockets.second), asking);
        converse([&]() -> asio::awaitable<void> { co_await serve_https(server); },
                 [&]() -> asio::awaitable<void> { co_await ask_https(client); });
    }
};

static_assert(beast::is_async_stream<TcpSocket>::value);

TEST_F(StreamLibraries, http_runs_on_our_stack) {
    http_over(on_our_stack());
}

TEST_F(StreamLibraries, http_runs_on_our_stack_over_a_link_that_loses) {
    lose_every = 23;
    http_over(on_our_stack());
}

TEST_F(StreamLibraries, the_same_http_runs_on_the_kernels) {
    http_over(on_the_kernels());
}

TEST_F(StreamLibraries, websockets_run_on_our_stack_and_end_without_a_reset) {
    websocket_over(on_our_stack());
    EXPECT_EQ(near.host.tcp().counts().resets_sent + far.host.tcp().counts().resets_sent, 0U);
    run_until(
        [&] { return near.host.tcp().connections() == 0 && far.host.tcp().connections() == 0; });
}

TEST_F(StreamLibraries, the_same_websocket_runs_on_the_kernels) {
    websocket_over(on_the_kernels());
}

TEST_F(StreamLibraries, tls_runs_on_our_stack) {
    https_over(on_our_stack());
}

TEST_F(StreamLibraries, the_same_tls_runs_on_the_kernels) {
    https_over(on_the_kernels());
}

TEST_F(StreamLibraries, websockets_run_over_tls_on_our_stack) {
    ssl::context serving = server_context();
    ssl::context asking(ssl::context::tls_client);
    asking.set_verify_mode(ssl::verify_none);
    auto sockets = on_our_stack();
    WebSocket<ssl::stream<TcpSocket>> server(std::move(sockets.first), serving);
    WebSocket<ssl::stream<TcpSocket>> client(std::move(sockets.second), asking);
    converse(
        [&]() -> asio::awaitable<void> {
            co_await server.next_layer().async_handshake(ssl::stream_base::server, use_awaitable);
            co_await serve_websocket(server);
        },
        [&]() -> asio::awaitable<void> {
            co_await client.next_layer().async_handshake(ssl::stream_base::client, use_awaitable);
            co_await talk_websocket(client);
        });
}

}  // namespace
}  // namespace godwit::control::io
