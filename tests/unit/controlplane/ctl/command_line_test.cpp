// The words of godwitctl: what they mean, what is refused and how, and what TAB offers.
#include "controlplane/ctl/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "controlplane/ctl/prompt.hpp"

namespace godwit::ctl {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class CommandLineTest : public testing::Test {
protected:
    CommandLineTest() { ::unsetenv("GODWIT_SOCKET"); }
    CommandLine line{"0.1.0"};

    std::string refusal(const std::vector<std::string>& words) {
        const auto asked = line.parse(words);
        EXPECT_FALSE(asked.has_value());
        EXPECT_EQ(asked.error().exit_code, kExitUsage);
        return asked.error().text;
    }
};

TEST_F(CommandLineTest, no_words_ask_for_the_prompt_at_the_default_socket) {
    const auto asked = line.parse({});
    ASSERT_TRUE(asked.has_value());
    EXPECT_EQ(asked->verb, Verb::Prompt);
    EXPECT_EQ(asked->socket, "/run/godwit/control.sock");
}

TEST_F(CommandLineTest, options_may_stand_after_the_verb) {
    const auto asked =
        line.parse({"show", "routes", "-o", "json", "--socket", "/tmp/s", "--watch", "500ms"});
    ASSERT_TRUE(asked.has_value()) << asked.error().text;
    EXPECT_EQ(asked->verb, Verb::Show);
    EXPECT_EQ(asked->subject, "routes");
    EXPECT_EQ(asked->output, OutputForm::Json);
    EXPECT_EQ(asked->socket, "/tmp/s");
    EXPECT_EQ(asked->watch, milliseconds(500));
}

TEST_F(CommandLineTest, the_environment_names_the_socket_unless_an_option_does) {
    ::setenv("GODWIT_SOCKET", "/tmp/env.sock", 1);
    EXPECT_EQ(line.parse({"history"})->socket, "/tmp/env.sock");
    EXPECT_EQ(line.parse({"--socket", "/tmp/s", "history"})->socket, "/tmp/s");
    ::unsetenv("GODWIT_SOCKET");
}

TEST_F(CommandLineTest, nothing_of_one_line_remains_in_the_next) {
    ASSERT_TRUE(line.parse({"apply", "a.yaml", "-m", "why", "--allow-restart"})->allow_restart);
    const auto asked = line.parse({"apply", "b.yaml"});
    ASSERT_TRUE(asked.has_value());
    EXPECT_FALSE(asked->allow_restart);
    EXPECT_EQ(asked->message, "");
    EXPECT_EQ(asked->file, "b.yaml");
}

TEST_F(CommandLineTest, the_prompt_keeps_the_socket_and_form_it_was_started_with) {
    const auto defaults = line.parse({"--socket", "/tmp/s", "-o", "yaml"});
    ASSERT_TRUE(defaults.has_value());
    const auto asked = line.parse({"show", "status"}, *defaults);
    ASSERT_TRUE(asked.has_value());
    EXPECT_EQ(asked->socket, "/tmp/s");
    EXPECT_EQ(asked->output, OutputForm::Yaml);
    EXPECT_EQ(line.parse({"show", "status", "-o", "json"}, *defaults)->output, OutputForm::Json);
}

TEST_F(CommandLineTest, ping_takes_its_figures_with_their_units) {
    const auto asked =
        line.parse({"ping", "10.0.0.2", "-c", "3", "-i", "200ms", "-s", "1472", "-t", "1"});
    ASSERT_TRUE(asked.has_value()) << asked.error().text;
    EXPECT_EQ(asked->address, "10.0.0.2");
    EXPECT_EQ(asked->count, 3U);
    EXPECT_EQ(asked->interval, milliseconds(200));
    EXPECT_EQ(asked->size_bytes, 1472U);
    EXPECT_EQ(asked->ttl, 1U);
    EXPECT_FALSE(asked->dont_fragment);
    EXPECT_TRUE(line.parse({"ping", "10.0.0.2", "--df"})->dont_fragment);
    EXPECT_EQ(line.parse({"ping", "10.0.0.2", "-I", "10.0.0.1"})->source, "10.0.0.1");
    EXPECT_THAT(refusal({"ping", "10.0.0.2", "-i", "1"}), HasSubstr("write 1ms or 1s"));
    EXPECT_THAT(refusal({"ping", "nowhere"}), HasSubstr("nowhere"));
}

TEST_F(CommandLineTest, traceroute_probes_by_udp_unless_it_is_told_otherwise) {
    const auto plain = line.parse({"traceroute", "10.0.0.2"});
    ASSERT_TRUE(plain.has_value()) << plain.error().text;
    EXPECT_EQ(plain->verb, Verb::Traceroute);
    EXPECT_FALSE(plain->icmp_probes);
    EXPECT_EQ(plain->max_hops, 30U);
    const auto asked = line.parse({"traceroute", "10.0.0.2", "-I", "-m", "5", "-q", "1", "-W",
                                   "500ms", "--source", "10.0.0.1", "--df"});
    ASSERT_TRUE(asked.has_value()) << asked.error().text;
    EXPECT_TRUE(asked->icmp_probes);
    EXPECT_TRUE(asked->dont_fragment);
    EXPECT_EQ(asked->max_hops, 5U);
    EXPECT_EQ(asked->probes, 1U);
    EXPECT_EQ(asked->timeout, milliseconds(500));
    EXPECT_EQ(asked->source, "10.0.0.1");
    EXPECT_FALSE(line.parse({"traceroute", "10.0.0.2", "-q", "11"}).has_value());
}

TEST_F(CommandLineTest, sessions_of_nat_are_a_subject_below_nat_with_filters) {
    const auto totals = line.parse({"show", "nat"});
    ASSERT_TRUE(totals.has_value()) << totals.error().text;
    EXPECT_EQ(totals->subject, "nat");
    const auto asked = line.parse({"show", "nat", "sessions", "--inside", "10.0.0.7", "--protocol",
                                   "udp", "--limit", "5", "-o", "json"});
    ASSERT_TRUE(asked.has_value()) << asked.error().text;
    EXPECT_EQ(asked->subject, "nat-sessions");
    EXPECT_EQ(line.parse({"show", "nat", "mappings", "--limit", "5"})->subject, "nat-mappings");
    EXPECT_EQ(asked->nat.inside, "10.0.0.7");
    EXPECT_EQ(asked->nat.protocol, "udp");
    EXPECT_EQ(asked->limit, 5U);
    EXPECT_EQ(asked->output, OutputForm::Json);
    EXPECT_THAT(refusal({"show", "nat", "sessions", "--state", "gone"}), HasSubstr("--state"));
}

TEST_F(CommandLineTest, clearing_all_sessions_must_be_meant) {
    EXPECT_THAT(refusal({"clear", "nat"}), HasSubstr("--all"));
    const auto all = line.parse({"clear", "nat", "--all"});
    ASSERT_TRUE(all.has_value()) << all.error().text;
    EXPECT_EQ(all->verb, Verb::Clear);
    EXPECT_EQ(all->subject, "nat");
    EXPECT_TRUE(line.parse({"clear", "nat", "--rule", "web"}).has_value());
    EXPECT_THAT(refusal({"clear", "nat", "mappings"}), HasSubstr("--all"));
    const auto mappings = line.parse({"clear", "nat", "mappings", "--inside", "10.0.0.7"});
    ASSERT_TRUE(mappings.has_value());
    EXPECT_EQ(mappings->subject, "nat-mappings");
    EXPECT_EQ(mappings->nat.inside, "10.0.0.7");
}

TEST_F(CommandLineTest, diff_takes_none_one_or_two_revisions) {
    EXPECT_FALSE(line.parse({"diff"})->from_revision.has_value());
    EXPECT_EQ(line.parse({"diff", "4"})->from_revision, 4U);
    const auto both = line.parse({"diff", "4", "7"});
    EXPECT_EQ(both->from_revision, 4U);
    EXPECT_EQ(both->to_revision, 7U);
    EXPECT_FALSE(line.parse({"diff", "1", "2", "3"}).has_value());
}

// rfc1812: 10.3.2.5/b, 10.3.2.5/c
TEST_F(CommandLineTest, a_mistyped_verb_is_told_its_neighbour) {
    EXPECT_THAT(refusal({"shwo", "routes"}), HasSubstr("'shwo' is no verb; did you mean 'show'?"));
    EXPECT_THAT(refusal({"show", "route"}), HasSubstr("did you mean 'routes'?"));
    EXPECT_THAT(refusal({"show", "everything"}), Not(HasSubstr("did you mean")));
    EXPECT_THAT(refusal({"-o", "xml", "history"}), HasSubstr("table"));
    EXPECT_THAT(refusal({"apply"}), HasSubstr("FILE"));
}

TEST_F(CommandLineTest, help_is_no_mistake_and_is_of_the_verb_asked_about) {
    const auto asked = line.parse({"apply", "--help"});
    ASSERT_FALSE(asked.has_value());
    EXPECT_EQ(asked.error().exit_code, kExitDone);
    EXPECT_THAT(asked.error().text, HasSubstr("--allow-restart"));
}

TEST_F(CommandLineTest, completion_knows_verbs_options_values_and_files) {
    EXPECT_THAT(line.complete({}, "s").words, ElementsAre("show"));
    EXPECT_THAT(line.complete({"show"}, "n").words,
                ElementsAre("nat", "neighbors", "next-hops", "nodes"));
    EXPECT_THAT(line.complete({"-o", "json", "show"}, "f").words, ElementsAre("fib"));
    EXPECT_THAT(line.complete({"show", "fib"}, "--w").words, ElementsAre("--watch"));
    EXPECT_THAT(line.complete({"show", "fib"}, "--so").words, ElementsAre("--socket"));
    EXPECT_THAT(line.complete({"show", "-o"}, "").words, ElementsAre("json", "table", "yaml"));
    EXPECT_TRUE(line.complete({"apply"}, "").wants_file);
    EXPECT_FALSE(line.complete({"apply", "a.yaml"}, "").wants_file);
    EXPECT_FALSE(line.complete({"show", "fib"}, "").wants_file);
}

TEST_F(CommandLineTest, the_bash_script_names_every_subject) {
    const std::string script = line.bash_completion();
    EXPECT_THAT(script,
                HasSubstr("'show') verbs='drops events fib interfaces nat neighbors next-hops "
                          "nodes policy punts rip routes socket-events sockets status workers'"));
    EXPECT_THAT(script, HasSubstr("complete -o filenames -F _godwitctl godwitctl"));
}

TEST_F(CommandLineTest, tab_inserts_what_all_candidates_share) {
    EXPECT_EQ(complete_line(line, "sh").insert, "ow ");
    EXPECT_EQ(complete_line(line, "show in").insert, "terfaces ");
    const TabOutcome several = complete_line(line, "show ne");
    EXPECT_EQ(several.insert, "");
    EXPECT_THAT(several.listing, ElementsAre("neighbors", "next-hops"));
    EXPECT_EQ(complete_line(line, "show xyz").insert, "");
    EXPECT_THAT(complete_line(line, "").listing, Contains("apply"));
}

TEST(Duration, has_a_unit_and_a_range) {
    EXPECT_EQ(parse_duration("1s"), milliseconds(1000));
    EXPECT_EQ(parse_duration("2m"), milliseconds(120'000));
    EXPECT_EQ(parse_duration("1440m"), milliseconds(86'400'000));
    for (const char* wrong : {"", "s", "1", "0s", "1h", "-1s", "1.5s", "1441m",
                              "99999999999999999999s", "18446744073709551615m"}) {
        EXPECT_FALSE(parse_duration(wrong).has_value()) << wrong;
    }
}

TEST(Words, keep_what_quotes_enclose) {
    EXPECT_EQ(split_words("apply a.yaml -m 'two words' b\\ c \"\""),
              (std::vector<std::string>{"apply", "a.yaml", "-m", "two words", "b c", ""}));
    EXPECT_EQ(split_words("   "), std::vector<std::string>{});
    EXPECT_EQ(split_words("apply 'open"), std::nullopt);
}

}  // namespace
}  // namespace godwit::ctl
