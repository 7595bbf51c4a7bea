// A whole control plane in one process: the real router, revisions in a folder, the control socket,
// and a TestDataplane at the other end of the real channel. Time is virtual.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/load/load.hpp"
#include "config/store/store.hpp"
#include "controlplane/management/apply.hpp"
#include "controlplane/management/control_server.hpp"
#include "controlplane/management/router.hpp"
#include "controlplane/management/show.hpp"
#include "controlplane/management/verbs.hpp"
#include "controlplane/runtime/executor.hpp"
#include "controlplane/runtime/virtual_clock.hpp"
#include "tests/unit/controlplane/management/socket_client.hpp"
#include "tests/unit/controlplane/management/test_dataplane.hpp"

namespace godwit::control::test {

class RouterFixture : public ::testing::Test {
protected:
    RouterFixture() {
        std::string pattern = ::testing::TempDir() + "godwit-router-XXXXXX";
        directory = ::mkdtemp(pattern.data());
        path = directory + "/control.sock";
    }
    ~RouterFixture() override {
        stop_router();
        dataplane.reset();
        std::filesystem::remove_all(directory);
    }

    // A configuration with `more` lines of routes and the address of lan0.
    [[nodiscard]] std::string yaml(const std::string& routes = "",
                                   const std::string& lan = "10.0.0.1/24",
                                   const std::string& more = "") const {
        return "version: 1\n"
               "system: {hostname: edge}\n"
               "workers: {cores: [], memory: 64MiB}\n"
               "interfaces:\n"
               "  lan0: {vdev: net_ring0, addresses: [" +
               lan +
               "]}\n"
               "  wan0: {vdev: net_ring1, addresses: [198.51.100.1/30]}\n"
               "  lo0: {loopback: true, addresses: [192.0.2.1/32]}\n"
               "management: {control-socket: " +
               path + "}\n" + more + (routes.empty() ? "" : "static:\n  routes:\n" + routes);
    }

    void start_dataplane(const std::string& text, std::uint64_t boot_id = 1) {
        dataplane = std::make_unique<TestDataplane>(directory + "/dataplane.sock", boot_id, text);
        dataplane->add_interface(1, "lan0");
        dataplane->add_interface(2, "wan0");
        dataplane->add_interface(3, "lo0", true, api::InterfaceType::Loopback);
    }
    void start_router(const std::string& text) {
        auto opened = config::RevisionStore::open(directory + "/state");
        ASSERT_TRUE(opened.has_value()) << opened.error();
        revisions = std::make_unique<config::RevisionStore>(std::move(*opened));
        auto loaded = config::load_text(text, "test.yaml");
        ASSERT_TRUE(loaded.has_value()) << config::render(loaded.error());
        auto newest = revisions->newest();
        if (!newest || newest->sha256 != config::sha256_hex(text)) {
            newest = *revisions->append(text, "start", "person", 1000);
        }
        router = std::make_unique<Router>(
            executor, clock, [this] { return random++; },
            RunningConfiguration{*newest, text, loaded->model});
        applier = std::make_unique<Applier>(
            *router, *revisions,
            Applier::Surroundings{[] { return std::int64_t{2000}; }, [this] { ++own_restarts; }});
        show = std::make_unique<Show>(*router, [this] { return &server->counters(); });
        verbs = std::make_unique<Verbs>(*router, *applier, *show, *revisions);
        auto listening = ControlServer::open(
            executor.io_context(), path,
            [this](boost::json::object keys, const std::shared_ptr<Answer>& answer) {
                verbs->handle(std::move(keys), answer);
            });
        ASSERT_TRUE(listening.has_value()) << listening.error();
        server = std::move(*listening);
        router->start();
        client = std::make_unique<SocketClient>([this] { turn(1); }, path);
    }
    void stop_router() {
        client.reset();
        server.reset();
        if (router) {
            router->stop();
            executor.poll();
        }
        verbs.reset();
        show.reset();
        applier.reset();
        router.reset();
        executor.poll();
    }
    // Both, with the same text, in step.
    void start(const std::string& text) {
        start_dataplane(text);
        start_router(text);
        settle();
        ASSERT_TRUE(router->download().quiet());
    }

    void turn(int rounds) {
        for (int i = 0; i < rounds; ++i) {
            executor.poll();
            if (dataplane) {
                dataplane->turn();
            }
        }
    }
    // Everything is local: a fixed number of turns moves all there is to move.
    void settle() { turn(100); }
    void advance(Duration time) {
        clock.advance(time);
        settle();
    }

    boost::json::object ask(const boost::json::object& request) { return client->ask(request); }
    boost::json::value show_data(const std::string& subject) {
        boost::json::object answer = ask({{"verb", "show"}, {"subject", subject}});
        EXPECT_TRUE(answer.at("ok").as_bool()) << boost::json::serialize(answer);
        return answer.contains("data") ? answer.at("data") : boost::json::value();
    }
    boost::json::object apply(const std::string& text, bool allow_restart = false) {
        return ask({{"verb", "apply"},
                    {"yaml", text},
                    {"file", "new.yaml"},
                    {"message", "a test"},
                    {"allow-restart", allow_restart}});
    }

    std::string directory;
    std::string path;
    Executor executor;
    VirtualClock clock;
    std::uint32_t random = 100;
    int own_restarts = 0;
    std::unique_ptr<TestDataplane> dataplane;
    std::unique_ptr<config::RevisionStore> revisions;
    std::unique_ptr<Router> router;
    std::unique_ptr<Applier> applier;
    std::unique_ptr<Show> show;
    std::unique_ptr<Verbs> verbs;
    std::unique_ptr<ControlServer> server;
    std::unique_ptr<SocketClient> client;
};

}  // namespace godwit::control::test
