// Established flows: the sessions are there before, the frames are of all of them in a random
// order, and what is timed is the worker as in forward_family. For the way in the same router is
// turned around: its rule is of the interface that the frames come in on, and the inside hosts lie
// behind the other. `ours` is without the devices, by their floor round by round.
//
// New flows: each frame is the first of its flow, so a packet costs a session, a mapping and a
// port, by way of the nodes.
//
// The table of the field's largest published matrix (16,515,072 sessions) is filled up, and what
// the process took is compared with what was announced.
#include "tests/bench/nat/nat_family.hpp"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "tests/bench/harness/samples.hpp"
#include "tests/bench/router/lane.hpp"
#include "tests/bench/router/lane_rounds.hpp"
#include "tests/bench/router/router.hpp"

namespace godwit::bench {

namespace {

namespace nat = dataplane::nat;

constexpr net::InterfaceId kEast{1};
constexpr net::InterfaceId kWest{2};
constexpr std::uint32_t kHosts = 1U << 16;      // 10.0.0.0/16
constexpr std::uint32_t kInside = 0x0a000000;   // 10.0.0.0
constexpr std::uint32_t kRemotes = 0x64400000;  // 100.64.0.0, as many as flows of a host
constexpr std::uint32_t kLargestMatrix = 16'515'072;
constexpr std::size_t kNewFlowsARound = 1U << 16;

nat::NatTable::Wanted wanted(net::InterfaceId out, std::uint32_t sessions) {
    nat::SourceRule rule;
    rule.id = nat::RuleId{1};
    rule.name = "inside";
    rule.from = {net::Ipv4Prefix::covering(net::Ipv4Address(kInside), 8)};
    rule.out = out;
    rule.pool = {net::Ipv4Prefix::covering(net::Ipv4Address(192, 0, 2, 0), 24)};
    nat::RuleSet set;
    set.source = {rule};
    nat::NatTable::Wanted result;
    result.rules = *nat::NatRules::compile(set);
    result.settings.max_sessions = sessions;
    result.settings.max_subscribers = 2 * kHosts;
    result.settings.logging = nat::Logging::Nothing;
    return result;
}

nat::Instant now() {
    const std::uint64_t seconds = rte_rdtsc() / rte_get_tsc_hz();
    return nat::Instant{nat::Seconds{static_cast<std::uint32_t>(3600 + seconds)}};
}

// Flow n of a host begins at port 1024 + 2n, and speaks to a remote of its own.
FlowOfFrame flow(std::uint32_t number) {
    const std::uint32_t host = number % kHosts;
    const std::uint32_t of_host = number / kHosts;
    return {kInside + host, kRemotes + of_host % 64, static_cast<std::uint16_t>(1024 + 2 * of_host),
            53};
}

std::vector<FlowOfFrame> flows_in_random_order(std::uint32_t count, std::uint64_t seed) {
    std::vector<FlowOfFrame> flows;
    flows.reserve(count);
    for (std::uint32_t number = 0; number < count; ++number) {
        flows.push_back(flow(number));
    }
    std::shuffle(flows.begin(), flows.end(), std::mt19937_64(seed));
    return flows;
}

nat::Packet packet_of(const FlowOfFrame& flow) {
    return {{net::IpProtocol::Udp,
             {net::Ipv4Address(flow.source), flow.source_port},
             {net::Ipv4Address(flow.destination), flow.destination_port}}};
}

// Makes the sessions of the flows; turned, the flows become those of the answers.
std::optional<Problem> open_sessions(nat::Translator& translator, std::vector<FlowOfFrame>& flows,
                                     net::InterfaceId out, bool turned) {
    for (FlowOfFrame& one : flows) {
        const nat::Decision decision = translator.outbound(packet_of(one), out, now());
        if (decision.verdict != nat::Verdict::Translate) {
            return Problem{fmt::format("session {} of {} was refused for reason {}",
                                       translator.session_count(), flows.size(),
                                       static_cast<unsigned>(decision.reason)),
                           "see dataplane/nat/settings.hpp for the limits"};
        }
        if (turned) {
            one = {one.destination, decision.rewrite.endpoint.address.value(), one.destination_port,
                   decision.rewrite.endpoint.port};
        }
    }
    return std::nullopt;
}

struct Setting {
    std::uint32_t sessions = 10'000;
    bool inbound = false;
};

net::Result<std::unique_ptr<Router>, Problem> make_router(Context& context, net::InterfaceId out,
                                                          std::uint32_t sessions) {
    RouterPlan plan;
    plan.next_hops = 1;
    plan.nat = wanted(out, sessions);
    const std::vector<RouteOfTable> routes{{net::Ipv4Prefix::covering(net::Ipv4Address(0), 0), 1}};
    return Router::build(context.dpdk(), plan, routes);
}

std::unique_ptr<Lane> make_lane(Context& context, Router& router, std::vector<FlowOfFrame> flows) {
    FrameSequence sequence = router.addressing(0);
    sequence.flows = std::move(flows);
    sequence.sizes = {kSmallestFrame};
    return std::make_unique<Lane>(router, 0, context.dpdk().pool(), std::move(sequence));
}

std::uint64_t straight_packets(const Router& router) {
    return router.counters(0)
        .nodes[static_cast<std::size_t>(api::NodeId::StraightPath)]
        .packets.read();
}

std::optional<Problem> measure_established(Context& context, const Setting& setting) {
    const net::InterfaceId out = setting.inbound ? kWest : kEast;
    auto router = make_router(context, out, setting.sessions + 64);
    if (!router) {
        return router.error();
    }
    auto flows = flows_in_random_order(setting.sessions, context.options().seed);
    nat::Translator& translator = *(*router)->nat().seat(0).translator();
    if (auto problem = open_sessions(translator, flows, out, setting.inbound)) {
        return problem;
    }
    const auto lane = make_lane(context, **router, std::move(flows));
    LaneRounds run(**router, *lane, 64);
    Samples ours;
    Samples all;
    const std::uint64_t before = straight_packets(**router);
    for (unsigned round = 0; round <= context.options().rounds; ++round) {
        const auto device = run.floor();
        if (!device) {
            return device.error();
        }
        const auto worker = run.worker();
        if (!worker) {
            return worker.error();
        }
        if (round > 0) {
            all.add(*worker);
            ours.add(*worker - *device);
        }
    }
    const std::uint64_t straight = straight_packets(**router) - before;
    if (straight < std::uint64_t{context.options().rounds} * kPacketsARound) {
        return Problem{fmt::format("only {} packets took the straight path", straight),
                       "see dataplane/nodes/straight/translation.hpp for what it takes"};
    }
    context.figure("ours", ours.median(), "cycles",
                   fmt::format("smallest {:.1f}", ours.smallest()));
    context.figure("all", all.median(), "cycles", "with the devices");
    context.figure("mpps", static_cast<double>(rte_get_tsc_hz()) / all.median() / 1e6, "Mpackets/s",
                   "what `all` comes to on one core");
    return std::nullopt;
}

// Where NAT is configured, and the packet is none of its affair.
std::optional<Problem> measure_beside(Context& context) {
    auto router = make_router(context, kWest, 1024);
    if (!router) {
        return router.error();
    }
    const auto lane =
        make_lane(context, **router, flows_in_random_order(10'000, context.options().seed));
    LaneRounds run(**router, *lane, 64);
    Samples ours;
    for (unsigned round = 0; round <= context.options().rounds; ++round) {
        const auto device = run.floor();
        const auto worker = run.worker();
        if (!device || !worker) {
            return device ? worker.error() : device.error();
        }
        if (round > 0) {
            ours.add(*worker - *device);
        }
    }
    context.figure("ours", ours.median(), "cycles",
                   fmt::format("smallest {:.1f}", ours.smallest()));
    return std::nullopt;
}

std::optional<Problem> measure_new(Context& context) {
    const std::size_t rounds = context.options().rounds + 1;
    const auto count = static_cast<std::uint32_t>(rounds * kNewFlowsARound);
    auto router = make_router(context, kEast, count);
    if (!router) {
        return router.error();
    }
    const auto lane =
        make_lane(context, **router, flows_in_random_order(count, context.options().seed));
    dataplane::Worker& worker = (*router)->worker(0);
    const double clock = clock_cycles();
    Samples cycles;
    for (std::size_t round = 0; round < rounds; ++round) {
        const auto each =
            timed_round(*lane, kNewFlowsARound, 64, clock, [&worker](unsigned offered) {
                for (unsigned moved = 0; moved < offered;) {
                    const unsigned got = worker.run_once();
                    if (got == 0) {
                        return;
                    }
                    moved += got;
                }
            });
        if (!each) {
            return each.error();
        }
        if (round > 0) {
            cycles.add(*each);
        }
    }
    const std::uint32_t made = (*router)->nat().seat(0).translator()->session_count();
    if (made != count) {
        return Problem{fmt::format("{} sessions of {} were made", made, count),
                       "run tests/packet, which says why"};
    }
    context.figure(
        "cycles", cycles.median(), "cycles",
        fmt::format("a session in all, its packet sent; smallest {:.0f}", cycles.smallest()));
    context.figure("rate", static_cast<double>(rte_get_tsc_hz()) / cycles.median() / 1e6,
                   "Msessions/s", "on one core");
    return std::nullopt;
}

std::uint64_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t available_bytes() {
    std::ifstream file("/proc/meminfo");
    std::string word;
    while (file >> word) {
        if (word == "MemAvailable:") {
            std::uint64_t kibibytes = 0;
            file >> kibibytes;
            return kibibytes << 10U;
        }
    }
    return 0;
}

std::optional<Problem> measure_memory(Context& context) {
    nat::NatTable::Wanted largest = wanted(kEast, kLargestMatrix);
    nat::RuleSet set;
    nat::SourceRule rule;
    rule.id = nat::RuleId{1};
    rule.name = "inside";
    rule.from = {net::Ipv4Prefix::covering(net::Ipv4Address(kInside), 8)};
    rule.out = kEast;
    rule.pool = {net::Ipv4Prefix::covering(net::Ipv4Address(192, 0, 0, 0), 21)};
    rule.ports = {1, 65535};
    set.source = {rule};
    largest.rules = *nat::NatRules::compile(set);
    const std::size_t addresses = largest.rules->outside_addresses().size();
    const std::size_t announced = nat::NatTable::bytes_for(largest.settings, 1, addresses);
    if (available_bytes() < announced + announced / 4) {
        return Problem{
            .what = fmt::format("{} sessions need {:.1f} GiB, and that is not free", kLargestMatrix,
                                static_cast<double>(announced) / (1ULL << 30U)),
            .mend = "run it on a machine with more memory",
            .skipped = true};
    }
    const std::uint64_t before = resident_bytes();
    largest.settings.place = {0, 1};
    largest.settings.key = {3, 4};
    auto made = nat::Translator::create(largest.settings, largest.rules);
    if (!made) {
        return Problem{made.error(), "see dataplane/nat/settings.hpp"};
    }
    nat::Translator& translator = **made;
    const std::uint64_t begin = cycles_now();
    std::uint32_t refused = 0;
    const nat::Instant begun{nat::Seconds{3600}};  // DPDK, and its clock, may not be there
    for (std::uint32_t number = 0; number < kLargestMatrix; ++number) {
        // 252 flows of each of 65,536 hosts.
        if (translator.outbound(packet_of(flow(number)), kEast, begun).verdict !=
            nat::Verdict::Translate) {
            ++refused;
        }
    }
    const auto spent = static_cast<double>(cycles_now() - begin);
    const std::uint64_t taken = resident_bytes() - before;
    if (refused != 0) {
        return Problem{fmt::format("{} of {} sessions were refused", refused, kLargestMatrix),
                       "see dataplane/nat/settings.hpp for the limits"};
    }
    context.figure("taken", static_cast<double>(taken), "bytes",
                   fmt::format("announced {}, {} sessions, {} outside addresses", announced,
                               kLargestMatrix, addresses));
    context.figure("ratio", static_cast<double>(taken) / static_cast<double>(announced), "ratio",
                   "taken to announced");
    context.figure("session", static_cast<double>(translator.session_bytes()) / kLargestMatrix,
                   "bytes", "with its share of tables, mappings and subscribers");
    context.figure("cycles", spent / kLargestMatrix, "cycles", "to make a session, all of them");
    return std::nullopt;
}

}  // namespace

Family nat_family() {
    Family family{"nat",
                  "cycles a packet of one worker that translates, 64-byte UDP frames on ports of "
                  "rings, and what sessions cost",
                  {}};
    for (const auto& [name, sessions] : {std::pair{"10k", 10'000U}, std::pair{"1M", 1'000'000U}}) {
        for (const bool inbound : {false, true}) {
            const Setting setting{.sessions = sessions, .inbound = inbound};
            family.cases.push_back(
                {fmt::format("nat/{}/{}", inbound ? "out2in" : "in2out", name),
                 fmt::format("{} established sessions, each as likely as the next", sessions),
                 [setting](Context& context) { return measure_established(context, setting); }});
        }
    }
    family.cases.push_back(
        {"nat/beside", "NAT is configured, and not for these packets", measure_beside});
    family.cases.push_back({"nat/new", "each frame opens a session", measure_new});
    family.cases.push_back({"nat/memory/16515072", "the table filled up", measure_memory});
    return family;
}

}  // namespace godwit::bench
