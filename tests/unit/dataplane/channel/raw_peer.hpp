// A control plane by hand: speaks to the server's socket byte by byte, so that it can also speak
// wrongly. Gets the memory of a session and may do with it what it likes.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/api/control_socket.hpp"
#include "dataplane/api/counters.hpp"
#include "dataplane/api/decode.hpp"
#include "dataplane/api/shared_memory.hpp"
#include "dataplane/api/wake.hpp"

namespace godwit::dataplane {

class RawPeer {
public:
    bool connect(const std::string& path) {
        closed_ = false;
        connection_ = api::Descriptor(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        return ::connect(connection_.get(), reinterpret_cast<const sockaddr*>(&address),
                         sizeof(address)) == 0;
    }
    void leave() { connection_.reset(); }

    api::SendOutcome send(std::span<const std::byte> bytes, std::span<const int> descriptors = {}) {
        return api::send_control(connection_.get(), bytes, descriptors);
    }
    template <class Body>
    api::SendOutcome send(api::ControlType type, const Body& body, std::uint32_t request = 1,
                          std::span<const int> descriptors = {}) {
        return send(api::encode_control(type, request, api::bytes_of(body)), descriptors);
    }
    void hello(std::uint32_t version = api::kChannelVersion) {
        api::HelloBody body;
        body.version = version;
        send(api::ControlType::Hello, body);
    }

    // What is there now; nullopt: nothing. `closed()` tells a connection that was ended.
    std::optional<api::ControlMessage> receive() {
        const auto outcome = api::receive_control(connection_.get(), buffer_, received_);
        closed_ = closed_ || outcome == api::ReceiveOutcome::Closed;
        if (outcome != api::ReceiveOutcome::Message) {
            return std::nullopt;
        }
        const auto message = api::read_control(received_.message);
        return message ? std::optional(*message) : std::nullopt;
    }
    [[nodiscard]] bool closed() {
        if (!closed_) {
            (void)receive();
        }
        return closed_;
    }
    [[nodiscard]] std::vector<api::Descriptor>& descriptors() { return received_.descriptors; }
    [[nodiscard]] int connection() const { return connection_.get(); }

    // After hello(): takes the welcome and maps everything writable but the counters.
    bool welcomed() {
        const auto message = receive();
        if (!message || message->header.type != api::ControlType::Welcome) {
            return false;
        }
        const auto body = api::read_welcome(message->body);
        if (!body || received_.descriptors.size() != 8) {
            return false;
        }
        welcome = *body;
        fds = std::move(received_.descriptors);
        const std::array<std::size_t, 5> sizes{
            sizeof(api::CountersRegion),
            body->worker_count * body->punt_rings * api::ring_region_bytes(body->punt_ring_bytes),
            api::ring_region_bytes(body->inject_ring_bytes),
            api::ring_region_bytes(body->route_ring_bytes),
            api::ring_region_bytes(body->event_ring_bytes)};
        maps.clear();
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            auto mapping =
                api::map_received(fds[i].get(), sizes[i],
                                  i == 0 ? api::PeerAccess::ReadOnly : api::PeerAccess::ReadWrite);
            if (!mapping) {
                return false;
            }
            maps.push_back(std::move(*mapping));
        }
        inject = {map(api::WelcomeFd::Inject), body->inject_ring_bytes};
        routes = {map(api::WelcomeFd::Route), body->route_ring_bytes};
        events = {map(api::WelcomeFd::Event), body->event_ring_bytes};
        return true;
    }
    [[nodiscard]] std::span<std::byte> map(api::WelcomeFd which) {
        return maps[static_cast<std::size_t>(which)].bytes();
    }
    [[nodiscard]] int fd(api::WelcomeFd which) {
        return fds[static_cast<std::size_t>(which)].get();
    }
    void wake() { api::wake(fd(api::WelcomeFd::InjectSignal)); }

    template <class Message>
    bool write_route(api::RouteType type, const Message& message) {
        return write(routes, static_cast<std::uint32_t>(type), api::bytes_of(message));
    }
    bool write(api::RingProducer& ring, std::uint32_t type, std::span<const std::byte> body) {
        const auto place = ring.reserve(type, body.size());
        if (place.empty()) {
            return false;
        }
        std::memcpy(place.data(), body.data(), body.size());
        if (ring.publish()) {
            wake();
        }
        return true;
    }

    api::WelcomeBody welcome;
    std::vector<api::Descriptor> fds;
    std::vector<api::Mapping> maps;
    api::RingProducer inject;
    api::RingProducer routes;
    api::RingConsumer events;

private:
    api::Descriptor connection_;
    api::ReceivedControl received_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(api::kMaxControlMessageBytes);
    bool closed_ = false;
};

}  // namespace godwit::dataplane
