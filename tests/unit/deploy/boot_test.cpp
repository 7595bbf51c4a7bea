// Which configuration runs: FILE, or the newest revision.
#include "deploy/supervisor/boot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/deploy/temporary_directory.hpp"

namespace godwit::supervisor {
namespace {

using testing::HasSubstr;

std::string with_hostname(const std::string& name) {
    return "version: 1\nsystem: {hostname: " + name + "}\n";
}

class BootTest : public testing::Test {
protected:
    TemporaryDirectory directory;
    std::string file = directory.write("godwit.yaml", with_hostname("first"));
    std::int64_t now = 1'700'000'000;

    Boot boot() {
        return {file, directory.at("state"), std::nullopt, [this] { return now++; }};
    }
    std::string begin_hostname(Boot& one) {
        EXPECT_TRUE(one.check().has_value());
        auto running = one.begin();
        EXPECT_TRUE(running.has_value()) << running.error();
        return running ? running->model.system.hostname : "";
    }
    config::RevisionStore store() { return *config::RevisionStore::open(directory.at("state")); }
    std::string running_text() { return *read_whole_file(directory.at("state/running.yaml")); }
    // As the control plane does for `godwitctl apply OTHER`.
    void apply(const std::string& text, const std::string& source_hash) {
        ASSERT_TRUE(store().append(text, "applied", source_hash, now++).has_value());
    }
};

TEST_F(BootTest, a_first_start_stores_the_file) {
    Boot one = boot();
    EXPECT_EQ(begin_hostname(one), "first");
    ASSERT_EQ(store().history().size(), 1U);
    EXPECT_EQ(store().newest()->message, "start");
    EXPECT_EQ(running_text(), with_hostname("first"));
}

TEST_F(BootTest, starting_again_with_the_same_file_stores_nothing) {
    Boot one = boot();
    begin_hostname(one);
    Boot again = boot();
    begin_hostname(again);
    EXPECT_EQ(store().history().size(), 1U);
}

TEST_F(BootTest, an_applied_revision_outlives_a_restart_while_the_file_is_as_it_was) {
    Boot one = boot();
    begin_hostname(one);
    now = 4'000'000'000;  // after the file's time
    apply(with_hostname("applied"), config::sha256_hex(with_hostname("first")));
    Boot again = boot();
    EXPECT_EQ(begin_hostname(again), "applied");
    EXPECT_EQ(running_text(), with_hostname("applied"));
}

TEST_F(BootTest, an_edited_file_wins_over_an_older_revision) {
    Boot one = boot();
    begin_hostname(one);
    apply(with_hostname("applied"), config::sha256_hex(with_hostname("first")));
    directory.write("godwit.yaml", with_hostname("edited"));
    Boot again = boot();
    EXPECT_EQ(begin_hostname(again), "edited");
    EXPECT_EQ(store().history().size(), 3U);
}

TEST_F(BootTest, an_applied_edit_of_the_file_does_not_win_over_what_was_applied_after_it) {
    Boot one = boot();
    begin_hostname(one);
    directory.write("godwit.yaml", with_hostname("second"));
    const std::string source = config::sha256_hex(with_hostname("first"));
    apply(with_hostname("second"), source);
    now = 4'000'000'000;  // after the file's time
    apply(with_hostname("other"), source);
    Boot again = boot();
    EXPECT_EQ(begin_hostname(again), "other");
}

TEST_F(BootTest, a_file_that_was_edited_back_to_an_older_text_wins) {
    Boot one = boot();
    begin_hostname(one);
    directory.write("godwit.yaml", with_hostname("second"));
    apply(with_hostname("second"), config::sha256_hex(with_hostname("first")));
    directory.write("godwit.yaml", with_hostname("first"));  // after the last apply's time
    Boot again = boot();
    EXPECT_EQ(begin_hostname(again), "first");
}

TEST_F(BootTest, a_broken_file_starts_nothing_and_shows_all_its_errors) {
    directory.write("godwit.yaml", "version: 1\nsistem: {}\nworkers: {main-core: x}\n");
    Boot one = boot();
    const auto checked = one.check();
    ASSERT_FALSE(checked.has_value());
    EXPECT_THAT(checked.error(), HasSubstr("sistem"));
    EXPECT_THAT(checked.error(), HasSubstr("main-core"));
    EXPECT_FALSE(std::filesystem::exists(directory.at("state")));
}

TEST_F(BootTest, a_damaged_newest_revision_is_not_run) {
    Boot one = boot();
    begin_hostname(one);
    apply(with_hostname("applied"), config::sha256_hex(with_hostname("first")));
    directory.write("state/revisions/2.yaml", "garbage: [");
    Boot again = boot();
    EXPECT_EQ(begin_hostname(again), "first");
}

TEST_F(BootTest, an_untouched_file_is_no_news_when_the_control_plane_died) {
    Boot one = boot();
    begin_hostname(one);
    EXPECT_FALSE(one.look_again().has_value());
    apply(with_hostname("applied"), config::sha256_hex(with_hostname("first")));
    EXPECT_FALSE(one.look_again().has_value());
    EXPECT_EQ(running_text(), with_hostname("applied"));
}

TEST_F(BootTest, a_live_edit_while_the_control_plane_was_down_is_taken_up) {
    Boot one = boot();
    begin_hostname(one);
    directory.write("godwit.yaml", with_hostname("edited"));
    const auto edited = one.look_again();
    ASSERT_TRUE(edited.has_value());
    EXPECT_FALSE(edited->refused) << edited->text;
    EXPECT_EQ(running_text(), with_hostname("edited"));
    EXPECT_EQ(store().newest()->message, "edited while the control plane was down");
    EXPECT_FALSE(one.look_again().has_value());
}

TEST_F(BootTest, a_broken_edit_leaves_the_last_good_one) {
    Boot one = boot();
    begin_hostname(one);
    directory.write("godwit.yaml", "version: 1\nsistem: {}\n");
    const auto edited = one.look_again();
    ASSERT_TRUE(edited.has_value());
    EXPECT_TRUE(edited->refused);
    EXPECT_THAT(edited->text, HasSubstr("unknown-key"));
    EXPECT_EQ(running_text(), with_hostname("first"));
}

TEST_F(BootTest, an_edit_that_needs_a_restart_is_refused_with_its_mend) {
    Boot one = boot();
    begin_hostname(one);
    directory.write("godwit.yaml", "version: 1\nworkers: {memory: 1GiB}\n");
    const auto edited = one.look_again();
    ASSERT_TRUE(edited.has_value());
    EXPECT_TRUE(edited->refused);
    EXPECT_THAT(edited->text, HasSubstr("workers.memory"));
    EXPECT_THAT(edited->text, HasSubstr("--allow-restart"));
    EXPECT_EQ(running_text(), with_hostname("first"));
}

TEST_F(BootTest, an_edit_that_was_applied_and_superseded_is_not_taken_up_again) {
    Boot one = boot();
    begin_hostname(one);
    directory.write("godwit.yaml", with_hostname("second"));
    apply(with_hostname("second"), config::sha256_hex(with_hostname("first")));
    apply(with_hostname("other"), config::sha256_hex(with_hostname("first")));
    EXPECT_FALSE(one.look_again().has_value());
    EXPECT_EQ(running_text(), with_hostname("other"));
}

TEST_F(BootTest, an_edit_back_to_an_older_text_is_an_edit) {
    Boot one = boot();
    begin_hostname(one);
    directory.write("godwit.yaml", with_hostname("second"));
    ASSERT_TRUE(one.look_again().has_value());
    directory.write("godwit.yaml", with_hostname("first"));
    ASSERT_TRUE(one.look_again().has_value());
    EXPECT_EQ(running_text(), with_hostname("first"));
}

TEST_F(BootTest, a_file_that_is_gone_changes_nothing) {
    Boot one = boot();
    begin_hostname(one);
    std::filesystem::remove(file);
    EXPECT_FALSE(one.look_again().has_value());
}

}  // namespace
}  // namespace godwit::supervisor
