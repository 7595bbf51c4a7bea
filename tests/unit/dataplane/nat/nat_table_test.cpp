// The owner and the workers around the translators: what is wanted arrives, sessions stay where
// they may, questions are answered piece by piece, and nobody waits.
#include "dataplane/nat/nat_table.hpp"

#include <atomic>
#include <thread>

#include "tests/unit/dataplane/nat/nat_fixture.hpp"

namespace godwit::dataplane::nat::testing {
namespace {

class NatTableTest : public ::testing::Test {
protected:
    NatTableTest() {
        set_.source = {source_rule()};
        settings_.max_sessions = 4096;
    }

    NatTable::Wanted wanted() const { return {settings_, compiled(set_)}; }
    void want() { ASSERT_EQ(table_.want(wanted()), ""); }
    // As the loops of all workers do, until nothing is under way.
    void turn() {
        for (unsigned loop = 0; loop < 10'000 && table_.poll(); ++loop) {
            for (unsigned worker = 0; worker < table_.workers(); ++worker) {
                table_.seat(worker).serve(now_);
            }
        }
    }
    Decision udp_out(Endpoint from, Endpoint to) {
        const Flow flow{IpProtocol::Udp, from, to};
        return table_.seat(owner_of_port(from.port, 2)).translator()->outbound({flow}, kWan, now_);
    }

