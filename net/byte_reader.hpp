// Reads big-endian values from bytes, and never outside them.
//
// A read that does not fit gives zero (or an empty span), moves nothing, and makes the reader
// failed for good: a decoder may read a whole structure and ask `ok()` once at its end. The bytes
// are borrowed and must outlive the reader and every span it gave out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "net/byte_order.hpp"
#include "net/ipv4_address.hpp"
#include "net/mac_address.hpp"

namespace godwit::net {

class ByteReader {
public:
    explicit ByteReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

    std::uint8_t u8() {
        const auto part = bytes(1);
        return part.empty() ? std::uint8_t{0} : part[0];
    }
    std::uint16_t u16() { return object<Big16>().host(); }
    std::uint32_t u32() { return object<Big32>().host(); }
    std::uint64_t u64() { return object<Big64>().host(); }
    Ipv4Address ipv4() { return Ipv4Address::from_wire(object<Big32>()); }
    MacAddress mac() { return object<MacAddress>(); }

    // A structure of bytes as it lies on the wire.
    template <class Layout>
    Layout object() {
        static_assert(std::is_trivially_copyable_v<Layout> && alignof(Layout) == 1);
        Layout value{};
        const auto part = bytes(sizeof(Layout));
        if (!part.empty()) {
            std::memcpy(&value, part.data(), sizeof(Layout));
        }
        return value;
    }

    std::span<const std::uint8_t> bytes(std::size_t count) {
        if (failed_ || count > bytes_.size() - offset_) {
            failed_ = true;
            return {};
        }
        const auto part = bytes_.subspan(offset_, count);
        offset_ += count;
        return part;
    }
    void skip(std::size_t count) { bytes(count); }
    std::span<const std::uint8_t> rest() { return bytes(remaining()); }

    [[nodiscard]] bool ok() const { return !failed_; }
    [[nodiscard]] std::size_t offset() const { return offset_; }
    [[nodiscard]] std::size_t remaining() const { return failed_ ? 0 : bytes_.size() - offset_; }

private:
    std::span<const std::uint8_t> bytes_;
    std::size_t offset_ = 0;
    bool failed_ = false;
};

}  // namespace godwit::net
