// Every recorded case of cases/: the inputs in NAME.case, what came of them in NAME.expected.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/unit/controlplane/rip/case_runner.hpp"

namespace godwit::control::rip {
namespace {

std::string read_file(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::vector<std::filesystem::path> all_cases() {
    std::vector<std::filesystem::path> paths;
    for (const auto& file : std::filesystem::directory_iterator(RIP_CASES)) {
        if (file.path().extension() == ".case") {
            paths.push_back(file.path());
        }
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

class RecordedCase : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(RecordedCase, does_what_was_recorded) {
    const std::string output = run_case(read_file(GetParam()));
    auto expected = GetParam();
    expected.replace_extension(".expected");
    if (std::getenv("GODWIT_RECORD") != nullptr) {
        std::ofstream(expected, std::ios::binary) << output;
    }
    EXPECT_EQ(output, read_file(expected)) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Rip, RecordedCase, ::testing::ValuesIn(all_cases()),
                         [](const auto& given) {
                             std::string name = "section_" + given.param.stem().string();
                             for (char& letter : name) {
                                 if (std::isalnum(static_cast<unsigned char>(letter)) == 0) {
                                     letter = '_';
                                 }
                             }
                             return name;
                         });

}  // namespace
}  // namespace godwit::control::rip
