// packet-cases FILE...: runs every case of the YAML files through a real worker and compares what
// came out, exactly.
//
//     topology: (tests/packet/topology_yaml.hpp)
//     cases:
//       - name: a sentence that says what must hold
//         in:     [{on: lan0, frame: "eth ... / ip ..."}]     (tests/packet/frame_text.hpp)
//         out:    [{on: wan0, frame: "..."}]                  in order, by port; none is none
//         drops:  {ip4-bad-checksum: 1}                       all of them, of all workers
//         punted: {udp: 1}                                    by class
//         punted-options: [94040000]                          of punted packets that have some
//         owner:  {arp-input: 1}                              given to the table owner, by resume
//         counters: {checksums-mended: 1}                     only those that are named
//         silences: {about-group: 1}                          ICMP errors not sent; if named, all
//         icmp-errors-between: [50, 200]                      sent; their frames are not compared
//         workers: {0: 3, 1: 5}                               packets in ip4-input, by worker
//         later: 61                                           seconds, with another run after it
//         nat:    {max-sessions: 1}                           over the topology's (nat_yaml.hpp)
//         nat-sessions: 2                                     of all workers, at the end
//         control-plane: false · control-plane-stalls: true · owner-answers: host-unreachable
//
// Instead of `in`, `out` and `later`, `steps` is a list of them, one after the other; `quote`
// counts the frames of all steps.
//
// `compare: set` forgets the order in which frames left a port (several workers); `out-counts:
// {wan0: 64}` looks at their number only. Instead of `in`, `cut-to-every-length:
// {on:, frame:, drops: [[0, 13, frame-truncated], ...]}` sends the frame cut to each length, one
// after the other, and expects each to be dropped for the reason of its range.
//
// After each case both ledgers must balance and the packet pool must be full again. Prints a line a
// case and the difference of those that fail; exits 1 when one did.
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <span>

#include "net/checksum.hpp"
#include "net/icmp.hpp"
#include "tests/packet/nat_yaml.hpp"
#include "tests/packet/topology_yaml.hpp"

namespace godwit::packet_test {
namespace {

using Differences = std::vector<std::string>;

template <class Number>
std::string list_of(const std::map<std::string, Number>& counts) {
    std::string text;
    for (const auto& [name, count] : counts) {
        text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", name, count);
    }
    return text.empty() ? "nothing" : text;
}

template <class Number>
void compare_counts(const std::string& what, const YAML::Node& expected,
                    const std::map<std::string, Number>& found, Differences& differences) {
    const auto wanted =
        expected ? expected.as<std::map<std::string, Number>>() : std::map<std::string, Number>();
    if (wanted != found) {
        differences.push_back(
            fmt::format("{}: expected {}, found {}", what, list_of(wanted), list_of(found)));
    }
}

// The identification of an ICMP error is drawn by chance (RFC 6864): none is like none.
Frame without_drawn_identification(Frame frame) {
    constexpr std::size_t kHeaderBytes = 20;
    const std::size_t at = frame.size() > 18 && frame[12] == 0x81 ? 18 : 14;
    if (frame.size() < at + kHeaderBytes + 1 || frame[at] >> 4 != 4 || frame[at + 9] != 1) {
        return frame;
    }
    const std::size_t header_bytes = std::size_t{frame[at] & 0xfU} * 4;
    if (header_bytes < kHeaderBytes || frame.size() < at + header_bytes + 1 ||
        !net::is_icmp_error(net::IcmpType{frame[at + header_bytes]}) || frame[at + 1] < 0xc0) {
        return frame;
    }
    const auto header = std::span(frame).subspan(at, header_bytes);
    if (!net::has_valid_checksum(header)) {
        return frame;
    }
    for (const std::size_t drawn : {4U, 5U, 10U, 11U}) {
        header[drawn] = 0;
    }
    const std::uint16_t sum = net::internet_checksum(header).host();
    header[10] = static_cast<std::uint8_t>(sum >> 8);
    header[11] = static_cast<std::uint8_t>(sum & 0xffU);
    return frame;
}

class Case {
public:
    Case(const YAML::Node& node, const Topology& topology, FrameNames names, TestEal& eal)
        : node_(node), topology_(topology), names_(std::move(names)), eal_(eal) {
        topology_.control_plane = node["control-plane"].as<bool>(true);
        topology_.control_plane_stalls = node["control-plane-stalls"].as<bool>(false);
        if (node["nat"]) {
            read_nat(node["nat"], topology_.interfaces,
                     topology_.nat.emplace(topology_.nat.value_or(TestNat())));
        }
        if (node["owner-answers"].as<std::string>("") == "host-unreachable") {
            topology_.owner_answer = OwnerAnswer::HostUnreachable;
        }
    }

