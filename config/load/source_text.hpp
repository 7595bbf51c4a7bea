// The text of a configuration file: its lines, and what is refused before YAML is looked at.
//
// The YAML library recurses with the input and keeps a whole line in memory, so the limits stand
// before it: bytes of the file, bytes of a line, printable UTF-8 only. Nothing here interprets
// YAML.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::config {

constexpr std::size_t kMostFileBytes = 16U << 20U;
constexpr std::size_t kMostLineBytes = 64U << 10U;

// A place in the text, both counted from 1; `column` counts bytes. Line 0 is no place.
struct Mark {
    int line = 0;
    int column = 0;
};

class SourceText {
public:
    // Skips a byte order mark. `text` outlives this.
    explicit SourceText(std::string_view text);

    [[nodiscard]] std::string_view text() const { return text_; }
    [[nodiscard]] std::size_t line_count() const { return starts_.size(); }
    // Without its end; empty when there is no such line.
    [[nodiscard]] std::string_view line(int number) const;
    // The column of a mark in characters, from 1.
    [[nodiscard]] int character_column(const Mark& mark) const;

private:
    std::string_view text_;
    std::vector<std::size_t> starts_;
};

// One character of UTF-8 text: its bytes, and whether it may stand in a file and be shown as it is.
struct Character {
    std::size_t size = 1;
    char32_t code = 0;
    bool valid = false;
    [[nodiscard]] bool is_printable() const;
};
Character character_at(std::string_view text, std::size_t offset);

// Safe for a terminal and a log: what is not printable becomes \xNN or \u{N}, a tab a space, and
// what is longer than `most` characters ends in "…".
std::string printable(std::string_view text, std::size_t most);

}  // namespace godwit::config
