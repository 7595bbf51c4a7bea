// DPDK for benchmarks: EAL in this process, started when the first case asks, with two lcores (the
// caller's, and one more for a worker or a reader), no devices, AVX-512 allowed, and one packet
// pool.
//
// Memory: 2 MiB hugepages where they can be had (as root they are reserved for the run and given
// back, whatever end the program takes), else ordinary pages. What was used is part of the output,
// because peers whose tables live in DPDK's memory are compared with tables that do not.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "tests/bench/harness/bench.hpp"

struct rte_mempool;

namespace godwit::bench {

class Dpdk {
public:
    static constexpr unsigned kMainLcore = 0;
    static constexpr unsigned kSecondLcore = 1;
    static constexpr unsigned kPoolPackets = 16383;

    Dpdk(bool try_hugepages, unsigned mebibytes)
        : try_hugepages_(try_hugepages), mebibytes_(mebibytes) {}
    ~Dpdk();
    Dpdk(const Dpdk&) = delete;
    Dpdk& operator=(const Dpdk&) = delete;

    // Once; later calls answer as the first. Nothing: it runs.
    std::optional<Problem> start();
    [[nodiscard]] rte_mempool* pool() const { return pool_; }
    [[nodiscard]] const std::string& memory_note() const { return memory_note_; }
    [[nodiscard]] bool has_second_core() const { return second_core_; }
    // Devices and rings of this process are named by number.
    unsigned next_serial() { return serial_++; }

private:
    bool try_hugepages_;
    unsigned mebibytes_;
    bool asked_ = false;
    bool second_core_ = false;
    unsigned serial_ = 0;
    std::optional<Problem> problem_;
    std::string memory_note_ = "DPDK was not started";
    rte_mempool* pool_ = nullptr;
    int keeper_ = -1;  // while it is open, the reserved hugepages stay
};

// Work on the second lcore, from construction until join() or the destructor.
class SecondCore {
public:
    explicit SecondCore(std::function<void()> work);
    ~SecondCore() { join(); }
    SecondCore(const SecondCore&) = delete;
    SecondCore& operator=(const SecondCore&) = delete;
    void join();

private:
    static int run(void* self);
    std::function<void()> work_;
};

// Bytes that are allocated in DPDK's heaps now.
std::uint64_t dpdk_bytes_in_use();

// Resident bytes of this process, and how many of them are in transparent huge pages; 0 where the
// kernel does not say.
struct ResidentMemory {
    std::uint64_t resident = 0;
    std::uint64_t in_huge_pages = 0;
};
ResidentMemory resident_memory();

}  // namespace godwit::bench
