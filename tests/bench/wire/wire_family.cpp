#include "tests/bench/wire/wire_family.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>
#include <vector>

#include "drivers/hugepages.hpp"
#include "tests/bench/harness/samples.hpp"
#include "tests/bench/traffic/destinations.hpp"
#include "tests/bench/traffic/prefixes.hpp"
#include "tests/bench/wire/bed.hpp"
#include "tests/bench/wire/forwarder.hpp"
#include "tests/bench/wire/measurement.hpp"
#include "tests/bench/wire/process.hpp"

namespace godwit::bench {
namespace {

namespace fs = std::filesystem;
using wire::Bed;
using wire::Forwarder;
using wire::Kind;
using wire::Link;
using wire::Measurement;
using wire::Process;
using wire::Programs;

constexpr std::size_t kDestinations = 1'000'000;
constexpr unsigned kGeneratorMebibytes = 128;
constexpr double kWarmUpSeconds = 0.3;
constexpr double kLongestWindow = 1.0;  // rounds tell more than long windows do
constexpr std::chrono::seconds kPatienceWithGenerator{60};

struct Setting {
    std::string name;
    Link link = Link::Memif;
    std::size_t routes = 1;
    bool translates = false;

    // In the order in which they are measured, round by round; the figure `ratio` is the second to
    // the first.
    [[nodiscard]] std::vector<Kind> kinds() const {
        return translates ? std::vector{Kind::Nftables, Kind::GodwitNat}
                          : std::vector{Kind::TestpmdIo, Kind::Godwit, Kind::TestpmdMacswap};
    }
    // A session each, where they are translated: less than a kernel remembers.
    [[nodiscard]] std::size_t destinations() const { return translates ? 10'000 : kDestinations; }
};

std::string name_of(Kind kind) {
    switch (kind) {
        case Kind::TestpmdIo:
            return "testpmd-io";
        case Kind::TestpmdMacswap:
            return "testpmd-macswap";
        case Kind::Nftables:
            return "nftables";
        case Kind::Godwit:
        case Kind::GodwitNat:
            break;
    }
    return "ours";
}

// GODWIT_BUILD, as for the tests, or the tree that this program was built in.
Programs find_programs() {
    if (const char* const build = std::getenv("GODWIT_BUILD"); build != nullptr) {
        return {build};
    }
    return {fs::read_symlink("/proc/self/exe").parent_path().parent_path().parent_path()};
}

std::optional<Problem> cannot_run_here(const Setting& setting, const Programs& programs) {
    const auto skip = [](std::string what, std::string mend) {
        return Problem{.what = std::move(what), .mend = std::move(mend), .skipped = true};
    };
    if (::geteuid() != 0) {
        return skip("memory and devices of DPDK need root", "run it as root");
    }
    if (std::thread::hardware_concurrency() < 2) {
        return skip("a forwarder and its generator need a CPU each, and there is one",
                    "run it on a machine with two");
    }
    if (setting.translates && !wire::is_installed("nft")) {
        return skip("there is no nft to compare with", "apt-get install nftables");
    }
    if (!setting.translates && !wire::is_installed("dpdk-testpmd")) {
        return skip("there is no dpdk-testpmd to compare with", "apt-get install dpdk-dev");
    }
    for (const std::string& program :
         {programs.supervisor(), programs.dataplane(), programs.controlplane(), programs.ctl(),
          programs.generator()}) {
        if (::access(program.c_str(), X_OK) != 0) {
            return skip(fmt::format("{} is not built", program),
                        "run ninja, or name another build tree in GODWIT_BUILD");
        }
    }
    if (setting.link != Link::Memif && !wire::is_installed("ip")) {
        return skip("there is no `ip` to make network namespaces with", "apt-get install iproute2");
    }
    if (setting.link == Link::Tap && ::access("/dev/net/tun", F_OK) != 0) {
        return skip("/dev/net/tun is not there", "modprobe tun");
    }
    return std::nullopt;
}

// Pages that forwarder and generator find free, beside those that are free already, which may be
// meant for somebody else; given back at the end.
class Pages {
public:
    explicit Pages(bool wanted) {
        constexpr std::uint64_t kSpareMebibytes = 16;  // what DPDK rounds up
        constexpr std::uint64_t kNeeded =
            (kGeneratorMebibytes + wire::kForwarderMebibytes + kSpareMebibytes) << 20U;
        const std::uint64_t free = drivers::count_hugepages("/").free * drivers::kHugepageBytes;
        if (auto grant = drivers::obtain_hugepages(
                wanted ? config::HugepageUse::Auto : config::HugepageUse::Off, free + kNeeded,
                "/")) {
            grant_ = *grant;
        }
    }
    ~Pages() { drivers::release_hugepages(grant_.reserved, "/"); }
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;
    [[nodiscard]] bool use() const { return grant_.use; }

private:
    drivers::HugepageGrant grant_;
};

class Comparison {
public:
    Comparison(Context& context, const Setting& setting, const Programs& programs)
        : context_(context),
          setting_(setting),
          programs_(programs),
          pages_(context.options().hugepages) {}