    Differences run() {
        const unsigned in_use_before = eal_.packets_in_use();
        {
            Testbed testbed(topology_, eal_.pool());
            if (node_["cut-to-every-length"]) {
                cut_to_every_length(testbed);
            } else {
                exchange(testbed);
            }
            for (const std::string& fault : testbed.faults()) {
                differences_.push_back(fault);
            }
        }
        if (eal_.packets_in_use() != in_use_before) {
            differences_.push_back(fmt::format("packets in use: {} before, {} after", in_use_before,
                                               eal_.packets_in_use()));
        }
        return differences_;
    }

private:
    // Frames in, time, frames out; of the case, or of one of its steps.
    void exchange_frames(Testbed& testbed, const YAML::Node& step) {
        for (const YAML::Node& in : step["in"]) {
            const unsigned times = in["times"].as<unsigned>(1);
            names_.inputs.push_back(frame_from_text(in["frame"].as<std::string>(), names_));
            for (unsigned i = 0; i < times; ++i) {
                testbed.receive(in["on"].as<std::string>(), names_.inputs.back());
            }
        }
        testbed.run();
        if (step["later"]) {
            testbed.pass(std::chrono::seconds(step["later"].as<unsigned>()));
            testbed.run();
        }
        if (step["out-counts"]) {
            compare_numbers_out(testbed, step);
        } else if (!step["icmp-errors-between"]) {
            compare_frames_out(testbed, step);
        }
    }

    void exchange(Testbed& testbed) {
        if (const YAML::Node steps = node_["steps"]) {
            for (const YAML::Node& step : steps) {
                exchange_frames(testbed, step);
            }
        } else {
            exchange_frames(testbed, node_);
        }
        if (node_["nat-sessions"]) {
            compare_sessions(testbed);
        }
        compare_counts("drops", node_["drops"], testbed.drops(), differences_);
        compare_counts("punted", node_["punted"], testbed.punted(), differences_);
        compare_punted_options(testbed);
        compare_counts("given to the owner", node_["owner"], testbed.given_to_owner(),
                       differences_);
        if (node_["silences"]) {
            compare_counts("ICMP errors not sent", node_["silences"], testbed.icmp_silences(),
                           differences_);
        }
        compare_errors_sent(testbed);
        compare_counters(testbed);
        compare_workers(testbed);
    }

    void compare_punted_options(Testbed& testbed) {
        if (!node_["punted-options"]) {
            return;
        }
        const auto text_of = [](const std::vector<Frame>& all) {
            std::string text;
            for (const Frame& options : all) {
                text += " " + hex_of(options);
            }
            return text;
        };
        std::vector<Frame> wanted;
        for (const YAML::Node& options : node_["punted-options"]) {
            wanted.push_back(frame_from_text("raw " + options.as<std::string>(), names_));
        }
        if (wanted != testbed.punted_options()) {
            differences_.push_back(fmt::format("punted options: expected{}, found{}",
                                               text_of(wanted), text_of(testbed.punted_options())));
        }
    }

    void compare_workers(Testbed& testbed) {
        for (const auto& item : node_["workers"]) {
            const auto worker = item.first.as<unsigned>();
            const auto node = static_cast<std::size_t>(api::NodeId::Ip4Input);
            const std::uint64_t found = testbed.counters(worker).nodes[node].packets.read();
            if (found != item.second.as<std::uint64_t>()) {
                differences_.push_back(fmt::format("worker {}: expected {} packets, found {}",
                                                   worker, item.second.as<std::uint64_t>(), found));
            }
        }
    }

    void compare_sessions(Testbed& testbed) {
        std::uint64_t found = 0;
        for (unsigned worker = 0; worker < topology_.workers; ++worker) {
            const auto* translator = testbed.nat().seat(worker).translator();
            found += translator != nullptr ? translator->session_count() : 0U;
        }
        if (found != node_["nat-sessions"].as<std::uint64_t>()) {
            differences_.push_back(fmt::format("sessions: expected {}, found {}",
                                               node_["nat-sessions"].as<std::uint64_t>(), found));
        }
    }

    void compare_frames_out(Testbed& testbed, const YAML::Node& step) {
        std::map<std::string, std::vector<Frame>> expected;
        for (const YAML::Node& out : step["out"]) {
            expected[out["on"].as<std::string>()].push_back(
                frame_from_text(out["frame"].as<std::string>(), names_));
        }
        const bool any_order = step["compare"].as<std::string>("") == "set";
        for (const TestInterface& interface : topology_.interfaces) {
            if (!interface.parent.empty()) {
                continue;
            }
            std::vector<Frame> found = testbed.sent(interface.name);
            std::vector<Frame>& wanted = expected[interface.name];
            for (std::vector<Frame>* frames : {&found, &wanted}) {
                std::transform(frames->begin(), frames->end(), frames->begin(),
                               without_drawn_identification);
            }
            if (any_order) {
                std::sort(found.begin(), found.end());
                std::sort(wanted.begin(), wanted.end());
            }
            compare_port(interface.name, wanted, found);
        }
    }

    void compare_port(const std::string& port, const std::vector<Frame>& wanted,
                      const std::vector<Frame>& found) {
        for (std::size_t i = 0; i < std::max(wanted.size(), found.size()); ++i) {
            const std::string want = i < wanted.size() ? hex_of(wanted[i]) : "no frame";
            const std::string have = i < found.size() ? hex_of(found[i]) : "no frame";
            if (want != have) {
                differences_.push_back(fmt::format(
                    "{}: frame {}\n      expected {}\n      found    {}", port, i, want, have));
            }
        }
    }

