// RIP in the running router: two of them on one wire, each with its own stack and RIB, from the
// configuration's text to the routes.
#include "controlplane/management/rip_instance.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <deque>

#include "config/load/load.hpp"
#include "controlplane/management/rip_settings.hpp"
#include "controlplane/management/rip_view.hpp"
#include "controlplane/runtime/virtual_clock.hpp"

namespace godwit::control {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

const net::InterfaceId kEth0(1);
const net::InterfaceId kEth1(2);

net::Ipv4Prefix prefix(const char* text) {
    return net::Ipv4Prefix::parse(text).value();
}

config::Model model_of(int number, const std::string& rip) {
    const std::string text =
        "version: 1\n"
        "interfaces:\n"
        "  eth0: {vdev: net_null0, addresses: [10.0.0." +
        std::to_string(number) +
        "/24]}\n"
        "  eth1: {vdev: net_null1, addresses: [10.0." +
        std::to_string(number) +
        ".1/24]}\n"
        "static: {routes: {10.99.0.0/16: {blackhole: true}}}\n" +
        rip;
    const config::LoadResult loaded = config::load_text(text, "test.yaml");
    EXPECT_TRUE(loaded) << text;
    return loaded ? loaded->model : config::Model();
}

// What stands around RIP in a router, with a wire at eth0.
class SmallRouter {
public:
    SmallRouter(VirtualClock& clock, int number)
        : clock_(clock),
          number_(number),
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
            .random = [this] { return random_ = random_ * 1664525 + 1013904223; },
            .routes_changed = [] {},
            .later = [](const std::function<void()>& work) { work(); },
            .begins = [this](Duration) { begun = true; },
            .converged = [this] { converged = true; }});
    }

    void adopt(const std::string& text) {
        const config::Model model = model_of(number_, text);
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

    void arrived(const std::vector<std::uint8_t>& packet) {
        stack_.arrived(packet, {kEth0, true}, clock_.now());
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
    std::unique_ptr<RipInstance> rip;
    std::deque<Outgoing> sent;
    bool begun = false;
    bool converged = false;

private:
    VirtualClock& clock_;
    int number_;
    std::uint32_t random_ = 7;
    Host host_;
    Stack stack_;
    InterfaceDirectory interfaces_;
};

class RipInRouter : public ::testing::Test {
protected:
    void pass(Duration time) {
        for (Duration done{}; done < time; done += seconds(1)) {
            clock.advance(seconds(1));
            for (int i = 0; i < 10; ++i) {
                carry(left, right);
                carry(right, left);
            }
        }
    }
    static void carry(SmallRouter& from, SmallRouter& to) {
        while (!from.sent.empty()) {
            const Outgoing packet = from.sent.front();
            from.sent.pop_front();
            if (packet.egress == kEth0) {
                to.arrived(packet.packet);
            }
        }
    }

    VirtualClock clock;
    SmallRouter left{clock, 1};
    SmallRouter right{clock, 2};
};

constexpr const char* kPlain = "rip: {interfaces: {eth0: {}, eth1: {passive: true}}}\n";

TEST_F(RipInRouter, learns_from_a_neighbour_through_its_own_stack) {
    left.adopt(kPlain);
    right.adopt(kPlain);
    pass(seconds(10));
    EXPECT_EQ(left.metric_of("10.0.2.0/24"), 2U);
    EXPECT_EQ(right.metric_of("10.0.1.0/24"), 2U);
    const auto neighbors = boost::json::serialize(rip_neighbors_json(*left.rip, {{kEth0, "eth0"}}));
    EXPECT_THAT(neighbors, HasSubstr(R"("neighbor":"10.0.0.2","interface":"eth0","state":"up")"));
    EXPECT_FALSE(left.converged);
    pass(seconds(40));
    EXPECT_TRUE(left.begun && left.converged);
}

TEST_F(RipInRouter, tells_what_is_redistributed_and_ends_it_with_its_configuration) {
    const std::string with = std::string(
        "rip: {interfaces: {eth0: {}}, redistribute: "
        "[{from: static, metric: 4}, {from: connected}]}\n");
    left.adopt(with);
    right.adopt("rip: {interfaces: {eth0: {}}}\n");
    right.rib.replace_source(RouteSource::Static, {});
    pass(seconds(10));
    EXPECT_EQ(right.metric_of("10.99.0.0/16"), 5U);
    EXPECT_EQ(right.metric_of("10.0.1.0/24"), 2U);
    left.adopt("rip: {interfaces: {eth0: {}}, redistribute: [{from: connected}]}\n");
    pass(seconds(10));
    EXPECT_EQ(right.metric_of("10.99.0.0/16"), 0U);
    EXPECT_EQ(right.metric_of("10.0.1.0/24"), 2U);
}

TEST_F(RipInRouter, its_policies_are_those_of_the_router_and_count_there) {
    const char* const policed =
        "policy:\n"
        "  policies:\n"
        "    told:\n"
        "      terms:\n"
        "        - {name: lan, match: {interface: eth1}, then: reject}\n"
        "        - {name: rest, set: {tag: 7}, then: accept}\n"
        "    given:\n"
        "      terms: [{name: holes, match: {source: static}, set: {metric: 5}, then: accept}]\n"
        "rip: {interfaces: {eth0: {export: told}, eth1: {passive: true}},\n"
        "      redistribute: [{from: static, policy: given}]}\n";
    left.adopt(policed);
    right.adopt("rip: {interfaces: {eth0: {}}}\n");
    right.rib.replace_source(RouteSource::Static, {});
    pass(seconds(10));
    EXPECT_EQ(right.metric_of("10.99.0.0/16"), 6U);
    EXPECT_EQ(right.metric_of("10.0.1.0/24"), 0U) << "rejected by the term of its interface";
    const auto routes = [&](const char* policy, std::size_t term) {
        return left.policies.find(policy)->counters().terms[term].routes;
    };
    EXPECT_EQ(routes("given", 0), 1U);
    EXPECT_GT(routes("told", 0), 0U);
    EXPECT_GT(routes("told", 1), 0U);
    // The policies that stay go on counting through a change beside them.
    const std::uint64_t before = routes("told", 1);
    std::string changed = policed;
    changed.replace(changed.find("metric: 5"), 9, "metric: 6");
    left.adopt(changed);
    pass(seconds(40));
    EXPECT_EQ(right.metric_of("10.99.0.0/16"), 7U);
    EXPECT_EQ(routes("given", 0), 2U) << "the new one has gone on from the old one's count";
    EXPECT_GT(routes("told", 1), before);
}

TEST_F(RipInRouter, withdraws_everything_and_says_so_when_it_ends) {
    left.adopt(kPlain);
    right.adopt(kPlain);
    pass(seconds(10));
    left.adopt("");
    EXPECT_EQ(left.metric_of("10.0.2.0/24"), 0U);
    EXPECT_EQ(left.rip->service(), nullptr);
    pass(seconds(2));
    EXPECT_EQ(right.metric_of("10.0.1.0/24"), 0U);
    left.adopt(kPlain);
    pass(seconds(10));
    EXPECT_EQ(right.metric_of("10.0.1.0/24"), 2U);
}

TEST_F(RipInRouter, reads_its_secrets_and_shows_where_one_is_missing) {
    ASSERT_EQ(::setenv("GODWIT_TEST_RIP_KEY", "s3cret", 1), 0);
    const std::string keyed =
        "rip: {interfaces: {eth0: {authentication: {hmac-sha-256: {key: {env: "
        "GODWIT_TEST_RIP_KEY}}}}, eth1: {passive: true}}}\n";
    left.adopt(keyed);
    right.adopt(keyed);
    pass(seconds(10));
    EXPECT_EQ(left.metric_of("10.0.2.0/24"), 2U);
    left.adopt("rip: {interfaces: {eth0: {authentication: {md5: {key: {file: /nowhere/key}}}}}}\n");
    ASSERT_EQ(left.rip->problems().size(), 1U);
    EXPECT_THAT(left.rip->problems()[0], HasSubstr("rip on eth0: the secret /nowhere/key"));
    left.sent.clear();
    pass(seconds(1));
    EXPECT_THAT(boost::json::serialize(rip_interfaces_json(*left.rip)),
                HasSubstr(R"("authentication":"unreadable")"));
    EXPECT_TRUE(left.sent.empty());
}

}  // namespace
}  // namespace godwit::control
