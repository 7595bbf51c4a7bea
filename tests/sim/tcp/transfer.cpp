#include "tests/sim/tcp/transfer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace godwit::sim {

namespace {

constexpr std::size_t kAtOnce = 16 * 1024;

}  // namespace

Transfer::Transfer(World& world, const TransferPlan& plan)
    : world_(world),
      plan_(plan),
      client_{&world.client(), {}, plan.up},
      server_{&world.server(), {}, plan.down},
      buffer_(std::max(kAtOnce, plan.read_at_once)) {
    const auto listener = world.server().endpoint.listen(net::Ipv4Address(), kPort, plan.server, 4);
    if (listener) {
        listener_ = *listener;
    }
    const auto id = world.client().endpoint.connect(
        {world.client().address, world.server().address, 0, kPort}, plan.client, world.now());
    if (id) {
        client_.id = *id;
    } else {
        fault_ = id.error();
    }
    world.after_step = [this] { drive(); };
    if (plan.read_every > Duration::zero()) {
        reading_allowed_ = false;
        const auto tick = [this](const auto& self) -> void {
            reading_allowed_ = true;
            drive();
            reading_allowed_ = false;
            if (!over() && fault_.empty()) {
                world_.call_at(world_.now() + plan_.read_every, [self] { self(self); });
            }
        };
        world.call_at(world.now() + plan.read_every, [tick] { tick(tick); });
    }
}

void Transfer::drive() {
    if (!server_.id && listener_) {
        server_.id = world_.server().endpoint.accept(*listener_);
    }
    // Every step looks at both sides: which of them is ready need not be known.
    static_cast<void>(world_.client().endpoint.take_ready());
    static_cast<void>(world_.server().endpoint.take_ready());
    write(client_, 1);
    write(server_, 2);
    if (reading_allowed_) {
        read(server_, up_, plan_.up, 1);
        read(client_, down_, plan_.down, 2);
    }
    if (delivered() && delivered_at_ == Instant{}) {
        delivered_at_ = world_.now();
    }
    for (Side* const side : {&client_, &server_}) {
        const Stream& stream = side == &client_ ? down_ : up_;
        if (side->id && !side->released && side->shut && stream.finished) {
            if (side == &client_) {
                client_info_ = side->host->endpoint.find(*side->id)->info();
            }
            side->released = true;
            side->host->endpoint.release(*side->id, world_.now());
        }
    }
}

void Transfer::write(Side& side, unsigned salt) {
    if (!side.id || side.shut) {
        return;
    }
    const tcp::Connection* const connection = side.host->endpoint.find(*side.id);
    if (connection == nullptr) {
        return;
    }
    if (connection->state() == tcp::State::SynSent) {
        return;
    }
    while (side.written < side.to_write) {
        const std::size_t count = std::min<std::uint64_t>(
            {kAtOnce, side.to_write - side.written, connection->writable()});
        if (count == 0) {
            break;
        }
        for (std::size_t i = 0; i < count; ++i) {
            buffer_[i] = byte_at(side.written + i, salt);
        }
        side.written +=
            side.host->endpoint.write(*side.id, std::span(buffer_).first(count), world_.now());
    }
    if (side.written == side.to_write) {
        side.shut = true;
        side.host->endpoint.shutdown(*side.id, world_.now());
    }
}

void Transfer::read(Side& side, Stream& stream, std::uint64_t expected, unsigned salt) {
    if (!side.id || stream.finished) {
        return;
    }
    const tcp::Connection* const connection = side.host->endpoint.find(*side.id);
    if (connection == nullptr) {
        return;
    }
    const std::size_t count = side.host->endpoint.read(
        *side.id, std::span(buffer_).first(plan_.read_at_once), world_.now());
    for (std::size_t i = 0; i < count; ++i) {
        if (fault_.empty() && buffer_[i] != byte_at(stream.read + i, salt)) {
            fault_ = fmt::format("byte {} of stream {} is not the one that was written",
                                 stream.read + i, salt);
        }
    }
    stream.read += count;
    if (connection->at_end()) {
        stream.finished = true;
        if (stream.read != expected && fault_.empty()) {
            fault_ =
                fmt::format("stream {} ended after {} of {} bytes", salt, stream.read, expected);
        }
    } else if (connection->state() == tcp::State::Closed && connection->readable() == 0 &&
               fault_.empty()) {
        fault_ = fmt::format("the connection broke (trouble {}) after {} of {} bytes of stream {}",
                             static_cast<int>(connection->trouble()), stream.read, expected, salt);
    }
}

}  // namespace godwit::sim
