#include "controlplane/management/event_log.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace godwit::control {

void EventLog::note(EventTopic topic, EventLevel level, std::string text) {
    switch (level) {
        case EventLevel::Info:
            spdlog::info("{}", text);
            break;
        case EventLevel::Warning:
            spdlog::warn("{}", text);
            break;
        case EventLevel::Error:
            spdlog::error("{}", text);
            break;
    }
    std::deque<RouterEvent>& events = kept_[static_cast<std::size_t>(topic)].events;
    if (events.size() == kKept) {
        events.pop_front();
    }
    events.push_back({++number_, unix_seconds_(), topic, level, std::move(text)});
}

void EventLog::note_some(EventTopic topic, EventLevel level, std::string text, Instant now) {
    Kept& kept = kept_[static_cast<std::size_t>(topic)];
    if (!kept.gate.take(now)) {
        ++kept.held_back;
        return;
    }
    if (kept.held_back > 0) {
        text += fmt::format(" ({} events before were not noted)", std::exchange(kept.held_back, 0));
    }
    note(topic, level, std::move(text));
}

std::vector<const RouterEvent*> EventLog::page(std::uint64_t behind, std::size_t limit) const {
    std::vector<const RouterEvent*> found;
    for (const Kept& kept : kept_) {
        auto at = std::upper_bound(
            kept.events.begin(), kept.events.end(), behind,
            [](std::uint64_t number, const RouterEvent& event) { return number < event.number; });
        for (std::size_t taken = 0; at != kept.events.end() && taken < limit; ++at, ++taken) {
            found.push_back(&*at);
        }
    }
    std::sort(found.begin(), found.end(),
              [](const auto* left, const auto* right) { return left->number < right->number; });
    found.resize(std::min(found.size(), limit));
    return found;
}

}  // namespace godwit::control
