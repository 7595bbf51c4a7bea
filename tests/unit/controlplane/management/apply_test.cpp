// apply: all of a configuration or nothing of it, whatever step fails.
#include "controlplane/management/apply.hpp"

#include <fstream>

#include "tests/unit/controlplane/management/router_fixture.hpp"

namespace godwit::control {
namespace {

namespace json = boost::json;

class ApplyTest : public test::RouterFixture {
protected:
    void start_plain() {
        text = yaml();
        start(text);
        before = dataplane->prefixes();
    }
    // Nothing is other than it was: here, in the dataplane, on disk.
    void expect_unchanged() {
        settle();
        EXPECT_EQ(router->running().yaml, text);
        EXPECT_EQ(router->running().revision.number, 1U);
        EXPECT_EQ(revisions->history().size(), 1U);
        EXPECT_EQ(dataplane->prefixes(), before);
        EXPECT_EQ(dataplane->yaml(), text);
        EXPECT_EQ(router->dataplane_sha256(), config::sha256_hex(text));
    }

    std::string text;
    std::set<std::string> before;
};

TEST_F(ApplyTest, a_good_configuration_runs_everywhere_and_is_a_revision) {
    start_plain();
    const std::string next = yaml("    10.9.0.0/16: {via: 10.0.5.2}\n", "10.0.5.1/24");
    const json::object answer = apply(next);
    ASSERT_TRUE(answer.at("ok").as_bool()) << json::serialize(answer);
    EXPECT_EQ(answer.at("data").at("revision").as_int64(), 2);
    EXPECT_EQ(answer.at("data").at("cost").as_string(), "live");
    EXPECT_FALSE(answer.at("data").at("changes").as_array().empty());
    settle();
    EXPECT_EQ(dataplane->yaml(), next);
    EXPECT_TRUE(dataplane->prefixes().contains("10.9.0.0/16"));
    EXPECT_TRUE(dataplane->prefixes().contains("10.0.5.0/24"));
    EXPECT_FALSE(dataplane->prefixes().contains("10.0.0.0/24"));
    EXPECT_TRUE(router->host().owns(net::Ipv4Address(10, 0, 5, 1)));
    EXPECT_FALSE(router->host().owns(net::Ipv4Address(10, 0, 0, 1)));
    const auto newest = revisions->newest();
    ASSERT_TRUE(newest.has_value());
    EXPECT_EQ(newest->number, 2U);
    EXPECT_EQ(newest->message, "a test");
    EXPECT_EQ(newest->unix_seconds, 2000);
    EXPECT_EQ(newest->source_hash, "person");  // the person's own file did not change
    EXPECT_EQ(*revisions->text_of(2), next);
    EXPECT_EQ(dataplane->syncs_begun, 1);  // changes, not everything anew
}

TEST_F(ApplyTest, a_configuration_without_changes_makes_no_revision) {
    start_plain();
    const json::object answer = apply("# only a comment\n" + text);
    EXPECT_TRUE(answer.at("ok").as_bool());
    EXPECT_TRUE(answer.at("data").at("changes").as_array().empty());
    EXPECT_EQ(answer.at("data").at("revision").as_int64(), 1);
    EXPECT_TRUE(dataplane->configured.empty());
    expect_unchanged();
}

// rfc1812: 10.3.2.5/a
TEST_F(ApplyTest, all_errors_of_a_broken_configuration_are_shown_and_nothing_changes) {
    start_plain();
    const json::object answer = apply(yaml("    10.9.0.1/16: {via: 10.0.0.2}\n") + "nonsense: 1\n");
    EXPECT_EQ(answer.at("code").as_string(), "refused");
    EXPECT_EQ(answer.at("errors").as_array().size(), 2U);
    EXPECT_NE(json::serialize(answer.at("errors")).find("new.yaml:"), std::string::npos);
    expect_unchanged();
}

TEST_F(ApplyTest, a_change_that_needs_a_restart_is_refused_unless_asked_for) {
    start_plain();
    const std::string next = [this] {
        std::string changed = text;
        changed.replace(changed.find("64MiB"), 5, "96MiB");
        return changed;
    }();
    const json::object refused = apply(next);
    EXPECT_EQ(refused.at("code").as_string(), "refused");
    EXPECT_EQ(refused.at("data").at("cost").as_string(), "restart");
    EXPECT_NE(json::serialize(refused.at("errors")).find("workers.memory"), std::string::npos);
    EXPECT_TRUE(dataplane->configured.empty());
    expect_unchanged();

    dataplane->outcomes = {api::ConfigureOutcome::NeedsRestart};
    const json::object done = apply(next, true);
    ASSERT_TRUE(done.at("ok").as_bool()) << json::serialize(done);
    settle();
    EXPECT_EQ(dataplane->restarts, 1);
    EXPECT_EQ(own_restarts, 0);
    EXPECT_EQ(revisions->newest()->number, 2U);
    EXPECT_EQ(router->running().yaml, next);
    EXPECT_EQ(dataplane->yaml(), text);  // until it comes up anew, with running.yaml
    std::ifstream stream(revisions->running_path());
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(stream), {}), next);
}

