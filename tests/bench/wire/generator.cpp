// godwit-wire-generator: sends prepared frames into one port, takes them back from another, and
// says what became of them.
//
// It is the world around a forwarder that runs in another process: over memif both ports are
// zero-copy clients of the forwarder's servers, so that the copies are the forwarder's; over
// devices of the kernel they are packet sockets. One thread does everything, on one core: the
// forwarder's worker has the other.
//
// In order: open the ports; send single bursts until one comes back (the forwarder may still be
// starting); warm up; stop sending until nothing is under way; then measure. After the window it
// waits again for what is under way, so the loss is exact: every frame of the window came back or
// was lost. The result is one line of JSON on standard output. The ports stay open until standard
// input ends, because closing a memif under a forwarder that polls it can kill that forwarder: who
// started this program stops it first.
//
// Whether the forwarder was saturated is read from "blocked" (bursts of which the device took only
// a part: back-pressure, as memif has) and from the loss (where the device drops instead). With
// neither, the generator was the slower of the two, and the figure is its own.
#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <vector>

#include "net/result.hpp"
#include "tests/bench/wire/frames.hpp"

namespace godwit::bench::wire {
namespace {

constexpr std::uint16_t kBurst = 32;  // as dpdk-testpmd's; small enough for any mempool cache
constexpr unsigned kPoolBuffers = 8191;
constexpr unsigned kPoolCache = 512;  // a cache below the burst would go round the ring each time
constexpr std::uint16_t kDescriptors = 1024;
constexpr auto kAnySocket = static_cast<unsigned>(SOCKET_ID_ANY);
constexpr double kPatienceSeconds = 20;  // for links and for the first frame that comes back
constexpr double kSettleSeconds = 0.05;  // nothing for so long: nothing is under way
constexpr unsigned kDrainEvery = 64;     // loops between looks at what the first port receives

struct Arguments {
    std::string in;
    std::string out;
    unsigned core = 0;
    unsigned mebibytes = 128;
    bool no_hugepages = false;
    std::string file_prefix;
    std::string destinations_file;
    std::string to;
    std::string from;
    std::string source;
    std::string expect_to;
    std::string expect_from;
    unsigned expect_ttl = kTtlSent;
    double warm_up = 0.5;
    double seconds = 1;
};

using Outcome = net::Result<void, std::string>;

net::unexpected<std::string> fail(std::string text) {
    return net::unexpected<std::string>(std::move(text));
}

net::Result<std::vector<std::uint32_t>, std::string> read_destinations(const std::string& file) {
    std::ifstream stream(file, std::ios::binary | std::ios::ate);
    const auto bytes = stream ? static_cast<std::size_t>(stream.tellg()) : 0;
    if (bytes == 0 || bytes % sizeof(std::uint32_t) != 0) {
        return fail(
            fmt::format("{} has no list of destinations; name a file of 4-byte addresses", file));
    }
    std::vector<std::uint32_t> destinations(bytes / sizeof(std::uint32_t));
    stream.seekg(0);
    stream.read(reinterpret_cast<char*>(destinations.data()), static_cast<std::streamsize>(bytes));
    if (!stream) {
        return fail(fmt::format("{} cannot be read to its end", file));
    }
    return destinations;
}

net::Result<net::MacAddress, std::string> read_mac(const std::string& option,
                                                   const std::string& text) {
    if (const auto mac = net::MacAddress::parse(text)) {
        return *mac;
    }
    return fail(
        fmt::format("{} {}: no Ethernet address; write one as 02:00:00:00:00:01", option, text));
}

Outcome start_eal(const Arguments& arguments) {
    std::vector<std::string> words{"godwit-wire-generator",
                                   fmt::format("--lcores=0@{}", arguments.core),
                                   "--iova-mode=va",
                                   "--no-pci",
                                   "--no-telemetry",
                                   "--single-file-segments",
                                   "--log-level=*:error",
                                   "--file-prefix=" + arguments.file_prefix,
                                   "-m",
                                   std::to_string(arguments.mebibytes),
                                   "--vdev=" + arguments.in,
                                   "--vdev=" + arguments.out};
    if (arguments.no_hugepages) {
        words.insert(words.end(), {"--no-huge", "--no-shconf"});
    } else {
        words.emplace_back("--in-memory");
    }
    std::vector<char*> pointers;
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    if (rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) < 0) {
        return fail(fmt::format("DPDK does not start ({}); its lines above say why",
                                rte_strerror(rte_errno)));
    }
    return {};
}

net::Result<std::uint16_t, std::string> open_port(const std::string& device, rte_mempool* pool) {
    const std::string name = device.substr(0, device.find(','));
    std::uint16_t port = 0;
    if (rte_eth_dev_get_port_by_name(name.c_str(), &port) != 0) {
        return fail(fmt::format("there is no device {}", name));
    }
    const rte_eth_conf conf{};
    int failed = rte_eth_dev_configure(port, 1, 1, &conf);
    if (failed == 0) {
        failed = rte_eth_rx_queue_setup(port, 0, kDescriptors, kAnySocket, nullptr, pool);
    }
    if (failed == 0) {
        failed = rte_eth_tx_queue_setup(port, 0, kDescriptors, kAnySocket, nullptr);
    }
    if (failed == 0) {
        failed = rte_eth_dev_start(port);
    }
    if (failed != 0) {
        return fail(fmt::format("{} does not start: {}", name, rte_strerror(-failed)));
    }
    rte_eth_promiscuous_enable(port);  // -ENOTSUP where there is nothing to filter
    return port;
}

bool link_is_up(std::uint16_t port) {
    rte_eth_link link{};
    return rte_eth_link_get_nowait(port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

// What happened since the last reset.
struct Counts {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::uint64_t bursts = 0;
    std::uint64_t blocked = 0;
    std::uint64_t checked = 0;
    std::uint64_t wrong = 0;
    std::uint64_t foreign = 0;
};

class Generator {
public:
    Generator(std::uint16_t in, std::uint16_t out, rte_mempool* frames, const PreparedFrame& frame,
              const Expectation& expected, std::span<const std::uint32_t> destinations)
        : in_(in),
          out_(out),
          pool_(frames),
          frame_(frame),
          expected_(expected),
          destinations_(destinations) {}

    [[nodiscard]] const Counts& counts() const { return counts_; }
    [[nodiscard]] const std::string& first_wrong() const { return first_wrong_; }
    void reset() { counts_ = {}; }

    void run_for(double seconds) {
        const std::uint64_t end = rte_rdtsc() + cycles(seconds);
        do {
            send();
            receive();
        } while (rte_rdtsc() < end);
    }

    // Until nothing has come for a while. What the device has not taken is no frame of the window.
    void settle() {
        give_back();
        std::uint64_t quiet_since = rte_rdtsc();
        while (rte_rdtsc() - quiet_since < cycles(kSettleSeconds)) {
            if (receive() != 0) {
                quiet_since = rte_rdtsc();
            }
        }
    }

    // False: no frame of ours came back in time.
    bool wait_for_the_first() {
        const std::uint64_t give_up = rte_rdtsc() + cycles(kPatienceSeconds);
        while (counts_.received == counts_.foreign) {
            if (rte_rdtsc() > give_up) {
                return false;
            }
            send();
            settle();
        }
        return true;
    }

private:
    static std::uint64_t cycles(double seconds) {
        return static_cast<std::uint64_t>(seconds * static_cast<double>(rte_get_tsc_hz()));
    }

    void send() {
        if (waiting_from_ == waiting_.size()) {
            if (rte_pktmbuf_alloc_bulk(pool_, waiting_.data(), kBurst) != 0) {
                // All buffers are in the device's ring: as blocked as can be.
                ++counts_.bursts;
                ++counts_.blocked;
                return;
            }
            for (rte_mbuf* buffer : waiting_) {
                buffer->data_len = kFrameBytes;
                buffer->pkt_len = kFrameBytes;
                frame_.aim(rte_pktmbuf_mtod(buffer, std::uint8_t*), destinations_[place_], place_);
                place_ = place_ + 1 == destinations_.size() ? 0 : place_ + 1;
            }
            waiting_from_ = 0;
        }
        const auto offered = static_cast<std::uint16_t>(waiting_.size() - waiting_from_);
        const std::uint16_t taken =
            rte_eth_tx_burst(in_, 0, waiting_.data() + waiting_from_, offered);
        waiting_from_ += taken;
        counts_.sent += taken;
        ++counts_.bursts;
        counts_.blocked += static_cast<std::uint64_t>(taken < offered);
    }

    std::uint16_t receive() {
        std::array<rte_mbuf*, kBurst> buffers;
        if (++loops_ % kDrainEvery == 0) {  // or the forwarder's words to us would fill the ring
            rte_pktmbuf_free_bulk(buffers.data(), rte_eth_rx_burst(in_, 0, buffers.data(), kBurst));
        }
        const std::uint16_t count = rte_eth_rx_burst(out_, 0, buffers.data(), kBurst);
        if (count == 0) {
            return 0;
        }
        counts_.received += count;
        check(buffers.front());
        rte_pktmbuf_free_bulk(buffers.data(), count);
        return count;
    }

    // The first of every burst: the others cost the generator a cache line each.
    void check(const rte_mbuf* buffer) {
        const std::span<const std::uint8_t> bytes(rte_pktmbuf_mtod(buffer, const std::uint8_t*),
                                                  buffer->data_len);
        const Fault fault = check_frame(bytes, expected_, destinations_);
        ++counts_.checked;
        if (fault == Fault::Foreign) {
            ++counts_.foreign;
        } else if (fault != Fault::None) {
            ++counts_.wrong;
            if (first_wrong_.empty()) {
                first_wrong_ = describe(fault, bytes, expected_, destinations_);
            }
        }
    }

    void give_back() {
        rte_pktmbuf_free_bulk(waiting_.data() + waiting_from_,
                              static_cast<unsigned>(waiting_.size() - waiting_from_));
        waiting_from_ = waiting_.size();
    }

    std::uint16_t in_;
    std::uint16_t out_;
    rte_mempool* pool_;
    const PreparedFrame& frame_;
    Expectation expected_;
    std::span<const std::uint32_t> destinations_;
    std::array<rte_mbuf*, kBurst> waiting_{};  // filled, not yet taken by the device
    std::size_t waiting_from_ = kBurst;
    std::uint32_t place_ = 0;
    unsigned loops_ = 0;
    Counts counts_;
    std::string first_wrong_;
};

// Frames keep what was written to them when they return to the pool: nobody else writes there.
rte_mempool* make_frame_pool(const PreparedFrame& frame) {
    rte_mempool* pool = rte_pktmbuf_pool_create("frames", kPoolBuffers, kPoolCache, 0,
                                                RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (pool == nullptr) {
        return nullptr;
    }
    rte_mempool_obj_iter(
        pool,
        [](rte_mempool*, void* argument, void* object, unsigned) {
            auto* const buffer = static_cast<rte_mbuf*>(object);
            const auto bytes = static_cast<const PreparedFrame*>(argument)->bytes();
            std::memcpy(static_cast<std::uint8_t*>(buffer->buf_addr) + RTE_PKTMBUF_HEADROOM,
                        bytes.data(), bytes.size());
        },
        const_cast<PreparedFrame*>(&frame));
    return pool;
}

void wait_for_the_end_of_input() {
    std::array<char, 64> bytes;
    while (::read(STDIN_FILENO, bytes.data(), bytes.size()) > 0) {
    }
}

std::string quoted(const std::string& text) {
    std::string escaped;
    for (const char letter : text) {
        if (letter == '"' || letter == '\\') {
            escaped += '\\';
        }
        escaped += letter;
    }
    return '"' + escaped + '"';
}

void print_result(const Counts& counts, std::uint64_t returned, double seconds,
                  const std::string& first_wrong) {
    const std::uint64_t lost =
        counts.sent - std::min(counts.sent, counts.received);  // after everything has settled
    fmt::print(R"({{"tsc_hz": {}, "seconds": {:.6f}, "sent": {}, "received": {}, "lost": {}, )"
               R"("bursts": {}, "blocked": {}, "checked": {}, "wrong": {}, "foreign": {}, )"
               R"("first_wrong": {}}})"
               "\n",
               rte_get_tsc_hz(), seconds, counts.sent, returned, lost, counts.bursts,
               counts.blocked, counts.checked, counts.wrong, counts.foreign, quoted(first_wrong));
    std::fflush(stdout);
}

Outcome run(const Arguments& arguments) {
    const auto destinations = read_destinations(arguments.destinations_file);
    if (!destinations) {
        return fail(destinations.error());
    }
    const auto to = read_mac("--to", arguments.to);
    const auto from = read_mac("--from", arguments.from);
    const auto expect_to = read_mac("--expect-to", arguments.expect_to);
    const auto expect_from = read_mac("--expect-from", arguments.expect_from);
    for (const auto* mac : {&to, &from, &expect_to, &expect_from}) {
        if (!*mac) {
            return fail(mac->error());
        }
    }
    const auto source = net::Ipv4Address::parse(arguments.source);
    if (!source) {
        return fail(fmt::format("--source {}: no IPv4 address", arguments.source));
    }
    if (auto started = start_eal(arguments); !started) {
        return started;
    }
    const PreparedFrame frame(*to, *from, *source);
    rte_mempool* const frames = make_frame_pool(frame);
    rte_mempool* const received = rte_pktmbuf_pool_create("received", kPoolBuffers, kPoolCache, 0,
                                                          RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (frames == nullptr || received == nullptr) {
        return fail(fmt::format("no memory for packet buffers ({}); give more with --memory",
                                rte_strerror(rte_errno)));
    }
    const auto in = open_port(arguments.in, received);
    if (!in) {
        return fail(in.error());
    }
    const auto out = open_port(arguments.out, received);
    if (!out) {
        return fail(out.error());
    }
    const std::uint64_t began = rte_rdtsc();
    while (!link_is_up(*in) || !link_is_up(*out)) {
        if (static_cast<double>(rte_rdtsc() - began) >
            kPatienceSeconds * static_cast<double>(rte_get_tsc_hz())) {
            return fail(fmt::format("no link after {} s; see whether the forwarder runs",
                                    kPatienceSeconds));
        }
        ::usleep(10'000);
    }

    Generator generator(*in, *out, frames, frame,
                        {*expect_to, *expect_from, static_cast<std::uint8_t>(arguments.expect_ttl)},
                        *destinations);
    if (!generator.wait_for_the_first()) {
        return fail(
            fmt::format("nothing that was sent came back in {} s; see what the forwarder "
                        "says, and whether it has a route",
                        kPatienceSeconds));
    }
    generator.run_for(arguments.warm_up);
    generator.settle();
    generator.reset();
    const std::uint64_t start = rte_rdtsc();
    generator.run_for(arguments.seconds);
    const std::uint64_t returned = generator.counts().received;  // in the window: the rate
    const double seconds =
        static_cast<double>(rte_rdtsc() - start) / static_cast<double>(rte_get_tsc_hz());
    generator.settle();
    print_result(generator.counts(), returned, seconds, generator.first_wrong());
    wait_for_the_end_of_input();
    for (const std::uint16_t port : {*in, *out}) {
        rte_eth_dev_stop(port);
        rte_eth_dev_close(port);
    }
    return {};
}

int main_of(int argc, char** argv) {
    Arguments arguments;
    CLI::App app{"Sends prepared frames through a forwarder, and says what came back."};
    app.add_option("--in", arguments.in, "DPDK device that sends, with its arguments")->required();
    app.add_option("--out", arguments.out, "DPDK device that receives")->required();
    app.add_option("--core", arguments.core, "CPU to run on")->capture_default_str();
    app.add_option("--memory", arguments.mebibytes, "MiB for DPDK")->capture_default_str();
    app.add_flag("--no-hugepages", arguments.no_hugepages, "ordinary pages");
    app.add_option("--file-prefix", arguments.file_prefix, "DPDK's own name")->required();
    app.add_option("--destinations", arguments.destinations_file,
                   "file of 4-byte addresses in host order, sent to in turn")
        ->required();
    app.add_option("--to", arguments.to, "Ethernet destination of what is sent")->required();
    app.add_option("--from", arguments.from, "Ethernet source of what is sent")->required();
    app.add_option("--source", arguments.source, "IPv4 source")->required();
    app.add_option("--expect-to", arguments.expect_to, "Ethernet destination of what returns")
        ->required();
    app.add_option("--expect-from", arguments.expect_from, "Ethernet source of what returns")
        ->required();
    app.add_option("--expect-ttl", arguments.expect_ttl, "TTL of what returns")
        ->check(CLI::Range(1U, 255U))
        ->capture_default_str();
    app.add_option("--warm-up", arguments.warm_up, "seconds before the window")
        ->capture_default_str();
    app.add_option("--seconds", arguments.seconds, "length of the window")->capture_default_str();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? EXIT_SUCCESS : 2;
    }
    if (const auto done = run(arguments); !done) {
        fmt::print(stderr, "godwit-wire-generator: {}\n", done.error());
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

}  // namespace
}  // namespace godwit::bench::wire

int main(int argc, char** argv) {
    return godwit::bench::wire::main_of(argc, argv);
}
