#include "dataplane/owner/nat_questions.hpp"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>
#include <vector>

namespace godwit::dataplane {

namespace {

// What fits into one control message.
constexpr std::size_t kRecordBytes =
    api::kMaxControlMessageBytes - sizeof(api::ControlHeader) - sizeof(api::NatAnswerBody);

// Both sides of the channel have one numbering.
static_assert(static_cast<int>(api::NatTcpState::Transitory) ==
              static_cast<int>(nat::TcpState::Transitory));
static_assert(static_cast<int>(api::NatAge::Icmp) == static_cast<int>(nat::AgeClass::Icmp) &&
              api::kNatAges == nat::kAgeClasses);
static_assert(static_cast<int>(api::NatMapOutcome::RulesChange) ==
                  static_cast<int>(nat::MappingOutcome::WrongWorker) &&
              api::kNatMapOutcomes == nat::kMappingOutcomes);

nat::SessionFilter filter_of(const api::NatFilter& asked) {
    nat::SessionFilter filter;
    const auto has = [&](api::NatFilterFields field) { return (asked.fields & field) != 0; };
    if (has(api::kNatInside)) {
        filter.inside = net::Ipv4Address(asked.inside);
    }
    if (has(api::kNatOutside)) {
        filter.outside = net::Ipv4Address(asked.outside);
    }
    if (has(api::kNatRemote)) {
        filter.remote = net::Ipv4Address(asked.remote);
    }
    if (has(api::kNatProtocol)) {
        filter.protocol = net::IpProtocol{asked.protocol};
    }
    if (has(api::kNatRule)) {
        filter.rule = nat::RuleId{asked.rule};
    }
    if (has(api::kNatAge)) {
        filter.age = static_cast<nat::AgeClass>(asked.age);
    }
    if (has(api::kNatInsidePort)) {
        filter.inside_port = asked.inside_port;
    }
    if (has(api::kNatOutsidePort)) {
        filter.outside_port = asked.outside_port;
    }
    return filter;
}

nat::Seconds lifetime(nat::AgeClass age, const nat::Timeouts& times) {
    switch (age) {
        case nat::AgeClass::TcpOpening:
        case nat::AgeClass::TcpOpeningInward:
            return times.tcp_opening;
        case nat::AgeClass::TcpEstablished:
            return times.tcp_established;
        case nat::AgeClass::TcpClosing:
            return times.tcp_closing;
        case nat::AgeClass::Udp:
            return times.udp;
        case nat::AgeClass::Icmp:
            return times.icmp;
        case nat::AgeClass::Free:
            break;
    }
    return {};
}

api::NatSessionRecord record_of(const nat::SessionView& view, unsigned worker,
                                std::uint64_t now_seconds, const nat::Timeouts& times) {
    api::NatSessionRecord record;
    record.inside = view.inside_to_remote.source.address.value();
    record.inside_port = view.inside_to_remote.source.port;
    record.outside = view.outside.address.value();
    record.outside_port = view.outside.port;
    record.remote = view.inside_to_remote.destination.address.value();
    record.remote_port = view.inside_to_remote.destination.port;
    record.rule = static_cast<std::uint16_t>(view.rule);
    record.protocol = static_cast<std::uint8_t>(view.inside_to_remote.protocol);
    record.tcp = static_cast<api::NatTcpState>(view.tcp);
    record.age = static_cast<api::NatAge>(view.age);
    record.worker = static_cast<std::uint8_t>(worker);
    const std::uint64_t listed = view.listed.time_since_epoch().count();
    record.idle_seconds =
        static_cast<std::uint32_t>(now_seconds > listed ? now_seconds - listed : 0U);
    const std::uint32_t whole = lifetime(view.age, times).count();
    record.seconds_left = whole > record.idle_seconds ? whole - record.idle_seconds : 0U;
    return record;
}

nat::MappingRequest request_of(const api::NatMapRequest& asked) {
    nat::MappingRequest request;
    request.inside = {net::Ipv4Address(asked.inside), asked.inside_port};
    request.protocol = net::IpProtocol{asked.protocol};
    request.nonce = asked.nonce;
    request.lifetime = nat::Seconds{asked.lifetime_seconds};
    request.suggested = {net::Ipv4Address(asked.suggested), asked.suggested_port};
    request.exactly = (asked.flags & api::kNatMapExactly) != 0;
    request.clears_filters = (asked.flags & api::kNatMapClearsFilters) != 0;
    request.filter_count = asked.filter_count;
    std::ranges::transform(
        asked.filters, request.filters.begin(), [](const api::NatMapFilter& filter) {
            return nat::MappingFilter{net::Ipv4Address(filter.network), filter.port, filter.length};
        });
    return request;
}

api::NatMapRecord record_of(const nat::MappingGrant& grant, const api::NatEpoch& epoch) {
    return {static_cast<api::NatMapOutcome>(grant.outcome),
            grant.outside.address.value(),
            grant.outside.port,
            0,
            grant.lifetime.count(),
            epoch};
}

api::NatMappingRecord record_of(const nat::MappingView& view, unsigned worker,
                                std::uint64_t now_seconds) {
    api::NatMappingRecord record;
    record.inside = view.inside.address.value();
    record.inside_port = view.inside.port;
    record.outside = view.outside.address.value();
    record.outside_port = view.outside.port;
    record.rule = static_cast<std::uint16_t>(view.rule);
    record.protocol = static_cast<std::uint8_t>(view.protocol);
    record.worker = static_cast<std::uint8_t>(worker);
    record.sessions = view.sessions;
    const std::uint64_t deadline = view.deadline.time_since_epoch().count();
    record.seconds_left =
        static_cast<std::uint32_t>(deadline > now_seconds ? deadline - now_seconds : 0U);
    record.filter_count = view.filter_count;
    std::ranges::transform(
        view.filters, record.filters.begin(), [](const nat::MappingFilter& filter) {
            return api::NatMapFilter{filter.network.value(), filter.port, filter.length, 0};
        });
    return record;
}

template <class Record>
std::span<const std::byte> bytes_of_all(const std::vector<Record>& records) {
    return std::as_bytes(std::span(records));
}

}  // namespace

void NatQuestions::asked(std::uint64_t session, std::uint32_t request, const api::NatAskBody& ask) {
    Waiting waiting{session, request, ask, 0};
    if (ask.kind == api::NatAskKind::Clear || ask.kind == api::NatAskKind::ClearMappings) {
        waiting.ask.cursor = 0;  // all of them
    }
    const std::uint64_t tag = ++last_tag_;
    if (!is_full(ask.kind) && ask_worker(tag, waiting)) {
        waiting_.emplace(tag, waiting);
        requests_ += ask.kind == api::NatAskKind::Map ? 1U : 0U;
    } else if (refused_.size() < kMaxRefused) {
        refused_.push_back(waiting);
    }
}

bool NatQuestions::is_full(api::NatAskKind kind) const {
    return kind == api::NatAskKind::Map ? requests_ >= api::kMaxNatMaps
                                        : waiting_.size() - requests_ >= kMaxQuestions;
}

// The cursor says which worker; of a mapping, its inside endpoint.
bool NatQuestions::ask_worker(std::uint64_t tag, const Waiting& waiting) {
    auto worker = static_cast<unsigned>(
        std::min<std::uint64_t>(waiting.ask.cursor >> 32U, table_.workers() - 1U));
    const auto cursor = static_cast<std::uint32_t>(waiting.ask.cursor);
    const auto room = [&](std::size_t record_bytes) {
        const auto most = static_cast<std::uint32_t>(kRecordBytes / record_bytes);
        return waiting.ask.max_records == 0 ? most : std::min(most, waiting.ask.max_records);
    };
    nat::Question question;
    switch (waiting.ask.kind) {
        case api::NatAskKind::Sessions: {
            nat::SessionPage page;
            page.filter = filter_of(waiting.ask.filter);
            page.cursor = cursor;
            page.room = room(sizeof(api::NatSessionRecord));
            question = std::move(page);
            break;
        }
        case api::NatAskKind::Subscribers: {
            nat::SubscriberPage page;
            page.cursor = cursor;
            page.room = room(sizeof(api::NatSubscriberRecord));
            question = std::move(page);
            break;
        }
        case api::NatAskKind::Ports: {
            nat::PortPage page;
            page.cursor = cursor;
            page.room = room(sizeof(api::NatPortRecord));
            question = std::move(page);
            break;
        }
        case api::NatAskKind::Clear:
        case api::NatAskKind::ClearMappings: {
            nat::SessionClear clear;
            clear.filter = filter_of(waiting.ask.filter);
            clear.of_requests = waiting.ask.kind == api::NatAskKind::ClearMappings;
            question = clear;
            break;
        }
        case api::NatAskKind::Mappings: {
            nat::MappingPage page;
            page.cursor = cursor;
            page.room = room(sizeof(api::NatMappingRecord));
            question = std::move(page);
            break;
        }
        case api::NatAskKind::Map: {
            const nat::MappingAsk asked{request_of(waiting.ask.map)};
            worker = table_.worker_of(asked.request.protocol, asked.request.inside);
            question = asked;
            break;
        }
    }
    if (!table_.ask(worker, std::move(question), tag)) {
        return false;
    }
    links_.wake_worker(worker);
    return true;
}

void NatQuestions::poll(ChannelServer* server, const Epoch& epoch) {
    while (auto answer = table_.take_answer()) {
        came(std::move(*answer), server, epoch);
    }
    while (!refused_.empty()) {
        api::NatAnswerBody header;
        header.outcome = api::NatAskOutcome::Busy;
        give(refused_.front(), header, {}, server);
        refused_.pop_front();
    }
}

void NatQuestions::came(nat::Answer answer, ChannelServer* server, const Epoch& epoch) {
    auto node = waiting_.extract(answer.tag);
    if (node.empty()) {
        return;
    }
    Waiting& waiting = node.mapped();
    api::NatAnswerBody header;
    header.outcome = api::NatAskOutcome::Done;
    if (const auto* clear = std::get_if<nat::SessionClear>(&answer.question)) {
        waiting.cleared += clear->cleared;
        waiting.ask.cursor = next_cursor(answer.worker, nat::kNone);
        const bool goes_on = waiting.ask.cursor != 0;
        if (goes_on && ask_worker(answer.tag, waiting)) {
            waiting_.insert(std::move(node));
            return;
        }
        header.outcome = goes_on ? api::NatAskOutcome::Busy : api::NatAskOutcome::Done;
        header.cleared = waiting.cleared;
        give(waiting, header, {}, server);
        return;
    }
    if (const auto* asked = std::get_if<nat::MappingAsk>(&answer.question)) {
        --requests_;
        const std::vector records{record_of(asked->grant, epoch())};
        header.record_count = 1;
        give(waiting, header, bytes_of_all(records), server);
        return;
    }
    const auto give_page = [&](const auto& found, std::uint32_t cursor, const auto& record) {
        std::vector<std::decay_t<decltype(record(found.front()))>> records;
        std::ranges::transform(found, std::back_inserter(records), record);
        header.record_count = static_cast<std::uint32_t>(records.size());
        header.next_cursor = next_cursor(answer.worker, cursor);
        give(waiting, header, bytes_of_all(records), server);
    };
    const std::uint64_t now_seconds = table_.statistics(answer.worker).now_seconds;
    if (const auto* page = std::get_if<nat::SessionPage>(&answer.question)) {
        const nat::Timeouts times =
            table_.wanted() ? table_.wanted()->settings.timeouts : nat::Timeouts{};
        give_page(page->sessions, page->cursor, [&](const nat::SessionView& view) {
            return record_of(view, answer.worker, now_seconds, times);
        });
    } else if (const auto* mappings = std::get_if<nat::MappingPage>(&answer.question)) {
        give_page(mappings->mappings, mappings->cursor, [&](const nat::MappingView& view) {
            return record_of(view, answer.worker, now_seconds);
        });
    } else if (const auto* subscribers = std::get_if<nat::SubscriberPage>(&answer.question)) {
        give_page(subscribers->subscribers, subscribers->cursor, [&](const nat::Subscriber& each) {
            return api::NatSubscriberRecord{
                each.inside.value(), each.outside.value(),
                each.ports,          each.sessions,
                each.blocks,         static_cast<std::uint16_t>(answer.worker)};
        });
    } else if (const auto* ports = std::get_if<nat::PortPage>(&answer.question)) {
        give_page(ports->uses, ports->cursor, [](const nat::PortUse& use) {
            return api::NatPortRecord{use.outside.value(), use.tcp, use.udp, use.icmp};
        });
    }
}

void NatQuestions::give(const Waiting& to, api::NatAnswerBody header,
                        std::span<const std::byte> records, ChannelServer* server) const {
    header.kind = to.ask.kind;
    header.record_bytes = static_cast<std::uint32_t>(api::record_bytes_of(to.ask.kind));
    if (server != nullptr) {
        server->answer_nat(to.session, to.request, header, records);
    }
}

std::uint64_t NatQuestions::next_cursor(unsigned worker, std::uint32_t cursor) const {
    if (cursor != nat::kNone) {
        return std::uint64_t{worker} << 32U | cursor;
    }
    return worker + 1U < table_.workers() ? std::uint64_t{worker + 1U} << 32U : 0U;
}

}  // namespace godwit::dataplane
