#include "config/store/store.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/unit/config/test_files.hpp"

namespace godwit::config {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Store : public testing::Test {
protected:
    void SetUp() override {
        std::string form = (fs::temp_directory_path() / "godwit-store-XXXXXX").string();
        ASSERT_NE(::mkdtemp(form.data()), nullptr);
        folder_ = form;
    }
    void TearDown() override { fs::remove_all(folder_); }

    RevisionStore open(unsigned keep = 100) {
        auto store = RevisionStore::open(folder_.string(), keep);
        if (!store) {
            throw std::runtime_error(store.error());
        }
        return *store;
    }
    fs::path revision(const std::string& name) const { return folder_ / "revisions" / name; }
    static void write(const fs::path& path, const std::string& text) {
        std::ofstream(path, std::ios::binary) << text;
    }
    static std::vector<std::uint64_t> numbers(const RevisionStore& store) {
        std::vector<std::uint64_t> result;
        for (const Revision& one : store.history()) {
            result.push_back(one.number);
        }
        return result;
    }

    fs::path folder_;
};

TEST_F(Store, starts_empty_and_makes_its_folder) {
    const RevisionStore store = open();
    EXPECT_TRUE(fs::is_directory(folder_ / "revisions"));
    EXPECT_THAT(store.history(), IsEmpty());
    EXPECT_FALSE(store.newest());
    EXPECT_THAT(store.text_of(1).error(), HasSubstr("none is stored yet"));
}

// rfc1812: 10.2.2/a, 10.3.2.3/d, 10.4.1/a
TEST_F(Store, gives_back_what_was_appended_also_after_it_was_opened_anew) {
    RevisionStore store = open();
    const auto first = store.append("version: 1\n", "start", "hash-of-file", 1700000000);
    ASSERT_TRUE(first) << first.error();
    ASSERT_TRUE(store.append("version: 1\nsystem: {}\n", "a \"quoted\"\nmessage", "", 1700000001));

    const RevisionStore again = open();
    ASSERT_THAT(numbers(again), ElementsAre(1, 2));
    const Revision stored = again.history()[0];
    EXPECT_EQ(stored.unix_seconds, 1700000000);
    EXPECT_EQ(stored.message, "start");
    EXPECT_EQ(stored.sha256, sha256_hex("version: 1\n"));
    EXPECT_EQ(stored.source_hash, "hash-of-file");
    EXPECT_EQ(again.newest()->message, "a \"quoted\"\\x0amessage");
    EXPECT_EQ(*again.text_of(1), "version: 1\n");
    EXPECT_EQ(test::read_text(again.running_path()), "version: 1\nsystem: {}\n");
}

TEST_F(Store, keeps_the_newest_and_never_gives_a_number_twice) {
    RevisionStore store = open(3);
    for (int i = 0; i < 10; ++i) {
        ASSERT_TRUE(store.append(std::to_string(i), "", "", i));
    }
    EXPECT_THAT(numbers(store), ElementsAre(8, 9, 10));
    EXPECT_THAT(store.text_of(7).error(), HasSubstr("stored are 8 to 10"));
    EXPECT_FALSE(fs::exists(revision("7.yaml")));
    EXPECT_FALSE(fs::exists(revision("7.json")));
}

TEST_F(Store, survives_a_text_that_was_changed) {
    RevisionStore store = open();
    ASSERT_TRUE(store.append("one", "", "", 1));
    ASSERT_TRUE(store.append("two", "", "", 2));
    write(revision("2.yaml"), "tw");

    EXPECT_THAT(store.text_of(2).error(), HasSubstr("was changed after it was stored"));
    EXPECT_EQ(store.newest()->number, 1U);
    EXPECT_THAT(store.problems(), ElementsAre(HasSubstr("revision 2")));
}

TEST_F(Store, survives_files_that_are_missing_damaged_or_foreign) {
    RevisionStore store = open();
    for (const char* text : {"one", "two", "three", "four"}) {
        ASSERT_TRUE(store.append(text, "", "", 1));
    }
    fs::remove(revision("2.yaml"));
    write(revision("3.json"), "{\"time\": ");
    fs::remove(revision("4.json"));  // as a crash between the two leaves it
    write(revision("notes.txt"), "x");
    write(revision("99999999999999999999999.yaml"), "x");
    fs::create_directory(revision("7.yaml"));

    EXPECT_THAT(numbers(store), ElementsAre(1, 2));
    EXPECT_THAT(store.text_of(2).error(), HasSubstr("is lost"));
    EXPECT_THAT(store.text_of(3).error(), HasSubstr("is damaged"));
    EXPECT_THAT(store.text_of(4).error(), HasSubstr("no readable description"));
    EXPECT_EQ(store.newest()->number, 1U);
    EXPECT_EQ(store.problems().size(), 4U);
    const auto next = store.append("five", "", "", 2);
    ASSERT_TRUE(next) << next.error();
    EXPECT_EQ(next->number, 8U);
}

TEST_F(Store, mends_running_yaml_when_it_is_opened) {
    {
        RevisionStore store = open();
        ASSERT_TRUE(store.append("one", "", "", 1));
    }
    write(folder_ / "running.yaml", "half");
    EXPECT_EQ(test::read_text(open().running_path()), "one");
    fs::remove(folder_ / "running.yaml");
    EXPECT_EQ(test::read_text(open().running_path()), "one");
}

TEST_F(Store, says_where_it_cannot_write) {
    write(folder_ / "file", "");
    const auto store = RevisionStore::open((folder_ / "file").string());
    ASSERT_FALSE(store);
    EXPECT_THAT(store.error(), HasSubstr((folder_ / "file/revisions").string()));
}

TEST_F(Store, leaves_no_unfinished_file_behind) {
    RevisionStore store = open();
    ASSERT_TRUE(store.append("one", "", "", 1));
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
        EXPECT_NE(entry.path().extension(), ".new");
    }
}

TEST(Sha256, of_the_vector_of_fips_180) {
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(BootSource, is_the_file_when_nothing_is_stored_or_the_file_was_edited) {
    Revision stored;
    stored.source_hash = sha256_hex("version: 1\n");
    EXPECT_EQ(resolve_boot_source("version: 1\n", std::nullopt), BootSource::File);
    EXPECT_EQ(resolve_boot_source("version: 1 # edited\n", stored), BootSource::File);
    EXPECT_EQ(resolve_boot_source("version: 1\n", stored), BootSource::Revision);
}

}  // namespace
}  // namespace godwit::config
