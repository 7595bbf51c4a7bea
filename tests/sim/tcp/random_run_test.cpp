// Random links, random buffers, random readers: every run must deliver every byte in order, keep to
// the window, end, and leave no timer behind. GODWIT_SEED runs one seed again, GODWIT_RUNS sets how
// many there are. A run that fails is written to a pcapng file, which the failure names.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "tests/sim/tcp/pcapng.hpp"
#include "tests/sim/tcp/transfer.hpp"

namespace godwit::sim {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
    const char* const text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

LinkModel random_link(std::mt19937_64& random) {
    const auto below = [&](std::uint64_t limit) { return random() % limit; };
    const auto sometimes = [&](double most) {
        return below(3) == 0 ? std::uniform_real_distribution<double>(0, most)(random) : 0.0;
    };
    LinkModel link;
    link.bits_per_second = below(4) == 0 ? 0 : 200'000 + below(50'000'000);
    link.delay = microseconds(below(3) == 0 ? below(500) : below(150'000));
    link.jitter = microseconds(below(3) == 0 ? below(20'000) : 0);
    link.queue_bytes = 6'000 + below(300'000);
    link.loss = sometimes(0.15);
    link.burst_begin = sometimes(0.01);
    link.burst_end = 0.2 + 0.8 * std::uniform_real_distribution<double>(0, 1)(random);
    link.reorder = sometimes(0.1);
    link.reorder_by = microseconds(below(30'000));
    link.duplicate = sometimes(0.1);
    link.corrupt = sometimes(0.05);
    link.congested = sometimes(0.1);
    if (below(8) == 0) {
        link.mtu = static_cast<std::uint16_t>(576 + below(900));
        link.tells_mtu = below(2) == 0;
    }
    return link;
}

tcp::Settings random_settings(std::mt19937_64& random) {
    const auto below = [&](std::uint64_t limit) { return random() % limit; };
    tcp::Settings settings;
    settings.send_buffer = static_cast<std::uint32_t>(2'000 + below(300'000));
    settings.receive_buffer = static_cast<std::uint32_t>(2'000 + below(300'000));
    settings.congestion = static_cast<tcp::CongestionAlgorithm>(below(3));
    settings.ecn = below(2) == 0;
    settings.user_timeout_option = below(4) == 0;
    settings.nagle = below(2) == 0;
    settings.sack = below(4) != 0;
    settings.timestamps = below(4) != 0;
    settings.window_scaling = below(4) != 0;
    settings.quick_acks = static_cast<std::uint8_t>(below(20));
    settings.user_timeout = hours(10);  // the links are bad, not the peers
    settings.user_timeout_changeable = false;
    settings.connect_timeout = hours(1);
    settings.link_mtu = below(6) == 0 ? std::uint16_t{9000} : std::uint16_t{1500};
    return settings;
}

// A third of the runs is signed, by the same key on both sides.
void sign_sometimes(World& world, std::uint64_t choice) {
    tcp::PeerSecurity security;
    const std::vector<std::uint8_t> secret{'g', 'o', 'd', 'w', 'i', 't'};
    if (choice % 6 == 0) {
        security.md5 = secret;
    } else if (choice % 6 == 1) {
        security.ao.push_back(
            {1, 1, choice % 4 < 2 ? tcp::AoAlgorithm::HmacSha1_96 : tcp::AoAlgorithm::AesCmac128_96,
             secret, choice % 8 < 4});
    } else {
        return;
    }
    for (SimHost* const host : {&world.client(), &world.server()}) {
        const SimHost& other = host == &world.client() ? world.server() : world.client();
        static_cast<void>(host->endpoint.secure(
            {net::Ipv4Prefix::covering(other.address, 32), Transfer::kPort}, security));
    }
}

// In a sixth of the runs the client's own link becomes narrower, and perhaps as wide as it was.
void change_link_sometimes(World& world, std::uint64_t seed, std::uint16_t& mtu) {
    std::mt19937_64 random(seed * 0x9e3779b97f4a7c15U);
    if (random() % 6 != 0) {
        return;
    }
    world.client().endpoint.set_path_lookup([&mtu](const tcp::Flow&) {
        return tcp::PathSizes{mtu, 0};
    });
    const auto become = [&world, &mtu](std::uint16_t next) {
        mtu = next;
        world.client().out.mtu = next;
        world.client().endpoint.paths_changed(world.now());
    };
    const auto narrow = static_cast<std::uint16_t>(576 + random() % 800);
    const Instant at = world.now() + milliseconds(random() % 3'000);
    world.call_at(at, [become, narrow] { become(narrow); });
    if (random() % 2 == 0) {
        world.call_at(at + milliseconds(random() % 5'000), [become] { become(1500); });
    }
}

std::string run_once(std::uint64_t seed, const std::filesystem::path& capture = {}) {
    std::mt19937_64 random(seed);
    World world(seed);
    std::optional<Pcapng> file;
    if (!capture.empty()) {
        file.emplace(capture, world);
    }
    world.client().out = random_link(random);
    world.server().out = random_link(random);
    sign_sometimes(world, random());
    TransferPlan plan;
    plan.client = random_settings(random);
    plan.server = random_settings(random);
    plan.up = random() % 200'000;
    plan.down = random() % 2 == 0 ? 0 : random() % 200'000;
    if (random() % 4 == 0) {
        plan.read_at_once = 1 + random() % 5'000;
        plan.read_every = microseconds(1'000 + random() % 50'000);
    }
    if (random() % 10 == 0) {
        world.client().out.dark_from = world.now() + milliseconds(random() % 3'000);
        world.client().out.dark_until =
            world.client().out.dark_from + milliseconds(random() % 25'000);
    }
    std::uint16_t mtu = 0;  // as the client's settings have it
    change_link_sometimes(world, seed, mtu);
    Transfer transfer(world, plan);
    const Instant began = world.now();
    world.run(began + hours(4));
    if (!transfer.fault().empty()) {
        return transfer.fault();
    }
    if (!world.violation().empty()) {
        return world.violation();
    }
    if (!transfer.over()) {
        return "the connection did not end in four hours; delivered: " +
               std::to_string(transfer.delivered());
    }
    if (world.client().endpoint.connections() + world.server().endpoint.connections() != 0) {
        return "a connection is left";
    }
    if (world.client().endpoint.next_deadline() != Instant::max() ||
        world.server().endpoint.next_deadline() != Instant::max()) {
        return "a timer is left";
    }
    return {};
}

// rfc9293: MUST-34, MUST-36, MUST-37, MUST-59
TEST(Tcp_over_random_links, delivers_every_byte_in_order_and_ends) {
    const std::uint64_t first = number_from("GODWIT_SEED", 1);
    const std::uint64_t runs =
        number_from("GODWIT_RUNS", std::getenv("GODWIT_SEED") == nullptr ? 3'000 : 1);
    std::printf("seeds %llu to %llu\n", static_cast<unsigned long long>(first),
                static_cast<unsigned long long>(first + runs - 1));
    int failed = 0;
    for (std::uint64_t seed = first; seed < first + runs && failed < 10; ++seed) {
        const std::string wrong = run_once(seed);
        if (!wrong.empty()) {
            ++failed;
            // The same seed gives the same run: once more, with somebody who writes it down.
            const auto capture = std::filesystem::path(testing::TempDir()) /
                                 fmt::format("godwit-tcp-{}.pcapng", seed);
            static_cast<void>(run_once(seed, capture));
            ADD_FAILURE() << "GODWIT_SEED=" << seed << ": " << wrong << "; see "
                          << capture.string();
        }
    }
}

}  // namespace
}  // namespace godwit::sim
