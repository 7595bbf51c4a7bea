#include "tests/bench/lookup/tables.hpp"

#include <fmt/format.h>
#include <rte_fib.h>
#include <rte_lpm.h>

#include <array>

#include "tests/bench/harness/dpdk.hpp"
#include "tests/bench/harness/samples.hpp"

namespace godwit::bench {

namespace {

// A /24 that has longer prefixes takes one; the generator makes about one of 100 prefixes long.
constexpr std::uint32_t kTbl8Groups = 1U << 15;

// Keeps the answers of an inlined lookup: the compiler may not find them unused.
template <class Answers>
void keep(Answers& answers) {
    asm volatile("" : : "r"(answers.data()) : "memory");
}

// `look_up(burst of keys)` over all keys.
template <class LookUp>
double timed_pass(std::span<std::uint32_t> keys, LookUp&& look_up) {
    UninterruptedSum sum(clock_cycles());
    for (std::size_t at = 0; at < keys.size(); at += kKeysTimedTogether) {
        const std::uint64_t begin = cycles_now();
        for (std::size_t i = at; i < at + kKeysTimedTogether; i += kLookupBurst) {
            look_up(&keys[i]);
        }
        sum.add(cycles_now() - begin, kKeysTimedTogether);
    }
    return sum.per_item();
}

std::string unique_name(const char* kind, const void* of) {
    return fmt::format("{}-{}", kind, of);
}

}  // namespace

// ---- ours

OurTable::OurTable(std::size_t max_routes, dataplane::FibWay way)
    : reclaimer_(1), fib_(reclaimer_, max_routes, way) {}

bool OurTable::set(const net::Ipv4Prefix& prefix, std::uint32_t next_hop) {
    return fib_.set(prefix, next_hop) != dataplane::Fib::Change::TableFull;
}

bool OurTable::remove(const net::Ipv4Prefix& prefix) {
    return fib_.remove(prefix);
}

bool OurTable::build(std::span<const RouteOfTable> routes) {
    std::vector<dataplane::Fib::Route> sorted;
    sorted.reserve(routes.size());
    for (const RouteOfTable& route : routes) {
        sorted.push_back({route.prefix, route.next_hop});
    }
    return fib_.build(sorted) == dataplane::Fib::Built::Done;
}

double OurTable::pass(std::span<std::uint32_t> keys) {
    std::array<std::uint32_t, kLookupBurst> next_hops;
    return timed_pass(keys, [this, &next_hops](std::uint32_t* burst) {
        fib_.lookup_burst(burst, next_hops.data(), kLookupBurst);
        keep(next_hops);
    });
}

void OurTable::answers(std::span<std::uint32_t> keys, std::span<std::uint32_t> next_hops) {
    for (std::size_t at = 0; at < keys.size(); at += kLookupBurst) {
        fib_.lookup_burst(&keys[at], &next_hops[at], kLookupBurst);
    }
}

// ---- rte_fib

class RteFibTable : public LookupTable {
public:
    RteFibTable(std::size_t max_routes, FibEntry entry) : bytes_before_(dpdk_bytes_in_use()) {
        rte_fib_conf conf{};
        conf.type = RTE_FIB_DIR24_8;
        conf.default_nh = dataplane::Fib::kNoRoute;
        conf.max_routes = static_cast<int>(max_routes + 1024);
        conf.dir24_8.nh_sz = entry == FibEntry::TwoBytes ? RTE_FIB_DIR24_8_2B : RTE_FIB_DIR24_8_4B;
        // The index of a group shares its entry with the next hop: 15 bits of two bytes.
        conf.dir24_8.num_tbl8 = entry == FibEntry::TwoBytes ? kTbl8Groups - 1 : kTbl8Groups;
        fib_ = rte_fib_create(unique_name("fib", this).c_str(), SOCKET_ID_ANY, &conf);
    }
    ~RteFibTable() override { rte_fib_free(fib_); }
    RteFibTable(const RteFibTable&) = delete;
    RteFibTable& operator=(const RteFibTable&) = delete;

    [[nodiscard]] bool made() const { return fib_ != nullptr; }
    bool select(rte_fib_lookup_type lookup) { return rte_fib_select_lookup(fib_, lookup) == 0; }

