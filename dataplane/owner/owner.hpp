// The table owner: the main lcore of the dataplane, and the single writer of every shared table.
//
// It turns: packets that the workers gave (ARP messages to learn from, packets that wait for a
// neighbour), the channel of the control plane (routes, injected packets, queries, configuration),
// what is due (neighbours, announcements, links), and out again (packets for workers, events,
// acknowledgements). Every turn does a bounded piece of each, so that none starves another; with
// nothing to do it sleeps in epoll until the next deadline. It never waits for a worker or the
// control plane, and forwarding needs none of it for packets whose next hop is known.
//
// The control plane may die at any time: routes, neighbours and adjacencies stay; the workers' punt
// rings are taken away and freed when no worker can be writing any more.
//
// One thread. `turn(now)` takes the time, so tests run it in virtual time.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/model/model.hpp"
#include "dataplane/api/counters.hpp"
#include "dataplane/channel/handler.hpp"
#include "dataplane/channel/server.hpp"
#include "dataplane/owner/announcements.hpp"
#include "dataplane/owner/conflicts.hpp"
#include "dataplane/owner/dispatch.hpp"
#include "dataplane/owner/hops.hpp"
#include "dataplane/owner/instant.hpp"
#include "dataplane/owner/interfaces.hpp"
#include "dataplane/owner/nat_control.hpp"
#include "dataplane/owner/neighbors.hpp"
#include "dataplane/owner/notice_limit.hpp"
#include "dataplane/owner/packet_buffers.hpp"
#include "dataplane/owner/port_control.hpp"
#include "dataplane/owner/reconfigure.hpp"
#include "dataplane/owner/route_table.hpp"
#include "dataplane/worker/worker.hpp"

namespace godwit::dataplane {

struct OwnerSettings {
    NeighborSettings neighbors;
    std::size_t max_routes = 2'000'000;
    Duration link_interval = std::chrono::milliseconds(100);
    Duration reclaim_interval = std::chrono::milliseconds(1);  // while something waits to be freed
    std::size_t packets_a_turn = 256;
    std::size_t records_a_turn = 4096;  // of the route and inject rings
    std::size_t sweep_a_turn = 4096;    // routes and next hops looked at
    // RouteRejected events that wait for room: over it, no further records are taken.
    std::size_t max_rejections = 4096;
    Duration congested_interval = std::chrono::milliseconds(10);
    Duration nat_interval = std::chrono::milliseconds(1);  // while workers have letters about NAT
};

// All outlive the owner. `counters` is the owner's block (index worker_count).
struct OwnerParts {
    const Shared& shared;
    PortControl& ports;
    api::CounterBlock& counters;
    const std::vector<std::unique_ptr<Worker>>& workers;
};

struct OwnerStatistics {
    std::uint64_t congested_turns = 0;  // in which no records were taken
    std::uint64_t configurations = 0;   // carried out
    std::uint64_t link_changes = 0;
};

// Of the process: at the start, and when system.log.level changes.
void set_log_level(config::LogLevel level);

class Owner final : public ChannelHandler, private NeighborDemand {
public:
    // `yaml` is the text that `model` came from. Publishes the interfaces; the workers may start
    // after this.
    Owner(const OwnerParts& parts, const config::Model& model, std::string_view yaml,
          const OwnerSettings& settings, Instant now);
    ~Owner() override;

    // Before the first turn; without a server the router runs as it is (tests).
    void serve(ChannelServer& server);

    // One turn. True: there is more to do at once.
    bool turn(Instant now);
    // When to turn again at the latest, with nothing coming in.
    [[nodiscard]] Instant next_deadline() const;
    // Turns until `stop`, or a restart is asked for. Real time.
    void run(const std::atomic<bool>& stop);
    [[nodiscard]] bool restart_wanted() const { return restart_wanted_; }

    // With the workers stopped: gives back every packet and ring that the owner holds.
    void shut_down();

