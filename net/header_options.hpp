// The options of an IPv4 or TCP header: one format for both (RFC 791 3.1, RFC 9293 3.1).
//
//   0: end of list, one byte · 1: no operation, one byte · else: kind, length (of all of it), data
//
// HeaderOptions owns up to 40 bytes, always a multiple of four. OptionWalker reads them one by one
// and stops at the end of the list, or at the first option that lies about its length.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace godwit::net {

constexpr std::size_t kMaxOptionBytes = 40;

struct HeaderOption {
    std::uint8_t kind = 0;
    std::size_t offset = 0;              // of its kind byte, in the options
    std::span<const std::uint8_t> data;  // behind kind and length
};

class OptionWalker {
public:
    explicit OptionWalker(std::span<const std::uint8_t> options) : options_(options) {}

    // The next option that is neither end nor no-operation; nothing at the end or at a bad one.
    std::optional<HeaderOption> next();

    // True once next() met an option that does not fit; `offset()` is then where it stands.
    [[nodiscard]] bool malformed() const { return malformed_; }
    [[nodiscard]] std::size_t offset() const { return offset_; }

private:
    std::span<const std::uint8_t> options_;
    std::size_t offset_ = 0;
    bool malformed_ = false;
};

class HeaderOptions {
public:
    HeaderOptions() = default;
    // Padded with end-of-list to a multiple of four; nothing when longer than 40 bytes.
    static std::optional<HeaderOptions> from(std::span<const std::uint8_t> bytes);

    [[nodiscard]] std::span<const std::uint8_t> bytes() const {
        return std::span(bytes_).first(size_);
    }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }

    // Bytes beyond size_ are zero always.
    friend bool operator==(const HeaderOptions&, const HeaderOptions&) = default;

private:
    std::array<std::uint8_t, kMaxOptionBytes> bytes_{};
    std::uint8_t size_ = 0;
};

}  // namespace godwit::net
