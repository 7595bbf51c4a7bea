// What is kept of events, and of how many.
#include "controlplane/management/event_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace godwit::control {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class EventLogTest : public ::testing::Test {
protected:
    void note(EventTopic topic, const std::string& text) {
        log.note(topic, EventLevel::Info, text);
    }

    std::int64_t now = 1000;
    EventLog log{[this] { return now; }};
};

TEST_F(EventLogTest, A_topic_that_talks_a_lot_pushes_out_nothing_of_another) {
    note(EventTopic::Routes, "the first");
    for (std::size_t i = 0; i < 2 * EventLog::kKept; ++i) {
        note(EventTopic::Rip, "rip " + std::to_string(i));
    }
    EXPECT_EQ(log.of(EventTopic::Routes).front().text, "the first");
    EXPECT_EQ(log.of(EventTopic::Rip).size(), EventLog::kKept);
    EXPECT_EQ(log.of(EventTopic::Rip).front().text, "rip " + std::to_string(EventLog::kKept));
}

TEST_F(EventLogTest, Pages_go_through_all_topics_in_the_order_in_which_things_happened) {
    for (int i = 0; i < 50; ++i) {
        note(i % 3 == 0 ? EventTopic::Rip : EventTopic::Interfaces, std::to_string(i));
    }
    std::uint64_t behind = 0;
    int seen = 0;
    for (auto page = log.page(behind, 7); !page.empty(); page = log.page(behind, 7)) {
        EXPECT_LE(page.size(), 7U);
        for (const RouterEvent* event : page) {
            EXPECT_EQ(event->text, std::to_string(seen++));
            behind = event->number;
        }
    }
    EXPECT_EQ(seen, 50);
}

TEST_F(EventLogTest, What_comes_by_the_thousand_is_held_back_and_counted) {
    Instant at{};
    for (int i = 0; i < 1000; ++i) {
        log.note_some(EventTopic::Routes, EventLevel::Warning, "no room", at);
    }
    const std::size_t noted = log.of(EventTopic::Routes).size();
    EXPECT_LT(noted, 30U);
    log.note_some(EventTopic::Rip, EventLevel::Warning, "of another topic", at);
    EXPECT_EQ(log.of(EventTopic::Rip).size(), 1U) << "each topic has a gate of its own";
    log.note_some(EventTopic::Routes, EventLevel::Warning, "no room", at + seconds(10));
    EXPECT_THAT(log.of(EventTopic::Routes).back().text,
                HasSubstr("(" + std::to_string(1000 - noted) + " events before were not noted)"));
}

}  // namespace
}  // namespace godwit::control
