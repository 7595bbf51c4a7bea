#include "tests/bench/rib/dataplane_side.hpp"

#include <poll.h>

#include <utility>

namespace godwit::bench {

namespace {

// As the table owner's (dataplane/owner/owner.hpp).
constexpr std::size_t kRecordsATurn = 4096;
constexpr int kLongestSleepMilliseconds = 10;

}  // namespace

DataplaneSide::DataplaneSide(const std::string& socket, std::size_t max_routes)
    : fib_(reclaimer_, max_routes),
      next_hops_(reclaimer_, 1024, 2048, 64),
      interfaces_(reclaimer_),
      hops_(next_hops_, interfaces_, demand_),
      routes_(fib_, hops_, max_routes) {
    auto snapshot = std::make_unique<dataplane::InterfaceSnapshot>();
    snapshot->entries.resize(3);
    for (std::uint16_t id = 1; id < 3; ++id) {
        dataplane::InterfaceEntry& entry = snapshot->entries[id];
        entry.id = net::InterfaceId(id);
        entry.type = api::InterfaceType::Port;
        entry.up = true;
        entry.port = id;
        entry.mtu = 1500;
    }
    interfaces_.replace(std::move(snapshot));
    auto counters = dataplane::CountersMemory::create(1, 1'000'000'000, 1);
    if (!counters) {
        problem_ = counters.error();
        return;
    }
    counters_ = std::move(*counters);
    auto server = dataplane::ChannelServer::listen(socket, dataplane::ChannelSizes{}, *counters_,
                                                   static_cast<dataplane::ChannelHandler&>(*this));
    if (!server) {
        problem_ = server.error();
        return;
    }
    server_ = std::move(*server);
}

void DataplaneSide::session_opened(dataplane::SessionRings /*rings*/) {
    routes_.session_opened();
    acknowledged_ = 0;
}

void DataplaneSide::run() {
    while (!stop_) {
        bool more = server_->poll(kRecordsATurn);
        more |= routes_.sweep(kRecordsATurn);
        report();
        reclaimer_.poll();
        if (!more && server_->prepare_to_wait()) {
            pollfd wake{server_->poll_fd(), POLLIN, 0};
            ::poll(&wake, 1, kLongestSleepMilliseconds);
        }
    }
    server_->close();
}

void DataplaneSide::report() {
    for (const api::RouteRejectedRecord& rejected : routes_.take_rejections()) {
        server_->emit(api::EventType::RouteRejected, rejected);
    }
    if (const auto done = routes_.take_sync_done()) {
        server_->emit(api::EventType::SyncDone, *done);
    }
    if (routes_.acknowledged() != acknowledged_) {
        acknowledged_ = routes_.acknowledged();
        server_->acknowledge(acknowledged_);
    }
}

}  // namespace godwit::bench
