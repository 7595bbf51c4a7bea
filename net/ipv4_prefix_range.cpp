#include "net/ipv4_prefix_range.hpp"

namespace godwit::net {

namespace {

// Takes " ge 24" from the front of `text`. False: it is there, and no length follows.
bool take_bound(std::string_view& text, std::string_view word, std::optional<std::uint8_t>& bound) {
    if (text.substr(0, word.size()) != word) {
        return true;
    }
    text.remove_prefix(word.size());
    const std::string_view digits = text.substr(0, text.find(' '));
    std::uint8_t value = 0;
    if (digits.empty() || digits.size() > 2 || (digits.size() > 1 && digits.front() == '0')) {
        return false;
    }
    for (const char digit : digits) {
        if (digit < '0' || digit > '9') {
            return false;
        }
        value = static_cast<std::uint8_t>(value * 10 + (digit - '0'));
    }
    text.remove_prefix(digits.size());
    bound = value;
    return true;
}

}  // namespace

std::optional<Ipv4PrefixRange> Ipv4PrefixRange::parse(std::string_view text) {
    const std::string_view first = text.substr(0, text.find(' '));
    const auto prefix = Ipv4Prefix::parse(first);
    if (!prefix) {
        return std::nullopt;
    }
    text.remove_prefix(first.size());
    std::optional<std::uint8_t> least;
    std::optional<std::uint8_t> most;
    if (!take_bound(text, " ge ", least) || !take_bound(text, " le ", most) || !text.empty()) {
        return std::nullopt;
    }
    Ipv4PrefixRange range = exactly(*prefix);
    if (least) {
        range.least_length = *least;
        range.most_length = 32;
    }
    if (most) {
        range.most_length = *most;
    }
    if (range.least_length < prefix->length() || range.least_length > range.most_length ||
        range.most_length > 32) {
        return std::nullopt;
    }
    return range;
}

std::string Ipv4PrefixRange::to_string() const {
    std::string text = prefix.to_string();
    if (most_length == prefix.length()) {
        return text;
    }
    if (least_length > prefix.length()) {
        text += " ge " + std::to_string(least_length);
    }
    if (most_length < 32 || least_length == prefix.length()) {
        text += " le " + std::to_string(most_length);
    }
    return text;
}

}  // namespace godwit::net
