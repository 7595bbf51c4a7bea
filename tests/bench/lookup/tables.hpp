// The forwarding tables that are compared: ours, rte_fib (DIR24_8) and rte_lpm, behind one
// interface whose virtual calls are once a pass over all keys, never once a lookup.
//
// A pass looks all keys up in bursts of 64, as a worker would, and answers the cycles a key; 16
// bursts are timed together. Answers are also compared outside of the timing: a table that is fast
// and wrong ends the case.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/tables/fib.hpp"
#include "dataplane/tables/reclaimer.hpp"
#include "tests/bench/traffic/prefixes.hpp"

namespace godwit::bench {

constexpr unsigned kLookupBurst = 64;
constexpr unsigned kKeysTimedTogether = 16 * kLookupBurst;

class LookupTable {
public:
    LookupTable() = default;
    virtual ~LookupTable() = default;
    LookupTable(const LookupTable&) = delete;
    LookupTable& operator=(const LookupTable&) = delete;

    // False: no room.
    virtual bool set(const net::Ipv4Prefix& prefix, std::uint32_t next_hop) = 0;
    virtual bool remove(const net::Ipv4Prefix& prefix) = 0;
    // Frees what changes left behind; called every few changes.
    virtual void settle() {}
    [[nodiscard]] virtual std::uint64_t bytes() const = 0;
    // Cycles a key of looking up all keys, whose number is a multiple of kKeysTimedTogether.
    virtual double pass(std::span<std::uint32_t> keys) = 0;
    // 0: no route.
    virtual void answers(std::span<std::uint32_t> keys, std::span<std::uint32_t> next_hops) = 0;
};

class OurTable : public LookupTable {
public:
    explicit OurTable(std::size_t max_routes, dataplane::FibWay way = dataplane::fastest_fib_way());

    bool set(const net::Ipv4Prefix& prefix, std::uint32_t next_hop) override;
    bool remove(const net::Ipv4Prefix& prefix) override;
    void settle() override { reclaimer_.poll(); }
    [[nodiscard]] std::uint64_t bytes() const override { return fib_.memory_bytes(); }
    double pass(std::span<std::uint32_t> keys) override;
    void answers(std::span<std::uint32_t> keys, std::span<std::uint32_t> next_hops) override;

    // All routes at once; false: refused.
    bool build(std::span<const RouteOfTable> routes);
    [[nodiscard]] dataplane::Reclaimer& reclaimer() { return reclaimer_; }
    [[nodiscard]] dataplane::Fib& fib() { return fib_; }

private:
    dataplane::Reclaimer reclaimer_;  // one reader, number 0
    dataplane::Fib fib_;
};

enum class FibLookup : std::uint8_t { Scalar, Avx512 };
enum class FibEntry : std::uint8_t { TwoBytes, FourBytes };

// rte_fib; one table may be looked up in both ways. Nothing: no memory for it.
class RteFibTable;
std::unique_ptr<LookupTable> make_rte_fib(std::size_t max_routes, FibEntry entry);
// False: this CPU or this DPDK has no such lookup.
bool select_lookup(LookupTable& rte_fib_table, FibLookup lookup);

std::unique_ptr<LookupTable> make_rte_lpm(std::size_t max_routes);

}  // namespace godwit::bench
