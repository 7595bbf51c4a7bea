#include "drivers/host.hpp"

#include <fmt/format.h>
#include <linux/capability.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "drivers/device_checks.hpp"
#include "drivers/hugepages.hpp"
#include "drivers/port.hpp"

namespace godwit::drivers {
namespace {

namespace fs = std::filesystem;

using Findings = std::vector<Finding>;

constexpr std::uint64_t kDefaultMemory = config::Workers{}.memory.value;

std::string read_line(const fs::path& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string read_all(const fs::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// "0-3,8" as the kernel writes lists of CPUs; a word in front ("nohz,domain,2-3") is skipped.
std::set<unsigned> parse_cpus(const std::string& list) {
    std::set<unsigned> cpus;
    std::istringstream parts(list);
    std::string part;
    while (std::getline(parts, part, ',')) {
        unsigned first = 0;
        const char* const end = part.data() + part.size();
        auto [rest, failed] = std::from_chars(part.data(), end, first);
        if (failed != std::errc()) {
            continue;
        }
        unsigned last = first;
        if (rest != end && *rest == '-') {
            std::from_chars(rest + 1, end, last);
        }
        for (unsigned cpu = first; cpu <= last && cpu < 4096; ++cpu) {
            cpus.insert(cpu);
        }
    }
    return cpus;
}

std::string boot_argument(const fs::path& root, const std::string& key) {
    std::istringstream line(read_line(root / "proc/cmdline"));
    std::string word;
    while (line >> word) {
        if (word.starts_with(key + "=")) {
            return word.substr(key.size() + 1);
        }
    }
    return {};
}

std::uint64_t wanted_memory(const config::Model* model) {
    return model == nullptr ? kDefaultMemory : model->workers.memory.value;
}

void inspect_cpu_features(const fs::path& root, Findings& findings) {
    const std::string cpuinfo = read_all(root / "proc/cpuinfo");
    // What the Debian build of DPDK is compiled for; without it the program stops at start.
    if (cpuinfo.find("flags") != std::string::npos && cpuinfo.find("sse4_2") == std::string::npos) {
        findings.push_back({"cpu", Severity::Bad, "the CPU has no SSE4.2, which DPDK needs",
                            "use a machine of 2009 or later, or pass the host's CPU to the guest"});
        return;
    }
    if (cpuinfo.find("constant_tsc") == std::string::npos &&
        cpuinfo.find("flags") != std::string::npos) {
        findings.push_back({"cpu", Severity::Warning,
                            "the CPU's clock is not constant: timers and rates will be off", ""});
        return;
    }
    findings.push_back({"cpu", Severity::Ok, "the CPU has what DPDK needs", ""});
}

void inspect_memory(const fs::path& root, const config::Model* model, Findings& findings) {
    const std::uint64_t available = available_memory(root);
    const std::uint64_t wanted = wanted_memory(model);
    // Reserved hugepages are no longer "available", and are what the memory will be made of.
    const std::uint64_t reserved = count_hugepages(root).free * kHugepageBytes;
    if (available + reserved < wanted) {
        findings.push_back({"memory", Severity::Bad,
                            fmt::format("{} MiB of memory are free, the dataplane takes {} MiB",
                                        (available + reserved) >> 20, wanted >> 20),
                            "lower workers.memory, or stop what uses the memory"});
    } else {
        findings.push_back({"memory", Severity::Ok,
                            fmt::format("{} MiB of memory are free, the dataplane takes {} MiB",
                                        (available + reserved) >> 20, wanted >> 20),
                            ""});
    }
    if (model != nullptr) {
        const MemoryBudget budget = memory_budget(*model);
        if (const auto problem = check_memory(budget)) {
            findings.push_back({"memory-budget", Severity::Bad, problem->what, problem->mend});
        } else {
            findings.push_back({"memory-budget", Severity::Ok, describe(budget), ""});
        }
    }
}

void inspect_hugepages(const fs::path& root, const config::Model* model, Findings& findings) {
    const config::HugepageUse use =
        model == nullptr ? config::HugepageUse::Auto : model->workers.hugepages;
    if (use == config::HugepageUse::Off) {
        findings.push_back({"hugepages", Severity::Ok, "workers.hugepages is off", ""});
        return;
    }
    const Severity lack = use == config::HugepageUse::Required ? Severity::Bad : Severity::Warning;
    const HugepageCount count = count_hugepages(root);
    const std::uint64_t needed = (wanted_memory(model) + kHugepageBytes - 1) / kHugepageBytes;
    if (!count.supported) {
        findings.push_back({"hugepages", lack, "the kernel has no hugepages of 2 MiB",
                            "boot a kernel with CONFIG_HUGETLBFS, or set workers.hugepages: off"});
    } else if (count.free < needed) {
        findings.push_back(
            {"hugepages", lack,
             fmt::format("{} of the {} hugepages of 2 MiB that the dataplane uses are free",
                         count.free, needed),
             fmt::format("echo {} > /proc/sys/vm/nr_hugepages",
                         count.total + needed - count.free)});
    } else {
        findings.push_back(
            {"hugepages", Severity::Ok,
             fmt::format("{} hugepages of 2 MiB are free, {} are needed", count.free, needed), ""});
    }
}

void inspect_core(const fs::path& root, unsigned cpu, const std::string& key,
                  const std::set<unsigned>& online, Findings& findings) {
    if (!online.contains(cpu)) {
        findings.push_back({"cores", Severity::Bad,
                            fmt::format("{}: CPU {} is not there or offline", key, cpu),
                            fmt::format("name one of the CPUs {}",
                                        read_line(root / "sys/devices/system/cpu/online"))});
    }
}

void inspect_cores(const fs::path& root, const config::Model* model, Findings& findings) {
    const std::set<unsigned> online = parse_cpus(read_line(root / "sys/devices/system/cpu/online"));
    if (model == nullptr) {
        findings.push_back({"cores", online.size() < 2 ? Severity::Warning : Severity::Ok,
                            fmt::format("{} CPUs are online", online.size()),
                            online.size() < 2 ? "give the machine a CPU for each worker beside one "
                                                "for everything else"
                                              : ""});
        return;
    }
    const std::size_t before = findings.size();
    inspect_core(root, model->workers.main_core, "workers.main-core", online, findings);
    std::set<unsigned> workers;
    for (const unsigned cpu : model->workers.cores) {
        inspect_core(root, cpu, "workers.cores", online, findings);
        if (!workers.insert(cpu).second || cpu == model->workers.main_core) {
            findings.push_back({"cores", Severity::Warning,
                                fmt::format("CPU {} carries a worker and something else: they take "
                                            "turns, and packets wait meanwhile",
                                            cpu),
                                "give every worker a CPU of its own in workers.cores"});
        }
    }
    if (model->workers.cores.empty()) {
        findings.push_back({"cores", Severity::Warning,
                            "workers.cores is empty: one worker shares the main core (trial mode)",
                            "name a CPU for each worker in workers.cores"});
    }
    if (findings.size() == before) {
        findings.push_back({"cores", Severity::Ok, "every worker has a CPU of its own", ""});
    }
    const std::set<unsigned> isolated =
        parse_cpus(read_line(root / "sys/devices/system/cpu/isolated"));
    const std::set<unsigned> tickless = parse_cpus(boot_argument(root, "nohz_full"));
    std::string shared;
    std::string ticking;
    std::string all;
    for (const unsigned cpu : workers) {
        const std::string text = std::to_string(cpu);
        all += (all.empty() ? "" : ",") + text;
        if (!isolated.contains(cpu)) {
            shared += (shared.empty() ? "" : ",") + text;
        }
        if (!tickless.contains(cpu)) {
            ticking += (ticking.empty() ? "" : ",") + text;
        }
    }
    const std::string mend = fmt::format(
        "add `isolcpus={} nohz_full={} rcu_nocbs={}` to the kernel's command line and reboot", all,
        all, all);
    if (!shared.empty()) {
        findings.push_back(
            {"isolation", Severity::Warning,
             fmt::format("the kernel may run other programs on the workers' CPUs {}", shared),
             mend});
    } else if (!ticking.empty()) {
        findings.push_back(
            {"isolation", Severity::Warning,
             fmt::format("the kernel's tick interrupts the workers' CPUs {}", ticking), mend});
    } else if (!workers.empty()) {
        findings.push_back({"isolation", Severity::Ok, "the workers' CPUs are isolated", ""});
    }
}

std::string driver_name(const fs::path& device) {
    std::error_code none;
    const fs::path link = fs::read_symlink(device / "driver", none);
    return none ? std::string() : link.filename().string();
}

// Network controllers have PCI class 0x02.
std::vector<fs::path> list_nics(const fs::path& root) {
    std::vector<fs::path> nics;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(root / "sys/bus/pci/devices", none)) {
        if (read_line(entry.path() / "class").starts_with("0x02")) {
            nics.push_back(entry.path());
        }
    }
    std::ranges::sort(nics);
    return nics;
}

std::string kernel_interfaces(const fs::path& device) {
    std::string names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(device / "net", none)) {
        names += (names.empty() ? "" : ", ") + entry.path().filename().string();
    }
    return names;
}

void inspect_nics(const fs::path& root, Findings& findings) {
    for (const fs::path& nic : list_nics(root)) {
        const std::string address = nic.filename().string();
        const std::string driver = driver_name(nic);
        const std::string names = kernel_interfaces(nic);
        std::string what = fmt::format("NIC {}: ", address);
        what += driver.empty() ? "bound to no driver" : "driver " + driver;
        if (!names.empty()) {
            what += fmt::format(", kernel interface {}", names);
        }
        // Not wrong in itself: this may be the way a person reaches the machine.
        findings.push_back({"nic", Severity::Ok, what,
                            driver == "vfio-pci"
                                ? std::string()
                                : fmt::format("to give it to the router: dpdk-devbind.py "
                                              "--bind=vfio-pci {}",
                                              address)});
    }
}

bool any_nic(const config::Model* model) {
    return model != nullptr && std::ranges::any_of(model->interfaces, [](const auto& entry) {
               return std::holds_alternative<config::PciPort>(entry.second.kind);
           });
}

void inspect_iommu(const fs::path& root, const config::Model* model, Findings& findings) {
    std::error_code none;
    const bool groups =
        fs::directory_iterator(root / "sys/kernel/iommu_groups", none) != fs::directory_iterator();
    const bool vfio = fs::exists(root / "dev/vfio/vfio");
    if (groups && vfio) {
        findings.push_back({"iommu", Severity::Ok, "the IOMMU is on and VFIO is loaded", ""});
        return;
    }
    // Only NICs by PCI address need it.
    const Severity severity = any_nic(model) ? Severity::Bad : Severity::Ok;
    if (!groups) {
        findings.push_back({"iommu", severity, "the IOMMU is off, which NICs by PCI address need",
                            "add `intel_iommu=on iommu=pt` (AMD: `iommu=pt`) to the kernel's "
                            "command line and reboot"});
    } else {
        findings.push_back({"iommu", severity, "VFIO is not loaded, which NICs by PCI address need",
                            "modprobe vfio-pci"});
    }
}

void inspect_kernel(const fs::path& root, const config::Model* model, Findings& findings) {
    const auto uses = [&](std::string_view driver) {
        return model != nullptr && std::ranges::any_of(model->interfaces, [&](const auto& entry) {
                   const auto* device = std::get_if<config::VirtualPort>(&entry.second.kind);
                   return device != nullptr && device->driver == driver;
               });
    };
    const bool tun = fs::exists(root / "dev/net/tun");
    findings.push_back({"tun",
                        tun               ? Severity::Ok
                        : uses("net_tap") ? Severity::Bad
                                          : Severity::Warning,
                        tun ? "/dev/net/tun is there: net_tap works" : "/dev/net/tun is not there",
                        tun ? "" : "modprobe tun; in a container, pass --device /dev/net/tun"});
    const bool packet = fs::exists(root / "proc/net/packet");
    findings.push_back(
        {"af-packet",
         packet                  ? Severity::Ok
         : uses("net_af_packet") ? Severity::Bad
                                 : Severity::Warning,
         packet ? "the kernel has AF_PACKET: net_af_packet works" : "the kernel has no AF_PACKET",
         packet ? "" : "modprobe af_packet"});
    const bool xdp = read_all(root / "proc/net/protocols").find("XDP") != std::string::npos;
    findings.push_back({"af-xdp", xdp || !uses("net_af_xdp") ? Severity::Ok : Severity::Warning,
                        xdp ? "the kernel has AF_XDP: net_af_xdp works"
                            : "AF_XDP was not found in this kernel: net_af_xdp may not work",
                        xdp ? "" : "boot a kernel with CONFIG_XDP_SOCKETS"});
}

void inspect_privilege(const fs::path& root, Findings& findings) {
    std::istringstream status(read_all(root / "proc/self/status"));
    std::string line;
    std::uint64_t effective = 0;
    while (std::getline(status, line)) {
        if (line.starts_with("CapEff:")) {
            effective = std::stoull(line.substr(7), nullptr, 16);
        }
    }
    std::string missing;
    const auto need = [&](unsigned capability, const char* name) {
        if (((effective >> capability) & 1U) == 0) {
            missing += (missing.empty() ? "" : ", ") + std::string(name);
        }
    };
    need(CAP_NET_ADMIN, "CAP_NET_ADMIN");
    need(CAP_NET_RAW, "CAP_NET_RAW");
    need(CAP_IPC_LOCK, "CAP_IPC_LOCK");
    if (missing.empty()) {
        findings.push_back({"privilege", Severity::Ok, "this user may open ports", ""});
    } else {
        findings.push_back({"privilege", Severity::Warning,
                            fmt::format("this user cannot open taps, kernel interfaces or NICs (no "
                                        "{})",
                                        missing),
                            "run `godwit run` as root: it keeps only what it needs"});
    }
}

void inspect_devices(const fs::path& root, const config::Model& model, Findings& findings) {
    for (const auto& [name, interface] : model.interfaces) {
        if (!interface.is_port()) {
            continue;
        }
        if (const auto problem = check_device(interface, root)) {
            findings.push_back({"device", Severity::Bad, problem->what, problem->mend});
        } else {
            findings.push_back({"device", Severity::Ok,
                                fmt::format("interface {}: its device is there", name), ""});
        }
    }
}

}  // namespace

std::string_view to_string(Severity severity) {
    switch (severity) {
        case Severity::Ok:
            return "ok";
        case Severity::Warning:
            return "warning";
        case Severity::Bad:
            return "bad";
    }
    return "bad";
}

Findings inspect_host(const fs::path& root, const config::Model* model) {
    Findings findings;
    inspect_cpu_features(root, findings);
    inspect_memory(root, model, findings);
    inspect_hugepages(root, model, findings);
    inspect_cores(root, model, findings);
    inspect_iommu(root, model, findings);
    inspect_nics(root, findings);
    inspect_kernel(root, model, findings);
    inspect_privilege(root, findings);
    if (model != nullptr) {
        inspect_devices(root, *model, findings);
    }
    return findings;
}

}  // namespace godwit::drivers
