#include "dataplane/owner/nat_control.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "dataplane/api/decode.hpp"

namespace godwit::dataplane {

using namespace std::chrono_literals;

namespace {

static_assert(api::kNatRefusals == nat::kReasons);
static_assert(static_cast<int>(api::NatRefusal::NotOwner) ==
              static_cast<int>(nat::Reason::NotOwner));

api::NatRuleKind kind_of(NatRuleKind kind) {
    switch (kind) {
        case NatRuleKind::Source:
            return api::NatRuleKind::Source;
        case NatRuleKind::OneToOne:
            return api::NatRuleKind::Static;
        case NatRuleKind::Destination:
            return api::NatRuleKind::Destination;
    }
    return api::NatRuleKind::Source;
}

std::uint64_t refused(const api::NatTotalsRecord& totals, api::NatRefusal why) {
    return totals.refused[static_cast<std::size_t>(why)];
}

}  // namespace

NatControl::NatControl(nat::NatTable* table, Links& links) : table_(table), links_(links) {
    if (table != nullptr) {
        questions_.emplace(*table, links);
        events_.emplace(*table);
    }
}

NatControl::Basis NatControl::basis_of(const config::Model& model) const {
    Basis basis;
    basis.nat = model.nat;
    // What the workers need of it; the rest is the control plane's.
    basis.nat.pcp = {};
    basis.nat.pcp.mappings_per_subscriber = model.nat.pcp.mappings_per_subscriber;
    if (model.nat.is_used()) {
        for (const auto& [name, interface] : model.interfaces) {
            basis.addresses.emplace(name, interface.addresses);
        }
        basis.own_ports = own_ports_;
    }
    return basis;
}

std::string NatControl::problem_with(const config::Model& next, const NumberOf& number_of) const {
    if (table_ == nullptr || basis_of(next) == basis_) {
        return "";
    }
    NatRuleNumbers numbers = numbers_;
    const auto plan = nat_plan(next, numbers, number_of, own_ports_);
    return plan ? table_->check(plan->wanted) : plan.error();
}

std::string NatControl::adopt(const config::Model& next, const NumberOf& number_of) {
    Basis basis = basis_of(next);
    if (table_ == nullptr || basis == basis_) {
        return "";
    }
    NatRuleNumbers numbers = numbers_;
    auto plan = nat_plan(next, numbers, number_of, own_ports_);
    if (!plan) {
        return plan.error();
    }
    const bool begins = !table_->wanted();
    if (std::string wrong = table_->want(std::move(plan->wanted)); !wrong.empty()) {
        return wrong;
    }
    if (begins) {  // with other tables than those before
        epoch_.reset();
    }
    numbers.keep_only(plan->numbers);
    numbers_ = std::move(numbers);
    basis_ = std::move(basis);
    events_->set_rate(next.nat.log.rate);
    for (unsigned worker = 0; worker < table_->workers(); ++worker) {
        links_.wake_worker(worker);
    }
    return "";
}

bool NatControl::turn(ChannelServer* server, Instant now, std::uint64_t unix_ms) {
    if (table_ == nullptr) {
        return false;
    }
    is_busy_ = table_->poll();
    questions_->poll(server, [this, now] { return epoch(now); });
    return events_->tell(server, numbers_, now, unix_ms);
}

void NatControl::asked(std::uint64_t session, std::uint32_t request, const api::NatAskBody& ask) {
    if (questions_) {
        questions_->asked(session, request, ask);
        is_busy_ = true;
    }
}

nat::Statistics NatControl::sum() const {
    nat::Statistics sum = table_->statistics(0);
    for (unsigned worker = 1; worker < table_->workers(); ++worker) {
        sum += table_->statistics(worker);
    }
    return sum;
}

// A change of rules or addresses that ended a requested mapping begins a new epoch: its host asks
// for it again then (RFC 6887 8.5). One that ended none is nobody's concern. Looked at when it is
// asked for. The number is the time at which it began, which no other run had.
api::NatEpoch NatControl::epoch(Instant now) {
    const nat::Statistics workers = sum();
    if (workers.max_sessions == 0) {
        epoch_.reset();
        return {};
    }
    if (!epoch_ || workers.counters.requests_revoked != epoch_->revoked) {
        const auto time = static_cast<std::uint64_t>(now.time_since_epoch() / 1ns);
        last_epoch_ = std::max(last_epoch_ + 1, time);
        epoch_ = {last_epoch_, now, workers.counters.requests_revoked};
    }
    return {epoch_->number, static_cast<std::uint64_t>((now - epoch_->began) / 1ms)};
}

api::NatTotalsRecord NatControl::totals() const {
    api::NatTotalsRecord record;
    if (table_ == nullptr) {
        return record;
    }
    const nat::Statistics sum = this->sum();
    record.max_sessions = sum.max_sessions;
    record.max_subscribers = sum.max_subscribers;
    record.sessions = sum.sessions;
    record.mappings = sum.mappings;
    record.subscribers = sum.subscribers;
    record.syns_waiting = sum.syns_waiting;
    record.memory_bytes = sum.memory_bytes;
    record.translated_out = sum.counters.translated[0];
    record.translated_in = sum.counters.translated[1];
    record.without_session = sum.counters.without_session;
    record.errors_translated = sum.counters.quoted;
    record.refused = sum.counters.refused;
    record.sessions_made = sum.counters.sessions_made;
    record.sessions_expired = sum.counters.sessions_expired;
    record.sessions_evicted = sum.counters.sessions_evicted;
    record.sessions_revoked = sum.counters.sessions_revoked;
    record.sessions_cleared = sum.counters.sessions_cleared;
    record.mappings_made = sum.counters.mappings_made;
    record.ports_preserved = sum.counters.ports_preserved;
    record.resets_doubted = sum.counters.resets_doubted;
    record.syns_held = sum.counters.syns_held;
    record.ftp_translated = sum.counters.ftp_translated;
    record.ftp_refused = sum.counters.ftp_refused;
    record.ftp_limited = sum.counters.ftp_limited;
    record.ftp_held = sum.counters.ftp_held;
    record.requested = sum.requested;
    record.max_requested = sum.max_requested;
    record.released = sum.released;
    record.requests_granted = sum.counters.requests_granted;
    record.requests_renewed = sum.counters.requests_renewed;
    record.requests_released = sum.counters.requests_released;
    record.requests_expired = sum.counters.requests_expired;
    record.requests_cleared = sum.counters.requests_cleared;
    record.requests_revoked = sum.counters.requests_revoked;
    record.requests_refused = sum.counters.requests_refused;
    record.events_told = events_->told();
    record.events_suppressed = events_->suppressed();
    record.events_lost = sum.events_lost;
    return record;
}

void NatControl::answer_totals(QueryPage& page, Instant now) {
    api::NatTotalsRecord record = totals();
    if (table_ != nullptr) {
        record.epoch = epoch(now);
    }
    if (!page.add(record)) {
        page.next_cursor = 1;
    }
}

void NatControl::answer_rules(std::uint64_t cursor, QueryPage& page) const {
    std::uint64_t place = 0;
    for (const auto& [key, id] : numbers_.all()) {
        if (place++ < cursor) {
            continue;
        }
        api::NatRuleRecord record;
        record.rule = static_cast<std::uint16_t>(id);
        record.kind = kind_of(key.kind);
        record.protocol = static_cast<std::uint8_t>(key.protocol);
        api::set_bounded_text(record.name, key.name);
        for (unsigned worker = 0; table_ != nullptr && worker < table_->workers(); ++worker) {
            const nat::RuleUses::Use use = table_->uses(worker, id);
            record.sessions += use.sessions;
            record.sessions_made += use.made;
        }
        if (!page.add(record)) {
            page.next_cursor = place - 1;
            return;
        }
    }
}

std::vector<api::LimitRecord> NatControl::limits() const {
    const api::NatTotalsRecord now = totals();
    if (now.max_sessions == 0) {
        return {};
    }
    using enum api::NatRefusal;
    std::uint64_t sessions = 0;
    for (const std::uint64_t each : now.sessions) {
        sessions += each;
    }
    return {{api::TableLimit::NatSessions, 0, sessions, now.max_sessions,
             refused(now, SessionTableFull) + now.sessions_evicted},
            {api::TableLimit::NatSubscribers, 0, now.subscribers, now.max_subscribers,
             refused(now, SubscriberTableFull)},
            {api::TableLimit::NatRequested, 0, now.requested + now.released, now.max_requested,
             now.requests_refused[static_cast<std::size_t>(api::NatMapOutcome::NoRoom)]},
            {api::TableLimit::NatEvents, 0, 0, 0, now.events_suppressed + now.events_lost}};
}

}  // namespace godwit::dataplane
