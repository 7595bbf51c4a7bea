#include "net/header_options.hpp"

#include <algorithm>

namespace godwit::net {

namespace {

constexpr std::uint8_t kEndOfList = 0;
constexpr std::uint8_t kNoOperation = 1;
constexpr std::size_t kOptionHeadBytes = 2;

}  // namespace

std::optional<HeaderOption> OptionWalker::next() {
    while (!malformed_ && offset_ < options_.size()) {
        const std::uint8_t kind = options_[offset_];
        if (kind == kEndOfList) {
            offset_ = options_.size();
            return std::nullopt;
        }
        if (kind == kNoOperation) {
            ++offset_;
            continue;
        }
        const std::size_t left = options_.size() - offset_;
        if (left < kOptionHeadBytes || options_[offset_ + 1] < kOptionHeadBytes ||
            options_[offset_ + 1] > left) {
            malformed_ = true;
            return std::nullopt;
        }
        const std::size_t length = options_[offset_ + 1];
        const HeaderOption option{
            kind, offset_, options_.subspan(offset_ + kOptionHeadBytes, length - kOptionHeadBytes)};
        offset_ += length;
        return option;
    }
    return std::nullopt;
}

std::optional<HeaderOptions> HeaderOptions::from(std::span<const std::uint8_t> bytes) {
    if (bytes.size() > kMaxOptionBytes) {
        return std::nullopt;
    }
    HeaderOptions options;
    std::copy(bytes.begin(), bytes.end(), options.bytes_.begin());
    options.size_ = static_cast<std::uint8_t>((bytes.size() + 3) / 4 * 4);
    return options;
}

}  // namespace godwit::net