    bool set(const net::Ipv4Prefix& prefix, std::uint32_t next_hop) override {
        return rte_fib_add(fib_, prefix.address().value(), prefix.length(), next_hop) == 0;
    }
    bool remove(const net::Ipv4Prefix& prefix) override {
        return rte_fib_delete(fib_, prefix.address().value(), prefix.length()) == 0;
    }
    [[nodiscard]] std::uint64_t bytes() const override {
        return dpdk_bytes_in_use() - bytes_before_;
    }
    double pass(std::span<std::uint32_t> keys) override {
        std::array<std::uint64_t, kLookupBurst> next_hops;
        return timed_pass(keys, [this, &next_hops](std::uint32_t* burst) {
            rte_fib_lookup_bulk(fib_, burst, next_hops.data(), kLookupBurst);
            keep(next_hops);
        });
    }
    void answers(std::span<std::uint32_t> keys, std::span<std::uint32_t> answers) override {
        std::array<std::uint64_t, kLookupBurst> next_hops;
        for (std::size_t at = 0; at < keys.size(); at += kLookupBurst) {
            rte_fib_lookup_bulk(fib_, &keys[at], next_hops.data(), kLookupBurst);
            for (unsigned i = 0; i < kLookupBurst; ++i) {
                answers[at + i] = static_cast<std::uint32_t>(next_hops[i]);
            }
        }
    }

private:
    std::uint64_t bytes_before_;
    rte_fib* fib_ = nullptr;
};

std::unique_ptr<LookupTable> make_rte_fib(std::size_t max_routes, FibEntry entry) {
    auto table = std::make_unique<RteFibTable>(max_routes, entry);
    return table->made() ? std::move(table) : nullptr;
}

bool select_lookup(LookupTable& rte_fib_table, FibLookup lookup) {
    return static_cast<RteFibTable&>(rte_fib_table)
        .select(lookup == FibLookup::Avx512 ? RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512
                                            : RTE_FIB_LOOKUP_DIR24_8_SCALAR_MACRO);
}

// ---- rte_lpm

namespace {

class RteLpmTable : public LookupTable {
public:
    explicit RteLpmTable(std::size_t max_routes) : bytes_before_(dpdk_bytes_in_use()) {
        rte_lpm_config config{};
        config.max_rules = static_cast<std::uint32_t>(max_routes + 1024);
        config.number_tbl8s = kTbl8Groups;
        lpm_ = rte_lpm_create(unique_name("lpm", this).c_str(), SOCKET_ID_ANY, &config);
    }
    ~RteLpmTable() override { rte_lpm_free(lpm_); }
    RteLpmTable(const RteLpmTable&) = delete;
    RteLpmTable& operator=(const RteLpmTable&) = delete;

    [[nodiscard]] bool made() const { return lpm_ != nullptr; }

    bool set(const net::Ipv4Prefix& prefix, std::uint32_t next_hop) override {
        return rte_lpm_add(lpm_, prefix.address().value(), prefix.length(), next_hop) == 0;
    }
    bool remove(const net::Ipv4Prefix& prefix) override {
        return rte_lpm_delete(lpm_, prefix.address().value(), prefix.length()) == 0;
    }
    [[nodiscard]] std::uint64_t bytes() const override {
        return dpdk_bytes_in_use() - bytes_before_;
    }
    double pass(std::span<std::uint32_t> keys) override {
        std::array<std::uint32_t, kLookupBurst> next_hops;
        return timed_pass(keys, [this, &next_hops](std::uint32_t* burst) {
            rte_lpm_lookup_bulk(lpm_, burst, next_hops.data(), kLookupBurst);
            keep(next_hops);
        });
    }
    void answers(std::span<std::uint32_t> keys, std::span<std::uint32_t> answers) override {
        for (std::size_t at = 0; at < keys.size(); at += kLookupBurst) {
            rte_lpm_lookup_bulk(lpm_, &keys[at], &answers[at], kLookupBurst);
        }
        for (std::uint32_t& answer : answers) {
            answer = (answer & RTE_LPM_LOOKUP_SUCCESS) != 0 ? answer & 0xffffffU
                                                            : dataplane::Fib::kNoRoute;
        }
    }

private:
    std::uint64_t bytes_before_;
    rte_lpm* lpm_ = nullptr;
};

}  // namespace

std::unique_ptr<LookupTable> make_rte_lpm(std::size_t max_routes) {
    auto table = std::make_unique<RteLpmTable>(max_routes);
    return table->made() ? std::move(table) : nullptr;
}

}  // namespace godwit::bench
