// The download between a RIB and a dataplane over the real channel, turn by turn.
#include "controlplane/management/route_download.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "controlplane/channel/channel_client.hpp"
#include "controlplane/runtime/executor.hpp"
#include "controlplane/runtime/virtual_clock.hpp"
#include "tests/unit/controlplane/management/test_dataplane.hpp"

namespace godwit::control::test {
namespace {

constexpr net::InterfaceId kLan{1};
constexpr std::size_t kRoutes = 100;
constexpr std::size_t kVisits = 7;

// A control plane that has learned its routes before it knows its interfaces.
class DownloadTest : public ::testing::Test {
protected:
    DownloadTest() {
        std::string pattern = ::testing::TempDir() + "godwit-download-XXXXXX";
        directory_ = ::mkdtemp(pattern.data());
        dataplane_ = std::make_unique<TestDataplane>(directory_ + "/dataplane.sock", 1, "");
    }
    ~DownloadTest() override {
        dataplane_.reset();
        std::filesystem::remove_all(directory_);
    }

    struct Program {
        Program(Executor& executor, VirtualClock& clock, const std::string& socket)
            : client(executor, clock, socket,
                     {.session_opened = [this](const auto&) { opened(); },
                      .routes_acknowledged =
                          [this](std::uint64_t sequence) { download.acknowledged(sequence); }}),
              download(rib, client.routes()) {
            for (std::size_t i = 0; i < kRoutes; ++i) {
                const net::Ipv4Address network(20, 0, static_cast<std::uint8_t>(i), 0);
                rib.set({net::Ipv4Prefix::covering(network, 24),
                         RouteSource::Rip,
                         distance_of(RouteSource::Rip),
                         1,
                         0,
                         {RibNextHop::gateway(net::Ipv4Address(10, 0, 0, 2), kLan)}});
            }
            client.start();
        }
        void opened() {
            rib.set_interface_up(kLan, true);
            download.begin(1);
            is_open = true;
        }
        Rib rib{RibLimits{.visits_a_turn = kVisits}};
        ChannelClient client;
        RouteDownload download;
        bool is_open = false;
    };

    // True: everything is there. More is written a turn than comes to be chosen.
    bool turn(Program& program) {
        executor_.poll();
        dataplane_->turn();
        if (program.is_open) {
            program.rib.settle_more();
            program.download.run();
        }
        return program.is_open && program.download.quiet();
    }
    void run_until_quiet() {
        Program program(executor_, clock_, directory_ + "/dataplane.sock");
        for (int turns = 0; turns < 1000 && !turn(program); ++turns) {
        }
        EXPECT_TRUE(program.download.quiet());
        program.client.stop();
        executor_.poll();
        dataplane_->turn();
    }

    std::string directory_;
    Executor executor_;
    VirtualClock clock_;
    std::unique_ptr<TestDataplane> dataplane_;
};

TEST_F(DownloadTest, Nothing_is_swept_before_every_route_of_an_interface_has_had_its_turn) {
    run_until_quiet();
    EXPECT_EQ(dataplane_->routes.size(), kRoutes);
    run_until_quiet();
    EXPECT_EQ(dataplane_->syncs_ended, 2);
    EXPECT_EQ(dataplane_->swept, 0U);
    EXPECT_EQ(dataplane_->routes.size(), kRoutes);
}

}  // namespace
}  // namespace godwit::control::test
