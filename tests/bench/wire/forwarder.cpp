#include "tests/bench/wire/forwarder.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <fstream>

#include "tests/bench/wire/route_loader.hpp"

namespace godwit::bench::wire {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::seconds kPatienceAtTheEnd{10};

std::string interface_of(unsigned number) {
    return number == 0 ? "in0" : "out0";
}

net::Ipv4Address host(net::Ipv4Address network, std::uint32_t number) {
    return net::Ipv4Address(network.value() + number);
}

std::vector<net::Ipv4Address> gateways() {
    std::vector<net::Ipv4Address> all;
    for (std::uint32_t number = 0; number < kNextHops; ++number) {
        all.push_back(host(kNetworkOut, 2 + number));
    }
    return all;
}

json::object interface_json(const Bed& bed, unsigned number) {
    const DeviceSpec device = bed.forwarder_device(number);
    json::object arguments;
    for (const auto& [key, value] : device.arguments) {
        arguments[key] = value;
    }
    const net::Ipv4Address address = host(number == 0 ? kNetworkIn : kNetworkOut, 1);
    return {{"vdev", fmt::format("{}{}", device.driver, number)},
            {"args", arguments},
            {"mac", (number == 0 ? kForwarderIn : kForwarderOut).to_string()},
            {"addresses", json::array{address.to_string() + "/24"}}};
}

// JSON is YAML. Neighbours are static, so that the first packet of the window finds its way.
std::string configuration(const Bed& bed, bool hugepages, std::span<const RouteOfTable> routes,
                          bool translates) {
    json::object neighbors{{host(kNetworkIn, 2).to_string(),
                            {{"interface", interface_of(0)}, {"mac", kGeneratorIn.to_string()}}}};
    for (const net::Ipv4Address gateway : gateways()) {
        neighbors[gateway.to_string()] = {{"interface", interface_of(1)},
                                          {"mac", kGeneratorOut.to_string()}};
    }
    json::object static_part{{"neighbors", neighbors}};
    if (!routes.empty()) {
        json::object by_prefix;
        for (const RouteOfTable& route : routes) {
            by_prefix[route.prefix.to_string()] = {
                {"via", gateways()[route.next_hop - 1].to_string()}};
        }
        static_part["routes"] = by_prefix;
    }
    json::object whole{
        {"version", 1},
        {"workers",
         {{"main-core", kGeneratorCore},
          {"cores", json::array{kForwarderCore}},
          {"memory", fmt::format("{}MiB", kForwarderMebibytes)},
          {"hugepages", hugepages ? "auto" : "off"}}},
        {"interfaces",
         {{interface_of(0), interface_json(bed, 0)}, {interface_of(1), interface_json(bed, 1)}}},
        {"static", static_part},
        {"management", {{"control-socket", (bed.folder() / "run/control.sock").string()}}}};
    if (translates) {
        whole["nat"] = {
            {"source", json::array{{{"name", "generator"},
                                    {"out-interface", interface_of(1)},
                                    {"from", json::array{kNetworkIn.to_string() + "/24"}},
                                    {"to", "interface-address"}}}}};
    }
    return json::serialize(whole);
}

// The kernel in the bed's namespace, until its input is closed. Everything goes by one of its
// routes to one neighbour, as in Godwit's configuration. At its end it forwards no more: it would
// go on beside who is measured next, on the same core.
Command nftables_command() {
    std::string script = "set -e\ntrap '' TERM\nsysctl -q net.ipv4.ip_forward=1\n";
    for (const unsigned number : {0U, 1U}) {
        const std::string device = number == 0 ? "in" : "out";
        const net::Ipv4Address network = number == 0 ? kNetworkIn : kNetworkOut;
        script += fmt::format(
            "ip link set {0} address {1}\nip address replace {2}/24 dev {0}\n"
            "ip neighbor replace {3} lladdr {4} dev {0} nud permanent\n"
            "echo {5:x} > /sys/class/net/{0}/queues/rx-0/rps_cpus\n",
            device, (number == 0 ? kForwarderIn : kForwarderOut).to_string(),
            host(network, 1).to_string(), host(network, 2).to_string(),
            (number == 0 ? kGeneratorIn : kGeneratorOut).to_string(), 1U << kForwarderCore);
    }
    script += fmt::format(
        "ip route replace default via {}\n"
        "nft 'add table ip bench; delete table ip bench; add table ip bench'\n"
        "nft 'add chain ip bench out {{ type nat hook postrouting priority srcnat; }}'\n"
        "nft add rule ip bench out oifname out masquerade\n"
        "echo masquerading\ncat\n"
        "sysctl -q net.ipv4.ip_forward=0\nnft delete table ip bench\n",
        host(kNetworkOut, 2).to_string());
    for (const char* const device : {"in", "out"}) {
        script += fmt::format(
            "echo 0 > /sys/class/net/{0}/queues/rx-0/rps_cpus\nip address flush dev {0}\n", device);
    }
    return {"sh", "-c", script};
}

bool is_testpmd(Kind kind) {
    return kind == Kind::TestpmdIo || kind == Kind::TestpmdMacswap;
}

Command testpmd_command(const Bed& bed, Kind kind, bool hugepages) {
    Command words{"stdbuf",  // line by line, or what it says stays in its buffer while it runs
                  "-oL",
                  "dpdk-testpmd",
                  fmt::format("--lcores=0@{},1@{}", kGeneratorCore, kForwarderCore),
                  "--iova-mode=va",
                  "--no-pci",
                  "--no-telemetry",
                  "--file-prefix=" + bed.folder().filename().string() + "-testpmd",
                  "-m",
                  std::to_string(kForwarderMebibytes),
                  "--vdev=" + vdev_of(bed.forwarder_device(0), 0),
                  "--vdev=" + vdev_of(bed.forwarder_device(1), 1)};
    if (hugepages) {
        words.emplace_back("--in-memory");
    } else {
        words.insert(words.end(), {"--no-huge", "--no-shconf"});
    }
    words.insert(words.end(),
                 {"--", "--interactive", "--total-num-mbufs=16384", "--rxd=1024", "--txd=1024",
                  "--disable-link-check", "--no-lsc-interrupt",
                  "--no-mlockall",  // or its end takes the kernel half a minute
                  kind == Kind::TestpmdIo ? "--forward-mode=io" : "--forward-mode=macswap"});
    return words;
}

}  // namespace

