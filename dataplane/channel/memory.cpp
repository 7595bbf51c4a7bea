// Making the shared regions; the promises are in memory.hpp and dataplane/api/shared_memory.hpp.
#include "dataplane/channel/memory.hpp"

#include <new>
#include <utility>

#include "dataplane/api/ring.hpp"

namespace godwit::dataplane {

net::Result<std::unique_ptr<CountersMemory>, std::string> CountersMemory::create(
    std::uint32_t worker_count, std::uint64_t tsc_hz, std::uint64_t boot_id) {
    if (worker_count == 0 || worker_count > api::kMaxWorkers) {
        return net::unexpected("counters for " + std::to_string(worker_count) +
                               " workers are asked for, there can be 1 to " +
                               std::to_string(api::kMaxWorkers));
    }
    auto memory = api::make_shared_memory("godwit-counters", sizeof(api::CountersRegion),
                                          api::PeerAccess::ReadOnly);
    if (!memory) {
        return net::unexpected("counters: " + memory.error());
    }
    return std::unique_ptr<CountersMemory>(
        new CountersMemory(std::move(*memory), worker_count, tsc_hz, boot_id));
}

CountersMemory::CountersMemory(api::SharedMemory memory, std::uint32_t worker_count,
                               std::uint64_t tsc_hz, std::uint64_t boot_id)
    : memory_(std::move(memory)), region_(new (memory_.mapping.address()) api::CountersRegion) {
    region_->boot_id = boot_id;
    region_->tsc_hz = tsc_hz;
    region_->worker_count = worker_count;
}

net::Result<std::unique_ptr<SessionMemory>, std::string> SessionMemory::create(
    const ChannelSizes& sizes) {
    std::unique_ptr<SessionMemory> session(new SessionMemory);
    session->sizes_ = sizes;
    const std::size_t punt_bytes = std::size_t{sizes.worker_count} * api::kPuntPriorityCount *
                                   api::ring_region_bytes(sizes.punt_ring_bytes);
    struct Part {
        api::SharedMemory* memory;
        const char* name;
        std::size_t bytes;
    };
    const Part parts[] = {
        {&session->punt_, "godwit-punt", punt_bytes},
        {&session->inject_, "godwit-inject", api::ring_region_bytes(sizes.inject_ring_bytes)},
        {&session->route_, "godwit-route", api::ring_region_bytes(sizes.route_ring_bytes)},
        {&session->event_, "godwit-event", api::ring_region_bytes(sizes.event_ring_bytes)},
    };
    for (const Part& part : parts) {
        auto memory = api::make_shared_memory(part.name, part.bytes, api::PeerAccess::ReadWrite);
        if (!memory) {
            return net::unexpected(std::string(part.name) + ": " + memory.error());
        }
        *part.memory = std::move(*memory);
    }
    for (api::WakePair* pair :
         {&session->punt_wake_, &session->event_wake_, &session->inject_wake_}) {
        auto made = api::make_wake_pair();
        if (!made) {
            return net::unexpected(made.error());
        }
        *pair = std::move(*made);
    }
    return session;
}

std::span<std::byte> SessionMemory::punt(std::uint32_t worker, api::PuntPriority priority) const {
    const std::size_t bytes = api::ring_region_bytes(sizes_.punt_ring_bytes);
    const std::size_t place = worker * api::kPuntPriorityCount + static_cast<std::size_t>(priority);
    return punt_.mapping.bytes().subspan(place * bytes, bytes);
}

void SessionMemory::forget_peer_ends() {
    punt_wake_.sleeper.reset();
    event_wake_.sleeper.reset();
    inject_wake_.waker.reset();
    for (api::SharedMemory* memory : {&punt_, &inject_, &route_, &event_}) {
        memory->descriptor.reset();
    }
}

}  // namespace godwit::dataplane
