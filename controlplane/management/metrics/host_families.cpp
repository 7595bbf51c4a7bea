// The router's own stack: what came to it, and TCP and UDP by the counters of RFC 4022 and RFC
// 4113.
#include "controlplane/management/metrics/family.hpp"

namespace godwit::control {

namespace {

using tcp::EndpointCounts;
using telemetry::Exposition;

constexpr Column<TransportTotals> kSegments[] = {
    {{"godwit_tcp_receive_segments_total", kCounter, "segments",
      "Segments that came, bad ones included (tcpInSegs)."},
     &TransportTotals::tcp_segments_in},
    {{"godwit_tcp_transmit_segments_total", kCounter, "segments",
      "Segments that were sent, without those that were sent again (tcpOutSegs)."},
     &TransportTotals::tcp_segments_out},
    {{"godwit_tcp_bad_segments_total", kCounter, "segments",
      "Segments that were malformed, or had a wrong checksum (tcpInErrs)."},
     &TransportTotals::tcp_bad_segments_in},
    {{"godwit_tcp_transmit_resets_total", kCounter, "segments",
      "Resets that were sent (tcpOutRsts)."},
     &TransportTotals::tcp_resets_out},
};

constexpr Column<EndpointCounts> kTcp[] = {
    {{"godwit_tcp_active_opens_total", kCounter, "connections",
      "Connections that the router began (tcpActiveOpens)."},
     &EndpointCounts::active_opens},
    {{"godwit_tcp_passive_opens_total", kCounter, "connections",
      "Connections that others began (tcpPassiveOpens)."},
     &EndpointCounts::passive_opens},
    {{"godwit_tcp_failed_attempts_total", kCounter, "connections",
      "Connections that were not established (tcpAttemptFails)."},
     &EndpointCounts::attempt_fails},
    {{"godwit_tcp_established_resets_total", kCounter, "connections",
      "Established connections that ended with a reset (tcpEstabResets)."},
     &EndpointCounts::established_resets},
    {{"godwit_tcp_retransmitted_segments_total", kCounter, "segments",
      "Segments that were sent again (tcpRetransSegs)."},
     &EndpointCounts::segments_retransmitted},
    {{"godwit_tcp_accepted_cookies_total", kCounter, "connections",
      "Connections that came back with their SYN cookie."},
     &EndpointCounts::cookies_accepted},
    {{"godwit_tcp_refused_connections_total", kCounter, "connections",
      "Connections that a limit did not let in."},
     &EndpointCounts::refused_by_limit},
    {{"godwit_tcp_withheld_resets_total", kCounter, "segments",
      "Resets that were not sent, over their rate."},
     &EndpointCounts::resets_withheld},
};

constexpr Column<udp::Counts> kUdp[] = {
    {{"godwit_udp_receive_datagrams_total", kCounter, "datagrams",
      "Datagrams that a socket received (udpInDatagrams)."},
     &udp::Counts::in_datagrams},
    {{"godwit_udp_unheard_datagrams_total", kCounter, "datagrams",
      "Datagrams to a port where nobody listens (udpNoPorts)."},
     &udp::Counts::no_ports},
    {{"godwit_udp_bad_datagrams_total", kCounter, "datagrams",
      "Datagrams that could not be delivered for another reason (udpInErrors)."},
     &udp::Counts::in_errors},
    {{"godwit_udp_transmit_datagrams_total", kCounter, "datagrams",
      "Datagrams that were sent (udpOutDatagrams)."},
     &udp::Counts::out_datagrams},
};

constexpr Column<HostReading, std::size_t> kSizes[] = {
    {{"godwit_tcp_limit_connections", kGauge, "connections",
      "How many connections of TCP there can be (tcpMaxConn)."},
     &HostReading::tcp_limit},
    {{"godwit_tcp_listeners", kGauge, "listeners", "Places where TCP is listened on."},
     &HostReading::tcp_listeners},
    {{"godwit_tcp_half_open_handshakes", kGauge, "handshakes",
      "Handshakes of others that are not through."},
     &HostReading::tcp_half_open},
    {{"godwit_udp_sockets", kGauge, "sockets", "Sockets of UDP."}, &HostReading::udp_sockets},
    {{"godwit_host_path_mtus", kGauge, "destinations",
      "Destinations whose way is known to be narrower than its first link (RFC 1191)."},
     &HostReading::path_mtus},
};

}  // namespace

void add_host_families(Families& families) {
    families.push_back({{"godwit_host_packets_total",
                         kCounter,
                         "packets",
                         "Packets that came to the router itself, by what became of them.",
                         {"result"}},
                        "status",
                        [](const Reading& reading, Exposition& page) {
                            for (const HostCounterText& text : kHostCounters) {
                                page.add(
                                    reading.host.packets[static_cast<std::size_t>(text.counter)],
                                    {text.name});
                            }
                        }});
    families.push_back({{"godwit_tcp_connections",
                         kGauge,
                         "connections",
                         "Connections of TCP, by state.",
                         {"state"}},
                        "sockets",
                        [](const Reading& reading, Exposition& page) {
                            for (const auto& [state, count] : reading.host.tcp_connections) {
                                page.add(count, {state});
                            }
                        }});
    families.push_back({{"godwit_tcp_insecure_segments_total",
                         kCounter,
                         "segments",
                         "Segments that did not speak as their peer must, by reason.",
                         {"reason"}},
                        "status",
                        [](const Reading& reading, Exposition& page) {
                            for (const auto& [reason, count] : reading.host.tcp_security_drops) {
                                page.add(count, {reason});
                            }
                        }});
    families.push_back({{"godwit_tcp_sent_cookies_total", kCounter, "segments",
                         "SYN cookies that were sent, because too many handshakes were half open."},
                        "status",
                        [](const Reading& reading, Exposition& page) {
                            page.add(reading.host.tcp_cookies_sent);
                        }});
    families.push_back({{"godwit_host_evicted_path_mtus_total", kCounter, "destinations",
                         "Path MTUs that gave way to others."},
                        "status",
                        [](const Reading& reading, Exposition& page) {
                            page.add(reading.host.path_mtus_given_way);
                        }});
    for (const auto& column : kSegments) {
        families.push_back({column.metric, "status",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                page.add(reading.host.transports.*number);
                            }});
    }
    for (const auto& column : kTcp) {
        families.push_back({column.metric, "status",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                page.add(reading.host.transports.tcp.*number);
                            }});
    }
    for (const auto& column : kUdp) {
        families.push_back({column.metric, "status",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                page.add(reading.host.transports.udp.*number);
                            }});
    }
    for (const auto& column : kSizes) {
        families.push_back({column.metric, "status",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                page.add(std::uint64_t{reading.host.*number});
                            }});
    }
}

}  // namespace godwit::control
