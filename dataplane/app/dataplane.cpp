#include "dataplane/app/dataplane.hpp"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <variant>

#include "dataplane/graph/packet.hpp"
#include "dataplane/nodes/environment.hpp"
#include "dataplane/owner/reconfigure.hpp"

namespace godwit::dataplane {

namespace {

// Next hops: one for each the control plane has, and one for each neighbour. Groups and adjacencies
// wait for the workers before their slots are free again, so there are more of them than are used.
constexpr std::uint32_t kMaxNextHops = 1U << 17;
constexpr std::uint32_t kMaxAdjacencies = kMaxNextHops + (1U << 12);
constexpr std::uint32_t kMaxGroups = 1U << 13;

std::string sentence(const drivers::Problem& problem) {
    return problem.mend.empty() ? problem.what : problem.what + "; " + problem.mend;
}

std::uint64_t random_boot_id() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

bool has_pci_port(const config::Model& model) {
    return std::any_of(model.interfaces.begin(), model.interfaces.end(), [](const auto& pair) {
        return std::holds_alternative<config::PciPort>(pair.second.kind);
    });
}

OwnerSettings settings_for(const drivers::MemoryBudget& budget) {
    OwnerSettings settings;
    // Packets that wait for neighbours take a sixteenth of the pool at most: forwarding needs the
    // rest.
    settings.neighbors.max_held = std::clamp<std::size_t>(
        static_cast<std::size_t>(budget.packet_count / 16), 16, settings.neighbors.max_held);
    return settings;
}

// Of NAT's tables, which are taken from the system and not from workers.memory.
std::string describe_nat(const config::Nat& nat, unsigned workers) {
    nat::Settings settings;
    settings.max_sessions = nat.max_sessions;
    if (nat.filtering == config::NatFiltering::AddressDependent) {
        settings.filtering = nat::Filtering::AddressDependent;
    }
    std::uint64_t addresses = 0;
    for (const config::NatSourceRule& rule : nat.source) {
        settings.keeps_peers |= rule.filtering == config::NatFiltering::AddressDependent;
        addresses += rule.to_interface_address ? 1 : 0;
        for (const config::AddressRange& range : rule.to) {
            addresses += range.count();
        }
    }
    return fmt::format(
        "memory: {:.1f} MiB more for nat: {} sessions, ports of {} outside addresses",
        static_cast<double>(
            nat::NatTable::bytes_for(settings, workers, static_cast<std::size_t>(addresses))) /
            static_cast<double>(1ULL << 20),
        nat.max_sessions, addresses);
}

void log_port(const drivers::Port& port) {
    if (port.failed) {
        spdlog::error("port {}: {} does not run: {}", port.interface_name, port.device,
                      port.problem ? sentence(*port.problem) : "no reason known");
        return;
    }
    spdlog::info("port {}: {}, {}, MTU {} (at most {}), {} receive and {} transmit queues{}",
                 port.interface_name, port.device, port.mac.to_string(), port.mtu, port.max_mtu,
                 port.rx_queues, port.tx_queues,
                 port.partial_checksums ? ", completes partial checksums" : "");
}

}  // namespace

Dataplane::Tables::Tables(unsigned workers, rte_mempool* pool, const OwnerSettings& settings)
    : reclaimer(workers),
      fib(reclaimer, settings.max_routes + settings.neighbors.max_entries),
      next_hops(reclaimer, kMaxNextHops, kMaxAdjacencies, kMaxGroups, workers),
      interfaces(reclaimer),
      links(workers),
      nat(workers, random_key()),
      shared{.reclaimer = reclaimer,
             .fib = fib,
             .next_hops = next_hops,
             .interfaces = interfaces,
             .links = links,
             .pool = pool,
             .nat = &nat,
             .random_key = random_key()} {}

net::Result<std::unique_ptr<Dataplane>, std::string> Dataplane::start(const config::Model& model,
                                                                      const std::string& yaml,
                                                                      const StartOptions& options) {
    const auto fail = [](std::string text) { return net::unexpected(std::move(text)); };

    if (const auto exceeded = limits_exceeded(model); !exceeded.empty()) {
        return fail(exceeded.front());
    }
    const drivers::MemoryBudget budget = drivers::memory_budget(model);
    spdlog::info("{}", drivers::describe(budget));
    if (const auto problem = drivers::check_memory(budget)) {
        return fail(sentence(*problem));
    }

    const unsigned workers = drivers::worker_count(model);
    if (model.nat.is_used()) {
        spdlog::info("{}", describe_nat(model.nat, workers));
    }
    if (workers > api::kMaxWorkers) {
        return fail(fmt::format("workers.cores: {} workers are asked for; give at most {}", workers,
                                api::kMaxWorkers));
    }
    std::unique_ptr<Dataplane> result(new Dataplane());
    Dataplane& self = *result;

    auto counters = CountersMemory::create(workers, 0, random_boot_id());
    if (!counters) {
        return fail(counters.error());
    }
    self.counters_ = std::move(*counters);
    ChannelSizes sizes;
    sizes.worker_count = workers;
    PeerRule rule;
    rule.uid = options.channel_uid;
    if (options.channel_uid) {
        rule.gid = primary_group_of(*options.channel_uid);
    }
    auto server = ChannelServer::listen(config::channel_socket_path(model), sizes, *self.counters_,
                                        self.relay_, rule, options.stop);
    if (!server) {
        return fail(server.error());
    }
    self.server_ = std::move(*server);

    auto eal = drivers::Eal::start(model, {});
    if (!eal) {
        return fail(sentence(eal.error()));
    }
    self.eal_ = std::move(*eal);
    self.counters_->region().tsc_hz = rte_get_tsc_hz();
    spdlog::info("memory: {}", self.eal_->uses_hugepages() ? "hugepages" : "ordinary pages");
    if (!self.eal_->hugepage_note().empty()) {
        spdlog::info("{}", self.eal_->hugepage_note());
    }
    auto ports = drivers::Ports::open(model, workers, kPacketPrivateBytes);
    if (!ports) {
        return fail(sentence(ports.error()));
    }
    self.ports_ = std::move(*ports);
    const auto& all = self.ports_->all();
    // One port that does not start is reported, and the rest runs. When none does, the mistake is
    // the start's (no privilege, most of all), and said once.
    const bool none_runs = std::all_of(all.begin(), all.end(), [](const drivers::Port& port) {
        return port.failed && port.problem;
    });
    if (none_runs && !all.empty()) {
        return fail(sentence(*all.front().problem));
    }
    for (const drivers::Port& port : all) {
        log_port(port);
    }

    const OwnerSettings settings = settings_for(budget);
    self.port_control_ = std::make_unique<DriverPorts>(*self.ports_);
    self.tables_ = std::make_unique<Tables>(workers, self.ports_->pool(), settings);
    self.make_workers(model);
    self.owner_ =
        std::make_unique<Owner>(OwnerParts{self.tables_->shared, *self.port_control_,
                                           self.counters_->region().blocks[workers], self.workers_},
                                model, yaml, settings, std::chrono::steady_clock::now());
    self.relay_.connect(*self.owner_);
    self.owner_->serve(*self.server_);

    self.keep_ = Keep{!self.ports_->all().empty(), has_pci_port(model)};
    if (const auto became = become(options.user, self.keep_); !became) {
        return fail(became.error());
    }
    if (!drop_capabilities(self.keep_)) {
        spdlog::warn("the kernel let no capabilities go; the dataplane keeps all that it had");
    }
    if (const auto launched = self.launch_workers(); !launched) {
        return fail(launched.error());
    }
    return result;
}

Dataplane::~Dataplane() {
    if (ports_) {
        close();
    }
}

int Dataplane::run(const std::atomic<bool>& stop) {
    spdlog::info("running: {} {}, {} {}", workers_.size(),
                 workers_.size() == 1 ? "worker" : "workers", ports_->all().size(),
                 ports_->all().size() == 1 ? "port" : "ports");
    owner_->run(stop);
    const bool restart = owner_->restart_wanted();
    spdlog::info("stopping");
    const int leaked = close();
    if (restart) {
        return api::kRestartExitCode;
    }
    return leaked == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

// Queues are dealt out in turn over all ports, so that each worker has its share of each.
void Dataplane::make_workers(const config::Model& model) {
    const unsigned count = tables_->links.workers();
    std::vector<std::vector<RxQueue>> queues(count);
    unsigned next = 0;
    for (const drivers::Port& port : ports_->all()) {
        for (std::uint16_t queue = 0; !port.failed && queue < port.rx_queues; ++queue) {
            queues[next++ % count].push_back({port.port_id, queue});
        }
    }
    for (unsigned number = 0; number < count; ++number) {
        workers_.push_back(std::make_unique<Worker>(number, tables_->shared,
                                                    counters_->region().blocks[number],
                                                    std::move(queues[number]), model.workers.idle));
    }
}

net::Result<void, std::string> Dataplane::launch_workers() {
    lcores_.resize(workers_.size());
    for (unsigned number = 0; number < workers_.size(); ++number) {
        lcores_[number] = {workers_[number].get(), &stop_workers_, keep_};
        // Lcore 1 + n is worker n (drivers::Eal).
        if (rte_eal_remote_launch(run_worker, &lcores_[number], 1 + number) != 0) {
            return net::unexpected(
                fmt::format("worker {} did not start; see that workers.cores names different "
                            "CPUs of this machine",
                            number));
        }
        ++launched_;
    }
    return {};
}

int Dataplane::run_worker(void* argument) {
    const Lcore& lcore = *static_cast<const Lcore*>(argument);
    drop_capabilities({});
    lcore.worker->run(*lcore.stop);
    return 0;
}

void Dataplane::stop_workers() {
    stop_workers_.store(true);
    for (unsigned number = 0; number < launched_; ++number) {
        rte_eal_wait_lcore(1 + number);
    }
    launched_ = 0;
}

// Everything back in its place, and the pool counted. How many buffers are missing.
int Dataplane::close() {
    stop_workers();
    if (owner_) {
        server_->close();
        owner_->shut_down();
    }
    owner_.reset();
    workers_.clear();
    tables_.reset();
    ports_->close();
    const unsigned leaked = ports_->packets_in_use();
    if (leaked != 0) {
        spdlog::error("{} packet buffers were not given back; please report this", leaked);
    }
    port_control_.reset();
    ports_.reset();
    eal_.reset();
    server_.reset();
    return static_cast<int>(leaked);
}

}  // namespace godwit::dataplane
