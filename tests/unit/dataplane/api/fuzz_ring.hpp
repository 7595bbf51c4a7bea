// A ring whose producer is the fuzzer: the first two bytes of the input become the tail (in steps
// of 8 bytes, so that the longest packet can be reached; an odd one leaves it between two records),
// the rest the data. The reader under test takes records until the ring is empty or broken.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/api/ring.hpp"

namespace godwit::api {

// `read` gets every record that the ring yields.
template <std::size_t kBuffer, class Read>
void read_hostile_ring(const std::uint8_t* data, std::size_t size, Read read) {
    constexpr std::size_t kBytes = kMinPacketRingBytes;
    alignas(64) static std::array<std::byte, ring_region_bytes(kBytes)> region;
    static std::size_t dirty_bytes = 0;  // by the input before
    std::memset(region.data(), 0, sizeof(RingHeader) + dirty_bytes);
    auto* header = reinterpret_cast<RingHeader*>(region.data());
    RingConsumer consumer(region, kBytes);
    std::uint16_t step = 0;
    if (size != 0) {  // an empty input has no address
        std::memcpy(&step, data, size < sizeof(step) ? size : sizeof(step));
    }
    const std::size_t used = size < sizeof(step) ? 0 : size - sizeof(step);
    dirty_bytes = used < kBytes ? used : kBytes;
    if (used != 0) {
        std::memcpy(region.data() + sizeof(RingHeader), data + sizeof(step), dirty_bytes);
    }
    header->tail = std::uint64_t{step} / 2 * 8 + step % 2;
    alignas(8) static std::array<std::byte, kBuffer> buffer;
    for (;;) {
        Record record;
        if (consumer.next(buffer, record) != RingConsumer::Outcome::Record) {
            return;
        }
        if (record.body.size() > kBuffer) {
            __builtin_trap();
        }
        read(record);
    }
}

// A checked span lies where it should: reading all of it must be no error of any sanitizer.
inline std::uint64_t touch(std::span<const std::byte> bytes) {
    std::uint64_t sum = 0;
    for (const std::byte byte : bytes) {
        sum += static_cast<std::uint64_t>(byte);
    }
    return sum;
}

}  // namespace godwit::api