    std::optional<Problem> run() {
        auto bed = Bed::make(setting_.link);
        if (!bed) {
            return Problem{bed.error(), "see what this host allows in network namespaces"};
        }
        bed_ = std::move(*bed);
        table_ = make_table(setting_.routes, wire::kNextHops, context_.options().seed);
        const auto destinations =
            routed_destinations(table_, setting_.destinations(), context_.options().seed);
        std::ofstream file(destinations_file(), std::ios::binary);
        file.write(reinterpret_cast<const char*>(destinations.data()),
                   static_cast<std::streamsize>(destinations.size() * sizeof(destinations[0])));
        if (!file.flush()) {
            return Problem{destinations_file() + " cannot be written", "see the free space"};
        }
        for (unsigned round = 0; round < context_.options().rounds; ++round) {
            for (const Kind kind : setting_.kinds()) {
                auto measured = measure(kind);
                if (!measured) {
                    return Problem{
                        fmt::format("{}, round {}: {}", name_of(kind), round + 1, measured.error()),
                        "run this case alone, with --rounds 1"};
                }
                results_[kind].push_back(*measured);
            }
        }
        report();
        return std::nullopt;
    }

private:
    std::string destinations_file() const { return bed_->folder() / "destinations"; }

    net::Result<Measurement, std::string> measure(Kind kind) {
        auto forwarder = Forwarder::start(kind, *bed_, programs_, pages_.use(), table_);
        if (!forwarder) {
            return net::unexpected(forwarder.error());
        }
        if (forwarder->load_seconds() > 0) {
            load_seconds_.add(forwarder->load_seconds());
        }
        auto generator = Process::start(bed_->for_generator(generator_command(kind)),
                                        bed_->folder() / "generator.log");
        if (!generator) {
            return net::unexpected(generator.error());
        }
        auto line = generator->wait_for_line("\"tsc_hz\"", kPatienceWithGenerator);
        forwarder->halt();
        generator->close_input();
        (void)generator->wait(std::chrono::seconds(5));
        forwarder->end();
        if (!line) {
            return net::unexpected(
                fmt::format("{}\nthe forwarder says:\n{}", line.error(), forwarder->log()));
        }
        auto measured = wire::parse_measurement(*line);
        if (measured && measured->wrong != 0) {
            return net::unexpected(fmt::format("{} of {} frames that were checked are wrong: {}",
                                               measured->wrong, measured->checked,
                                               measured->first_wrong));
        }
        return measured;
    }

