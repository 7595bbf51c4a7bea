#include "controlplane/ctl/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace godwit::ctl {
namespace {

// Code points of UTF-8: every byte but continuation bytes.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

void append_cell(std::string& line, std::string_view cell, std::size_t width, Align align) {
    const std::string padding(width - std::min(width, width_of(cell)), ' ');
    if (align == Align::Right) {
        line += padding;
    }
    line += cell;
    if (align == Align::Left) {
        line += padding;
    }
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add_row(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    for (std::string& cell : cells) {
        cell = printable(cell);
    }
    rows_.push_back(std::move(cells));
}

std::string Table::text() const {
    std::vector<std::size_t> widths;
    for (std::size_t column = 0; column < columns_.size(); ++column) {
        std::size_t width = width_of(columns_[column].heading);
        for (const auto& row : rows_) {
            width = std::max(width, width_of(row[column]));
        }
        widths.push_back(width);
    }

    std::string text;
    const auto append_line = [&](const auto& cell_of) {
        std::string line;
        for (std::size_t column = 0; column < columns_.size(); ++column) {
            if (column > 0) {
                line += "  ";
            }
            append_cell(line, cell_of(column), widths[column], columns_[column].align);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    };
    append_line([&](std::size_t column) { return std::string_view(columns_[column].heading); });
    for (const auto& row : rows_) {
        append_line([&](std::size_t column) { return std::string_view(row[column]); });
    }
    return text;
}

std::string printable(std::string_view text) {
    std::string clean(text);
    for (char& c : clean) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7F) {
            c = '?';
        }
    }
    // C1 control characters (U+0080 to U+009F) are the two bytes C2 80 to C2 9F.
    for (std::size_t i = 0; i + 1 < clean.size(); ++i) {
        const auto second = static_cast<unsigned char>(clean[i + 1]);
        if (static_cast<unsigned char>(clean[i]) == 0xC2 && second >= 0x80 && second <= 0x9F) {
            clean.replace(i, 2, "?");
        }
    }
    return clean;
}

std::string grouped(std::uint64_t number) {
    std::string digits = std::to_string(number);
    for (std::size_t place = digits.size(); place > 3; place -= 3) {
        digits.insert(place - 3, ",");
    }
    return digits;
}

std::string grouped(std::int64_t number) {
    if (number >= 0) {
        return grouped(static_cast<std::uint64_t>(number));
    }
    return "-" + grouped(~static_cast<std::uint64_t>(number) + 1);
}

std::string uptime(std::uint64_t seconds) {
    const std::uint64_t days = seconds / 86400;
    const std::string clock =
        fmt::format("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    return days == 0 ? clock : fmt::format("{}d {}", days, clock);
}

}  // namespace godwit::ctl
