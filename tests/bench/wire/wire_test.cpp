// What the wire family goes by, without DPDK: the frames and the check of them, the generator's
// result, and the programs that are started and watched.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "net/checksum.hpp"
#include "tests/bench/wire/bed.hpp"
#include "tests/bench/wire/frames.hpp"
#include "tests/bench/wire/measurement.hpp"
#include "tests/bench/wire/process.hpp"

namespace godwit::bench::wire {
namespace {

using std::chrono::seconds;

class WireFrames : public testing::Test {
protected:
    std::vector<std::uint8_t> aimed(std::uint32_t place) const {
        std::vector<std::uint8_t> frame(prepared.bytes().begin(), prepared.bytes().end());
        prepared.aim(frame.data(), destinations.at(place), place);
        return frame;
    }
    [[nodiscard]] Fault check(const std::vector<std::uint8_t>& frame) const {
        return check_frame(frame, as_sent, destinations);
    }

    const std::vector<std::uint32_t> destinations{0x0a000001, 0xffffffff, 0x00000000, 0xdfff0001};
    const PreparedFrame prepared{kForwarderIn, kGeneratorIn, net::Ipv4Address(0xc6120002)};
    const Expectation as_sent{.to = kForwarderIn, .from = kGeneratorIn, .ttl = kTtlSent};
};

TEST_F(WireFrames, are_whole_for_every_destination) {
    for (std::uint32_t place = 0; place < destinations.size(); ++place) {
        const auto frame = aimed(place);
        ASSERT_EQ(frame.size(), kFrameBytes);
        EXPECT_TRUE(net::has_valid_checksum(std::span(frame).subspan(kIpv4At, 20))) << place;
        EXPECT_EQ(check(frame), Fault::None) << place;
    }
}

TEST_F(WireFrames, are_aimed_again_without_a_trace_of_the_last_destination) {
    auto frame = aimed(1);
    prepared.aim(frame.data(), destinations[3], 3);
    EXPECT_EQ(frame, aimed(3));
}

TEST_F(WireFrames, that_were_not_routed_are_told_from_those_that_were) {
    const Expectation routed{.to = kGeneratorOut, .from = kForwarderOut, .ttl = kTtlSent - 1};
    EXPECT_EQ(check_frame(aimed(0), routed, destinations), Fault::Ethernet);
    const Expectation one_hop_less{.to = kForwarderIn, .from = kGeneratorIn, .ttl = kTtlSent - 1};
    EXPECT_EQ(check_frame(aimed(0), one_hop_less, destinations), Fault::Ttl);
}

TEST_F(WireFrames, with_a_damaged_header_fail_by_their_checksum) {
    auto frame = aimed(0);
    frame[kChecksumAt] ^= 1U;
    EXPECT_EQ(check(frame), Fault::Checksum);
    EXPECT_NE(describe(Fault::Checksum, frame, as_sent, destinations).find("checksum"),
              std::string::npos);
}

TEST_F(WireFrames, with_another_frames_destination_are_found) {
    auto frame = aimed(0);
    prepared.aim(frame.data(), destinations[3], 0);  // its place says the first destination
    EXPECT_EQ(check(frame), Fault::Destination);
    EXPECT_EQ(describe(Fault::Destination, frame, as_sent, destinations),
              "frame 0 of the sequence came back with destination 223.255.0.1, sent to 10.0.0.1");
}

TEST_F(WireFrames, with_a_place_outside_of_the_sequence_are_found) {
    auto frame = aimed(0);
    frame[kPlaceAt] = 200;
    EXPECT_EQ(check(frame), Fault::Destination);
}

TEST_F(WireFrames, of_others_are_no_fault) {
    EXPECT_EQ(check(std::vector<std::uint8_t>(kFrameBytes)), Fault::Foreign);
    EXPECT_EQ(check(std::vector<std::uint8_t>(14)), Fault::Foreign);
}

TEST(WireMeasurement, is_read_from_the_generators_line) {
    const auto read = parse_measurement(
        R"({"tsc_hz": 2500000000, "seconds": 0.5, "sent": 1001000, "received": 1000000, )"
        R"("lost": 1000, "bursts": 100, "blocked": 0, "checked": 7, "wrong": 2, "foreign": 0, )"
        R"("first_wrong": "a \"TTL\""})");
    ASSERT_TRUE(read) << read.error();
    EXPECT_DOUBLE_EQ(read->packets_a_second(), 2e6);
    EXPECT_DOUBLE_EQ(read->cycles_a_packet(), 1250);
    EXPECT_EQ(read->wrong, 2U);
    EXPECT_EQ(read->first_wrong, "a \"TTL\"");
}

TEST(WireMeasurement, is_the_generators_own_when_nothing_waited_and_nothing_was_lost) {
    Measurement one{.sent = 100'000, .lost = 0, .bursts = 10'000, .blocked = 99, .first_wrong = {}};
    EXPECT_FALSE(one.saturated());
    one.blocked = 100;
    EXPECT_TRUE(one.saturated());
    one.blocked = 0;
    one.lost = 100;
    EXPECT_TRUE(one.saturated());
}

TEST(WireMeasurement, that_is_cut_short_is_refused) {
    EXPECT_FALSE(parse_measurement(R"({"tsc_hz": 2500000000, "seconds": 0.5)"));
    EXPECT_FALSE(parse_measurement(R"({"tsc_hz": 2500000000, "seconds": 0.5})"));
}

class WireProcess : public testing::Test {
protected:
    void TearDown() override { std::filesystem::remove(log); }
    const std::filesystem::path log =
        std::filesystem::temp_directory_path() / ("godwit-wire-test-" + std::to_string(getpid()));
};

TEST_F(WireProcess, is_heard_and_spoken_to) {
    auto process = Process::start({"sh", "-c", "echo ready; read word; echo got $word"}, log);
    ASSERT_TRUE(process) << process.error();
    EXPECT_EQ(process->wait_for_line("ready", seconds(10)).value_or(""), "ready");
    process->say("it");
    EXPECT_EQ(process->wait_for_line("got", seconds(10)).value_or(""), "got it");
    EXPECT_EQ(process->wait(seconds(10)), 0);
}

TEST_F(WireProcess, that_ends_early_says_why) {
    auto process = Process::start({"sh", "-c", "echo no room; exit 3"}, log);
    ASSERT_TRUE(process) << process.error();
    const auto line = process->wait_for_line("ready", seconds(10));
    ASSERT_FALSE(line);
    EXPECT_EQ(line.error(), "sh ended with exit code 3, and said last:\nno room\n");
}

TEST_F(WireProcess, that_is_not_there_is_an_error_with_its_name) {
    const auto done = run_command({"godwit-no-such-program"}, log);
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().find("godwit-no-such-program"), std::string::npos) << done.error();
    EXPECT_NE(done.error().find("No such file"), std::string::npos) << done.error();
}

TEST_F(WireProcess, does_not_outlive_its_owner) {
    pid_t pid = 0;
    {
        auto process = Process::start({"sh", "-c", "echo $$; exec cat"}, log);
        ASSERT_TRUE(process) << process.error();
        const auto line = process->wait_for_line("", seconds(10));
        ASSERT_TRUE(line) << line.error();
        pid = std::stoi(*line);
        ASSERT_EQ(::kill(pid, 0), 0);
    }
    EXPECT_NE(::kill(pid, 0), 0);
}

TEST(WireDevices, are_written_as_the_command_line_takes_them) {
    EXPECT_EQ(vdev_of({"net_memif", {{"role", "server"}, {"id", "1"}}}, 1),
              "net_memif1,id=1,role=server");
    EXPECT_EQ(vdev_of({"net_null", {}}, 0), "net_null0");
}

}  // namespace
}  // namespace godwit::bench::wire
