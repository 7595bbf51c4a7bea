// frame-fuzzer [SECONDS] [SEED]: mutated frames into both ports of real workers with real tables,
// as fast as they go; half of the time without NAT and half with it. Run under AddressSanitizer and
// UndefinedBehaviorSanitizer, it must end with the ledger balanced and every buffer back in the
// pool. The seed is printed first: the same seed gives the same frames.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "tests/packet/frame_mutator.hpp"

namespace godwit::packet_test {
namespace {

int fuzz(std::chrono::milliseconds duration, std::uint64_t seed, FrameMutator::Subject subject,
         TestEal& eal) {
    const bool translates = subject == FrameMutator::Subject::Nat;
    fmt::print("seed {}, {} milliseconds{}\n", seed, duration.count(),
               translates ? ", with NAT" : "");
    FrameMutator mutator(seed, subject);
    const unsigned in_use_before = eal.packets_in_use();
    std::uint64_t frames = 0;
    std::vector<std::string> faults;
    {
        Testbed testbed(translates ? translated_topology() : fuzzed_topology(), eal.pool());
        const auto end = std::chrono::steady_clock::now() + duration;
        while (faults.empty() && std::chrono::steady_clock::now() < end) {
            for (std::size_t burst = 1 + mutator.below(200); burst > 0; --burst) {
                const Frame frame = mutator.next();
                // Mostly the port that the frame is addressed to, now and then the other one.
                const bool for_wan = frame.size() > 4 && frame[4] == 2;
                const bool to_wan = mutator.below(8) == 0 ? !for_wan : for_wan;
                frames += testbed.receive(to_wan ? "wan0" : "lan0", frame) ? 1 : 0;
            }
            testbed.run();
            testbed.discard_sent();
            testbed.pass(std::chrono::seconds(61));  // no fragment is in flight any more
            testbed.run();
            testbed.discard_sent();
            faults = testbed.faults();
        }
        fmt::print("{} frames: {} sent, {} punted, {} originated, {} dropped\n", frames,
                   testbed.total(&api::CounterBlock::sent),
                   testbed.total(&api::CounterBlock::punted),
                   testbed.total(&api::CounterBlock::originated),
                   testbed.total(&api::CounterBlock::dropped));
        for (const auto& [reason, count] : testbed.drops()) {
            fmt::print("  {:<28}{}\n", reason, count);
        }
    }
    if (eal.packets_in_use() != in_use_before) {
        faults.push_back(fmt::format("packets in use: {} before, {} after", in_use_before,
                                     eal.packets_in_use()));
    }
    for (const std::string& fault : faults) {
        fmt::print("FAULT {} (seed {})\n", fault, seed);
    }
    return faults.empty() ? 0 : 1;
}

}  // namespace
}  // namespace godwit::packet_test

int main(int argc, char** argv) {
    const long seconds = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 10;
    const std::uint64_t seed =
        argc > 2 ? std::strtoull(argv[2], nullptr, 10) : std::random_device{}();
    try {
        using godwit::packet_test::FrameMutator;
        godwit::packet_test::TestEal eal;
        const std::chrono::milliseconds half(seconds * 500);
        const int forwarding =
            godwit::packet_test::fuzz(half, seed, FrameMutator::Subject::Forwarding, eal);
        const int nat = godwit::packet_test::fuzz(half, seed, FrameMutator::Subject::Nat, eal);
        return forwarding + nat == 0 ? 0 : 1;
    } catch (const std::exception& problem) {
        fmt::print(stderr, "frame-fuzzer: {}\n", problem.what());
        return 2;
    }
}
