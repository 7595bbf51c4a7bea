#include "drivers/hugepages.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <fstream>
#include <optional>
#include <utility>

namespace godwit::drivers {
namespace {

std::filesystem::path page_folder(const std::filesystem::path& root) {
    return root / "sys/kernel/mm/hugepages/hugepages-2048kB";
}

std::optional<std::uint64_t> read_number(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::uint64_t value = 0;
    if (file >> value) {
        return value;
    }
    return std::nullopt;
}

bool write_number(const std::filesystem::path& path, std::uint64_t value) {
    std::ofstream file(path);
    file << value << std::flush;
    return file.good();
}

// The kernel promises the pages at mmap, so this finds limits that the counters do not show
// (control groups, other processes' promises) without touching a page.
bool pages_can_be_mapped(std::uint64_t bytes) {
    void* area = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (area == MAP_FAILED) {
        return false;
    }
    munmap(area, bytes);
    return true;
}

}  // namespace

HugepageCount count_hugepages(const std::filesystem::path& root) {
    const auto total = read_number(page_folder(root) / "nr_hugepages");
    const auto free = read_number(page_folder(root) / "free_hugepages");
    return {.supported = total.has_value(), .total = total.value_or(0), .free = free.value_or(0)};
}

std::uint64_t available_memory(const std::filesystem::path& root) {
    std::ifstream file(root / "proc/meminfo");
    std::string key;
    std::uint64_t kibibytes = 0;
    std::string rest;
    while (file >> key >> kibibytes) {
        if (key == "MemAvailable:") {
            return kibibytes << 10;
        }
        std::getline(file, rest);
    }
    return 0;
}

net::Result<HugepageGrant, Problem> obtain_hugepages(config::HugepageUse use, std::uint64_t bytes,
                                                     const std::filesystem::path& root) {
    if (use == config::HugepageUse::Off) {
        return HugepageGrant{.use = false, .reserved = 0, .note = "workers.hugepages is off"};
    }
    const std::uint64_t needed = (bytes + kHugepageBytes - 1) / kHugepageBytes;
    const HugepageCount before = count_hugepages(root);
    const std::uint64_t missing = before.free < needed ? needed - before.free : 0;
    const std::string command =
        fmt::format("echo {} > /proc/sys/vm/nr_hugepages", before.total + missing);

    if (missing == 0 && pages_can_be_mapped(needed * kHugepageBytes)) {
        return HugepageGrant{.use = true, .reserved = 0, .note = {}};
    }
    if (use == config::HugepageUse::Required) {
        return net::unexpected(
            Problem{"hugepages-missing",
                    fmt::format("workers.hugepages is required, but of {} hugepages of 2 MiB that "
                                "workers.memory needs only {} are free",
                                needed, before.free),
                    fmt::format("run `{}` as root, or set workers.hugepages: auto", command)});
    }

    std::string reason = "the kernel has no 2 MiB pages";
    if (before.supported) {
        const auto knob = page_folder(root) / "nr_hugepages";
        // A router must not starve its machine: half of what is available is the most it takes.
        if (missing * kHugepageBytes > available_memory(root) / 2) {
            reason = fmt::format("{} more pages would take over half of the free memory", missing);
        } else if (!write_number(knob, before.total + missing)) {
            reason = fmt::format("{} of {} are free, and reserving more needs root", before.free,
                                 needed);
        } else if (count_hugepages(root).free >= needed &&
                   pages_can_be_mapped(needed * kHugepageBytes)) {
            return HugepageGrant{.use = true,
                                 .reserved = missing,
                                 .note = fmt::format("reserved {} hugepages of 2 MiB", missing)};
        } else {
            write_number(knob, before.total);
            reason = fmt::format("the kernel could not find {} free pages", needed);
        }
    }
    return HugepageGrant{
        .use = false,
        .reserved = 0,
        .note = fmt::format("running without hugepages, which costs speed: {}; `{}` reserves them",
                            reason, command)};
}

void release_hugepages(std::uint64_t reserved, const std::filesystem::path& root) {
    if (reserved == 0) {
        return;
    }
    const HugepageCount now = count_hugepages(root);
    write_number(page_folder(root) / "nr_hugepages",
                 now.total > reserved ? now.total - reserved : 0);
}

}  // namespace godwit::drivers
