// A table owner that writes down what it is asked, and answers from a small table of numbers.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/channel/handler.hpp"
#include "dataplane/channel/server.hpp"

namespace godwit::dataplane {

class RecordingHandler final : public ChannelHandler {
public:
    void session_opened(SessionRings opened) override {
        rings = std::move(opened);
        ++opened_count;
    }
    void session_closed() override {
        rings = {};
        ++closed_count;
    }
    void route_record(const api::Record& record) override {
        const auto sequence = api::check_route(record);
        route_types.push_back(static_cast<api::RouteType>(record.type));
        if (sequence && acknowledges && server != nullptr) {
            server->acknowledge(*sequence);
        }
    }
    void injected(const api::InjectRecord& header, std::span<const std::byte> packet) override {
        injects.emplace_back(header, std::vector<std::byte>(packet.begin(), packet.end()));
    }
    // Neighbours 1 to neighbor_count; the cursor is the last address given.
    void query(const api::QueryBody& asked, QueryPage& page) override {
        ++query_count;
        if (asked.kind != api::QueryKind::Neighbors) {
            return;
        }
        for (std::uint64_t next = asked.cursor + 1; next <= neighbor_count; ++next) {
            api::NeighborRecord neighbor;
            neighbor.address = static_cast<std::uint32_t>(next);
            neighbor.state = api::NeighborState::Reachable;
            if (!page.add(neighbor)) {
                page.next_cursor = next - 1;
                return;
            }
        }
    }
    void nat_asked(std::uint64_t session, std::uint32_t request,
                   const api::NatAskBody& ask) override {
        nat_asks.push_back({session, request, ask});
    }
    api::ConfigureOutcome configure(api::ConfigurePhase phase, std::uint64_t revision,
                                    std::string_view yaml, std::string& text) override {
        configured = {phase, revision, std::string(yaml)};
        text = configure_text;
        return configure_outcome;
    }
    api::ConfigureOutcome own_ports(std::span<const api::OwnPortRecord> told,
                                    std::string& text) override {
        ports.assign(told.begin(), told.end());
        text = configure_text;
        return configure_outcome;
    }
    void restart_requested() override { ++restart_count; }

    ChannelServer* server = nullptr;
    SessionRings rings;
    int opened_count = 0;
    int closed_count = 0;
    int restart_count = 0;
    int query_count = 0;
    bool acknowledges = true;
    std::uint32_t neighbor_count = 0;
    std::vector<api::RouteType> route_types;
    std::vector<std::pair<api::InjectRecord, std::vector<std::byte>>> injects;
    struct NatAsked {
        std::uint64_t session = 0;
        std::uint32_t request = 0;
        api::NatAskBody ask;
    };
    std::vector<NatAsked> nat_asks;
    std::vector<api::OwnPortRecord> ports;
    struct Configured {
        api::ConfigurePhase phase{};
        std::uint64_t revision = 0;
        std::string yaml;
    } configured;
    api::ConfigureOutcome configure_outcome = api::ConfigureOutcome::Done;
    std::string configure_text;
};

// A directory of its own for sockets, gone with the test.
class SocketDirectory {
public:
    SocketDirectory() {
        char name[] = "/tmp/godwit-channel-XXXXXX";
        path_ = mkdtemp(name);
    }
    ~SocketDirectory() {
        for (const char* file : {"/channel.sock", "/channel.sock.lock"}) {
            unlink((path_ + file).c_str());
        }
        rmdir(path_.c_str());
    }
    SocketDirectory(const SocketDirectory&) = delete;
    SocketDirectory& operator=(const SocketDirectory&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string socket() const { return path_ + "/channel.sock"; }

private:
    std::string path_;
};

inline ChannelSizes small_sizes(std::uint32_t workers = 2) {
    return {.worker_count = workers,
            .punt_ring_bytes = api::kMinPacketRingBytes,
            .inject_ring_bytes = api::kMinPacketRingBytes,
            .route_ring_bytes = 1U << 14U,
            .event_ring_bytes = 1U << 14U};
}

}  // namespace godwit::dataplane
