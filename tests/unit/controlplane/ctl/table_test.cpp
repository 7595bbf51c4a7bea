// The table that a person reads: aligned, complete, and harmless to the terminal.
#include "controlplane/ctl/table.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace godwit::ctl {
namespace {

TEST(Table, aligns_text_left_and_numbers_right) {
    Table table({{"NAME"}, {"PACKETS", Align::Right}, {"NOTE"}});
    table.add_row({"lan0", "7", "up"});
    table.add_row({"a-long-name", "1,000,000", ""});
    EXPECT_EQ(table.text(),
              "NAME           PACKETS  NOTE\n"
              "lan0                 7  up\n"
              "a-long-name  1,000,000\n");
}

TEST(Table, counts_code_points_not_bytes) {
    Table table({{"NAME"}, {"MTU", Align::Right}});
    table.add_row({"büro", "1500"});
    table.add_row({"lan0", "9000"});
    EXPECT_EQ(table.text(), "NAME   MTU\nbüro  1500\nlan0  9000\n");
}

TEST(Table, fills_missing_cells_and_ignores_surplus_ones) {
    Table table({{"A"}, {"B"}});
    table.add_row({"1"});
    table.add_row({"1", "2", "3"});
    EXPECT_EQ(table.text(), "A  B\n1\n1  2\n");
}

TEST(Table, shows_no_control_character_of_a_name) {
    Table table({{"NAME"}});
    table.add_row({"evil\033[2J\n\xC2\x9B"});
    EXPECT_EQ(table.text(), "NAME\nevil?[2J??\n");
}

TEST(Figures, keep_every_digit) {
    EXPECT_EQ(grouped(std::uint64_t{0}), "0");
    EXPECT_EQ(grouped(std::uint64_t{999}), "999");
    EXPECT_EQ(grouped(std::uint64_t{1000}), "1,000");
    EXPECT_EQ(grouped(std::numeric_limits<std::uint64_t>::max()), "18,446,744,073,709,551,615");
    EXPECT_EQ(grouped(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(Figures, show_an_uptime_as_a_clock) {
    EXPECT_EQ(uptime(59), "00:00:59");
    EXPECT_EQ(uptime(86'399), "23:59:59");
    EXPECT_EQ(uptime(3 * 86'400 + 3'661), "3d 01:01:01");
}

}  // namespace
}  // namespace godwit::ctl
