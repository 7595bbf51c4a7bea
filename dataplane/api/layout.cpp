// The layout of everything that two programs share, pinned down: a change that moves a field fails
// here, and is then made together with kChannelVersion. Structures have no implicit padding, so no
// byte of our stack or heap ever crosses by accident.
#include <cstddef>
#include <type_traits>

#include "dataplane/api/counters.hpp"
#include "dataplane/api/messages.hpp"
#include "dataplane/api/nat_messages.hpp"
#include "dataplane/api/ring.hpp"

namespace godwit::api {

namespace {

template <class Message, std::size_t kBytes>
constexpr bool crosses_as() {
    return sizeof(Message) == kBytes && std::is_trivially_copyable_v<Message> &&
           std::is_standard_layout_v<Message> &&
           std::has_unique_object_representations_v<Message> && alignof(Message) <= 8;
}

// control connection
static_assert(crosses_as<ControlHeader, 16>());
static_assert(offsetof(ControlHeader, type) == 4);
static_assert(offsetof(ControlHeader, request) == 8);
static_assert(offsetof(ControlHeader, body_bytes) == 12);
static_assert(crosses_as<HelloBody, 8>());
static_assert(crosses_as<WelcomeBody, 104>());
static_assert(offsetof(WelcomeBody, worker_count) == 16);
static_assert(offsetof(WelcomeBody, event_ring_bytes) == 32);
static_assert(offsetof(WelcomeBody, punt_rings) == 36);
static_assert(offsetof(WelcomeBody, config_sha256) == 40);
static_assert(crosses_as<RefusedBody, 128>());
static_assert(crosses_as<QueryBody, 16>());
static_assert(crosses_as<QueryReplyBody, 24>());
static_assert(crosses_as<ConfigureBody, 16>());
static_assert(crosses_as<ConfigureReplyBody, 8>());

// records of queries and events
static_assert(crosses_as<InterfaceRecord, 232>());
static_assert(offsetof(InterfaceRecord, mac) == 8);
static_assert(offsetof(InterfaceRecord, speed_mbps) == 16);
static_assert(offsetof(InterfaceRecord, device_rx_missed) == 24);
static_assert(offsetof(InterfaceRecord, rx_queues) == 64);
static_assert(offsetof(InterfaceRecord, name) == 72);
static_assert(offsetof(InterfaceRecord, problem) == 136);
static_assert(crosses_as<FibRecord, 24>());
static_assert(offsetof(FibRecord, next_hop) == 12);
static_assert(crosses_as<NextHopRecord, 80>());
static_assert(offsetof(NextHopRecord, members) == 20);
static_assert(crosses_as<NeighborRecord, 32>());
static_assert(offsetof(NeighborRecord, mac) == 8);
static_assert(crosses_as<WorkerRecord, 176>());
static_assert(crosses_as<LimitRecord, 32>());
static_assert(crosses_as<OwnPortRecord, 8>());

// NAT
static_assert(crosses_as<NatTotalsRecord, 8 * (37 + kNatAges + kNatRefusals + kNatMapOutcomes)>());
static_assert(crosses_as<NatRuleRecord, 56>());
static_assert(crosses_as<NatMapRequest, 64>());
static_assert(crosses_as<NatAskBody, 104>());
static_assert(crosses_as<NatAnswerBody, 32>());
static_assert(crosses_as<NatSessionRecord, 32>());
static_assert(offsetof(NatSessionRecord, idle_seconds) == 24);
static_assert(crosses_as<NatSubscriberRecord, 20>());
static_assert(crosses_as<NatPortRecord, 16>());
static_assert(crosses_as<NatMappingRecord, 60>());
static_assert(crosses_as<NatMapRecord, 32>());
static_assert(crosses_as<NatBindingRecord, 72>());
static_assert(offsetof(NatBindingRecord, inside_port) == 24);

// punt and inject: the packet follows, so the headers end where it begins
static_assert(crosses_as<PuntRecord, 24>());
static_assert(offsetof(PuntRecord, arrival_tsc) == 8);
static_assert(offsetof(PuntRecord, flags) == 22);
static_assert(crosses_as<InjectRecord, 16>());
static_assert(offsetof(InjectRecord, next_hop) == 8);

// routes: the sequence number comes first in every record
static_assert(crosses_as<SyncRecord, 16>() && offsetof(SyncRecord, sequence) == 0);
static_assert(crosses_as<NextHopSetRecord, 24>() && offsetof(NextHopSetRecord, sequence) == 0);
static_assert(crosses_as<GroupSetRecord, 16>() && offsetof(GroupSetRecord, sequence) == 0);
static_assert(crosses_as<NextHopDeleteRecord, 16>() &&
              offsetof(NextHopDeleteRecord, sequence) == 0);
static_assert(crosses_as<RouteSetRecord, 24>() && offsetof(RouteSetRecord, sequence) == 0);
static_assert(crosses_as<RouteDeleteRecord, 16>() && offsetof(RouteDeleteRecord, sequence) == 0);

// events
static_assert(crosses_as<InterfaceRemovedRecord, 8>());
static_assert(crosses_as<RouteRejectedRecord, 24>());
static_assert(offsetof(RouteRejectedRecord, reason) == 20);
static_assert(crosses_as<SyncDoneRecord, 16>());
static_assert(crosses_as<RoomReturnedRecord, 8>());

// rings
static_assert(std::is_standard_layout_v<RingHeader>);
static_assert(offsetof(RingHeader, tail) == 0);
static_assert(offsetof(RingHeader, head) == 64);
static_assert(offsetof(RingHeader, consumer_waiting) == 72);
static_assert(offsetof(RingHeader, acknowledged) == 128);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(crosses_as<RecordHeader, 8>());
static_assert(sizeof(PuntRecord) + kMaxPacketBytes <= max_body_bytes(kMinPacketRingBytes) &&
                  sizeof(InjectRecord) + kMaxPacketBytes <= max_body_bytes(kMinPacketRingBytes),
              "the longest packet fits the smallest ring of packets");

// counters: blocks begin on a cache line, so that no two writers share one
static_assert(std::is_standard_layout_v<CountersRegion>);
static_assert(offsetof(CountersRegion, worker_count) == 16);
static_assert(offsetof(CountersRegion, blocks) == 64);
static_assert(sizeof(CounterBlock) % 64 == 0);
static_assert(offsetof(CounterBlock, burst_sizes) == 128);
static_assert(offsetof(CounterBlock, datagrams_reassembled) == 192);
static_assert(offsetof(CounterBlock, drops) == 256);
static_assert(offsetof(CounterBlock, interfaces) % 64 == 0);

}  // namespace

}  // namespace godwit::api
