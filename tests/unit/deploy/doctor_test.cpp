// Findings about the machine as a person and as a program see them.
#include "deploy/supervisor/doctor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/deploy/temporary_directory.hpp"

namespace godwit::supervisor {
namespace {

using testing::HasSubstr;

const std::vector<drivers::Finding> kFindings{
    {"hugepages", drivers::Severity::Warning, "none are reserved", "sysctl vm.nr_hugepages=256"},
    {"cores", drivers::Severity::Ok, "2 cores", ""}};

TEST(Doctor, puts_each_mend_under_its_finding) {
    const std::string text = findings_text(kFindings);
    EXPECT_THAT(text, HasSubstr("hugepages  none are reserved\n"));
    EXPECT_THAT(text, HasSubstr("           mend: sysctl vm.nr_hugepages=256\n"));
    EXPECT_THAT(text, HasSubstr("cores      2 cores\n"));
}

TEST(Doctor, has_a_form_for_programs) {
    EXPECT_THAT(findings_json(kFindings),
                HasSubstr(R"({"id":"cores","severity":"ok","what":"2 cores","mend":""})"));
}

// rfc1812: 10.3.2.1
TEST(Doctor, looks_at_this_machine) {
    const Finished finished = doctor("", false);
    EXPECT_NE(finished.out, "");
}

TEST(Doctor, refuses_a_broken_file) {
    const TemporaryDirectory directory;
    const Finished finished = doctor(directory.write("bad.yaml", "version: 7\n"), false);
    EXPECT_EQ(finished.exit_code, 1);
    EXPECT_THAT(finished.err, HasSubstr("version"));
    EXPECT_EQ(finished.out, "");
}

}  // namespace
}  // namespace godwit::supervisor
