// EAL from the model: check what can be checked first, so that each mistake has its own sentence;
// then rte_eal_init with its log captured.
//
// Facts of DPDK 22.11 that shape the arguments:
//  - --no-huge implies --legacy-mem, which excludes --in-memory.
//  - A device given with -a that fails to probe stops rte_eal_init. So NICs are not probed there:
//    the allow list gets an address that no NIC has, and ports are added one by one afterwards.
//  - A shared build loads every driver of RTE_EAL_PMD_PATH whatever -d says (about 0.1 s in all),
//  so
//    naming libraries would only load some of them twice.
#include <fmt/format.h>
#include <rte_alarm.h>
#include <rte_build_config.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "drivers/burst.hpp"
#include "drivers/device_checks.hpp"
#include "drivers/eal_arguments.hpp"
#include "drivers/hugepages.hpp"
#include "drivers/log_capture.hpp"
#include "drivers/port.hpp"

namespace godwit::drivers {
namespace {

constexpr const char* kNoSuchNic = "ffff:ff:1f.7";

// Whether this process may run on the CPU: it exists and no cpuset takes it away.
bool cpu_is_usable(unsigned cpu) {
    if (cpu >= CPU_SETSIZE) {
        return false;
    }
    cpu_set_t before;
    if (sched_getaffinity(0, sizeof before, &before) != 0) {
        return true;
    }
    cpu_set_t wanted;
    CPU_ZERO(&wanted);
    CPU_SET(cpu, &wanted);
    const bool usable = sched_setaffinity(0, sizeof wanted, &wanted) == 0;
    sched_setaffinity(0, sizeof before, &before);
    return usable;
}

std::optional<Problem> check_cpu(unsigned cpu, const std::string& key) {
    if (cpu_is_usable(cpu)) {
        return std::nullopt;
    }
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const std::filesystem::path folder = fmt::format("/sys/devices/system/cpu/cpu{}", cpu);
    if (std::filesystem::exists(folder)) {
        return Problem{
            "core-not-allowed",
            fmt::format("{}: CPU {} is offline or outside of this program's cpuset", key, cpu),
            "name a CPU that `taskset -cp $$` shows, or widen the service's AllowedCPUs"};
    }
    return Problem{"core-missing",
                   fmt::format("{}: there is no CPU {}; this machine has {} CPUs, counted from 0",
                               key, cpu, online),
                   fmt::format("name CPUs from 0 to {}", online - 1)};
}

std::optional<Problem> check_cpus(const config::Model& model) {
    if (auto problem = check_cpu(model.workers.main_core, "workers.main-core")) {
        return problem;
    }
    for (const unsigned cpu : model.workers.cores) {
        if (auto problem = check_cpu(cpu, "workers.cores")) {
            return problem;
        }
    }
    return std::nullopt;
}

std::optional<Problem> check_drivers_installed() {
    if (std::filesystem::is_directory(RTE_EAL_PMD_PATH)) {
        return std::nullopt;
    }
    return Problem{
        "drivers-missing",
        fmt::format("DPDK's device drivers are not installed ({} is not there)", RTE_EAL_PMD_PATH),
        "run `apt-get install libdpdk-dev`"};
}

std::optional<Problem> check_free_memory(const config::Model& model, bool hugepages) {
    const std::uint64_t available = available_memory("/");
    if (hugepages || available == 0 || available >= model.workers.memory.value) {
        return std::nullopt;
    }
    return Problem{"memory-missing",
                   fmt::format("workers.memory is {} MiB, but this machine has only {} MiB free",
                               model.workers.memory.value >> 20, available >> 20),
                   "lower workers.memory, or stop what uses the memory"};
}

bool has_nic(const config::Model& model) {
    for (const auto& [name, interface] : model.interfaces) {
        if (std::holds_alternative<config::PciPort>(interface.kind)) {
            return true;
        }
    }
    return false;
}

// The same for every start of the same router, so that a killed one leaves nothing to add up.
std::string file_prefix(const config::Model& model, const EalOptions& options) {
    if (options.in_process_test) {
        return fmt::format("godwit-test-{}", getpid());
    }
    return fmt::format("godwit-{:016x}",
                       std::hash<std::string>{}(config::channel_socket_path(model)));
}

std::atomic<bool> interrupts_parked{false};  // outlives every Eal, as the parked thread does

// The interrupt thread has no end of its own. It is led into a callback that does not return, so
// that it touches nothing of what is taken apart after it (a memif peer may call at any moment).
void park_interrupt_thread() {
    const auto park = [](void* /*unused*/) {
        interrupts_parked.store(true, std::memory_order_release);
        for (;;) {
            pause();
        }
    };
    if (rte_eal_alarm_set(1, park, nullptr) != 0) {
        return;
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (!interrupts_parked.load(std::memory_order_acquire) &&
           std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
    }
}

}  // namespace

struct Eal::State {
    std::unique_ptr<LogCapture> log;
    std::filesystem::path runtime_folder;
    std::uint64_t reserved_hugepages = 0;
    bool initialized = false;

