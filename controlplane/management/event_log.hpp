// What has happened in the router, for people: every event goes to the program's log, and the last
// of each topic are kept for `show events`. A topic that talks a lot pushes out nothing of another.
//
// What strangers or a million routes can cause comes through a gate of its topic's: what it holds
// back is counted, and the next event says how many there were.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/host/token_bucket.hpp"
#include "controlplane/runtime/clock.hpp"

namespace godwit::control {

enum class EventTopic : std::uint8_t {
    Dataplane,
    Interfaces,
    Addresses,
    Routes,
    Policies,
    Rip,
    Nat
};
constexpr std::array<std::string_view, 7> kEventTopicNames{
    "dataplane", "interfaces", "addresses", "routes", "policies", "rip", "nat"};

enum class EventLevel : std::uint8_t { Info, Warning, Error };
constexpr std::array<std::string_view, 3> kEventLevelNames{"info", "warning", "error"};

struct RouterEvent {
    std::uint64_t number = 0;  // from 1, in the order of all topics
    std::int64_t unix_seconds = 0;
    EventTopic topic{};
    EventLevel level{};
    std::string text;
};

class EventLog {
public:
    static constexpr std::size_t kKept = 256;  // of each topic

    explicit EventLog(std::function<std::int64_t()> unix_seconds)
        : unix_seconds_(std::move(unix_seconds)) {}

    void note(EventTopic topic, EventLevel level, std::string text);
    // The same for what can come by the thousand.
    void note_some(EventTopic topic, EventLevel level, std::string text, Instant now);

    // At most `limit` of them, the oldest first, behind the event of that number.
    [[nodiscard]] std::vector<const RouterEvent*> page(std::uint64_t behind,
                                                       std::size_t limit) const;
    [[nodiscard]] const std::deque<RouterEvent>& of(EventTopic topic) const {
        return kept_[static_cast<std::size_t>(topic)].events;
    }

private:
    struct Kept {
        std::deque<RouterEvent> events;
        TokenBucket gate{2, 20};
        std::uint64_t held_back = 0;
    };

    std::function<std::int64_t()> unix_seconds_;
    std::uint64_t number_ = 0;
    std::array<Kept, kEventTopicNames.size()> kept_;
};

}  // namespace godwit::control
