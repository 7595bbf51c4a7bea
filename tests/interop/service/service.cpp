#include "tests/interop/service/service.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/host/io/tcp_acceptor.hpp"

namespace godwit::interop {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;
using boost::system::error_code;
using control::io::TcpAcceptor;
using control::io::TcpSocket;

constexpr std::size_t kPart = 64 * 1024;

class Digest {
public:
    Digest() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
    void add(const void* bytes, std::size_t count) {
        EVP_DigestUpdate(context_.get(), bytes, count);
        bytes_ += count;
    }
    // "LENGTH HEX\n"
    std::string text() {
        std::array<unsigned char, 32> digest{};
        EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
        std::string text = fmt::format("{} ", bytes_);
        for (const unsigned char byte : digest) {
            text += fmt::format("{:02x}", byte);
        }
        return text + "\n";
    }

private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_{EVP_MD_CTX_new()};
    std::uint64_t bytes_ = 0;
};

void fill(std::vector<unsigned char>& part, std::uint64_t begin) {
    for (std::size_t i = 0; i < part.size(); ++i) {
        const std::uint64_t at = begin + i;
        part[i] = static_cast<unsigned char>(at * 167 + (at >> 16));
    }
}

asio::awaitable<void> send_bytes(TcpSocket& socket, std::uint64_t count) {
    const std::string head =
        fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", count);
    co_await asio::async_write(socket, asio::buffer(head), use_awaitable);
    std::vector<unsigned char> part(kPart);
    for (std::uint64_t sent = 0; sent < count; sent += part.size()) {
        part.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kPart, count - sent)));
        fill(part, sent);
        co_await asio::async_write(socket, asio::buffer(part), use_awaitable);
    }
}

// The body of what `parser` reads, as it comes.
template <class Parser>
asio::awaitable<std::string> digest_body(TcpSocket& socket, beast::flat_buffer& buffer,
                                         Parser& parser) {
    Digest digest;
    std::vector<char> part(kPart);
    while (!parser.is_done()) {
        parser.get().body().data = part.data();
        parser.get().body().size = part.size();
        error_code error;
        co_await http::async_read(socket, buffer, parser,
                                  asio::redirect_error(use_awaitable, error));
        if (error && error != http::error::need_buffer) {
            throw boost::system::system_error(error);
        }
        digest.add(part.data(), part.size() - parser.get().body().size);
    }
    co_return digest.text();
}

asio::awaitable<std::string> fetch(control::Stack& stack, std::string target) {
    // A/P/X
    const std::size_t first = target.find('/');
    const std::size_t second = target.find('/', first + 1);
    const std::string port = target.substr(first + 1, second - first - 1);
    TcpSocket socket(stack, co_await asio::this_coro::executor);
    co_await socket.async_connect({asio::ip::make_address(target.substr(0, first)),
                                   static_cast<std::uint16_t>(std::stoul(port))},
                                  use_awaitable);
    http::request<http::empty_body> request(http::verb::get, target.substr(second), 11);
    request.set(http::field::host, "stranger");
    request.set(http::field::connection, "close");
    co_await http::async_write(socket, request, use_awaitable);
    beast::flat_buffer buffer;
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    co_await http::async_read_header(socket, buffer, parser, use_awaitable);
    co_return co_await digest_body(socket, buffer, parser);
}

asio::awaitable<void> answer_http(control::Stack& stack, TcpSocket socket) {
    beast::flat_buffer buffer;
    http::request_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    co_await http::async_read_header(socket, buffer, parser, use_awaitable);
    const std::string target(parser.get().target());
    http::response<http::string_body> response(http::status::ok, 11);
    if (target.starts_with("/bytes/")) {
        co_await send_bytes(socket, std::stoull(target.substr(7)));
    } else {
        if (target == "/count") {
            if (parser.get()[http::field::expect] == "100-continue") {
                http::response<http::empty_body> go_on(http::status::continue_, 11);
                co_await http::async_write(socket, go_on, use_awaitable);
            }
            response.body() = co_await digest_body(socket, buffer, parser);
        } else if (target.starts_with("/fetch/")) {
            response.body() = co_await fetch(stack, target.substr(7));
        } else {
            response.result(http::status::not_found);
        }
        response.prepare_payload();
        co_await http::async_write(socket, response, use_awaitable);
    }
    socket.shutdown(asio::socket_base::shutdown_send);
    // Until the peer has ended too: closing before would reset what it has not read.
    error_code error;
    while (!error) {
        std::array<char, 1024> rest;
        co_await socket.async_read_some(asio::buffer(rest),
                                        asio::redirect_error(use_awaitable, error));
    }
}

asio::awaitable<void> echo(TcpSocket socket) {
    std::vector<char> part(kPart);
    error_code error;
    for (;;) {
        const std::size_t count = co_await socket.async_read_some(
            asio::buffer(part), asio::redirect_error(use_awaitable, error));
        if (error) {
            break;
        }
        co_await asio::async_write(socket, asio::buffer(part, count), use_awaitable);
    }
    socket.shutdown(asio::socket_base::shutdown_send, error);
}

// A conversation that fails ends itself and nothing else.
void ended(const std::exception_ptr& problem) {
    if (problem) {
        try {
            std::rethrow_exception(problem);
        } catch (const std::exception& error) {
            spdlog::info("service: a connection ended: {}", error.what());
        }
    }
}

template <class Conversation>
asio::awaitable<void> accept_all(control::Stack& stack, std::uint16_t port, Conversation begin) {
    control::tcp::Settings settings;
    settings.send_buffer = 256 * 1024;
    settings.receive_buffer = 256 * 1024;
    auto acceptor =
        TcpAcceptor::listen(stack, co_await asio::this_coro::executor, {{}, port}, settings, 1024);
    if (!acceptor) {
        spdlog::error("service: {}", acceptor.error());
        co_return;
    }
    for (;;) {
        TcpSocket socket = co_await acceptor->async_accept(use_awaitable);
        asio::co_spawn(acceptor->get_executor(), begin(std::move(socket)), ended);
    }
}

}  // namespace

void serve(control::Stack& stack, asio::io_context& context) {
    for (const std::uint16_t port : std::array<std::uint16_t, 2>{80, 8080}) {
        asio::co_spawn(context,
                       accept_all(stack, port,
                                  [&stack](TcpSocket socket) {
                                      return answer_http(stack, std::move(socket));
                                  }),
                       asio::detached);
    }
    asio::co_spawn(context, accept_all(stack, 7, echo), asio::detached);
    control::tcp::PeerSecurity signed_by_md5;
    const std::string_view key = "secret";
    signed_by_md5.md5.assign(key.begin(), key.end());
    const auto secured =
        stack.host().tcp().secure({*net::Ipv4Prefix::parse("0.0.0.0/0"), 179}, signed_by_md5);
    if (!secured) {
        spdlog::error("service: {}", secured.error());
        return;
    }
    asio::co_spawn(context, accept_all(stack, 179, echo), asio::detached);
}

}  // namespace godwit::interop