    ~State() {
        if (initialized) {
            // Not rte_eal_cleanup: it unmaps DPDK's memory under its own interrupt thread, and
            // waits for a parked one. The kernel takes the memory back with the process.
            park_interrupt_thread();
        }
        rte_openlog_stream(nullptr);
        set_active_log_capture(nullptr);
        if (!runtime_folder.empty()) {
            std::error_code ignored;
            std::filesystem::remove_all(runtime_folder, ignored);
        }
        release_hugepages(reserved_hugepages, "/");
    }
};

unsigned worker_cpu(const config::Model& model, unsigned number) {
    return model.workers.cores.empty() ? model.workers.main_core : model.workers.cores[number];
}

std::vector<std::string> eal_arguments(const config::Model& model, const EalMemory& memory,
                                       const std::string& file_prefix) {
    std::string lcores = fmt::format("0@{}", model.workers.main_core);
    for (unsigned worker = 0; worker < worker_count(model); ++worker) {
        lcores += fmt::format(",{}@{}", worker + 1, worker_cpu(model, worker));
    }
    std::vector<std::string> arguments = {
        "godwit",
        memory.physical_addresses ? "--iova-mode=pa" : "--iova-mode=va",
        "--no-telemetry",
        "--file-prefix=" + file_prefix,
        "--lcores=" + lcores,
        "--main-lcore=0",
        "-m",
        std::to_string(memory.bytes >> 20),
        "--log-level=*:warning",
    };
    if (memory.hugepages) {
        arguments.emplace_back("--in-memory");
    } else {
        arguments.emplace_back("--no-huge");
        arguments.emplace_back("--no-shconf");
    }
    if (has_nic(model)) {
        arguments.emplace_back("-a");
        arguments.emplace_back(kNoSuchNic);
    } else {
        arguments.emplace_back("--no-pci");
    }
    return arguments;
}

net::Result<std::unique_ptr<Eal>, Problem> Eal::start(const config::Model& model,
                                                      const EalOptions& options) {
    if (auto problem = check_drivers_installed()) {
        return net::unexpected(*problem);
    }
    if (auto problem = check_cpus(model)) {
        return net::unexpected(*problem);
    }
    if (auto problem = check_memory(memory_budget(model))) {
        return net::unexpected(*problem);
    }

    const config::HugepageUse use =
        options.in_process_test ? config::HugepageUse::Off : model.workers.hugepages;
    auto grant = obtain_hugepages(use, model.workers.memory.value, "/");
    if (!grant) {
        return net::unexpected(grant.error());
    }

    std::unique_ptr<Eal> eal(new Eal());
    eal->uses_hugepages_ = grant->use;
    eal->hugepage_note_ = grant->note;
    eal->state_ = std::make_unique<State>();
    State& state = *eal->state_;
    state.reserved_hugepages = grant->reserved;
    if (auto problem = check_free_memory(model, grant->use)) {
        return net::unexpected(*problem);
    }
    const EalMemory memory{.hugepages = grant->use,
                           .bytes = model.workers.memory.value,
                           .physical_addresses = needs_physical_addresses(model, "/")};
    if (memory.physical_addresses && !memory.hugepages) {
        return net::unexpected(Problem{
            "hugepages-missing",
            "a NIC without an IOMMU reads memory by physical address, which needs hugepages",
            "set workers.hugepages: required, or turn the IOMMU on (intel_iommu=on)"});
    }

    state.log = std::make_unique<LogCapture>(model.system.log_level >= config::LogLevel::Debug);
    set_active_log_capture(state.log.get());
    rte_openlog_stream(state.log->stream());

    std::vector<std::string> arguments = eal_arguments(model, memory, file_prefix(model, options));
    std::vector<char*> argv;
    for (std::string& argument : arguments) {
        argv.push_back(argument.data());
    }
    if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
        const std::string reason = state.log->reason_since(0);
        return net::unexpected(
            Problem{"dpdk-failed",
                    fmt::format("DPDK did not start: {} ({})", reason, rte_strerror(rte_errno)),
                    "run `godwit doctor`, and set system.log.level: debug for DPDK's own words"});
    }
    state.initialized = true;
    state.runtime_folder = rte_eal_get_runtime_dir();
    install_burst_guard();
    return eal;
}

Eal::Eal() = default;
Eal::~Eal() = default;

}  // namespace godwit::drivers
