// Hugepages for DPDK's memory: how many are free, whether they can be had, and what to tell a
// person when they cannot. Reserving writes nr_hugepages (root only); what was added is given back
// at the end of the process that added it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "config/model/model.hpp"
#include "drivers/port.hpp"
#include "net/result.hpp"

namespace godwit::drivers {

constexpr std::uint64_t kHugepageBytes = 2ULL << 20;

struct HugepageCount {
    bool supported = false;  // the kernel has 2 MiB pages
    std::uint64_t total = 0;
    std::uint64_t free = 0;
};

// From `root`/sys/kernel/mm/hugepages.
HugepageCount count_hugepages(const std::filesystem::path& root);

// MemAvailable of `root`/proc/meminfo in bytes; 0 when it cannot be read.
std::uint64_t available_memory(const std::filesystem::path& root);

struct HugepageGrant {
    bool use = false;
    std::uint64_t reserved = 0;  // pages that were added to the kernel's pool for this process
    std::string note;            // for a person: why not, or what was reserved
};

// Decides by `use` how `bytes` of memory are to be had. Required refuses when the pages are not
// there; Auto reserves what is missing where it may, and goes without otherwise.
net::Result<HugepageGrant, Problem> obtain_hugepages(config::HugepageUse use, std::uint64_t bytes,
                                                     const std::filesystem::path& root);

// Gives back what obtain_hugepages added.
void release_hugepages(std::uint64_t reserved, const std::filesystem::path& root);

}  // namespace godwit::drivers
