// Memory that two programs map: memfd regions, made by one end and checked by the other.
//
// A region is sealed against shrinking and growing before it is handed over, so a peer that
// truncates it cannot kill us with SIGBUS; the end that receives one refuses it without those
// seals. Its pages are reserved when it is made: a worker never faults for memory on a ring. A
// region that the peer may only read is sealed against any later writable mapping (our own, made
// before, stays).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "dataplane/api/descriptor.hpp"
#include "net/result.hpp"

namespace godwit::api {

// A mapping that unmaps itself.
class Mapping {
public:
    Mapping() = default;
    Mapping(void* address, std::size_t bytes) : address_(address), bytes_(bytes) {}
    ~Mapping();
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    [[nodiscard]] std::span<std::byte> bytes() const {
        return {static_cast<std::byte*>(address_), bytes_};
    }
    [[nodiscard]] void* address() const { return address_; }

private:
    void* address_ = nullptr;
    std::size_t bytes_ = 0;
};

enum class PeerAccess : std::uint8_t { ReadWrite, ReadOnly };

struct SharedMemory {
    Descriptor descriptor;  // what the peer gets a duplicate of
    Mapping mapping;        // ours, writable, all zero
};

// `name` shows in /proc/PID/maps.
net::Result<SharedMemory, std::string> make_shared_memory(const char* name, std::size_t bytes,
                                                          PeerAccess access);

// Maps what a peer sent: exactly `bytes` long and sealed against a change of length, or an error.
net::Result<Mapping, std::string> map_received(int descriptor, std::size_t bytes,
                                               PeerAccess access);

// A text in a memfd that nobody can change any more: how a configuration travels.
constexpr std::size_t kMaxSealedTextBytes = std::size_t{16} << 20U;
net::Result<Descriptor, std::string> make_sealed_text(const char* name, std::string_view text);
net::Result<std::string, std::string> read_sealed_text(int descriptor);

}  // namespace godwit::api
