#include "controlplane/management/pcp_instance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "dataplane/api/nat_messages.hpp"

namespace godwit::control {

namespace {

static_assert(pcp::kMaxFilters == api::kNatMapFilters);

api::NatAskBody question_of(const pcp::MapWish& wish) {
    api::NatAskBody ask;
    ask.kind = api::NatAskKind::Map;
    api::NatMapRequest& map = ask.map;
    map.inside = wish.inside.address.value();
    map.inside_port = wish.inside.port;
    map.suggested = wish.suggested.address.value();
    map.suggested_port = wish.suggested.port;
    map.protocol = static_cast<std::uint8_t>(wish.protocol);
    map.flags |= wish.exactly ? std::uint8_t{api::kNatMapExactly} : std::uint8_t{0};
    map.flags |= wish.clears_filters ? std::uint8_t{api::kNatMapClearsFilters} : std::uint8_t{0};
    map.lifetime_seconds = wish.lifetime_seconds;
    map.nonce = wish.nonce;
    for (const pcp::Filter& filter : wish.filters) {
        if (map.filter_count < map.filters.size()) {
            map.filters[map.filter_count++] = {filter.remote.address().value(), filter.port,
                                               static_cast<std::uint8_t>(filter.remote.length()),
                                               0};
        }
    }
    return ask;
}

pcp::MapResult result_of(api::NatMapOutcome outcome) {
    switch (outcome) {
        case api::NatMapOutcome::Done:
            return pcp::MapResult::Done;
        case api::NatMapOutcome::NotAuthorized:
            return pcp::MapResult::NotAuthorized;
        case api::NatMapOutcome::NotTranslated:
            return pcp::MapResult::NotTranslated;
        case api::NatMapOutcome::OverLimit:
            return pcp::MapResult::QuotaExceeded;
        case api::NatMapOutcome::NotAsSuggested:
            return pcp::MapResult::CannotProvideExternal;
        case api::NatMapOutcome::TooManyFilters:
            return pcp::MapResult::ExcessivePeers;
        case api::NatMapOutcome::NoRoom:
        case api::NatMapOutcome::NoPort:
        case api::NatMapOutcome::RulesChange:
        case api::NatMapOutcome::kCount:
            break;
    }
    return pcp::MapResult::NoResources;
}

std::uint32_t seconds_of(std::chrono::seconds time) {
    return static_cast<std::uint32_t>(time.count());
}

}  // namespace

PcpInstance::PcpInstance(Surroundings surroundings)
    : surroundings_(surroundings),
      service_(
          surroundings.stack, surroundings.timers,
          [this](const pcp::MapWish& wish, pcp::OutcomeTeller answered) {
              ask(wish, std::move(answered));
          },
          pcp::Limits{.asks_under_way = api::kMaxNatMaps}),
      alive_(std::make_shared<bool>(true)) {}

void PcpInstance::adopt(const config::Model& model) {
    const config::NatPcp& wanted = model.nat.pcp;
    pcp::Settings settings;
    settings.min_lifetime_seconds = seconds_of(wanted.min_lifetime);
    settings.max_lifetime_seconds = seconds_of(wanted.max_lifetime);
    for (const std::string& name : wanted.interfaces) {
        if (const net::InterfaceId id = surroundings_.interfaces.id_of(name); !id.is_none()) {
            settings.interfaces.insert(id);
        }
    }
    const bool was_on = std::exchange(is_on_, !wanted.interfaces.empty());
    const auto configured = service_.configure(std::move(settings));
    const std::string problem = configured ? "" : configured.error();
    if (!problem.empty() && problem != problem_) {
        surroundings_.events.note(EventTopic::Nat, EventLevel::Error,
                                  fmt::format("pcp does not serve everywhere: {}", problem));
    }
    problem_ = problem;
    if (is_on_ && !was_on && problem.empty()) {
        surroundings_.events.note(
            EventTopic::Nat, EventLevel::Info,
            fmt::format("pcp serves on {}", fmt::join(wanted.interfaces, ", ")));
    } else if (was_on && !is_on_) {
        surroundings_.events.note(EventTopic::Nat, EventLevel::Info,
                                  "pcp has ended; mappings that hosts asked for live on until "
                                  "their time is over");
    }
    look();
}

void PcpInstance::look() {
    if (!is_on_ || is_looking_ || !surroundings_.channel.connected()) {
        return;
    }
    is_looking_ = true;
    surroundings_.channel.query(
        api::QueryKind::NatTotals,
        [this, alive = std::weak_ptr(alive_),
         asked = surroundings_.timers.now()](const net::Result<QueryAnswer, std::string>& answer) {
            if (alive.expired()) {
                return;
            }
            is_looking_ = false;
            if (answer && answer->count() == 1) {
                learn_epoch(answer->rows<api::NatTotalsRecord>().front().epoch, asked);
            }
        });
}

// As old as it can be: a client takes its mappings for lost where the epoch that it is told goes
// back (RFC 6887 8.5), as it would when the answer to this program had waited somewhere and that to
// the program before it had not.
void PcpInstance::learn_epoch(const api::NatEpoch& epoch, Instant asked) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 42U;  // 139 years; beyond lies nonsense
    service_.set_epoch(epoch.number, std::chrono::milliseconds(std::min(epoch.age_ms, kMost)) +
                                         (surroundings_.timers.now() - asked));
}

void PcpInstance::ask(const pcp::MapWish& wish, pcp::OutcomeTeller answered) {
    surroundings_.channel.ask_nat(
        question_of(wish),
        [this, alive = std::weak_ptr(alive_), asked = surroundings_.timers.now(),
         answered = std::move(answered)](const net::Result<NatAnswer, std::string>& answer) {
            pcp::MapOutcome outcome{pcp::MapResult::Unavailable, {}, 0};
            if (answer && answer->header.outcome == api::NatAskOutcome::Busy) {
                outcome.result = pcp::MapResult::NoResources;
            } else if (answer && answer->header.record_count == 1) {
                const auto record = answer->rows<api::NatMapRecord>().front();
                outcome = {result_of(record.outcome),
                           {net::Ipv4Address(record.outside), record.outside_port},
                           record.lifetime_seconds};
                if (!alive.expired()) {
                    learn_epoch(record.epoch, asked);
                }
            }
            answered(outcome);
        });
}

}  // namespace godwit::control
