// A transfer between the two hosts of a World: the client connects and sends a stream of bytes that
// follow from a seed, the server may send one back; each ends its stream and gives its connection
// away when it has read the other's. Every byte that is read is compared with the one that was
// written.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/tcp/world.hpp"

namespace godwit::sim {

struct TransferPlan {
    std::uint64_t up = 100'000;  // bytes, from client to server
    std::uint64_t down = 0;
    tcp::Settings client;
    tcp::Settings server;
    std::size_t read_at_once = 65536;  // of the reader
    Duration read_every{};             // zero: as soon as there is something
};

class Transfer {
public:
    static constexpr std::uint16_t kPort = 179;

    Transfer(World& world, const TransferPlan& plan);

    [[nodiscard]] bool delivered() const {
        return up_.read == plan_.up && down_.read == plan_.down;
    }
    [[nodiscard]] bool over() const { return up_.finished && down_.finished; }
    [[nodiscard]] Instant delivered_at() const { return delivered_at_; }
    // What went wrong with the bytes or the connection, or nothing.
    [[nodiscard]] const std::string& fault() const { return fault_; }
    [[nodiscard]] const tcp::ConnectionInfo& last_client_info() const { return client_info_; }

private:
    struct Side {
        SimHost* host;
        std::optional<tcp::ConnectionId> id;
        std::uint64_t to_write;
        std::uint64_t written = 0;
        bool shut = false;
        bool released = false;
    };
    struct Stream {
        std::uint64_t read = 0;
        bool finished = false;
    };

    void drive();
    void write(Side& side, unsigned salt);
    void read(Side& side, Stream& stream, std::uint64_t expected, unsigned salt);
    static std::uint8_t byte_at(std::uint64_t place, unsigned salt) {
        return static_cast<std::uint8_t>((place * 2654435761U >> 7) + place + salt);
    }

    World& world_;
    TransferPlan plan_;
    Side client_;
    Side server_;
    Stream up_;
    Stream down_;
    std::optional<tcp::ListenerId> listener_;
    bool reading_allowed_ = true;
    Instant delivered_at_{};
    std::string fault_;
    tcp::ConnectionInfo client_info_;
    std::vector<std::uint8_t> buffer_;
};

}  // namespace godwit::sim
