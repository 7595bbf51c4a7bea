// Every broken file and its messages as a person sees them. After a change that is meant:
//   GODWIT_REGENERATE=1 build/tests/unit/config/config_broken_files_test
// and read the difference before it is committed.
#include <cstdlib>

#include "tests/unit/config/test_files.hpp"

namespace godwit::config {
namespace {

class BrokenFile : public testing::TestWithParam<std::filesystem::path> {};

// rfc1812: 10.3.2.5/a, 10.3.2.5/b, 10.2.2/d, 2.2.5.2/a
TEST_P(BrokenFile, is_refused_with_the_expected_messages) {
    const std::filesystem::path& path = GetParam();
    const LoadResult loaded = load_text(test::read_text(path), path.filename().string());
    ASSERT_FALSE(loaded.has_value()) << path << " was accepted";
    const std::string messages = render(loaded.error());
    std::filesystem::path expected = path;
    expected.replace_extension(".expected");

    if (std::getenv("GODWIT_REGENERATE") != nullptr) {
        std::ofstream(expected, std::ios::binary) << messages;
    }

    EXPECT_EQ(messages, test::read_text(expected));
}

TEST_P(BrokenFile, has_every_error_in_the_order_of_the_lines) {
    const LoadResult loaded = load_text(test::read_text(GetParam()), "x.yaml");
    ASSERT_FALSE(loaded.has_value());
    EXPECT_TRUE(
        std::is_sorted(loaded.error().begin(), loaded.error().end(),
                       [](const Diagnostic& a, const Diagnostic& b) { return a.line < b.line; }));
}

std::string test_name(const testing::TestParamInfo<std::filesystem::path>& info) {
    std::string name = info.param.stem().string();
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Files, BrokenFile,
                         testing::ValuesIn(test::yaml_files(test::source_root() /
                                                            "tests/unit/config/broken")),
                         test_name);

}  // namespace
}  // namespace godwit::config
