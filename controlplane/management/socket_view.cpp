#include "controlplane/management/socket_view.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <string_view>
#include <utility>

namespace godwit::control {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(tcp::Timer::kCount)> kTimerNames{
    "retransmit", "probe", "persist", "delayed-ack", "keep-alive", "linger"};

std::string_view name_of_trouble(tcp::Trouble trouble) {
    switch (trouble) {
        case tcp::Trouble::None:
            return "";
        case tcp::Trouble::Refused:
            return "refused";
        case tcp::Trouble::Reset:
            return "reset";
        case tcp::Trouble::TimedOut:
            return "timed-out";
        case tcp::Trouble::Aborted:
            return "aborted";
        case tcp::Trouble::Unreachable:
            return "unreachable";
    }
    return "";
}

std::string_view name_of_what(tcp::HistoryEntry::What what) {
    switch (what) {
        case tcp::HistoryEntry::What::StateChanged:
            return "state";
        case tcp::HistoryEntry::What::Retransmitted:
            return "retransmitted";
        case tcp::HistoryEntry::What::TimedOut:
            return "timeout";
        case tcp::HistoryEntry::What::Recovering:
            return "recovering";
        case tcp::HistoryEntry::What::ProbedTail:
            return "tail-probe";
        case tcp::HistoryEntry::What::SentTwice:
            return "sent-twice";
    }
    return "";
}

double milliseconds(Instant::duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

std::string endpoint_text(net::Ipv4Address address, std::uint16_t port) {
    return fmt::format("{}:{}", address.is_unspecified() ? "*" : address.to_string(), port);
}

// A threshold that nothing has lowered yet is none.
json::value threshold_of(std::uint32_t bytes) {
    return bytes >= 0x3fffffffU ? json::value(nullptr) : json::value(bytes);
}

std::string_view name_of_congestion(tcp::CongestionAlgorithm algorithm) {
    switch (algorithm) {
        case tcp::CongestionAlgorithm::Cubic:
            return "cubic";
        case tcp::CongestionAlgorithm::NewReno:
            return "newreno";
        case tcp::CongestionAlgorithm::Westwood:
            return "westwood";
    }
    return "";
}

// How both sides sign, and by which keys of TCP-AO (RFC 5925 7.1); nothing where they do not.
json::value signature_json(const tcp::PeerGuard& guard, const tcp::Flow& flow) {
    if (const auto status = guard.ao_status(flow)) {
        return json::object{
            {"algorithm", "tcp-ao"},
            {"send-id", status->current_send_id},
            {"wanted-receive-id", status->next_receive_id},
            {"last-receive-id",
             status->last_key_id ? json::value(*status->last_key_id) : json::value(nullptr)},
        };
    }
    const tcp::PeerSecurity* const rule = guard.rule_for(flow);
    return rule == nullptr || rule->md5.empty() ? json::value(nullptr)
                                                : json::object{{"algorithm", "md5"}};
}

json::object connection_json(const tcp::Connection& connection, const tcp::PeerGuard& guard,
                             Instant now) {
    const tcp::Flow& flow = connection.flow();
    const tcp::ConnectionInfo info = connection.info();
    json::object timers;
    if (info.reorder_timer) {
        timers["reorder"] = milliseconds(*info.reorder_timer - now);
    }
    for (std::size_t timer = 0; timer < info.timers.size(); ++timer) {
        if (info.timers[timer] != Instant::max()) {
            timers[kTimerNames[timer]] = milliseconds(info.timers[timer] - now);
        }
    }
    const std::string_view trouble = name_of_trouble(info.trouble);
    return {
        {"protocol", "tcp"},
        {"state", tcp::name_of(info.state)},
        {"local", endpoint_text(flow.local, flow.local_port)},
        {"remote", endpoint_text(flow.remote, flow.remote_port)},
        {"receive-queue-bytes", info.receive_queue},
        {"send-queue-bytes", info.send_queue},
        {"congestion-window-bytes", info.congestion_window},
        {"slow-start-threshold-bytes", threshold_of(info.slow_start_threshold)},
        {"in-flight-bytes", info.in_flight},
        {"peer-window-bytes", info.peer_window},
        {"segment-bytes", info.segment_bytes},
        {"path-mtu-bytes", info.path_mtu},
        {"congestion-control", name_of_congestion(connection.settings().congestion)},
        {"signature", signature_json(guard, flow)},
        {"rtt-ms", milliseconds(info.smoothed_rtt)},
        {"rto-ms", milliseconds(info.retransmission_timeout)},
        {"retransmissions", info.counts.retransmitted},
        {"timeouts", info.counts.timeouts},
        {"recoveries", info.counts.recoveries},
        {"tail-probes", info.counts.probes},
        {"timers-ms", std::move(timers)},
        {"trouble", trouble.empty() ? json::value(nullptr) : json::value(trouble)},
    };
}

json::object udp_json(const udp::SocketInfo& socket) {
    return {
        {"protocol", "udp"},
        {"state", socket.remote ? "connected" : "open"},
        {"local", endpoint_text(socket.local.address, socket.local.port)},
        {"remote", socket.remote
                       ? json::value(endpoint_text(socket.remote->address, socket.remote->port))
                       : json::value(nullptr)},
        {"receive-queue-bytes", socket.queued_bytes},
        {"receive-queue-datagrams", socket.queued_datagrams},
        {"groups", socket.memberships},
        {"received", socket.counts.received},
        {"sent", socket.counts.sent},
        {"queue-full", socket.counts.queue_full},
        {"errors-told", socket.counts.reports},
    };
}

}  // namespace

json::array sockets_json(const Host& host, Instant now) {
    json::array rows;
    for (const tcp::ListenerInfo& listener : host.tcp().listeners()) {
        rows.push_back(json::object{
            {"protocol", "tcp"},
            {"state", "listen"},
            {"local", endpoint_text(listener.address, listener.port)},
            {"remote", nullptr},
            {"waiting", listener.waiting},
            {"backlog", listener.backlog},
        });
    }
    for (const tcp::ConnectionId id : host.tcp().ids()) {
        rows.push_back(connection_json(*host.tcp().find(id), host.tcp().security(), now));
    }
    for (const udp::SocketInfo& socket : host.udp().list()) {
        rows.push_back(udp_json(socket));
    }
    return rows;
}

json::array socket_history_json(const Host& host, const std::optional<net::Ipv4Prefix>& peers,
                                Instant now) {
    json::array rows;
    for (const tcp::HistoryEntry& entry : host.tcp().history().entries()) {
        if (peers && !peers->contains(entry.flow.remote)) {
            continue;
        }
        json::object row{
            {"ago-ms", milliseconds(now - entry.at)},
            {"local", endpoint_text(entry.flow.local, entry.flow.local_port)},
            {"remote", endpoint_text(entry.flow.remote, entry.flow.remote_port)},
            {"event", name_of_what(entry.what)},
        };
        if (entry.what == tcp::HistoryEntry::What::StateChanged) {
            row["from"] = tcp::name_of(entry.before);
            row["to"] = tcp::name_of(entry.after);
            const std::string_view trouble = name_of_trouble(entry.trouble);
            row["trouble"] = trouble.empty() ? json::value(nullptr) : json::value(trouble);
        } else {
            row["count"] = entry.count;
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

namespace {

// Why segments were not heard, by reason (RFC 5925 7.3 and others).
json::object security_drops_json(const tcp::PeerGuard& guard) {
    json::object drops;
    for (std::size_t i = 0; i < static_cast<std::size_t>(tcp::SecurityDrop::kCount); ++i) {
        const auto reason = static_cast<tcp::SecurityDrop>(i);
        drops[tcp::name_of(reason)] = guard.dropped(reason);
    }
    return drops;
}

}  // namespace

TransportTotals transport_totals(const Host& host) {
    const std::uint64_t bad =
        host.count(HostCounter::BadTcp) + host.count(HostCounter::BadTcpChecksum);
    const tcp::EndpointCounts& tcp = host.tcp().counts();
    return {
        .tcp_segments_in = tcp.segments_in + bad,
        // RFC 4022: without those that hold nothing but what was sent before.
        .tcp_segments_out = host.segments_sent() - tcp.segments_retransmitted,
        .tcp_bad_segments_in = bad,
        .tcp_resets_out = host.resets_sent(),
        .tcp = tcp,
        .udp = host.udp().counts(),
    };
}

json::object transport_counters_json(const Host& host) {
    const TransportTotals totals = transport_totals(host);
    const tcp::EndpointCounts& tcp = totals.tcp;
    const udp::Counts& udp = totals.udp;
    return {
        {"tcp",
         json::object{
             // RFC 4022's rfc2988(5) is RFC 6298 now; tcpMaxConn.
             {"rto-algorithm", "rfc2988"},
             {"rto-min-ms", milliseconds(tcp::RttEstimator::kLeastVariance)},
             {"rto-max-ms", milliseconds(tcp::RttEstimator::kMaxTimeout)},
             {"max-conn", host.tcp().limits().connections},
             {"active-opens", tcp.active_opens},
             {"passive-opens", tcp.passive_opens},
             {"attempt-fails", tcp.attempt_fails},
             {"estab-resets", tcp.established_resets},
             {"curr-estab", host.tcp().established()},
             {"in-segs", totals.tcp_segments_in},
             {"out-segs", totals.tcp_segments_out},
             {"retrans-segs", tcp.segments_retransmitted},
             {"in-errs", totals.tcp_bad_segments_in},
             {"out-rsts", totals.tcp_resets_out},
             {"half-open", host.tcp().half_open()},
             {"time-wait", host.tcp().time_wait()},
             {"cookies-sent", host.tcp().cookies_sent()},
             {"cookies-accepted", tcp.cookies_accepted},
             {"refused-by-limit", tcp.refused_by_limit},
             {"resets-withheld", tcp.resets_withheld},
             {"security-drops", security_drops_json(host.tcp().security())},
         }},
        {"udp",
         json::object{
             {"in-datagrams", udp.in_datagrams},
             {"no-ports", udp.no_ports},
             {"in-errors", udp.in_errors},
             {"out-datagrams", udp.out_datagrams},
         }},
        {"path-mtus", json::object{{"known", host.path_mtus().size()},
                                   {"given-way", host.path_mtus().given_way()}}},
    };
}

}  // namespace godwit::control
