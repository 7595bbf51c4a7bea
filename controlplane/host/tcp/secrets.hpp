// What a stranger must not be able to guess: initial sequence numbers, timestamp offsets, ephemeral
// ports, SYN cookies, and where a flow stands in a hash table. All are SipHash of the flow with
// keys that are drawn once at start (net/siphash.hpp).
//
//   ISN = M + F(flow, key)          M counts 4 us steps (RFC 6528 3, RFC 9293 3.4.1)
//   TSval = clock in ms + F(addresses, key)      one offset per peer: it stays monotonic over
//                                                connections, which RFC 6191 and PAWS live on
//   port = first + (F(addresses, remote port) + counter) mod range       RFC 6056 3.3.4
#pragma once

#include <chrono>
#include <cstdint>

#include "controlplane/host/tcp/segment.hpp"
#include "controlplane/host/token_bucket.hpp"
#include "net/siphash.hpp"

namespace godwit::control::tcp {

using Duration = Instant::duration;

class FlowSecrets {
public:
    explicit FlowSecrets(const net::SipKey& key) : key_(key) {}

    [[nodiscard]] net::Sequence initial_sequence(const Flow& flow, Instant now) const {
        const auto steps = now.time_since_epoch() / std::chrono::microseconds(4);
        return net::Sequence(static_cast<std::uint32_t>(steps) +
                             static_cast<std::uint32_t>(hash(Purpose::Sequence, flow)));
    }
    [[nodiscard]] std::uint32_t timestamp_offset(const Flow& flow) const {
        return static_cast<std::uint32_t>(
            net::siphash(key_, {word(Purpose::Timestamp), addresses(flow)}));
    }
    // Where the search for a local port begins; the same for the same peer and service.
    [[nodiscard]] std::uint32_t port_offset(const Flow& flow) const {
        return static_cast<std::uint32_t>(
            net::siphash(key_, {word(Purpose::Port), addresses(flow), flow.remote_port}));
    }
    // Which of the counters of RFC 6056 3.3.4 such a flow draws from.
    [[nodiscard]] std::uint32_t port_counter(const Flow& flow) const {
        return static_cast<std::uint32_t>(
            net::siphash(key_, {word(Purpose::PortCounter), addresses(flow), flow.remote_port}));
    }
    [[nodiscard]] std::uint32_t cookie(const Flow& flow, net::Sequence theirs,
                                       std::uint32_t counter, std::uint32_t data) const {
        return static_cast<std::uint32_t>(
            net::siphash(key_, {word(Purpose::Cookie), addresses(flow), ports(flow), theirs.value(),
                                std::uint64_t{counter} << 32 | data}));
    }
    [[nodiscard]] std::uint64_t place(const Flow& flow) const { return hash(Purpose::Place, flow); }

private:
    enum class Purpose : std::uint8_t { Sequence, Timestamp, Port, PortCounter, Cookie, Place };

    static std::uint64_t word(Purpose purpose) { return static_cast<std::uint64_t>(purpose); }
    static std::uint64_t addresses(const Flow& flow) {
        return std::uint64_t{flow.local.value()} << 32 | flow.remote.value();
    }
    static std::uint64_t ports(const Flow& flow) {
        return std::uint64_t{flow.local_port} << 16 | flow.remote_port;
    }
    [[nodiscard]] std::uint64_t hash(Purpose purpose, const Flow& flow) const {
        return net::siphash(key_, {word(purpose), addresses(flow), ports(flow)});
    }

    net::SipKey key_;
};

// Places a flow by the key: a table that strangers fill cannot be made to collide.
class FlowPlacer {
public:
    explicit FlowPlacer(const FlowSecrets& secrets) : secrets_(&secrets) {}
    std::size_t operator()(const Flow& flow) const noexcept {
        return static_cast<std::size_t>(secrets_->place(flow));
    }

private:
    const FlowSecrets* secrets_;
};

}  // namespace godwit::control::tcp