    wire::Command generator_command(Kind kind) const {
        const wire::Expectation expected = wire::expectation_of(kind);
        const double window = std::min(context_.options().seconds, kLongestWindow);
        wire::Command words{programs_.generator(),
                            "--in",
                            vdev_of(bed_->generator_device(0), 0),
                            "--out",
                            vdev_of(bed_->generator_device(1), 1),
                            "--core",
                            std::to_string(wire::kGeneratorCore),
                            "--memory",
                            std::to_string(kGeneratorMebibytes),
                            "--file-prefix",
                            bed_->folder().filename().string() + "-generator",
                            "--destinations",
                            destinations_file(),
                            "--to",
                            wire::kForwarderIn.to_string(),
                            "--from",
                            wire::kGeneratorIn.to_string(),
                            "--source",
                            net::Ipv4Address(wire::kNetworkIn.value() + 2).to_string(),
                            "--expect-to",
                            expected.to.to_string(),
                            "--expect-from",
                            expected.from.to_string(),
                            "--expect-ttl",
                            std::to_string(expected.ttl),
                            "--warm-up",
                            fmt::format("{}", kWarmUpSeconds),
                            "--seconds",
                            fmt::format("{}", window)};
        if (!pages_.use()) {
            words.emplace_back("--no-hugepages");
        }
        return words;
    }

    void report() {
        std::map<Kind, double> cycles;
        for (const Kind kind : setting_.kinds()) {
            Samples samples;
            Samples rate;
            Samples loss;
            std::size_t saturated = 0;
            for (const Measurement& one : results_[kind]) {
                samples.add(one.cycles_a_packet());
                rate.add(one.packets_a_second());
                loss.add(one.loss());
                saturated += static_cast<std::size_t>(one.saturated());
            }
            cycles[kind] = samples.median();
            const std::string bound =
                saturated * 2 > results_[kind].size()
                    ? std::string("the forwarder was the slower one")
                    : std::string("the generator was the slower one: at most this");
            context_.figure(
                name_of(kind), samples.median(), "cycles",
                fmt::format("least {:.0f}; {:.2f} Mpps came back, {:.2f} % lost; {}",
                            samples.smallest(), rate.median() / 1e6, loss.median() * 100, bound));
        }
        const auto kinds = setting_.kinds();
        context_.figure(
            "ratio", cycles[kinds[1]] / cycles[kinds[0]], "ratio",
            fmt::format("ours to {}, medians of interleaved rounds", name_of(kinds[0])));
        if (!load_seconds_.empty()) {
            context_.figure("load", static_cast<double>(setting_.routes) / load_seconds_.median(),
                            "routes/s", "over the channel, to the last acknowledgement");
        }
        context_.say(pages_.use() ? "forwarders and generator in hugepages"
                                  : "forwarders and generator in ordinary pages");
    }

    Context& context_;
    const Setting& setting_;
    const Programs& programs_;
    Pages pages_;
    std::unique_ptr<Bed> bed_;
    std::vector<RouteOfTable> table_;
    std::map<Kind, std::vector<Measurement>> results_;
    Samples load_seconds_;
};

std::optional<Problem> run(Context& context, const Setting& setting) {
    const Programs programs = find_programs();
    if (auto problem = cannot_run_here(setting, programs)) {
        return problem;
    }
    const wire::Interruption interruption;  // outlives the comparison, which then takes all apart
    return Comparison(context, setting, programs).run();
}

}  // namespace

Family wire_family() {
    Family family{"wire",
                  "the whole program and dpdk-testpmd on the same links, a generator in another "
                  "process; the devices' cost is in all figures",
                  {}};
    const std::array settings{
        Setting{"memif/1", Link::Memif, 1}, Setting{"memif/1M", Link::Memif, 1'000'000},
        Setting{"tap/1", Link::Tap, 1}, Setting{"af_packet/1", Link::AfPacket, 1},
        Setting{"nat/af_packet", Link::AfPacket, 1, true}};
    for (const Setting& setting : settings) {
        family.cases.push_back(
            {"wire/" + setting.name,
             fmt::format("64-byte frames, {} {}, {} destinations{}", setting.routes,
                         setting.routes == 1 ? "route" : "routes", setting.destinations(),
                         setting.translates ? ", one session each" : ""),
             [setting](Context& context) { return run(context, setting); }, 0});
    }
    return family;
}

}  // namespace godwit::bench
