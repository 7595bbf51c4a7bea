// Both halves in one process, over the real channel: a table owner with little room, and a control
// plane that wants more. The workers stand still; time is the test's.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "config/store/store.hpp"
#include "controlplane/management/route_audit.hpp"
#include "controlplane/management/router.hpp"
#include "controlplane/runtime/executor.hpp"
#include "controlplane/runtime/virtual_clock.hpp"
#include "dataplane/channel/server.hpp"
#include "tests/unit/dataplane/owner/owner_fixture.hpp"

namespace godwit::dataplane {
namespace {

class FullTable : public OwnerTest {
protected:
    FullTable() : OwnerTest(1) {
        std::string pattern = ::testing::TempDir() + "godwit-full-XXXXXX";
        directory_ = ::mkdtemp(pattern.data());
    }
    ~FullTable() override {
        if (router_) {
            router_->stop();
            executor_.poll();
        }
        router_.reset();
        executor_.poll();
        if (server_) {
            server_->close();
        }
        owner->shut_down();
        owner.reset();
        server_.reset();
        std::filesystem::remove_all(directory_);
    }

    // `routes`: the third bytes of 172.20.X.0/24, each with a gateway of its own when asked for.
    [[nodiscard]] std::string yaml(const std::set<unsigned>& routes, bool gateways = false) const {
        std::string text = std::string(kRouter) + "management: {control-socket: " + directory_ +
                           "/control.sock}\n";
        text += routes.empty() ? "" : "static:\n  routes:\n";
        for (const unsigned each : routes) {
            text += fmt::format("    172.20.{}.0/24: {}\n", each,
                                gateways ? fmt::format("{{via: 10.0.0.{}}}", each + 10)
                                         : std::string("{blackhole: true}"));
        }
        return text;
    }
    void start_both(const std::string& text, const OwnerSettings& settings) {
        const config::Model model = model_of(text);
        owner->shut_down();
        owner = std::make_unique<Owner>(OwnerParts{shared, ports, counters(), workers}, model, text,
                                        settings, now);
        memory_ = std::move(*CountersMemory::create(1, 1'000'000'000, 1));
        auto listening = ChannelServer::listen(config::channel_socket_path(model), ChannelSizes{},
                                               *memory_, *owner);
        ASSERT_TRUE(listening) << listening.error();
        server_ = std::move(*listening);
        server_->set_config_sha256(config::sha256_hex(text));
        owner->serve(*server_);
        router_ = std::make_unique<control::Router>(
            executor_, clock_, [] { return 1U; }, running(text));
        router_->start();
        settle();
        ASSERT_TRUE(router_->download().quiet());
    }
    static control::RunningConfiguration running(const std::string& text) {
        config::Revision revision;
        revision.number = 1;
        revision.sha256 = config::sha256_hex(text);
        return {revision, text, model_of(text)};
    }
    void settle() {
        for (int i = 0; i < 200; ++i) {
            executor_.poll();
            now += std::chrono::milliseconds(1);
            owner->turn(now);
            (void)server_->prepare_to_wait();
        }
    }
    void want(const std::string& text) {
        router_->adopt(running(text));
        settle();
    }
    [[nodiscard]] control::InstallStatus install(unsigned route) const {
        return router_->rib()
            .find(net::Ipv4Prefix::covering(
                net::Ipv4Address(172, 20, static_cast<std::uint8_t>(route), 0), 24))
            .value()
            .routes.at(0)
            .install;
    }

    std::string directory_;
    control::Executor executor_;
    control::VirtualClock clock_;
    std::unique_ptr<CountersMemory> memory_;
    std::unique_ptr<ChannelServer> server_;
    std::unique_ptr<control::Router> router_;
};

TEST_F(FullTable, Installed_is_the_smaller_of_limit_and_wanted_and_nothing_is_forgotten) {
    constexpr std::size_t kLimit = 24;
    constexpr unsigned kSeed = 7;
    SCOPED_TRACE("seed " + std::to_string(kSeed));
    std::mt19937 random(kSeed);
    std::set<unsigned> wanted{1, 2, 3};
    OwnerSettings settings;
    settings.max_routes = kLimit;
    start_both(yaml(wanted), settings);
    bool was_full = false;
    bool had_room = false;
    for (int step = 0; step < 60; ++step) {
        for (int change = 0; change < 6; ++change) {
            const auto route = static_cast<unsigned>(random() % 30);
            if (wanted.erase(route) == 0) {
                wanted.insert(route);
            }
        }
        want(yaml(wanted));
        const std::size_t selected = router_->rib().selected_size();
        ASSERT_EQ(owner->routes().downloaded(), std::min(kLimit, selected)) << "step " << step;
        ASSERT_EQ(router_->rib().routes_waiting(), selected - owner->routes().downloaded());
        was_full |= selected > kLimit;
        had_room |= selected < kLimit;
    }
    EXPECT_TRUE(was_full && had_room);
    EXPECT_GT(owner->routes().statistics().routes_refused, 0U);
}

TEST_F(FullTable, A_route_whose_gateway_finds_no_room_waits_until_another_goes) {
    OwnerSettings settings;
    settings.neighbors.max_entries = 2;
    start_both(yaml({1, 2, 3}, true), settings);
    EXPECT_EQ(router_->rib().routes_waiting(), 1U);
    EXPECT_EQ(router_->rib().next_hops_waiting(), 1U);
    EXPECT_EQ(install(3).state, control::InstallState::Waiting);
    EXPECT_NE(install(3).reason.find("more neighbors"), std::string::npos) << install(3).reason;
    EXPECT_GT(owner->neighbors().statistics().table_full, 0U);

    clock_.advance(control::RouteAudit::kInterval);
    settle();
    EXPECT_EQ(router_->audit().counters().completed, 1U);
    EXPECT_EQ(router_->audit().counters().differences, 0U);

    want(yaml({2, 3}, true));
    pass(std::chrono::seconds(200));  // the neighbour that nobody uses is forgotten
    settle();
    EXPECT_EQ(router_->rib().routes_waiting(), 0U);
    EXPECT_EQ(install(3).state, control::InstallState::Installed);
}

}  // namespace
}  // namespace godwit::dataplane
