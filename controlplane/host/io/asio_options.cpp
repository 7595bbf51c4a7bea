#include "controlplane/host/io/asio_options.hpp"

#include <boost/asio/error.hpp>

#include "net/ipv4.hpp"

namespace godwit::control::io {

namespace {

// Asio's class for hops takes 0 to 255; no packet of ours lives for none (RFC 1122 3.2.1.7).
error_code put_hops(std::uint8_t& into, int hops) {
    if (hops <= 0) {
        return asio::error::invalid_argument;
    }
    into = static_cast<std::uint8_t>(hops);
    return {};
}

template <class Size>
error_code put_bytes(Size& into, int bytes) {
    if (bytes <= 0) {
        return asio::error::invalid_argument;
    }
    into = static_cast<Size>(bytes);
    return {};
}

template <class Change>
error_code change_rule(tcp::Endpoint& endpoint, const tcp::SecurityScope& scope,
                       const Change& change) {
    const tcp::PeerSecurity* const known = endpoint.security().rule_of(scope);
    tcp::PeerSecurity rule = known == nullptr ? tcp::PeerSecurity() : *known;
    change(rule);
    return endpoint.secure(scope, rule) ? error_code() : error_code(asio::error::invalid_argument);
}

}  // namespace

error_code put(tcp::Settings& settings, const asio::ip::tcp::no_delay& option) {
    settings.nagle = !option.value();
    return {};
}

error_code put(tcp::Settings& settings, const asio::socket_base::keep_alive& option) {
    settings.keep_alive = option.value();
    return {};
}

error_code put(tcp::Settings& settings, const asio::socket_base::send_buffer_size& option) {
    return put_bytes(settings.send_buffer, option.value());
}

error_code put(tcp::Settings& settings, const asio::socket_base::receive_buffer_size& option) {
    return put_bytes(settings.receive_buffer, option.value());
}

error_code put(tcp::Settings& settings, const asio::ip::unicast::hops& option) {
    return put_hops(settings.ttl, option.value());
}

error_code put(tcp::Settings& settings, const Dscp& option) {
    settings.dscp = static_cast<std::uint8_t>(option.value());
    return {};
}

// As small as other systems let it be; what a peer asks for is never less either.
error_code put(tcp::Settings& settings, const MaximumSegment& option) {
    constexpr int kLeast = 88;
    if (option.value() != 0 && (option.value() < kLeast || option.value() > 0xffff)) {
        return asio::error::invalid_argument;
    }
    settings.maximum_segment = static_cast<std::uint16_t>(option.value());
    return {};
}

void get(const tcp::Settings& settings, MaximumSegment& option) {
    option = MaximumSegment(settings.maximum_segment);
}

void get(const tcp::Settings& settings, asio::ip::tcp::no_delay& option) {
    option = !settings.nagle;
}

void get(const tcp::Settings& settings, asio::socket_base::keep_alive& option) {
    option = settings.keep_alive;
}

void get(const tcp::Settings& settings, asio::socket_base::send_buffer_size& option) {
    option = static_cast<int>(settings.send_buffer);
}

void get(const tcp::Settings& settings, asio::socket_base::receive_buffer_size& option) {
    option = static_cast<int>(settings.receive_buffer);
}

void get(const tcp::Settings& settings, asio::ip::unicast::hops& option) {
    option = settings.ttl == 0 ? net::kIpv4DefaultTtlHops : settings.ttl;
}

void get(const tcp::Settings& settings, Dscp& option) {
    option = Dscp(settings.dscp);
}

error_code put(udp::Settings& settings, const asio::socket_base::broadcast& option) {
    settings.options.broadcast = option.value();
    return {};
}

error_code put(udp::Settings& settings, const asio::socket_base::receive_buffer_size& option) {
    return put_bytes(settings.queue_bytes, option.value());
}

error_code put(udp::Settings& settings, const asio::ip::unicast::hops& option) {
    return put_hops(settings.options.ttl_hops, option.value());
}

error_code put(udp::Settings& settings, const asio::ip::multicast::hops& option) {
    return put_hops(settings.options.multicast_ttl_hops, option.value());
}

error_code put(udp::Settings& settings, const Dscp& option) {
    const unsigned congestion_bits = settings.options.type_of_service & 3U;
    settings.options.type_of_service =
        static_cast<std::uint8_t>(static_cast<unsigned>(option.value()) << 2 | congestion_bits);
    return {};
}

void get(const udp::Settings& settings, asio::socket_base::broadcast& option) {
    option = settings.options.broadcast;
}

void get(const udp::Settings& settings, asio::socket_base::receive_buffer_size& option) {
    option = static_cast<int>(settings.queue_bytes);
}

void get(const udp::Settings& settings, asio::ip::unicast::hops& option) {
    option = settings.options.ttl_hops;
}

void get(const udp::Settings& settings, asio::ip::multicast::hops& option) {
    option = settings.options.multicast_ttl_hops;
}

void get(const udp::Settings& settings, Dscp& option) {
    option = Dscp(settings.options.type_of_service >> 2);
}

error_code secure(tcp::Endpoint& endpoint, std::uint16_t service, const Md5Key& option) {
    return change_rule(endpoint, {option.peers(), service},
                       [&](tcp::PeerSecurity& rule) { rule.md5 = option.key(); });
}

error_code secure(tcp::Endpoint& endpoint, std::uint16_t service, const AoKeys& option) {
    return change_rule(endpoint, {option.peers(), service},
                       [&](tcp::PeerSecurity& rule) { rule.ao = option.keys(); });
}

error_code secure(tcp::Endpoint& endpoint, std::uint16_t service, const LeastTtl& option) {
    return change_rule(endpoint, {option.peers(), service},
                       [&](tcp::PeerSecurity& rule) { rule.least_ttl = option.value(); });
}

}  // namespace godwit::control::io