    [[nodiscard]] const Neighbors& neighbors() const { return neighbors_; }
    [[nodiscard]] const Conflicts& conflicts() const { return conflicts_; }
    [[nodiscard]] const RouteTable& routes() const { return routes_; }
    [[nodiscard]] const Interfaces& interfaces() const { return interfaces_; }
    [[nodiscard]] const config::Model& model() const { return model_; }
    [[nodiscard]] const OwnerStatistics& statistics() const { return statistics_; }

    // ChannelHandler
    void session_opened(SessionRings rings) override;
    void session_closed() override;
    void route_record(const api::Record& record) override;
    void injected(const api::InjectRecord& header, std::span<const std::byte> packet) override;
    void query(const api::QueryBody& query, QueryPage& page) override;
    void nat_asked(std::uint64_t session, std::uint32_t request,
                   const api::NatAskBody& ask) override;
    api::ConfigureOutcome configure(api::ConfigurePhase phase, std::uint64_t revision,
                                    std::string_view yaml, std::string& text) override;
    api::ConfigureOutcome own_ports(std::span<const api::OwnPortRecord> ports,
                                    std::string& text) override;
    void restart_requested() override;

private:
    // NeighborDemand
    bool refer(const NeighborKey& key) override;
    void unrefer(const NeighborKey& key) override;

    bool take_packets();
    void arp_message(rte_mbuf* packet);
    void packet_to_resolve(rte_mbuf* packet);
    void carry_out_actions();
    void carry_out(const NeighborAction& action);
    void forward(const ForwardPacket& action);
    void drop(const DropPacket& action);
    void send_request(const SendArpRequest& action);
    void carry_out_conflicts();
    void conflict_seen(const ConflictSeen& conflict);
    [[nodiscard]] bool is_own_mac(const net::MacAddress& mac) const;

    void poll_links();
    void link_came_up(net::InterfaceId id);
    void announce_addresses_of(net::InterfaceId id);
    void send_announcements();
    void adopt(const config::Model& next);
    std::string adopt_nat(const config::Model& next);
    [[nodiscard]] Preparation prepare_all(const config::Model& next) const;
    void claim_addresses(const config::Model& next);
    void apply_changes(const Interfaces::Changes& changes, const config::Model& next);
    void readdress(const Interfaces::Changes& changes);
    void set_punt_rings(SessionRings rings);

    void report_routes();
    void report_interface(net::InterfaceId id);
    void report_everything();
    template <class Body>
    bool emit(api::EventType type, const Body& body) {
        return server_ != nullptr && server_->emit(type, body);
    }
    // The control plane does not take its rejections.
    [[nodiscard]] bool is_congested() const {
        return rejections_.size() >= settings_.max_rejections;
    }
    void sleep(Instant until);

    OwnerParts parts_;
    OwnerSettings settings_;
    config::Model model_;
    std::uint64_t packet_bytes_;  // of a buffer of this run
    std::string config_sha256_;
    Instant now_;
    ChannelServer* server_ = nullptr;

    Interfaces interfaces_;
    Neighbors neighbors_;
    Conflicts conflicts_;
    Announcements announcements_;
    Hops hops_;
    RouteTable routes_;
    Dispatch dispatch_;
    PacketBuffers packet_buffers_;
    NatControl nat_;

    NeighborActions actions_;
    ConflictActions conflict_actions_;
    std::vector<rte_mbuf*> packets_;  // of one turn
    std::vector<std::unique_ptr<PuntRings>> punt_rings_;
    std::shared_ptr<const void> punt_memory_;
    std::deque<api::RouteRejectedRecord> rejections_;
    std::deque<api::RouteRejection> rooms_;  // RoomReturned events that wait for room of their own
    std::optional<api::SyncDoneRecord> sync_done_;
    std::uint64_t acknowledged_ = 0;
    Instant next_link_poll_;
    NoticeLimit notices_;
    OwnerStatistics statistics_;
    bool restart_wanted_ = false;
    int epoll_ = -1;
};

}  // namespace godwit::dataplane
