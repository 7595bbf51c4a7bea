// The control plane's end of the channel: connects to the dataplane, keeps the session, and starts
// anew when it is lost, for ever.
//
// Everything happens on the executor's thread. Callbacks are made in a turn of the executor, never
// from inside a method that the owner called; a callback may call any method, stop() included, but
// must not destroy the client. The order in a session: session_opened, then events, punted packets
// and acknowledgements, then session_lost once. An event that was emitted before a route record was
// acknowledged is told before that acknowledgement.
//
// Fairness: a wake handles at most kRecordsAWake records of a kind, then goes to the end of the
// executor's queue; a flood of punted packets does not hold up a timer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "controlplane/channel/requests.hpp"
#include "controlplane/channel/route_writer.hpp"
#include "controlplane/runtime/clock.hpp"
#include "dataplane/api/counters.hpp"
#include "dataplane/api/messages.hpp"

namespace godwit::control {

class Executor;

// Any of them may be empty.
struct ChannelCallbacks {
    std::function<void(const api::WelcomeBody& welcome)> session_opened = {};
    std::function<void(const std::string& reason)> session_lost = {};
    // `body` is the structure of the type (api::read_exact<api::InterfaceRecord>(body), ...), its
    // length and codes checked.
    std::function<void(api::EventType type, std::span<const std::byte> body)> event = {};
    // `packet` begins at the IPv4 header, which nobody has vouched for here.
    std::function<void(const api::PuntRecord& header, std::span<const std::byte> packet)> punted =
        {};
    std::function<void(std::uint64_t sequence)> routes_acknowledged = {};
    std::function<void()> routes_have_room = {};  // after RouteWriter refused a record
};

struct ChannelClientStatistics {
    std::uint64_t sessions = 0;
    std::uint64_t attempts = 0;
    std::uint64_t punted = 0;
    std::uint64_t injected = 0;
    std::uint64_t inject_refused = 0;  // no session, ring full, or no packet
    std::uint64_t events = 0;
};

class ChannelClient {
public:
    static constexpr std::size_t kRecordsAWake = 64;
    static constexpr Duration kRetryInterval = std::chrono::milliseconds(100);
    static constexpr Duration kGreetingTimeout = std::chrono::seconds(5);

    // `executor` and `timers` outlive this.
    ChannelClient(Executor& executor, Timers& timers, std::string path, ChannelCallbacks callbacks);
    ~ChannelClient();
    ChannelClient(const ChannelClient&) = delete;
    ChannelClient& operator=(const ChannelClient&) = delete;

    void start();  // the first attempt is made in the next turn
    void stop();   // no callback after this; handlers of requests hear that it was stopped

    [[nodiscard]] bool connected() const;
    // Why there is no session now, for a person; empty when there is one.
    [[nodiscard]] const std::string& problem() const;
    [[nodiscard]] const std::optional<api::WelcomeBody>& welcome() const;

    // Always there; refuses records without a session.
    [[nodiscard]] RouteWriter& routes();
    // False: not taken (counted). `packet_bytes` of the header is filled in here.
    bool inject(const api::InjectRecord& header, std::span<const std::byte> packet);

    // All pages of a table, or one.
    void query(api::QueryKind kind, QueryHandler handler);
    void query_page(const api::QueryBody& query, QueryHandler handler);
    // A page of what the workers of NAT have, or an order to them.
    void ask_nat(const api::NatAskBody& ask, NatHandler handler);
    void configure(api::ConfigurePhase phase, std::uint64_t revision, std::string_view yaml,
                   ConfigureHandler handler);
    // All ports that are the control plane's own, in the place of those before.
    void tell_own_ports(std::span<const api::OwnPortRecord> ports, ConfigureHandler handler);
    // Asks the dataplane to end, so that its supervisor starts it anew. False: no session.
    bool restart();

    // Null without a session. The memory is valid until session_lost has returned.
    [[nodiscard]] const api::CountersRegion* counters() const;
    [[nodiscard]] const ChannelClientStatistics& statistics() const;

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with the waits that are under way
};

}  // namespace godwit::control
