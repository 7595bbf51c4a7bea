// A table of text for a person: aligned columns, two spaces between them, headings in capitals.
//
// What comes from the router is shown as it is but for control characters, which a terminal would
// obey: they become '?'. Widths count code points, so names outside ASCII stay aligned. Nothing is
// cut or rounded: a number that does not fit makes its column wider.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::ctl {

enum class Align : std::uint8_t { Left, Right };

struct Column {
    std::string heading;
    Align align = Align::Left;
};

class Table {
public:
    explicit Table(std::vector<Column> columns);

    // Missing cells at the end are empty, surplus ones are ignored.
    void add_row(std::vector<std::string> cells);
    [[nodiscard]] std::size_t row_count() const { return rows_.size(); }
    // Headings and rows, each line ended by a newline and without trailing spaces.
    [[nodiscard]] std::string text() const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

// The text without characters that a terminal would obey.
std::string printable(std::string_view text);

// 1234567 as "1,234,567": every digit, so that a counter can be compared with another.
std::string grouped(std::uint64_t number);
std::string grouped(std::int64_t number);

// Seconds as "3d 04:05:06".
std::string uptime(std::uint64_t seconds);

}  // namespace godwit::ctl
