// The dataplane's side of a download, as the table owner has it: the real end of the channel, the
// real route table over the real lookup table, and the turns of the owner's loop. Without devices,
// workers and neighbours, for which no route waits here.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "dataplane/channel/server.hpp"
#include "dataplane/owner/route_table.hpp"
#include "dataplane/tables/reclaimer.hpp"
#include "net/result.hpp"

namespace godwit::bench {

class DataplaneSide final : private dataplane::ChannelHandler {
public:
    // Has the interfaces 1 and 2, and room for `max_routes`.
    DataplaneSide(const std::string& socket, std::size_t max_routes);

    [[nodiscard]] const std::string& problem() const { return problem_; }  // empty: it listens
    // Turn after turn until stop(); sleeps when there is nothing to do.
    void run();
    void stop() { stop_ = true; }

    // Before or after run().
    [[nodiscard]] std::size_t routes() const { return routes_.downloaded(); }
    [[nodiscard]] const dataplane::Fib& fib() const { return fib_; }

private:
    class NoDemand final : public dataplane::NeighborDemand {
        bool refer(const dataplane::NeighborKey& /*key*/) override { return true; }
        void unrefer(const dataplane::NeighborKey& /*key*/) override {}
    };

    void session_opened(dataplane::SessionRings rings) override;
    void session_closed() override {}
    void route_record(const api::Record& record) override { routes_.apply(record); }
    void injected(const api::InjectRecord& /*header*/,
                  std::span<const std::byte> /*packet*/) override {}
    void query(const api::QueryBody& /*query*/, dataplane::QueryPage& /*page*/) override {}
    void nat_asked(std::uint64_t /*session*/, std::uint32_t /*request*/,
                   const api::NatAskBody& /*ask*/) override {}
    api::ConfigureOutcome configure(api::ConfigurePhase /*phase*/, std::uint64_t /*revision*/,
                                    std::string_view /*yaml*/, std::string& /*text*/) override {
        return api::ConfigureOutcome::Done;
    }
    api::ConfigureOutcome own_ports(std::span<const api::OwnPortRecord> /*ports*/,
                                    std::string& /*text*/) override {
        return api::ConfigureOutcome::Done;
    }
    void restart_requested() override {}
    void report();

    NoDemand demand_;
    dataplane::Reclaimer reclaimer_{1};
    dataplane::Fib fib_;
    dataplane::NextHops next_hops_;
    dataplane::InterfaceTable interfaces_;
    dataplane::Hops hops_;
    dataplane::RouteTable routes_;
    std::unique_ptr<dataplane::CountersMemory> counters_;
    std::unique_ptr<dataplane::ChannelServer> server_;
    std::uint64_t acknowledged_ = 0;
    std::string problem_;
    std::atomic<bool> stop_ = false;
};

}  // namespace godwit::bench
