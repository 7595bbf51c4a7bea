// Both halves in one process, a core each: the RIB and its download on this thread's executor, the
// channel's rings in shared memory, and the table owner's loop on the other (dataplane_side.hpp).
// The clock runs from the session that begins until the last record is acknowledged: then packets
// find every route. The RIB has its routes before.
//
// The peer of the ratio is the lookup table alone, given the same routes in the same order by a
// loop: what is beyond 1 is records, numbers, waking and waiting.
#include "tests/bench/rib/download_case.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>

#include "controlplane/channel/channel_client.hpp"
#include "controlplane/management/route_download.hpp"
#include "controlplane/rib/rib.hpp"
#include "controlplane/runtime/executor.hpp"
#include "tests/bench/harness/dpdk.hpp"
#include "tests/bench/harness/samples.hpp"
#include "tests/bench/rib/dataplane_side.hpp"
#include "tests/bench/rib/table.hpp"

namespace godwit::bench {

namespace {

constexpr std::size_t kRoom = kRibPrefixes + 1000;
constexpr double kPatienceSeconds = 60;
constexpr std::chrono::milliseconds kTurn{50};

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string pattern = std::filesystem::temp_directory_path() / "godwit-bench-XXXXXX";
        path_ = ::mkdtemp(pattern.data()) == nullptr ? "" : pattern;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

// A control plane that has a RIB and a dataplane, and nothing else.
class ControlSide {
public:
    ControlSide(control::Rib& rib, const std::string& socket)
        : rib_(rib),
          timers_(executor_),
          client_(executor_, timers_, socket,
                  {.session_opened = [this](const auto&) { begin(); },
                   .session_lost = [this](const std::string& reason) { problem_ = reason; },
                   .event = [this](api::EventType type, auto) { heard(type); },
                   .punted = {},
                   .routes_acknowledged =
                       [this](std::uint64_t sequence) { download_.acknowledged(sequence); },
                   .routes_have_room = [this] { write(); }}),
          download_(rib_, client_.routes()) {}

    // The seconds from the session until everything is acknowledged. Ends the session.
    double run() {
        client_.start();
        const Stopwatch patience;
        while (problem_.empty() && !(begun_ && download_.quiet())) {
            if (patience.seconds() > kPatienceSeconds) {
                problem_ = "the download does not end; " + client_.problem();
                break;
            }
            // Until the turn that acknowledges the last record; none is longer than a batch.
            begun_ ? executor_.poll() : executor_.run_for(kTurn);
        }
        const double seconds = began_.seconds();
        client_.stop();
        executor_.poll();
        return seconds;
    }
    [[nodiscard]] const std::string& problem() const { return problem_; }
    // Of one turn: nothing else of the control plane runs meanwhile.
    [[nodiscard]] double beginning() const { return beginning_; }
    [[nodiscard]] double longest_turn() const { return longest_turn_; }

private:
    void begin() {
        began_ = {};
        begun_ = true;
        const Stopwatch turn;
        download_.begin(1);
        beginning_ = turn.seconds();
        write();
    }
    void write() {
        const Stopwatch turn;
        const bool more = download_.run();
        longest_turn_ = std::max(longest_turn_, turn.seconds());
        if (more) {
            executor_.post([this] { write(); });
        }
    }
    void heard(api::EventType type) {
        if (type == api::EventType::RouteRejected) {
            problem_ = "the dataplane's table refuses a route";
        }
    }

    control::Rib& rib_;
    control::Executor executor_;
    control::AsioTimers timers_;
    control::ChannelClient client_;
    control::RouteDownload download_;
    Stopwatch began_;
    bool begun_ = false;
    double beginning_ = 0;
    double longest_turn_ = 0;
    std::string problem_;
};

double lookup_table_alone(const std::vector<RouteOfTable>& table) {
    dataplane::Reclaimer reclaimer(1);
    dataplane::Fib fib(reclaimer, kRoom);
    const Stopwatch watch;
    for (const RouteOfTable& each : table) {
        fib.set(each.prefix, each.next_hop + 1);
    }
    return watch.seconds();
}

}  // namespace

std::optional<Problem> rib_download(Context& context) {
    if (auto problem = context.dpdk().start()) {
        return problem;
    }
    const auto table = shuffled_table(context.options().seed);
    control::Rib rib;
    rib.set_interface_up(kRibLink, true);
    for (const RouteOfTable& each : table) {
        rib.set(route_of(each, control::RouteSource::ExternalBgp));
    }
    Samples alone;
    Samples seconds;
    Samples again;
    Samples beginnings;
    Samples turns;
    const TemporaryFolder folder;
    for (unsigned round = 0; round < std::min(context.options().rounds, 3U); ++round) {
        alone.add(lookup_table_alone(table));
        DataplaneSide dataplane(folder.file("channel.sock"), kRoom);
        if (!dataplane.problem().empty()) {
            return Problem{dataplane.problem(), "see what is wrong with the folder for sockets"};
        }
        SecondCore second([&dataplane] { dataplane.run(); });
        for (Samples* const samples : {&seconds, &again}) {
            ControlSide control(rib, folder.file("channel.sock"));
            samples->add(control.run());
            beginnings.add(control.beginning() * 1e3);
            turns.add(control.longest_turn() * 1e3);
            if (!control.problem().empty()) {
                dataplane.stop();
                return Problem{control.problem(), "see the limits in download_case.cpp"};
            }
        }
        dataplane.stop();
        second.join();
        if (dataplane.routes() != kRibPrefixes || dataplane.fib().size() != kRibPrefixes) {
            return Problem{
                fmt::format("only {} routes are in the dataplane's table", dataplane.routes()),
                "see dataplane/owner/route_table.cpp"};
        }
    }
    const bool two_cores = context.dpdk().has_second_core();
    context.figure("seconds", seconds.median(), "s",
                   fmt::format("from the session until {} routes are in the lookup table and "
                               "acknowledged{}",
                               kRibPrefixes, two_cores ? "" : ", both halves on one core"));
    context.figure(
        "to-fib", seconds.median() / alone.median(), "ratio",
        fmt::format("time, of that of the lookup table alone ({:.2f} s)", alone.median()));
    context.figure("again", again.median(), "s",
                   "the same of a control plane that is new, to a table that has everything");
    context.figure("begin", beginnings.median(), "ms",
                   "the turn of the control plane's thread in which a session begins");
    context.figure("turn", turns.median(), "ms",
                   "the longest turn of the control plane's thread in each session");
    return std::nullopt;
}

}  // namespace godwit::bench
