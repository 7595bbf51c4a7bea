// A router with RIP, its own stack and RIB, and nothing else: from the text of its configuration to
// the routes.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/load/load.hpp"
#include "controlplane/management/rip_instance.hpp"
#include "controlplane/runtime/virtual_clock.hpp"

namespace godwit::control::test {

inline const net::InterfaceId kEth0(1);
inline const net::InterfaceId kEth1(2);

inline net::Ipv4Prefix prefix(const char* text) {
    return net::Ipv4Prefix::parse(text).value();
}

// Router `number` has 10.0.0.number/24 on eth0, unless it is told another address, and
// 10.0.number.1/24 on eth1.
inline config::Model model_of(int number, const std::string& eth0, const std::string& rip) {
    const std::string text =
        "version: 1\n"
        "interfaces:\n"
        "  eth0: {vdev: net_null0, addresses: [" +
        (eth0.empty() ? "10.0.0." + std::to_string(number) + "/24" : eth0) +
        "]}\n"
        "  eth1: {vdev: net_null1, addresses: [10.0." +
        std::to_string(number) +
        ".1/24]}\n"
        "static: {routes: {10.99.0.0/16: {blackhole: true}}}\n" +
        rip;
    const config::LoadResult loaded = config::load_text(text, "test.yaml");
    EXPECT_TRUE(loaded) << text;
    return loaded ? loaded->model : config::Model();
}

// What stands around RIP in a router; what it sends is carried by the test.
class SmallRouter {
public:
    SmallRouter(VirtualClock& clock, int number, std::string eth0 = {})
        : clock_(clock),
          number_(number),
          eth0_(std::move(eth0)),
          host_(
              HostLimits{}, [this] { return random_ = random_ * 1664525 + 1013904223; },
              [](net::Ipv4Address) { return std::nullopt; }),
          stack_(host_, clock, {[this](const Outgoing& packet) { sent.push_back(packet); }, {}}) {
        for (const auto& [name, id] : {std::pair{"eth0", kEth0}, {"eth1", kEth1}}) {
            api::InterfaceRecord record{};
            record.interface = id.value();
            record.flags = api::kInterfaceEnabled | api::kInterfaceLinkUp;
            std::copy_n(name, 4, reinterpret_cast<char*>(record.name.data()));
            EXPECT_TRUE(interfaces_.update(record));
            rib.set_interface_up(id, true);
        }
        rip = std::make_unique<RipInstance>(RipInstance::Surroundings{
            .stack = stack_,
            .timers = clock,
            .rib = rib,
            .interfaces = interfaces_,
            .policies = policies,
            .events = events,
            .random = [this] { return random_ = random_ * 1664525 + 1013904223; },
            .routes_changed = [] {},
            .later = [](const std::function<void()>& work) { work(); },
            .begins = [this](Duration) { begun = true; },
            .converged = [this] { converged = true; }});
    }

    void adopt(const std::string& text) {
        const config::Model model = model_of(number_, eth0_, text);
        ModelRoutes routes = routes_of(model, interfaces_);
        rib.replace_source(RouteSource::Local, routes.local);
        rib.replace_source(RouteSource::Connected, routes.connected);
        rib.replace_source(RouteSource::Static, routes.static_routes);
        std::vector<Link> links;
        for (const auto& [name, interface] : model.interfaces) {
            links.push_back(
                {interfaces_.id_of(name), name, 1500, true, false, interface.addresses});
        }
        host_.set_links(links);
        policies.replace(model.policy, [this](std::string_view name) {
            return interfaces_.id_of(std::string(name));
        });
        rip->adopt(model);
    }

    void arrived(net::InterfaceId interface, const std::vector<std::uint8_t>& packet) {
        stack_.arrived(packet, {interface, true}, clock_.now());
    }

    // The metric of RIP's route to a destination; 0: there is none.
    unsigned metric_of(const char* destination) const {
        const auto view = rib.find(prefix(destination));
        for (const RouteView& route : view ? view->routes : std::vector<RouteView>()) {
            if (route.source == RouteSource::Rip) {
                return route.metric;
            }
        }
        return 0;
    }

    Rib rib;
    PolicyTable policies;
    EventLog events{[] { return std::int64_t{1000}; }};
    std::unique_ptr<RipInstance> rip;
    std::deque<Outgoing> sent;
    bool begun = false;
    bool converged = false;

private:
    VirtualClock& clock_;
    int number_;
    std::string eth0_;
    std::uint32_t random_ = 7;
    Host host_;
    Stack stack_;
    InterfaceDirectory interfaces_;
};

}  // namespace godwit::control::test
