#include "dataplane/owner/nat_events.hpp"

#include <span>

#include "dataplane/api/decode.hpp"
#include "dataplane/api/nat_messages.hpp"

namespace godwit::dataplane {

namespace {

// The worker's time is whole seconds of a clock of its own; the age of the event takes it to the
// time of day.
api::NatBindingRecord record_of(const nat::BindingEvent& event, std::uint64_t worker_seconds,
                                std::uint64_t unix_ms) {
    const std::uint64_t seconds = event.time.time_since_epoch().count();
    const std::uint64_t age_ms = worker_seconds > seconds ? (worker_seconds - seconds) * 1000U : 0U;
    api::NatBindingRecord record;
    record.time_ms = unix_ms - age_ms;
    record.event = static_cast<std::uint8_t>(event.event);
    record.protocol = static_cast<std::uint8_t>(event.protocol);
    record.rule = static_cast<std::uint16_t>(event.rule);
    record.inside = event.inside.address.value();
    record.outside = event.outside.address.value();
    record.remote = event.remote.address.value();
    record.inside_port = event.inside.port;
    record.outside_port = event.outside.port;
    record.remote_port = event.remote.port;
    record.block_first = event.block.first;
    record.block_last = event.block.last;
    record.block_step = event.block_step;
    return record;
}

}  // namespace

bool NatEvents::may_tell(Instant now) {
    if (now - second_ >= std::chrono::seconds(1)) {
        second_ = now;
        in_second_ = 0;
    }
    return in_second_++ < rate_;
}

bool NatEvents::tell(ChannelServer* server, const NatRuleNumbers& rules, Instant now,
                     std::uint64_t unix_ms) {
    bool more = false;
    for (unsigned worker = 0; worker < table_.workers(); ++worker) {
        if (server == nullptr || server->event_room() < kRoomOfOthers) {
            return false;
        }
        const std::size_t count = table_.take_events(worker, events_);
        const std::uint64_t worker_seconds = count == 0 ? 0 : table_.statistics(worker).now_seconds;
        for (const nat::BindingEvent& event : std::span(events_).first(count)) {
            if (!may_tell(now)) {
                ++suppressed_;
                continue;
            }
            api::NatBindingRecord record = record_of(event, worker_seconds, unix_ms);
            api::set_bounded_text(record.rule_name, rules.name_of(event.rule));
            const bool was_told = server->emit(api::EventType::NatBinding, record);
            ++(was_told ? told_ : suppressed_);
        }
        more |= count == events_.size();
    }
    return more;
}

}  // namespace godwit::dataplane
