// The checks behind decode.hpp: one function a message, a refusal a line.
#include "dataplane/api/decode.hpp"

#include <algorithm>

#include "dataplane/api/counters.hpp"
#include "net/ip_protocol.hpp"

namespace godwit::api {

namespace {

net::unexpected<Fault> fault(Fault what) {
    return net::unexpected<Fault>(what);
}

template <class Enum>
bool within(Enum value, Enum first, Enum last) {
    return value >= first && value <= last;
}

bool valid(const InterfaceRecord& record) {
    return record.interface < kMaxInterfaces && record.parent < kMaxInterfaces &&
           within(record.type, InterfaceType::Port, InterfaceType::Loopback);
}

bool valid(const NeighborRecord& record) {
    return record.interface < kMaxInterfaces &&
           within(record.state, NeighborState::Incomplete, NeighborState::Permanent);
}

bool valid(const InterfaceRemovedRecord& record) {
    return record.interface < kMaxInterfaces;
}

bool valid(const RouteRejectedRecord& record) {
    return record.length <= 32 &&
           within(record.reason, RouteRejection::UnknownNextHop, RouteRejection::NeighborsFull);
}

bool valid(const RoomReturnedRecord& record) {
    return is_for_want_of_room(record.reason);
}

bool valid(const SyncDoneRecord& /*record*/) {
    return true;
}

bool valid(const FibRecord& record) {
    return record.length <= 32 && record.interface < kMaxInterfaces &&
           within(record.kind, NextHopKind::NoRoute, NextHopKind::Group);
}

bool valid(const NextHopRecord& record) {
    return record.interface < kMaxInterfaces &&
           within(record.kind, NextHopKind::NoRoute, NextHopKind::Group);
}

bool valid(const LimitRecord& record) {
    return within(record.limit, TableLimit::Routes, TableLimit::NatEvents);
}

bool valid(const WorkerRecord& /*record*/) {
    return true;
}

bool valid(const NatRuleRecord& record) {
    return within(record.kind, NatRuleKind::Source, NatRuleKind::Destination);
}
bool valid(const NatSessionRecord& record) {
    return record.tcp < NatTcpState::kCount && record.age < NatAge::kCount;
}
bool valid(const NatMapFilter& filter) {
    return filter.length <= 32;
}
bool valid(const NatMappingRecord& record) {
    return record.filter_count <= kNatMapFilters &&
           std::ranges::all_of(record.filters, [](const auto& each) { return valid(each); });
}
bool valid(const NatMapRecord& record) {
    return record.outcome < NatMapOutcome::kCount;
}
bool valid(const NatMapRequest& request) {
    const net::IpProtocol protocol{request.protocol};
    return (protocol == net::IpProtocol::Tcp || protocol == net::IpProtocol::Udp) &&
           request.inside_port != 0 && request.filter_count <= kNatMapFilters &&
           (request.flags & ~(kNatMapExactly | kNatMapClearsFilters)) == 0 &&
           std::ranges::all_of(request.filters, [](const auto& each) { return valid(each); });
}
bool valid(const NatBindingRecord& /*record*/) {
    return true;
}

template <class Message>
net::Result<EventType, Fault> event_of(const Record& record) {
    const auto message = read_exact<Message>(record.body);
    if (!message) {
        return fault("an event record has the wrong length");
    }
    if (!valid(*message)) {
        return fault("an event record has a number out of range");
    }
    return static_cast<EventType>(record.type);
}

template <class Message>
net::Result<std::uint64_t, Fault> sequence_of(const Record& record) {
    const auto message = read_exact<Message>(record.body);
    if (!message) {
        return fault("a route record has the wrong length");
    }
    return message->sequence;
}

template <class Message>
bool all_valid(std::span<const std::byte> records) {
    while (!records.empty()) {
        const auto record = read_front<Message>(records);
        if (!record || !valid(*record)) {
            return false;
        }
        records = records.subspan(sizeof(Message));
    }
    return true;
}

bool all_valid(QueryKind kind, std::span<const std::byte> records) {
    switch (kind) {
        case QueryKind::Interfaces:
            return all_valid<InterfaceRecord>(records);
        case QueryKind::Fib:
            return all_valid<FibRecord>(records);
        case QueryKind::NextHops:
            return all_valid<NextHopRecord>(records);
        case QueryKind::Neighbors:
            return all_valid<NeighborRecord>(records);
        case QueryKind::Workers:
            return all_valid<WorkerRecord>(records);
        case QueryKind::Limits:
            return all_valid<LimitRecord>(records);
        case QueryKind::NatTotals:
            return true;  // counters
        case QueryKind::NatRules:
            return all_valid<NatRuleRecord>(records);
    }
    return false;
}

bool all_valid(NatAskKind kind, std::span<const std::byte> records) {
    switch (kind) {
        case NatAskKind::Sessions:
            return all_valid<NatSessionRecord>(records);
        case NatAskKind::Mappings:
            return all_valid<NatMappingRecord>(records);
        case NatAskKind::Map:
            return all_valid<NatMapRecord>(records);
        case NatAskKind::Subscribers:
        case NatAskKind::Ports:
            return true;  // addresses and numbers
        case NatAskKind::Clear:
        case NatAskKind::ClearMappings:
            return records.empty();
    }
    return false;
}

}  // namespace

net::Result<PuntView, Fault> read_punt(const Record& record) {
    if (record.type != kPuntRecord) {
        return fault("a punt ring carries a record of another type");
    }
    const auto header = read_front<PuntRecord>(record.body);
    if (!header) {
        return fault("a punt record is shorter than its header");
    }
    const auto packet = record.body.subspan(sizeof(PuntRecord));
    if (header->packet_bytes != packet.size() || packet.empty() ||
        packet.size() > kMaxPacketBytes) {
        return fault("a punt record has the wrong length");
    }
    if (header->punt_class >= PuntClass::kCount || header->interface >= kMaxInterfaces ||
        header->worker >= kMaxWorkers) {
        return fault("a punt record has a number out of range");
    }
    return PuntView{*header, packet};
}

net::Result<InjectView, Fault> read_inject(const Record& record) {
    if (record.type != kInjectRecord) {
        return fault("the inject ring carries a record of another type");
    }
    const auto header = read_front<InjectRecord>(record.body);
    if (!header) {
        return fault("an inject record is shorter than its header");
    }
    const auto packet = record.body.subspan(sizeof(InjectRecord));
    if (header->packet_bytes != packet.size() || packet.empty() ||
        packet.size() > kMaxPacketBytes) {
        return fault("an inject record has the wrong length");
    }
    if (!within(header->mode, InjectMode::Routed, InjectMode::Neighbor)) {
        return fault("an inject record has an unknown mode");
    }
    return InjectView{*header, packet};
}

net::Result<std::uint64_t, Fault> check_route(const Record& record) {
    switch (static_cast<RouteType>(record.type)) {
        case RouteType::SyncBegin:
        case RouteType::SyncEnd:
            return sequence_of<SyncRecord>(record);
        case RouteType::NextHopSet:
            return sequence_of<NextHopSetRecord>(record);
        case RouteType::GroupSet: {
            const auto group = read_front<GroupSetRecord>(record.body);
            if (!group) {
                return fault("a route record has the wrong length");
            }
            if (group->count == 0 || group->count > kMaxGroupMembers ||
                record.body.size() !=
                    sizeof(GroupSetRecord) + group->count * sizeof(std::uint32_t)) {
                return fault("a group record's count is not that of its members");
            }
            return group->sequence;
        }
        case RouteType::NextHopDelete:
            return sequence_of<NextHopDeleteRecord>(record);
        case RouteType::RouteSet:
            return sequence_of<RouteSetRecord>(record);
        case RouteType::RouteDelete:
            return sequence_of<RouteDeleteRecord>(record);
    }
    return fault("the route ring carries a record of another type");
}

net::Result<EventType, Fault> check_event(const Record& record) {
    switch (static_cast<EventType>(record.type)) {
        case EventType::InterfaceChanged:
            return event_of<InterfaceRecord>(record);
        case EventType::InterfaceRemoved:
            return event_of<InterfaceRemovedRecord>(record);
        case EventType::NeighborChanged:
        case EventType::AddressConflict:
            return event_of<NeighborRecord>(record);
        case EventType::RouteRejected:
            return event_of<RouteRejectedRecord>(record);
        case EventType::SyncDone:
            return event_of<SyncDoneRecord>(record);
        case EventType::RoomReturned:
            return event_of<RoomReturnedRecord>(record);
        case EventType::NatBinding:
            return event_of<NatBindingRecord>(record);
    }
    return fault("the event ring carries a record of another type");
}

net::Result<ControlMessage, Fault> read_control(std::span<const std::byte> bytes) {
    const auto header = read_front<ControlHeader>(bytes);
    if (!header) {
        return fault("a control message is shorter than its header");
    }
    if (header->magic != kChannelMagic) {
        return fault("a control message does not begin with the channel's mark");
    }
    const auto body = bytes.subspan(sizeof(ControlHeader));
    if (bytes.size() > kMaxControlMessageBytes || header->body_bytes != body.size()) {
        return fault("a control message has the wrong length");
    }
    if (!within(header->type, ControlType::Hello, ControlType::OwnPorts)) {
        return fault("a control message has an unknown type");
    }
    return ControlMessage{*header, body};
}

net::Result<QueryBody, Fault> read_query(std::span<const std::byte> body) {
    const auto query = read_exact<QueryBody>(body);
    if (!query) {
        return fault("a query has the wrong length");
    }
    if (record_bytes_of(query->kind) == 0) {
        return fault("a query asks for an unknown table");
    }
    return *query;
}

net::Result<ConfigureBody, Fault> read_configure(std::span<const std::byte> body) {
    const auto configure = read_exact<ConfigureBody>(body);
    if (!configure) {
        return fault("a configuration message has the wrong length");
    }
    if (!within(configure->phase, ConfigurePhase::Prepare, ConfigurePhase::Commit)) {
        return fault("a configuration message has an unknown phase");
    }
    return *configure;
}

net::Result<WelcomeBody, Fault> read_welcome(std::span<const std::byte> body) {
    const auto welcome = read_exact<WelcomeBody>(body);
    if (!welcome) {
        return fault("the welcome has the wrong length");
    }
    if (welcome->worker_count == 0 || welcome->worker_count > kMaxWorkers) {
        return fault("the welcome has an impossible number of workers");
    }
    for (const std::size_t bytes : {welcome->punt_ring_bytes, welcome->inject_ring_bytes,
                                    welcome->route_ring_bytes, welcome->event_ring_bytes}) {
        if (!valid_ring_bytes(bytes)) {
            return fault("the welcome has an impossible ring size");
        }
    }
    for (const std::size_t bytes : {welcome->punt_ring_bytes, welcome->inject_ring_bytes}) {
        if (!valid_packet_ring_bytes(bytes)) {
            return fault("the welcome has a ring that is too small for the longest packet");
        }
    }
    if (welcome->punt_rings != kPuntPriorityCount) {
        return fault("the welcome has another number of punt rings than there are priorities");
    }
    return *welcome;
}

net::Result<QueryReplyView, Fault> read_query_reply(std::span<const std::byte> body) {
    const auto header = read_front<QueryReplyBody>(body);
    if (!header) {
        return fault("a query's answer is shorter than its header");
    }
    const auto records = body.subspan(sizeof(QueryReplyBody));
    const std::size_t expected = record_bytes_of(header->kind);
    if (expected == 0 || header->record_bytes != expected || records.size() % expected != 0 ||
        header->record_count != records.size() / expected) {
        return fault("a query's answer has the wrong length");
    }
    if (!all_valid(header->kind, records)) {
        return fault("a query's answer has a number out of range");
    }
    return QueryReplyView{*header, records};
}

net::Result<std::vector<OwnPortRecord>, Fault> read_own_ports(std::span<const std::byte> body) {
    if (body.size() % sizeof(OwnPortRecord) != 0 ||
        body.size() / sizeof(OwnPortRecord) > kMaxOwnPorts) {
        return fault("a message about ports has the wrong length");
    }
    std::vector<OwnPortRecord> records(body.size() / sizeof(OwnPortRecord));
    if (!records.empty()) {
        std::memcpy(records.data(), body.data(), body.size());
    }
    for (const OwnPortRecord& record : records) {
        const net::IpProtocol protocol{record.protocol};
        if (record.port == 0 ||
            (protocol != net::IpProtocol::Tcp && protocol != net::IpProtocol::Udp)) {
            return fault("a message about ports names none of TCP or UDP");
        }
    }
    return records;
}

net::Result<NatAskBody, Fault> read_nat_ask(std::span<const std::byte> body) {
    const auto ask = read_exact<NatAskBody>(body);
    if (!ask) {
        return fault("a question about NAT has the wrong length");
    }
    if (!within(ask->kind, NatAskKind::Sessions, NatAskKind::Map) ||
        (ask->filter.fields & ~std::uint32_t{kNatAllFields}) != 0 ||
        ask->filter.age >= NatAge::kCount || (ask->kind == NatAskKind::Map && !valid(ask->map))) {
        return fault("a question about NAT has a number out of range");
    }
    return *ask;
}

net::Result<NatAnswerView, Fault> read_nat_answer(std::span<const std::byte> body) {
    const auto header = read_front<NatAnswerBody>(body);
    if (!header) {
        return fault("an answer about NAT is shorter than its header");
    }
    if (!within(header->kind, NatAskKind::Sessions, NatAskKind::Map) ||
        !within(header->outcome, NatAskOutcome::Done, NatAskOutcome::Busy)) {
        return fault("an answer about NAT has an unknown kind or outcome");
    }
    const auto records = body.subspan(sizeof(NatAnswerBody));
    const std::size_t expected = record_bytes_of(header->kind);
    if (header->record_bytes != expected || records.size() != header->record_count * expected) {
        return fault("an answer about NAT has the wrong length");
    }
    if (!all_valid(header->kind, records)) {
        return fault("an answer about NAT has a number out of range");
    }
    return NatAnswerView{*header, records};
}

net::Result<ConfigureReplyView, Fault> read_configure_reply(std::span<const std::byte> body) {
    const auto header = read_front<ConfigureReplyBody>(body);
    if (!header) {
        return fault("a configuration's answer is shorter than its header");
    }
    const auto text = body.subspan(sizeof(ConfigureReplyBody));
    if (header->text_bytes != text.size() ||
        !within(header->outcome, ConfigureOutcome::Done, ConfigureOutcome::Failed)) {
        return fault("a configuration's answer has the wrong length or outcome");
    }
    return ConfigureReplyView{header->outcome,
                              {reinterpret_cast<const char*>(text.data()), text.size()}};
}

std::size_t record_bytes_of(QueryKind kind) {
    switch (kind) {
        case QueryKind::Interfaces:
            return sizeof(InterfaceRecord);
        case QueryKind::Fib:
            return sizeof(FibRecord);
        case QueryKind::NextHops:
            return sizeof(NextHopRecord);
        case QueryKind::Neighbors:
            return sizeof(NeighborRecord);
        case QueryKind::Workers:
            return sizeof(WorkerRecord);
        case QueryKind::Limits:
            return sizeof(LimitRecord);
        case QueryKind::NatTotals:
            return sizeof(NatTotalsRecord);
        case QueryKind::NatRules:
            return sizeof(NatRuleRecord);
    }
    return 0;
}

std::size_t record_bytes_of(NatAskKind kind) {
    switch (kind) {
        case NatAskKind::Sessions:
            return sizeof(NatSessionRecord);
        case NatAskKind::Subscribers:
            return sizeof(NatSubscriberRecord);
        case NatAskKind::Ports:
            return sizeof(NatPortRecord);
        case NatAskKind::Mappings:
            return sizeof(NatMappingRecord);
        case NatAskKind::Map:
            return sizeof(NatMapRecord);
        case NatAskKind::Clear:
        case NatAskKind::ClearMappings:
            break;
    }
    return 0;
}

}  // namespace godwit::api
