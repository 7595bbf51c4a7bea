// The programs that are compared, started on a bed until they forward, and stopped in an order that
// none of them dies of.
//
// All have one thread that forwards, on CPU 1; their main threads are on CPU 0, asleep. All get the
// same memory, of the same pages, and devices with the same arguments.
//
//   dpdk-testpmd io       moves buffers from one port to the other: the device's own cost
//   dpdk-testpmd macswap  also touches each packet
//   godwit                the whole program under its supervisor; routes from its YAML file
//   godwit-dataplane      the same without a control plane: a table too large for a file comes over
//                         its channel (route_loader.hpp)
//   godwit with NAT       the whole program with one source rule for the generator's network
//   nftables              the kernel forwards between the same devices and masquerades; receive
//                         packet steering keeps its work off the generator's CPU
#pragma once

#include <memory>
#include <span>
#include <string>

#include "net/result.hpp"
#include "tests/bench/traffic/prefixes.hpp"
#include "tests/bench/wire/bed.hpp"
#include "tests/bench/wire/frames.hpp"
#include "tests/bench/wire/process.hpp"

namespace godwit::bench::wire {

constexpr unsigned kGeneratorCore = 0;
constexpr unsigned kForwarderCore = 1;
constexpr unsigned kForwarderMebibytes = 256;
constexpr std::uint32_t kNextHops = 16;
constexpr std::size_t kLargestTableInFile = 20'000;  // what a file takes in about a second

enum class Kind : std::uint8_t { TestpmdIo, TestpmdMacswap, Godwit, GodwitNat, Nftables };

// What the generator must see behind it.
Expectation expectation_of(Kind kind);

// The programs of one build tree.
struct Programs {
    std::filesystem::path build;
    [[nodiscard]] std::string supervisor() const { return build / "deploy/supervisor/godwit"; }
    [[nodiscard]] std::string dataplane() const { return build / "dataplane/app/godwit-dataplane"; }
    [[nodiscard]] std::string controlplane() const {
        return build / "controlplane/app/godwit-controlplane";
    }
    [[nodiscard]] std::string ctl() const { return build / "controlplane/ctl/godwitctl"; }
    [[nodiscard]] std::string generator() const {
        return build / "tests/bench/wire/godwit-wire-generator";
    }
};

class Forwarder {
public:
    // `table` is for Godwit alone. The bed outlives it.
    static net::Result<Forwarder, std::string> start(Kind kind, const Bed& bed,
                                                     const Programs& programs, bool hugepages,
                                                     std::span<const RouteOfTable> table);
    // Its worker leaves the ports alone, where it can be told to: dpdk-testpmd does not survive a
    // memif peer that leaves while it polls.
    void halt();
    void end();

    [[nodiscard]] double load_seconds() const { return load_seconds_; }
    [[nodiscard]] std::string log() const { return process_.log(); }

private:
    Forwarder(Kind kind, Process process) : kind_(kind), process_(std::move(process)) {}

    Kind kind_;
    Process process_;
    double load_seconds_ = 0;
};

}  // namespace godwit::bench::wire
