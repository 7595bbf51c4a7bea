// Writes big-endian values into a buffer, and never outside it.
//
// A write that does not fit writes nothing and makes the writer failed for good: an encoder may
// write a whole message and ask `ok()` once at its end. Buffers are sized from `encoded_size()`, so
// a failed writer is a caller's mistake, not an input's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "net/byte_order.hpp"
#include "net/ipv4_address.hpp"
#include "net/mac_address.hpp"

namespace godwit::net {

class ByteWriter {
public:
    explicit ByteWriter(std::span<std::uint8_t> buffer) : buffer_(buffer) {}

    void u8(std::uint8_t value) { object(value); }
    void u16(std::uint16_t value) { object(Big16::from_host(value)); }
    void u32(std::uint32_t value) { object(Big32::from_host(value)); }
    void u64(std::uint64_t value) { object(Big64::from_host(value)); }
    void ipv4(Ipv4Address address) { object(address.to_wire()); }
    void mac(const MacAddress& address) { object(address); }

    // A structure of bytes as it shall lie on the wire.
    template <class Layout>
    void object(const Layout& value) {
        static_assert(std::is_trivially_copyable_v<Layout> && alignof(Layout) == 1);
        if (std::uint8_t* const place = reserve(sizeof(Layout)); place != nullptr) {
            std::memcpy(place, &value, sizeof(Layout));
        }
    }
    void bytes(std::span<const std::uint8_t> source) {
        if (std::uint8_t* const place = reserve(source.size()); place != nullptr) {
            std::copy(source.begin(), source.end(), place);
        }
    }
    void zeros(std::size_t count) {
        if (std::uint8_t* const place = reserve(count); place != nullptr) {
            std::fill_n(place, count, std::uint8_t{0});
        }
    }
    // Into bytes written before: a length or checksum that is known only at the end.
    void patch(std::size_t offset, Big16 value) {
        if (failed_ || offset > offset_ || sizeof value > offset_ - offset) {
            failed_ = true;
            return;
        }
        std::memcpy(buffer_.data() + offset, &value, sizeof value);
    }
    // For an encoder whose value cannot be expressed in its format.
    void fail() { failed_ = true; }

    [[nodiscard]] bool ok() const { return !failed_; }
    [[nodiscard]] std::size_t offset() const { return offset_; }
    [[nodiscard]] std::size_t remaining() const { return failed_ ? 0 : buffer_.size() - offset_; }
    // All bytes written so far.
    [[nodiscard]] std::span<const std::uint8_t> written() const { return buffer_.first(offset_); }

private:
    std::uint8_t* reserve(std::size_t count) {
        if (failed_ || count > buffer_.size() - offset_) {
            failed_ = true;
            return nullptr;
        }
        std::uint8_t* const place = buffer_.data() + offset_;
        offset_ += count;
        return place;
    }

    std::span<std::uint8_t> buffer_;
    std::size_t offset_ = 0;
    bool failed_ = false;
};

}  // namespace godwit::net
