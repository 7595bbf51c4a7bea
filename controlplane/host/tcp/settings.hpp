// What may be chosen for a connection. A value: the connection keeps a copy, and one that is
// changed later changes it for the connections after it.
#pragma once

#include <chrono>
#include <cstdint>

#include "controlplane/host/tcp/congestion.hpp"

namespace godwit::control::tcp {

struct Settings {
    std::uint32_t send_buffer = 64 * 1024;     // bytes
    std::uint32_t receive_buffer = 64 * 1024;  // bytes; also the largest window offered

    // R2 of RFC 9293 3.8.3: how long data may go unanswered (SHLD-11: at least 100 s).
    Duration user_timeout = std::chrono::seconds(120);
    Duration advertised_user_timeout{};                  // RFC 5482's ADV_UTO; zero: `user_timeout`
    Duration connect_timeout = std::chrono::minutes(3);  // MUST-23: at least 3 minutes
    Duration delayed_ack = std::chrono::milliseconds(40);  // MUST-40: below 500 ms
    Duration fin_wait_2 = std::chrono::seconds(60);        // for a peer that never closes its side
    Duration keep_alive_idle = std::chrono::hours(2);      // MUST-28: not less by default
    Duration keep_alive_interval = std::chrono::seconds(75);

    std::uint16_t link_mtu = 1500;      // of the interface: what we can receive, and send at first
    std::uint16_t maximum_segment = 0;  // of data, sent and asked for; 0: as the MTU has it
    std::uint8_t quick_acks = 8;        // segments at the start that are acknowledged at once
    std::uint8_t keep_alive_probes = 9;
    std::uint8_t signature_bytes = 0;  // of options kept free for who signs outside of Endpoint
    std::uint8_t ttl = 0;              // hops; zero: as the host has it
    std::uint8_t dscp = 0;             // six bits of the IP header
    CongestionAlgorithm congestion = CongestionAlgorithm::Cubic;
    bool nagle = true;
    bool keep_alive = false;  // MUST-25
    bool timestamps = true;
    bool sack = true;
    bool window_scaling = true;
    bool ecn = false;                     // RFC 3168
    bool user_timeout_option = false;     // RFC 5482's ENABLED: sent, and obeyed when
    bool user_timeout_changeable = true;  // its CHANGEABLE is true
    bool path_search = true;              // RFC 4821, upwards too
};

}  // namespace godwit::control::tcp