Expectation expectation_of(Kind kind) {
    switch (kind) {
        case Kind::TestpmdIo:
            return {.to = kForwarderIn, .from = kGeneratorIn, .ttl = kTtlSent};
        case Kind::TestpmdMacswap:
            return {.to = kGeneratorIn, .from = kForwarderIn, .ttl = kTtlSent};
        case Kind::Godwit:
        case Kind::GodwitNat:
        case Kind::Nftables:
            break;
    }
    return {.to = kGeneratorOut, .from = kForwarderOut, .ttl = kTtlSent - 1};
}

net::Result<Forwarder, std::string> Forwarder::start(Kind kind, const Bed& bed,
                                                     const Programs& programs, bool hugepages,
                                                     std::span<const RouteOfTable> table) {
    bed.sweep();
    const std::filesystem::path log = bed.folder() / "forwarder.log";
    if (kind == Kind::Nftables) {
        auto process = Process::start(bed.for_forwarder(nftables_command()), log);
        if (!process) {
            return net::unexpected(process.error());
        }
        if (auto ready = process->wait_for_line("masquerading", kPatience); !ready) {
            return net::unexpected(ready.error());
        }
        return Forwarder(kind, std::move(*process));
    }
    if (is_testpmd(kind)) {
        auto process =
            Process::start(bed.for_forwarder(testpmd_command(bed, kind, hugepages)), log);
        if (!process) {
            return net::unexpected(process.error());
        }
        if (auto ready = process->wait_for_line("testpmd>", kPatience); !ready) {
            return net::unexpected(ready.error());
        }
        process->say("start");
        if (auto ready = process->wait_for_line("packet forwarding - ports", kPatience); !ready) {
            return net::unexpected(ready.error());
        }
        return Forwarder(kind, std::move(*process));
    }

    const bool over_channel = table.size() > kLargestTableInFile;
    const std::filesystem::path file = bed.folder() / "godwit.yaml";
    std::ofstream(file) << configuration(bed, hugepages,
                                         over_channel ? std::span<const RouteOfTable>() : table,
                                         kind == Kind::GodwitNat);
    if (over_channel) {  // the supervisor makes its own, for an account without privileges
        std::filesystem::create_directories(bed.folder() / "run");
    }
    const Command command = over_channel ? Command{programs.dataplane(), file}
                                         : Command{programs.supervisor(),
                                                   "run",
                                                   file,
                                                   "--state-dir",
                                                   bed.folder() / "state",
                                                   "--dataplane",
                                                   programs.dataplane(),
                                                   "--controlplane",
                                                   programs.controlplane(),
                                                   "--godwitctl",
                                                   programs.ctl()};
    auto process = Process::start(bed.for_forwarder(command), log);
    if (!process) {
        return net::unexpected(process.error());
    }
    if (auto ready = process->wait_for_line("running: 1 worker", kPatience); !ready) {
        return net::unexpected(ready.error());
    }
    Forwarder forwarder(kind, std::move(*process));
    if (over_channel) {
        const auto seconds =
            load_routes(bed.folder() / "run/dataplane.sock", interface_of(1), gateways(), table);
        if (!seconds) {
            return net::unexpected(fmt::format("loading {} routes: {}; the dataplane says:\n{}",
                                               table.size(), seconds.error(), forwarder.log()));
        }
        forwarder.load_seconds_ = *seconds;
    }
    return forwarder;
}

void Forwarder::halt() {
    if (is_testpmd(kind_)) {
        process_.say("stop");
        (void)process_.wait_for_line("Done.", kPatienceAtTheEnd);
    }
}

void Forwarder::end() {
    if (is_testpmd(kind_)) {
        process_.say("quit");
    } else {
        process_.close_input();
        process_.send_signal(SIGTERM);
    }
    (void)process_.wait(kPatienceAtTheEnd);  // the destructor insists
}

}  // namespace godwit::bench::wire
