// How the hugepages are given back: before EAL starts, a keeper is forked that holds the number of
// pages that were added and waits for the end of a pipe. The kernel closes our end when this
// program ends, be it by exit, a signal or a crash, after its memory is gone; then the keeper
// lowers the count again.
#include "tests/bench/harness/dpdk.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <utility>
#include <vector>

#include "dataplane/graph/packet.hpp"
#include "drivers/hugepages.hpp"

namespace godwit::bench {

namespace {

constexpr std::uint64_t kMebibyte = 1ULL << 20;
constexpr std::uint16_t kRoomBytes = RTE_PKTMBUF_HEADROOM + 2048;

std::vector<unsigned> usable_cpus() {
    std::vector<unsigned> cpus;
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (CPU_ISSET(cpu, &allowed)) {
                cpus.push_back(cpu);
            }
        }
    }
    return cpus;
}

// The pipe's end that this program keeps; -1: no keeper, and so nothing may be reserved. The keeper
// learns later how many pages there are to give back.
int start_keeper() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    const pid_t child = fork();
    if (child == 0) {
        setsid();  // Ctrl-C is for the program, not for its keeper
        close(ends[1]);
        std::uint64_t reserved = 0;
        std::uint64_t message = 0;
        while (read(ends[0], &message, sizeof message) == sizeof message) {
            reserved = message;
        }
        drivers::release_hugepages(reserved, "/");
        _exit(0);
    }
    close(ends[0]);
    if (child < 0) {
        close(ends[1]);
        return -1;
    }
    return ends[1];
}

}  // namespace

std::optional<Problem> Dpdk::start() {
    if (asked_) {
        return problem_;
    }
    asked_ = true;
    const auto cpus = usable_cpus();
    if (cpus.empty()) {
        return problem_ = Problem{"the CPUs of this program are not known",
                                  "run it where sched_getaffinity is allowed"};
    }
    second_core_ = cpus.size() > 1;

    drivers::HugepageGrant grant;
    grant.note = "asked not to";
    if (try_hugepages_ && (keeper_ = start_keeper()) >= 0) {
        if (auto answer =
                drivers::obtain_hugepages(config::HugepageUse::Auto, mebibytes_ * kMebibyte, "/")) {
            grant = *answer;
        }
        if (write(keeper_, &grant.reserved, sizeof grant.reserved) != sizeof grant.reserved) {
            drivers::release_hugepages(grant.reserved, "/");
            grant = {};
        }
    }
    std::vector<std::string> arguments = {
        "godwit-bench",
        "--iova-mode=va",
        "--no-telemetry",
        "--no-pci",
        fmt::format("--file-prefix=godwit-bench-{}", getpid()),
        fmt::format("--lcores=0@{},1@{}", cpus.front(), cpus[second_core_ ? 1 : 0]),
        "--main-lcore=0",
        "--force-max-simd-bitwidth=512",
        "--log-level=*:error",
        "-m",
        std::to_string(mebibytes_)};
    if (grant.use) {
        arguments.emplace_back("--in-memory");
        memory_note_ = "DPDK's memory is in 2 MiB hugepages";
    } else {
        arguments.emplace_back("--no-huge");
        arguments.emplace_back("--no-shconf");
        memory_note_ = "DPDK's memory is in 4 KiB pages (" + grant.note + ")";
    }
    std::vector<char*> argv;
    for (std::string& argument : arguments) {
        argv.push_back(argument.data());
    }
    if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
        return problem_ = Problem{fmt::format("DPDK did not start with {} MiB: {}", mebibytes_,
                                              rte_strerror(rte_errno)),
                                  "free memory, or choose fewer cases"};
    }
    pool_ = rte_pktmbuf_pool_create("bench", kPoolPackets, 512, dataplane::kPacketPrivateBytes,
                                    kRoomBytes, SOCKET_ID_ANY);
    if (pool_ == nullptr) {
        return problem_ = Problem{"there is no memory for the packet pool", "free memory"};
    }
    return std::nullopt;
}

Dpdk::~Dpdk() {
    if (keeper_ >= 0) {
        close(keeper_);
    }
}

SecondCore::SecondCore(std::function<void()> work) : work_(std::move(work)) {
    rte_eal_remote_launch(run, this, Dpdk::kSecondLcore);
}

void SecondCore::join() {
    rte_eal_wait_lcore(Dpdk::kSecondLcore);
}

int SecondCore::run(void* self) {
    static_cast<SecondCore*>(self)->work_();
    return 0;
}

std::uint64_t dpdk_bytes_in_use() {
    std::uint64_t bytes = 0;
    for (unsigned i = 0; i < rte_socket_count(); ++i) {
        rte_malloc_socket_stats stats{};
        if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &stats) == 0) {
            bytes += stats.heap_allocsz_bytes;
        }
    }
    return bytes;
}

ResidentMemory resident_memory() {
    ResidentMemory found;
    std::ifstream rollup("/proc/self/smaps_rollup");
    std::string line;
    while (std::getline(rollup, line)) {
        const auto value = [&line](std::string_view key) -> std::uint64_t {
            return line.starts_with(key) ? std::stoull(line.substr(key.size())) * 1024 : 0;
        };
        found.resident += value("Rss:");
        found.in_huge_pages += value("AnonHugePages:");
    }
    return found;
}

}  // namespace godwit::bench
