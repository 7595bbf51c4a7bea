#include "controlplane/telemetry/http_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <map>
#include <utility>

#include "controlplane/host/io/tcp_acceptor.hpp"
#include "controlplane/host/io/teardown.hpp"
#include "controlplane/telemetry/http_session.hpp"

namespace godwit::control::telemetry {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kBacklog = 8;  // connections that wait for the next turn

using Session = HttpSession<io::TcpSocket>;

tcp::Settings settings() {
    tcp::Settings settings;
    settings.send_buffer = 256 * 1024;  // a usual page at once
    settings.receive_buffer = 16 * 1024;
    return settings;
}

}  // namespace

std::string HttpPlace::to_string() const {
    return fmt::format("{}:{}", address.to_string(), port);
}

struct HttpServer::State : std::enable_shared_from_this<State> {
    State(asio::io_context& runs, Stack& on, HttpService made)
        : executor(runs), stack(on), service(std::make_shared<HttpService>(std::move(made))) {}

    struct Listener {
        io::TcpAcceptor acceptor;
        std::map<std::uint64_t, std::shared_ptr<Session>> sessions = {};
    };

    void accept(const HttpPlace& place) {
        const auto found = listeners.find(place);
        found->second.acceptor.async_accept(
            [weak = weak_from_this(), place, serial = serials[place]](
                const boost::system::error_code& error, io::TcpSocket socket) {
                const auto self = weak.lock();
                // The place may have been closed meanwhile, and opened again.
                if (!self || error || !self->listeners.contains(place) ||
                    self->serials[place] != serial) {
                    return;
                }
                self->accepted(place, std::move(socket));
                self->accept(place);
            });
    }

    void accepted(const HttpPlace& place, io::TcpSocket socket) {
        if (connections() >= service->limits.connections) {
            ++service->counters.connections_refused;
            socket.abort();
            return;
        }
        ++service->counters.connections;
        const std::uint64_t number = ++last_session;
        const auto session = std::make_shared<Session>(
            std::move(socket), service, [weak = weak_from_this(), place, number] {
                if (const auto self = weak.lock()) {
                    if (const auto of = self->listeners.find(place); of != self->listeners.end()) {
                        of->second.sessions.erase(number);
                    }
                }
            });
        listeners.at(place).sessions.emplace(number, session);
        session->start();
    }

    void close(const HttpPlace& place) {
        auto gone = listeners.extract(place);
        gone.mapped().acceptor.close();
        for (const auto& [number, session] : gone.mapped().sessions) {
            session->close();
        }
    }

    [[nodiscard]] std::size_t connections() const {
        std::size_t count = 0;
        for (const auto& [place, listener] : listeners) {
            count += listener.sessions.size();
        }
        return count;
    }

    asio::io_context& executor;
    Stack& stack;
    std::shared_ptr<HttpService> service;  // shared with the sessions
    std::map<HttpPlace, Listener> listeners;
    std::map<HttpPlace, std::uint64_t> serials;  // of places that are or were listened on
    std::uint64_t last_session = 0;
    std::vector<std::string> problems;
};

HttpServer::HttpServer(asio::io_context& executor, Stack& stack, HttpService service)
    : state_(std::make_shared<State>(executor, stack, std::move(service))) {}

HttpServer::~HttpServer() {
    listen({});
    state_->service->handler = {};
}

void HttpServer::listen(const std::vector<HttpPlace>& places) {
    std::vector<HttpPlace> gone;
    for (const auto& [place, listener] : state_->listeners) {
        if (std::ranges::find(places, place) == places.end()) {
            gone.push_back(place);
        }
    }
    for (const HttpPlace& place : gone) {
        state_->close(place);
        state_->serials.erase(place);
    }
    state_->problems.clear();
    for (const HttpPlace& place : places) {
        if (state_->listeners.contains(place)) {
            continue;
        }
        auto acceptor = io::TcpAcceptor::listen(
            state_->stack, state_->executor.get_executor(),
            {asio::ip::address_v4(place.address.value()), place.port}, settings(), kBacklog);
        if (!acceptor) {
            state_->problems.push_back(
                fmt::format("{} cannot be listened on: {}", place.to_string(), acceptor.error()));
            continue;
        }
        state_->serials[place] = ++state_->last_session;
        state_->listeners.emplace(place, State::Listener{std::move(*acceptor)});
        state_->accept(place);
    }
}

std::vector<HttpPlace> HttpServer::places() const {
    std::vector<HttpPlace> places;
    for (const auto& [place, listener] : state_->listeners) {
        places.push_back(place);
    }
    return places;
}

const std::vector<std::string>& HttpServer::problems() const {
    return state_->problems;
}

std::size_t HttpServer::connections() const {
    return state_->connections();
}

const HttpCounters& HttpServer::counters() const {
    return state_->service->counters;
}

}  // namespace godwit::control::telemetry
