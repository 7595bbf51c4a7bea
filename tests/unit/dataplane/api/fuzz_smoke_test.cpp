// Runs a fuzz target's entry point over seeded inputs: noise, and noise that begins like the truth
// (plausible lengths, types and marks), so that the readers behind the first check are reached too.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "dataplane/api/messages.hpp"
#include "dataplane/api/ring.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace godwit::api {
namespace {

void put(std::vector<std::uint8_t>& input, std::size_t at, std::uint32_t value) {
    if (at + sizeof(value) <= input.size()) {
        std::memcpy(input.data() + at, &value, sizeof(value));
    }
}

TEST(FuzzTarget, takes_every_seeded_input) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    RecordProperty("seed", std::to_string(seed));
    std::mt19937_64 random(seed);
    LLVMFuzzerTestOneInput(nullptr, 0);
    for (int round = 0; round < 20000; ++round) {
        // Most are short; some hold the longest packet, to the byte.
        std::size_t room = round % 16 == 0 ? 12000 : 400;
        room = round % 256 == 1 ? kMaxPacketBytes + 64 : room;
        std::vector<std::uint8_t> input(random() % room);
        for (auto& byte : input) {
            byte = static_cast<std::uint8_t>(random() % 3 == 0 ? random() : random() % 4);
        }
        const auto size = static_cast<std::uint32_t>(input.size());
        switch (round % 3) {
            case 0:
                break;
            case 1: {  // a ring: tail, then a record of plausible length and type
                const std::uint32_t tail = size & ~7U;
                put(input, 0, tail / 8 * 2);
                const std::array<std::uint32_t, 10> lengths{8,  16, 24,  60,  80,
                                                            20, 44, 232, 272, size};
                put(input, 2, lengths[random() % lengths.size()]);
                const std::array<std::uint32_t, 4> types{1, 2, 16, 32};
                put(input, 6,
                    types[random() % types.size()] + static_cast<std::uint32_t>(random() % 8));
                break;
            }
            default: {  // a control message with a right header
                ControlHeader header;
                header.type = static_cast<ControlType>(1 + random() % 8);
                header.body_bytes = size < sizeof(header) ? 0 : size - 16;
                if (input.size() >= sizeof(header)) {
                    std::memcpy(input.data(), &header, sizeof(header));
                }
                put(input, 16, static_cast<std::uint32_t>(random() % 8));
                if (random() % 2 == 0) {
                    const std::array<std::uint32_t, 4> sizes{24, 80, 176, 232};
                    const std::uint32_t record = sizes[random() % sizes.size()];
                    put(input, 20, size > 40 ? (size - 40) / record : 0);
                    put(input, 24, record);
                }
                break;
            }
        }
        LLVMFuzzerTestOneInput(input.data(), input.size());
    }
}

}  // namespace
}  // namespace godwit::api