    void compare_numbers_out(Testbed& testbed, const YAML::Node& step) {
        std::map<std::string, std::uint64_t> found;
        for (const TestInterface& interface : topology_.interfaces) {
            const std::size_t count =
                interface.parent.empty() ? testbed.sent(interface.name).size() : 0;
            if (count > 0) {
                found[interface.name] = count;
            }
        }
        compare_counts("frames out", step["out-counts"], found, differences_);
    }

    // A limit that is drawn by chance: so many at least, so many at most.
    void compare_errors_sent(Testbed& testbed) {
        const YAML::Node range = node_["icmp-errors-between"];
        if (!range) {
            return;
        }
        const std::uint64_t sent = testbed.total(&api::CounterBlock::icmp_errors);
        if (sent < range[0].as<std::uint64_t>() || sent > range[1].as<std::uint64_t>()) {
            differences_.push_back(fmt::format("ICMP errors: expected {} to {}, found {}",
                                               range[0].as<std::uint64_t>(),
                                               range[1].as<std::uint64_t>(), sent));
        }
    }

    void compare_counters(Testbed& testbed) {
        const std::map<std::string, api::Counter api::CounterBlock::*> known{
            {"received", &api::CounterBlock::received},
            {"sent", &api::CounterBlock::sent},
            {"originated", &api::CounterBlock::originated},
            {"punted", &api::CounterBlock::punted},
            {"handed-out", &api::CounterBlock::handed_out},
            {"datagrams-reassembled", &api::CounterBlock::datagrams_reassembled},
            {"datagrams-fragmented", &api::CounterBlock::datagrams_fragmented},
            {"fragments-made", &api::CounterBlock::fragments_made},
            {"fragments-merged", &api::CounterBlock::fragments_merged},
            {"icmp-errors", &api::CounterBlock::icmp_errors},
            {"checksums-mended", &api::CounterBlock::checksums_mended}};
        for (const auto& item : node_["counters"]) {
            const auto name = item.first.as<std::string>();
            const std::uint64_t found = testbed.total(known.at(name));
            if (found != item.second.as<std::uint64_t>()) {
                differences_.push_back(fmt::format("{}: expected {}, found {}", name,
                                                   item.second.as<std::uint64_t>(), found));
            }
        }
    }

    void cut_to_every_length(Testbed& testbed) {
        const YAML::Node node = node_["cut-to-every-length"];
        const auto port = node["on"].as<std::string>();
        const Frame whole = frame_from_text(node["frame"].as<std::string>(), names_);
        for (const YAML::Node& range : node["drops"]) {
            const auto reason = range[2].as<std::string>();
            for (auto length = range[0].as<std::size_t>(); length <= range[1].as<std::size_t>();
                 ++length) {
                if (length >= whole.size()) {
                    throw std::invalid_argument("the frame is not that long");
                }
                const auto before = testbed.drops();
                testbed.receive(port, Frame(whole.begin(),
                                            whole.begin() + static_cast<std::ptrdiff_t>(length)));
                testbed.run();
                auto expected = before;
                ++expected[reason];
                if (testbed.drops() != expected) {
                    differences_.push_back(fmt::format("cut to {} bytes: expected {}, found {}",
                                                       length, list_of(expected),
                                                       list_of(testbed.drops())));
                    return;
                }
            }
        }
        compare_frames_out(testbed, node_);
    }

    YAML::Node node_;
    Topology topology_;
    FrameNames names_;
    TestEal& eal_;
    Differences differences_;
};

struct Tally {
    unsigned passed = 0;
    unsigned failed = 0;
};

void run_file(const std::string& path, TestEal& eal, Tally& tally) {
    const YAML::Node file = YAML::LoadFile(path);
    FrameNames names;
    const Topology topology = topology_from_yaml(file["topology"], names);
    fmt::print("{}\n", path.substr(path.rfind('/') + 1));
    for (const YAML::Node& node : file["cases"]) {
        const auto name = node["name"].as<std::string>();
        Differences differences;
        try {
            differences = Case(node, topology, names, eal).run();
        } catch (const std::exception& problem) {
            differences.emplace_back(problem.what());
        }
        ++(differences.empty() ? tally.passed : tally.failed);
        fmt::print("  {} {}\n", differences.empty() ? "ok    " : "FAILED", name);
        for (const std::string& difference : differences) {
            fmt::print("    {}\n", difference);
        }
    }
}

int run(const std::vector<std::string>& paths) {
    TestEal eal;
    Tally tally;
    for (const std::string& path : paths) {
        run_file(path, eal, tally);
    }
    fmt::print("{} passed, {} failed\n", tally.passed, tally.failed);
    return tally.failed == 0 && tally.passed > 0 ? 0 : 1;
}

}  // namespace
}  // namespace godwit::packet_test

int main(int argc, char** argv) {
    try {
        return godwit::packet_test::run({argv + 1, argv + argc});
    } catch (const std::exception& problem) {
        fmt::print(stderr, "packet-cases: {}\n", problem.what());
        return 2;
    }
}
