// Everything here runs in this thread, in virtual time, without a system call: what is measured is
// the stack alone. A stream goes over a round trip of no time, so the windows are what the buffers
// are; the table of lossy paths is that of tests/sim/tcp, where a round trip takes 100 ms.
#include "tests/bench/tcp/tcp_family.hpp"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <functional>

#include "tests/bench/harness/samples.hpp"
#include "tests/bench/tcp/duplex.hpp"
#include "tests/sim/tcp/transfer.hpp"

namespace godwit::bench {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::uint16_t kPort = 179;

using SteadyClock = std::chrono::steady_clock;

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

double gigabits(std::uint64_t bytes, std::chrono::nanoseconds time) {
    return static_cast<double>(bytes) * 8 / seconds(time) / 1e9;
}

struct Established {
    tcp::ConnectionId client{};
    tcp::ConnectionId server{};
};

std::optional<Established> connect(Duplex& duplex, tcp::ListenerId listener,
                                   const tcp::Settings& settings) {
    const auto client =
        duplex.endpoint(Duplex::kClient)
            .connect({Duplex::address(Duplex::kClient), Duplex::address(Duplex::kServer), 0, kPort},
                     settings, duplex.now);
    if (!client) {
        return std::nullopt;
    }
    duplex.settle();
    const auto server = duplex.endpoint(Duplex::kServer).accept(listener);
    if (!server) {
        return std::nullopt;
    }
    return Established{*client, *server};
}

Problem broken(const char* what) {
    return {what, "see controlplane/host/tcp; its own tests say more"};
}

std::optional<Problem> measure_stream(Context& context) {
    constexpr std::uint64_t kBytes = 256 * 1024 * 1024;
    constexpr std::size_t kAtOnce = 64 * 1024;
    tcp::Settings settings;
    settings.send_buffer = settings.receive_buffer = 256 * 1024;
    const std::vector<std::uint8_t> bytes(kAtOnce, 0x5a);
    std::vector<std::uint8_t> into(kAtOnce);
    Samples send;
    Samples receive;
    for (unsigned round = 0; round < context.options().rounds; ++round) {
        Duplex duplex({}, context.options().seed);
        tcp::Endpoint& client = duplex.endpoint(Duplex::kClient);
        tcp::Endpoint& server = duplex.endpoint(Duplex::kServer);
        const auto listener = server.listen(net::Ipv4Address(), kPort, settings, 1);
        const auto both = connect(duplex, *listener, settings);
        if (!both) {
            return broken("no connection came about");
        }
        const std::chrono::nanoseconds before[2]{duplex.spent(0), duplex.spent(1)};
        std::uint64_t written = 0;
        std::uint64_t read = 0;
        while (read < kBytes) {
            duplex.on_account_of(Duplex::kClient, [&] {
                const std::size_t count = std::min<std::uint64_t>(kAtOnce, kBytes - written);
                written += client.write(both->client, std::span(bytes).first(count), duplex.now);
            });
            duplex.settle();
            std::size_t got = 0;
            duplex.on_account_of(Duplex::kServer, [&] {
                while ((got = server.read(both->server, into, duplex.now)) != 0) {
                    read += got;
                }
            });
            duplex.now += std::chrono::microseconds(50);
        }
        send.add(gigabits(kBytes, duplex.spent(0) - before[0]));
        receive.add(gigabits(kBytes, duplex.spent(1) - before[1]));
    }
    const auto note = [](const Samples& samples) {
        return fmt::format("256 MiB in segments of 1,448 bytes; best {:.2f}", samples.quantile(1));
    };
    context.figure("send", send.median(), "Gbit/s", note(send));
    context.figure("receive", receive.median(), "Gbit/s", note(receive));
    return std::nullopt;
}

// A request of 100 bytes, an answer of 100, and both sides close: both ends are on this core.
std::optional<Problem> measure_short_connections(Context& context) {
    constexpr unsigned kConnections = 50'000;
    const std::vector<std::uint8_t> message(100, 1);
    std::vector<std::uint8_t> into(1000);
    Samples rate;
    for (unsigned round = 0; round < context.options().rounds; ++round) {
        Duplex duplex({}, context.options().seed);
        tcp::Endpoint& client = duplex.endpoint(Duplex::kClient);
        tcp::Endpoint& server = duplex.endpoint(Duplex::kServer);
        const auto listener = server.listen(net::Ipv4Address(), kPort, {}, 1);
        const auto begin = SteadyClock::now();
        for (unsigned i = 0; i < kConnections; ++i) {
            const auto both = connect(duplex, *listener, {});
            if (!both) {
                return broken("no connection came about");
            }
            client.write(both->client, message, duplex.now);
            duplex.settle();
            if (server.read(both->server, into, duplex.now) != message.size()) {
                return broken("a request did not arrive");
            }
            server.write(both->server, message, duplex.now);
            server.shutdown(both->server, duplex.now);
            duplex.settle();
            if (client.read(both->client, into, duplex.now) != message.size()) {
                return broken("an answer did not arrive");
            }
            client.release(both->client, duplex.now);
            duplex.settle();
            server.release(both->server, duplex.now);
            static_cast<void>(client.take_ready());
            static_cast<void>(server.take_ready());
            duplex.now += milliseconds(10);
        }
        rate.add(kConnections / seconds(SteadyClock::now() - begin));
    }
    context.figure("rate", rate.median(), "connections/s",
                   fmt::format("client and server on one core; best {:.0f}", rate.quantile(1)));
    return std::nullopt;
}

std::size_t heap_bytes() {
    return mallinfo2().uordblks;
}

std::optional<Problem> measure_memory(Context& context) {
    constexpr std::size_t kMany = 10'000;
    tcp::Limits limits;
    limits.connections = limits.connections_of_peer = limits.half_open = limits.time_wait = kMany;
    limits.first_port = 1024;
    Duplex duplex(limits, context.options().seed);
    tcp::Endpoint& client = duplex.endpoint(Duplex::kClient);
    tcp::Endpoint& server = duplex.endpoint(Duplex::kServer);
    const auto listener = server.listen(net::Ipv4Address(), kPort, {}, kMany);
    std::vector<Established> all;
    all.reserve(kMany);
    std::size_t before = heap_bytes();
    for (std::size_t i = 0; i < kMany; ++i) {
        const auto both = connect(duplex, *listener, {});
        if (!both) {
            return broken("no connection came about");
        }
        all.push_back(*both);
        static_cast<void>(client.take_ready());
        static_cast<void>(server.take_ready());
    }
    duplex.now += hours(1);
    duplex.settle();
    context.figure("idle", static_cast<double>(heap_bytes() - before) / (2.0 * kMany), "bytes",
                   "a connection, with its place in every table; both ends are counted");
    for (const Established& both : all) {
        client.shutdown(both.client, duplex.now);
        duplex.settle();
        server.release(both.server, duplex.now);
        duplex.settle();
    }
    for (const Established& both : all) {
        client.release(both.client, duplex.now);
    }
    const std::size_t waiting = heap_bytes();
    if (client.time_wait() != kMany || client.connections() != 0) {
        return broken("not every connection is in TIME-WAIT");
    }
    duplex.now += hours(1);
    client.poll(duplex.now);
    context.figure("time-wait", static_cast<double>(waiting - heap_bytes()) / kMany, "bytes");
    duplex.discard();
    before = heap_bytes();
    tcp::Segment syn;
    syn.flags.syn = true;
    for (std::size_t i = 0; i < kMany; ++i) {
        syn.sequence = net::Sequence(static_cast<std::uint32_t>(i));
        server.input({Duplex::address(Duplex::kServer), net::Ipv4Address(198, 51, 100, 1), kPort,
                      static_cast<std::uint16_t>(1024 + i)},
                     syn, duplex.now);
        duplex.discard();  // the answer
    }
    if (server.half_open() != kMany) {
        return broken("not every handshake is remembered");
    }
    context.figure("half-open", static_cast<double>(heap_bytes() - before) / kMany, "bytes");
    return std::nullopt;
}

// A connection at work beside a hundred thousand that are idle, and beside none.
std::optional<Problem> measure_idle_crowd(Context& context) {
    constexpr std::size_t kCrowd = 100'000;
    const auto nanoseconds_beside = [&](std::size_t crowd) -> std::optional<double> {
        tcp::Limits limits;
        limits.connections = limits.connections_of_peer = kCrowd + 10;
        limits.first_port = 1024;
        Duplex duplex(limits, context.options().seed);
        tcp::Endpoint& client = duplex.endpoint(Duplex::kClient);
        tcp::Endpoint& server = duplex.endpoint(Duplex::kServer);
        std::vector<tcp::ListenerId> listeners;
        std::size_t made = 0;
        for (std::uint16_t service = 0; service < 2 || made < crowd; ++service) {
            const auto port = static_cast<std::uint16_t>(service == 0 ? kPort : 200 + service);
            const auto listener = server.listen(net::Ipv4Address(), port, {}, kCrowd);
            for (std::size_t i = 0; service != 0 && i < 50'000 && made < crowd; ++i, ++made) {
                const auto id = client.connect({Duplex::address(0), Duplex::address(1), 0, port},
                                               {}, duplex.now);
                duplex.settle();
                if (!id || !server.accept(*listener)) {
                    return std::nullopt;
                }
            }
            listeners.push_back(*listener);
        }
        static_cast<void>(client.take_ready());
        static_cast<void>(server.take_ready());
        const auto both = connect(duplex, listeners.front(), {});
        if (!both) {
            return std::nullopt;
        }
        duplex.now += hours(10);
        duplex.settle();
        if (client.next_deadline() != control::Instant::max()) {
            return std::nullopt;  // somebody idle wants to be polled
        }
        const std::vector<std::uint8_t> message(1000, 1);
        std::vector<std::uint8_t> into(1000);
        const auto begin = SteadyClock::now();
        constexpr unsigned kMessages = 20'000;
        for (unsigned i = 0; i < kMessages; ++i) {
            client.write(both->client, message, duplex.now);
            duplex.settle();
            server.read(both->server, into, duplex.now);
            duplex.now += milliseconds(100);
            duplex.settle();
        }
        return seconds(SteadyClock::now() - begin) * 1e9 / kMessages;
    };
    const auto alone = nanoseconds_beside(0);
    const auto crowded = nanoseconds_beside(kCrowd);
    if (!alone || !crowded) {
        return broken("an idle connection has a timer, or could not be made");
    }
    context.figure("timers", 0, "timers", "that 100,000 idle connections have; no poll is due");
    context.figure("crowded-to-alone", *crowded / *alone, "ratio",
                   fmt::format("a message beside 100,000 idle connections; {:.0f} and {:.0f} ns",
                               *crowded, *alone));
    return std::nullopt;
}

struct Cell {
    const char* name;
    double loss;
    double smoltcp;  // bytes a second, of its netsim test
};
constexpr Cell kCells[]{{"0", 0, 322'945},    {"0.1", 0.001, 314'780}, {"1", 0.01, 219'671},
                        {"2", 0.02, 166'588}, {"5", 0.05, 76'626},     {"10", 0.1, 37'775},
                        {"20", 0.2, 6'079},   {"30", 0.3, 1'156}};

double lossy_rate(double loss, tcp::CongestionAlgorithm congestion, std::uint64_t seed) {
    constexpr std::uint64_t kBytes = 10 * 1024 * 1024;
    sim::World world(seed);
    for (sim::SimHost* const host : {&world.client(), &world.server()}) {
        host->out.delay = milliseconds(50);
        host->out.loss = loss;
    }
    sim::TransferPlan plan;
    plan.up = kBytes;
    plan.client.send_buffer = plan.client.receive_buffer = 32 * 1024;
    plan.client.congestion = congestion;
    plan.client.user_timeout = plan.client.connect_timeout = hours(10);
    plan.server = plan.client;
    sim::Transfer transfer(world, plan);
    const control::Instant began = world.now();
    world.run(began + hours(24), [&] { return transfer.over(); });
    const auto took = std::chrono::duration<double>(transfer.delivered_at() - began).count();
    return transfer.delivered() ? static_cast<double>(kBytes) / took : 0;
}

std::optional<Problem> measure_lossy_table(Context& context) {
    struct Algorithm {
        const char* name;
        tcp::CongestionAlgorithm which;
    };
    for (const Cell& cell : kCells) {
        for (const Algorithm& algorithm :
             {Algorithm{"westwood", tcp::CongestionAlgorithm::Westwood},
              Algorithm{"cubic", tcp::CongestionAlgorithm::Cubic},
              Algorithm{"newreno", tcp::CongestionAlgorithm::NewReno}}) {
            const double rate = lossy_rate(cell.loss, algorithm.which, context.options().seed);
            context.figure(fmt::format("{}-percent/{}", cell.name, algorithm.name), rate, "bytes/s",
                           fmt::format("virtual time; {:.2f} of smoltcp's {:.0f}",
                                       rate / cell.smoltcp, cell.smoltcp));
        }
    }
    return std::nullopt;
}

}  // namespace

Family tcp_family() {
    return {
        "tcp",
        "the host's TCP in process, without a packet's way to it and without a system call",
        {{"tcp/stream", "one stream: what it costs its sender and its receiver", measure_stream},
         {"tcp/short", "connections with one request and one answer", measure_short_connections},
         {"tcp/memory", "what a connection leaves in memory", measure_memory},
         {"tcp/crowd", "a connection beside 100,000 idle ones", measure_idle_crowd},
         {"tcp/lossy", "10 MiB over 100 ms with random loss, buffers of 32 KiB",
          measure_lossy_table}}};
}

}  // namespace godwit::bench