TEST_F(ApplyTest, another_control_socket_restarts_both) {
    start_plain();
    std::string next = text;
    next.replace(next.find("/control.sock"), 13, "/other.sock");
    const json::object done = apply(next, true);
    ASSERT_TRUE(done.at("ok").as_bool()) << json::serialize(done);
    settle();
    EXPECT_EQ(dataplane->restarts, 1);
    EXPECT_EQ(own_restarts, 1);
}

TEST_F(ApplyTest, what_the_dataplane_refuses_changes_nothing) {
    start_plain();
    for (const auto& [outcome, code] :
         {std::pair(api::ConfigureOutcome::Refused, "refused"),
          std::pair(api::ConfigureOutcome::Failed, "failed"),
          std::pair(api::ConfigureOutcome::NeedsRestart, "refused")}) {
        dataplane->outcomes = {outcome};
        const json::object answer = apply(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n"));
        EXPECT_EQ(answer.at("code").as_string(), code);
        EXPECT_EQ(answer.at("errors").as_array()[0].as_string(), "lan0: the device says no");
        expect_unchanged();
    }
}

TEST_F(ApplyTest, a_commit_that_fails_changes_nothing) {
    start_plain();
    dataplane->outcomes = {api::ConfigureOutcome::Done, api::ConfigureOutcome::Failed};
    const json::object answer = apply(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n"));
    EXPECT_EQ(answer.at("code").as_string(), "failed");
    expect_unchanged();
    EXPECT_TRUE(apply(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n")).at("ok").as_bool());
}

TEST_F(ApplyTest, a_dataplane_that_dies_at_the_commit_changes_nothing_and_comes_back_as_it_was) {
    start_plain();
    client->send(json::serialize(json::object{
                     {"verb", "apply"}, {"yaml", yaml("    10.9.0.0/16: {blackhole: true}\n")}}) +
                 "\n");
    for (int i = 0; i < 100 && dataplane->configured.empty(); ++i) {
        turn(1);
    }
    dataplane.reset();
    settle();
    const json::object answer = client->answer();
    EXPECT_FALSE(answer.at("ok").as_bool()) << json::serialize(answer);
    start_dataplane(text, 2);
    advance(std::chrono::milliseconds(100));
    expect_unchanged();
}

TEST_F(ApplyTest, a_revision_that_cannot_be_stored_gives_the_dataplane_the_old_text_back) {
    start_plain();
    std::filesystem::rename(directory + "/state", directory + "/gone");
    std::ofstream(directory + "/state") << "no directory";
    const json::object answer = apply(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n"));
    EXPECT_EQ(answer.at("code").as_string(), "failed") << json::serialize(answer);
    std::filesystem::remove(directory + "/state");
    std::filesystem::rename(directory + "/gone", directory + "/state");
    expect_unchanged();
}

TEST_F(ApplyTest, without_a_dataplane_nothing_can_be_applied) {
    start_router(yaml());
    settle();
    const json::object answer = apply(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n"));
    EXPECT_EQ(answer.at("code").as_string(), "unavailable");
    EXPECT_EQ(revisions->history().size(), 1U);
}

TEST_F(ApplyTest, two_at_once_are_not_mixed) {
    start_plain();
    test::SocketClient second([this] { turn(1); }, path);
    const auto request = [this](const std::string& routes) {
        return json::serialize(json::object{{"verb", "apply"}, {"yaml", yaml(routes)}}) + "\n";
    };
    settle();
    client->send(request("    10.9.0.0/16: {via: 10.0.0.2}\n"));
    second.send(request("    10.8.0.0/16: {via: 10.0.0.2}\n"));
    const json::object first_answer = client->answer();
    const json::object second_answer = second.answer();
    EXPECT_TRUE(first_answer.at("ok").as_bool());
    EXPECT_EQ(second_answer.at("code").as_string(), "refused");
    settle();
    EXPECT_TRUE(dataplane->prefixes().contains("10.9.0.0/16"));
    EXPECT_FALSE(dataplane->prefixes().contains("10.8.0.0/16"));
}

TEST_F(ApplyTest, plan_and_check_change_nothing) {
    start_plain();
    const std::string next = yaml("    10.9.0.0/16: {via: 10.0.0.2}\n");
    const json::object plan = ask({{"verb", "plan"}, {"yaml", next}});
    ASSERT_EQ(plan.at("data").at("changes").as_array().size(), 1U);
    const json::value& change = plan.at("data").at("changes").as_array()[0];
    EXPECT_EQ(change.at("kind").as_string(), "added");
    EXPECT_EQ(change.at("cost").as_string(), "live");
    EXPECT_TRUE(ask({{"verb", "check"}, {"yaml", next}}).at("ok").as_bool());
    EXPECT_EQ(ask({{"verb", "check"}, {"yaml", "x: 1"}}).at("code").as_string(), "refused");
    EXPECT_EQ(ask({{"verb", "plan"}}).at("code").as_string(), "bad-request");
    expect_unchanged();
}

// rfc1812: 10.4.1/a, 10.4.1/d
TEST_F(ApplyTest, history_and_diff_tell_what_was_applied) {
    start_plain();
    apply(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n"));
    apply(yaml("    10.8.0.0/16: {via: 10.0.0.2}\n"));
    const json::object history = ask({{"verb", "history"}});
    const json::array& list = history.at("data").as_array();
    ASSERT_EQ(list.size(), 3U);
    EXPECT_EQ(list[0].at("revision").as_int64(), 3);
    EXPECT_TRUE(list[0].at("running").as_bool());
    EXPECT_FALSE(list[2].at("running").as_bool());
    EXPECT_EQ(ask({{"verb", "diff"}}).at("data").at("changes").as_array().size(), 2U);
    const json::object diff = ask({{"verb", "diff"}, {"from", 1}, {"to", 2}});
    ASSERT_EQ(diff.at("data").at("changes").as_array().size(), 1U);
    EXPECT_EQ(ask({{"verb", "diff"}, {"from", 1}, {"to", 99}}).at("code").as_string(), "refused");
    EXPECT_EQ(ask({{"verb", "diff"}, {"from", -1}}).at("code").as_string(), "bad-request");
}

// rfc1812: 10.3.2.6
TEST_F(ApplyTest, a_hundred_applies_leave_an_unrelated_route_alone) {
    text = yaml("    10.77.0.0/16: {via: 198.51.100.2}\n");
    start(text);
    const auto watched = *net::Ipv4Prefix::parse("10.77.0.0/16");
    const std::uint32_t number = dataplane->routes.at(watched).number;
    for (int i = 0; i < 100; ++i) {
        const std::string next =
            yaml("    10.77.0.0/16: {via: 198.51.100.2}\n" +
                     (i % 2 == 0 ? "    10." + std::to_string(i) + ".0.0/16: {via: 10.0.0.2}\n"
                                 : std::string()),
                 i % 3 == 0 ? "10.0.0.1/24, 10.200.0.1/24" : "10.0.0.1/24");
        const json::object answer = apply(next);
        ASSERT_TRUE(answer.at("ok").as_bool()) << json::serialize(answer);
        ASSERT_EQ(dataplane->routes.at(watched).number, number);
    }
    EXPECT_EQ(dataplane->syncs_begun, 1);
}

}  // namespace
}  // namespace godwit::control