    RuleSet set_;
    Settings settings_;
    Instant now_{Seconds{5000}};
    NatTable table_{2, {3, 4}};
};

TEST_F(NatTableTest, A_worker_has_no_translator_until_one_is_wanted) {
    EXPECT_EQ(table_.seat(0).translator(), nullptr);

    want();
    EXPECT_TRUE(table_.is_changing());
    turn();

    EXPECT_FALSE(table_.is_changing());
    ASSERT_NE(table_.seat(1).translator(), nullptr);
    EXPECT_EQ(table_.statistics(0).max_sessions, 2048U);
}

TEST_F(NatTableTest, Sessions_outlive_a_change_that_does_not_concern_them) {
    want();
    turn();
    udp_out({{10, 0, 0, 5}, 40000}, kRemote);
    udp_out({{10, 0, 0, 6}, 40002}, kRemote);

    set_.exclusions = {{prefix("10.0.0.6/32"), prefix("0.0.0.0/0"), {}}};
    settings_.timeouts.udp = Seconds{600};
    want();
    turn();
    now_ += Seconds{400};
    std::uint64_t sessions = 0;
    for (unsigned worker = 0; worker < 2; ++worker) {
        while (table_.seat(worker).serve(now_)) {
        }
        table_.seat(worker).translator()->expire(now_, 100);
        sessions += table_.seat(worker).translator()->session_count();
    }

    EXPECT_EQ(sessions, 1U);
    EXPECT_TRUE(udp_out({{10, 0, 0, 5}, 40000}, kRemote).verdict == Verdict::Translate);
}

TEST_F(NatTableTest, Other_sizes_of_tables_need_a_restart) {
    want();
    turn();

    settings_.max_sessions = 8192;

    EXPECT_TRUE(table_.needs_restart(wanted()));
    EXPECT_NE(table_.want(wanted()), "");
}

TEST_F(NatTableTest, Pages_of_sessions_come_piece_by_piece) {
    want();
    turn();
    for (std::uint16_t port = 2000; port < 3000; ++port) {
        udp_out({{10, 0, 0, 5}, port}, kRemote);
    }

    std::size_t seen = 0;
    for (unsigned worker = 0; worker < 2; ++worker) {
        for (std::uint32_t cursor = 0; cursor != kNone;) {
            SessionPage page;
            page.cursor = cursor;
            page.room = 100;
            ASSERT_TRUE(table_.ask(worker, page, 77));
            turn();
            const auto answer = table_.take_answer();
            ASSERT_TRUE(answer);
            EXPECT_EQ(answer->tag, 77U);
            const auto& read = std::get<SessionPage>(answer->question);
            seen += read.sessions.size();
            cursor = read.cursor;
        }
    }

    EXPECT_EQ(seen, 1000U);
}

TEST_F(NatTableTest, Clearing_by_a_filter_ends_those_and_no_others) {
    want();
    turn();
    udp_out({{10, 0, 0, 5}, 2000}, kRemote);
    udp_out({{10, 0, 0, 6}, 2000}, kRemote);

    SessionClear clear;
    clear.filter.inside = Ipv4Address(10, 0, 0, 5);
    table_.ask(0, clear, 1);
    turn();

    EXPECT_EQ(std::get<SessionClear>(table_.take_answer()->question).cleared, 1U);
    EXPECT_EQ(table_.seat(0).translator()->session_count(), 1U);
    EXPECT_EQ(table_.uses(0, RuleId{1}).sessions, 1U);
    EXPECT_EQ(table_.uses(0, RuleId{1}).made, 2U);
}

TEST_F(NatTableTest, Questions_have_a_limit) {
    std::size_t taken = 0;
    while (taken < 1000 && table_.ask(0, SessionPage{}, taken)) {
        ++taken;
    }
    EXPECT_EQ(taken, NatTable::kMaxQuestions);
    turn();
    for (std::size_t left = taken; left > 0; --left) {
        const auto answer = table_.take_answer();
        ASSERT_TRUE(answer);
        EXPECT_EQ(std::get<SessionPage>(answer->question).cursor, kNone);
    }
}

TEST_F(NatTableTest, Bindings_are_told_in_their_order) {
    want();
    turn();
    udp_out({{10, 0, 0, 5}, 2000}, kRemote);
    udp_out({{10, 0, 0, 5}, 2001}, kRemote);

    std::vector<BindingEvent> events(10);
    ASSERT_EQ(table_.take_events(0, events), 2U);

    EXPECT_EQ(events[0].event, NatEvent::BindingCreate);
    EXPECT_EQ(events[0].inside.port, 2000);
    EXPECT_EQ(events[1].inside.port, 2001);
}

TEST_F(NatTableTest, Ports_of_the_router_are_given_to_nobody) {
    set_.own = {{IpProtocol::Udp, {}, {2000, 2001}}};
    want();
    turn();

    const Decision decision = udp_out({{10, 0, 0, 5}, 2000}, kRemote);

    ASSERT_EQ(decision.verdict, Verdict::Translate);
    EXPECT_GT(decision.rewrite.endpoint.port, 2001);
    EXPECT_EQ(table_.seat(0)
                  .translator()
                  ->inbound({{IpProtocol::Udp, kRemote, {kOutside, 2000}}}, now_)
                  .verdict,
              Verdict::Unmapped);
}

TEST_F(NatTableTest, Without_NAT_everything_is_given_back) {
    want();
    turn();
    const std::uint32_t before = table_.seat(0).installation();

    ASSERT_EQ(table_.want(std::nullopt), "");
    turn();

    EXPECT_EQ(table_.seat(0).translator(), nullptr);
    EXPECT_NE(table_.seat(0).installation(), before);
    std::vector<BindingEvent> events(1);
    EXPECT_EQ(table_.take_events(0, events), 0U);
}

TEST_F(NatTableTest, The_memory_is_what_was_announced) {
    want();
    turn();

    const std::size_t announced = NatTable::bytes_for(settings_, 2, 1);
    Statistics sum = table_.statistics(0);
    sum += table_.statistics(1);

    EXPECT_LE(sum.memory_bytes, announced + announced / 100);
    EXPECT_GE(sum.memory_bytes, announced - announced / 20);
}

TEST_F(NatTableTest, A_worker_is_asked_and_changed_while_it_runs) {
    want();
    std::atomic<bool> stop = false;
    std::atomic<unsigned> started = 0;
    const auto work = [&](unsigned worker) {
        Seat& seat = table_.seat(worker);
        std::uint16_t port = 0;
        ++started;
        while (!stop.load(std::memory_order_relaxed)) {
            seat.serve(now_);
            if (Translator* translator = seat.translator()) {
                port = static_cast<std::uint16_t>(port + 4);
                const auto source = static_cast<std::uint16_t>(port + worker * 2);
                static_cast<void>(translator->outbound(
                    {{IpProtocol::Udp, {{10, 0, 0, 9}, source}, kRemote}}, kWan, now_));
            }
            seat.publish(now_);
        }
    };
    std::thread first(work, 0);
    std::thread second(work, 1);
    while (started < 2) {
    }

    std::size_t answers = 0;
    std::vector<BindingEvent> events(64);
    for (unsigned round = 0; round < 200; ++round) {
        set_.own = {{IpProtocol::Udp, {}, {9000, static_cast<std::uint16_t>(9000 + round)}}};
        static_cast<void>(table_.want(wanted()));
        table_.ask(round % 2, SessionPage{}, round);
        table_.ask(round % 2, SessionClear{}, round);
        while (table_.poll()) {
            answers += table_.take_answer() ? 1 : 0;
            table_.take_events(round % 2, events);
            static_cast<void>(table_.uses(round % 2, RuleId{1}));
            static_cast<void>(table_.statistics(round % 2));
        }
    }
    while (table_.take_answer()) {
        ++answers;
    }
    stop = true;
    first.join();
    second.join();

    EXPECT_EQ(answers, 400U);
}

}  // namespace
}  // namespace godwit::dataplane::nat::testing
