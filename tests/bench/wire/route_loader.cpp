#include "tests/bench/wire/route_loader.hpp"

#include <fmt/format.h>

#include <optional>

#include "controlplane/channel/channel_client.hpp"
#include "controlplane/runtime/executor.hpp"
#include "dataplane/api/decode.hpp"
#include "tests/bench/wire/process.hpp"

namespace godwit::bench::wire {
namespace {

constexpr std::chrono::seconds kPatience{120};
constexpr std::chrono::milliseconds kTurn{20};
constexpr std::uint64_t kGeneration = 1;

class Loader {
public:
    Loader(const std::string& socket, std::string interface,
           std::span<const net::Ipv4Address> gateways, std::span<const RouteOfTable> table)
        : timers_(executor_),
          interface_name_(std::move(interface)),
          gateways_(gateways),
          table_(table),
          client_(
              executor_, timers_, socket,
              {.session_opened = {},
               .session_lost = [this](const std::string& reason) { fail(reason); },
               .event = [this](api::EventType type,
                               std::span<const std::byte> body) { heard(type, body); },
               .punted = {},
               .routes_acknowledged = [this](std::uint64_t sequence) { acknowledged_ = sequence; },
               .routes_have_room = [this] { write(); }}) {}

    net::Result<double, std::string> run() {
        const auto deadline = timers_.now() + kPatience;
        client_.start();
        while (!problem_ && (!end_ || acknowledged_ < *end_)) {
            if (Interruption::asked_for()) {
                fail("interrupted");
            } else if (timers_.now() > deadline) {
                fail(fmt::format("{} of {} routes were written in {} s{}{}", next_route_,
                                 table_.size(), kPatience.count(), client_.connected() ? "" : ": ",
                                 client_.problem()));
            } else {
                executor_.run_for(kTurn);
            }
        }
        client_.stop();
        executor_.poll();
        if (problem_) {
            return net::unexpected(*problem_);
        }
        return std::chrono::duration<double>(timers_.now() - began_).count();
    }

private:
    void fail(const std::string& what) {
        if (!problem_) {
            problem_ = what;
        }
    }

    void heard(api::EventType type, std::span<const std::byte> body) {
        if (type == api::EventType::InterfaceChanged && !interface_) {
            const auto record = api::read_exact<api::InterfaceRecord>(body);
            if (record && interface_name_ == record->name.data()) {
                interface_ = record->interface;
                began_ = timers_.now();
                write();
            }
        } else if (type == api::EventType::RouteRejected) {
            const auto record = api::read_exact<api::RouteRejectedRecord>(body);
            fail(fmt::format("the dataplane rejected {}/{} (reason {})",
                             record ? net::Ipv4Address(record->prefix).to_string() : "a route",
                             record ? record->length : 0,
                             record ? static_cast<unsigned>(record->reason) : 0));
        }
    }

    // As far as there is room; the client calls again when there is more.
    void write() {
        control::RouteWriter& routes = client_.routes();
        if (!begun_) {
            begun_ = routes.sync_begin(kGeneration).has_value();
        }
        while (begun_ && next_gateway_ < gateways_.size()) {
            api::NextHopSetRecord record;
            record.number = static_cast<std::uint32_t>(next_gateway_ + 1);
            record.kind = api::NextHopKind::Gateway;
            record.interface = *interface_;
            record.gateway = gateways_[next_gateway_].value();
            if (!routes.next_hop_set(record)) {
                return;
            }
            ++next_gateway_;
        }
        while (begun_ && next_route_ < table_.size()) {
            const RouteOfTable& route = table_[next_route_];
            api::RouteSetRecord record;
            record.prefix = route.prefix.address().value();
            record.length = route.prefix.length();
            record.number = route.next_hop;
            if (!routes.route_set(record)) {
                return;
            }
            ++next_route_;
        }
        if (begun_ && !end_) {
            end_ = routes.sync_end(kGeneration);
        }
    }

    control::Executor executor_;
    control::AsioTimers timers_;
    std::string interface_name_;
    std::span<const net::Ipv4Address> gateways_;
    std::span<const RouteOfTable> table_;
    std::optional<std::uint16_t> interface_;
    control::Instant began_{};
    bool begun_ = false;
    std::size_t next_gateway_ = 0;
    std::size_t next_route_ = 0;
    std::optional<std::uint64_t> end_;  // the sequence number of the last record
    std::uint64_t acknowledged_ = 0;
    std::optional<std::string> problem_;
    control::ChannelClient client_;
};

}  // namespace

net::Result<double, std::string> load_routes(const std::string& channel_socket,
                                             const std::string& interface,
                                             std::span<const net::Ipv4Address> gateways,
                                             std::span<const RouteOfTable> table) {
    return Loader(channel_socket, interface, gateways, table).run();
}

}  // namespace godwit::bench::wire
