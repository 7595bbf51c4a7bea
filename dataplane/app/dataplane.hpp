// The running dataplane: everything in the order in which it must come and go.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/model/model.hpp"
#include "dataplane/app/handler_relay.hpp"
#include "dataplane/app/privileges.hpp"
#include "dataplane/channel/memory.hpp"
#include "dataplane/channel/server.hpp"
#include "dataplane/owner/owner.hpp"
#include "dataplane/worker/worker.hpp"
#include "drivers/port.hpp"

namespace godwit::dataplane {

struct StartOptions {
    std::optional<User> user;                 // to become after the start
    std::optional<uid_t> channel_uid;         // the control plane's user
    const std::atomic<bool>* stop = nullptr;  // set when the start is to be given up
};

class Dataplane {
public:
    // A mistake is one sentence: WHAT; MEND.
    static net::Result<std::unique_ptr<Dataplane>, std::string> start(const config::Model& model,
                                                                      const std::string& yaml,
                                                                      const StartOptions& options);
    ~Dataplane();
    Dataplane(const Dataplane&) = delete;
    Dataplane& operator=(const Dataplane&) = delete;

    // Until `stop`, or until a restart is asked for. The exit code of the program.
    int run(const std::atomic<bool>& stop);

private:
    // What the workers and the owner share. Destroyed from the last to the first.
    struct Tables {
        Tables(unsigned workers, rte_mempool* pool, const OwnerSettings& settings);
        Reclaimer reclaimer;
        Fib fib;
        NextHops next_hops;
        InterfaceTable interfaces;
        Links links;
        nat::NatTable nat;
        Shared shared;
    };
    struct Lcore {
        Worker* worker = nullptr;
        const std::atomic<bool>* stop = nullptr;
        Keep keep;
    };

    Dataplane() = default;
    void make_workers(const config::Model& model);
    net::Result<void, std::string> launch_workers();
    void stop_workers();
    int close();
    static int run_worker(void* lcore);

    HandlerRelay relay_;
    std::unique_ptr<CountersMemory> counters_;
    std::unique_ptr<ChannelServer> server_;
    std::unique_ptr<drivers::Eal> eal_;
    std::unique_ptr<drivers::Ports> ports_;
    std::unique_ptr<DriverPorts> port_control_;
    std::unique_ptr<Tables> tables_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::unique_ptr<Owner> owner_;
    std::vector<Lcore> lcores_;
    Keep keep_;
    std::atomic<bool> stop_workers_{false};
    unsigned launched_ = 0;
};

}  // namespace godwit::dataplane
