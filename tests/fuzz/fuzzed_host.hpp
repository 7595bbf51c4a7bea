// A host for fuzz targets: one link, a route to everything, and packets with what the target wants
// in them, their checksums made right so that what lies behind is reached.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "controlplane/host/host.hpp"
#include "net/byte_writer.hpp"
#include "net/icmp.hpp"
#include "net/udp.hpp"
#include "tests/fuzz/fuzz_check.hpp"

namespace godwit::fuzz {

constexpr net::Ipv4Address kOurs(10, 0, 0, 1);
constexpr net::Ipv4Address kTheirs(10, 0, 0, 9);

// The input, taken from the front.
class Dice {
public:
    Dice(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}
    [[nodiscard]] bool empty() const { return rest_.empty(); }
    std::uint8_t byte() {
        if (rest_.empty()) {
            return 0;
        }
        const std::uint8_t first = rest_[0];
        rest_ = rest_.subspan(1);
        return first;
    }
    std::uint16_t word() { return static_cast<std::uint16_t>(byte() << 8 | byte()); }
    std::vector<std::uint8_t> bytes(std::size_t count) {
        const auto part = rest_.first(std::min(count, rest_.size()));
        rest_ = rest_.subspan(part.size());
        return {part.begin(), part.end()};
    }

private:
    std::span<const std::uint8_t> rest_;
};

class FuzzedHost {
public:
    FuzzedHost() {
        control::Link link;
        link.interface = net::InterfaceId(1);
        link.name = "lan0";
        link.up = true;
        link.addresses = {*net::Ipv4InterfaceAddress::parse("10.0.0.1/24")};
        host.set_links(std::span(&link, 1));
    }

    // Counted once, and answered by one packet at most, which is well formed.
    void receive(const std::vector<std::uint8_t>& packet, bool group) {
        const std::uint64_t before = counted();
        const auto actions = host.input(packet, {net::InterfaceId(1), group}, now);
        check(counted() == before + 1, "a packet is counted once");
        for (const control::Outgoing& answer : actions.packets) {
            const auto view = net::wire::Ipv4View::parse(answer.packet);
            check(view && view->has_valid_checksum(), "what leaves is an IPv4 packet");
            check(view->total_bytes() == answer.packet.size(), "and it is whole");
        }
    }
    static std::vector<std::uint8_t> packet(net::IpProtocol protocol, net::Ipv4Address from,
                                            net::Ipv4Address to,
                                            std::span<const std::uint8_t> payload) {
        net::Ipv4Header header;
        header.protocol = protocol;
        header.source = from;
        header.destination = to;
        header.payload_bytes = static_cast<std::uint16_t>(payload.size());
        std::vector<std::uint8_t> bytes(header.encoded_size() + payload.size());
        net::ByteWriter writer(bytes);
        header.encode(writer);
        writer.bytes(payload);
        return bytes;
    }
    static std::vector<std::uint8_t> icmp(const net::IcmpMessage& message,
                                          std::span<const std::uint8_t> body) {
        std::vector<std::uint8_t> bytes(net::IcmpMessage::encoded_size(body.size()));
        net::ByteWriter writer(bytes);
        message.encode(writer, body);
        return packet(net::IpProtocol::Icmp, kTheirs, kOurs, bytes);
    }
    [[nodiscard]] std::uint64_t counted() const {
        std::uint64_t sum = 0;
        for (const control::HostCounterText& text : control::kHostCounters) {
            sum += host.count(text.counter);
        }
        return sum;
    }

    std::uint32_t random = 1;
    control::Instant now{std::chrono::hours(1)};
    control::Host host{
        control::HostLimits{}, [this] { return random = random * 1664525U + 1013904223U; },
        [](net::Ipv4Address) {
            return control::RouteToward{*net::Ipv4Prefix::parse("0.0.0.0/0"),
                                        control::RibNextHop::glean(net::InterfaceId(1))};
        }};
};

}  // namespace godwit::fuzz
