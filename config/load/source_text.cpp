#include "config/load/source_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace godwit::config {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_continuation(unsigned char byte) {
    return (byte & 0xc0U) == 0x80U;
}

}  // namespace

SourceText::SourceText(std::string_view text) : text_(text) {
    if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
        text_.remove_prefix(kByteOrderMark.size());
    }
    std::size_t start = 0;
    while (start < text_.size()) {
        starts_.push_back(start);
        const std::size_t end = text_.find('\n', start);
        if (end == std::string_view::npos) {
            break;
        }
        start = end + 1;
    }
}

std::string_view SourceText::line(int number) const {
    if (number < 1 || static_cast<std::size_t>(number) > starts_.size()) {
        return {};
    }
    std::string_view rest = text_.substr(starts_[static_cast<std::size_t>(number) - 1]);
    rest = rest.substr(0, rest.find('\n'));
    if (!rest.empty() && rest.back() == '\r') {
        rest.remove_suffix(1);
    }
    return rest;
}

int SourceText::character_column(const Mark& mark) const {
    const std::string_view text = line(mark.line);
    const std::size_t bytes =
        std::min(text.size(), static_cast<std::size_t>(std::max(mark.column, 1) - 1));
    int column = 1;
    for (std::size_t offset = 0; offset < bytes; offset += character_at(text, offset).size) {
        ++column;
    }
    return column;
}

// RFC 3629 4: no overlong forms, no surrogates, nothing above U+10FFFF.
Character character_at(std::string_view text, std::size_t offset) {
    const auto byte = [&](std::size_t i) {
        return offset + i < text.size() ? static_cast<unsigned char>(text[offset + i])
                                        : static_cast<unsigned char>(0);
    };
    const unsigned char lead = byte(0);
    if (lead < 0x80U) {
        return {.size = 1, .code = lead, .valid = true};
    }
    const std::size_t size = lead >= 0xf0U && lead < 0xf8U   ? 4
                             : lead >= 0xe0U && lead < 0xf0U ? 3
                             : lead >= 0xc0U && lead < 0xe0U ? 2
                                                             : 1;
    const Character broken = {.size = 1, .code = lead, .valid = false};
    if (size == 1) {
        return broken;
    }
    char32_t code = lead & (0xffU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
        if (!is_continuation(byte(i))) {
            return broken;
        }
        code = code << 6U | (byte(i) & 0x3fU);
    }
    constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < kLeast[size] || code > 0x10ffff || surrogate) {
        return broken;
    }
    return {.size = size, .code = code, .valid = true};
}

bool Character::is_printable() const {
    const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    // Marks that reorder or hide what a person sees: a line must read as it is parsed.
    const bool invisible = (code >= 0x200b && code <= 0x200f) ||
                           (code >= 0x2028 && code <= 0x202e) ||
                           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
    return valid && !control && !invisible;
}

std::string printable(std::string_view text, std::size_t most) {
    std::string result;
    std::size_t shown = 0;
    for (std::size_t offset = 0; offset < text.size(); ++shown) {
        if (shown == most) {
            return result + "…";
        }
        const Character character = character_at(text, offset);
        if (character.is_printable()) {
            result += text.substr(offset, character.size);
        } else if (character.code == '\t') {
            result += ' ';
        } else if (character.valid && character.code >= 0x80) {
            result += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(character.code));
        } else {
            result += fmt::format("\\x{:02x}", static_cast<std::uint32_t>(character.code));
        }
        offset += character.size;
    }
    return result;
}

}  // namespace godwit::config
