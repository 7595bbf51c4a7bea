// The loader on good files, and where it must hold against hostile ones.
#include "config/load/load.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>

#include "config/check/check.hpp"
#include "config/diff/yaml_text.hpp"
#include "config/load/walk.hpp"
#include "config/load/yaml_tree.hpp"
#include "tests/unit/config/test_files.hpp"

namespace godwit::config {
namespace {

using test::error_ids;
using test::model_of;
using test::warning_ids;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// rfc1812: 10.2.1/b
TEST(Loader, gives_the_defaults_of_the_model_for_the_least_file) {
    EXPECT_EQ(model_of("version: 1\n"), Model());
}

TEST(Loader, reads_every_key_of_an_interface) {
    const Model model = model_of(
        "version: 1\n"
        "interfaces:\n"
        "  wan0:\n"
        "    pci: 8A:00.1\n"
        "    description: \"to: the provider\"\n"
        "    enabled: false\n"
        "    mtu: 9000\n"
        "    mac: 02:00:5E:10:00:01\n"
        "    rx-queues: 2\n"
        "    rx-descriptors: 2048\n"
        "    tx-descriptors: 512\n"
        "    promiscuous: true\n"
        "    addresses: [203.0.113.2/30, 198.51.100.1/24]\n"
        "    conflict-detection: probe\n"
        "    proxy-arp: true\n"
        "    max-neighbors: 100\n"
        "    rarp: {02:00:00:00:00:09: 203.0.113.1}\n"
        "    source-validation: loose\n"
        "    source-route: true\n"
        "    directed-broadcast: true\n"
        "    redirects: false\n");

    Interface expected;
    expected.name = "wan0";
    expected.kind = PciPort{"0000:8a:00.1"};
    expected.description = "to: the provider";
    expected.enabled = false;
    expected.mtu = 9000;
    expected.mac = net::MacAddress::parse("02:00:5e:10:00:01");
    expected.rx_queues = 2;
    expected.rx_descriptors = 2048;
    expected.tx_descriptors = 512;
    expected.promiscuous = true;
    expected.addresses = {{net::Ipv4Address(203, 0, 113, 2), 30},
                          {net::Ipv4Address(198, 51, 100, 1), 24}};
    expected.conflict_detection = ConflictDetection::Probe;
    expected.proxy_arp = true;
    expected.max_neighbors = 100;
    expected.rarp = {{*net::MacAddress::parse("02:00:00:00:00:09"), {203, 0, 113, 1}}};
    expected.source_validation = SourceValidation::Loose;
    expected.source_route = true;
    expected.directed_broadcast = true;
    expected.redirects = false;
    EXPECT_EQ(model.interfaces.at("wan0"), expected);
}

TEST(Loader, reads_the_kinds_of_interfaces) {
    const Model model = model_of(
        "version: 1\n"
        "interfaces:\n"
        "  a: {vdev: net_af_packet12, args: {iface: eth2, qpairs: 1}}\n"
        "  a.20: {parent: a, vlan: 20}\n"
        "  lo0: {loopback: true}\n");

    EXPECT_EQ(model.interfaces.at("a").kind,
              InterfaceKind(VirtualPort{
                  "net_af_packet", "net_af_packet12", {{"iface", "eth2"}, {"qpairs", "1"}}}));
    EXPECT_EQ(model.interfaces.at("a.20").kind, InterfaceKind(VlanSubinterface{"a", 20}));
    EXPECT_EQ(model.interfaces.at("lo0").kind, InterfaceKind(Loopback{}));
}

TEST(Loader, reads_system_workers_and_management) {
    const Model model = model_of(
        "version: 1\n"
        "system: {hostname: edge1.example, router-id: 192.0.2.1, log: {level: debug}}\n"
        "workers: {main-core: 3, cores: [1, 2], memory: 2GiB, hugepages: required, idle: poll}\n"
        "management: {control-socket: /tmp/a.sock}\n");

    EXPECT_EQ(model.system.hostname, "edge1.example");
    EXPECT_EQ(model.system.router_id, net::Ipv4Address(192, 0, 2, 1));
    EXPECT_EQ(model.system.log_level, LogLevel::Debug);
    EXPECT_EQ(model.workers.main_core, 3U);
    EXPECT_THAT(model.workers.cores, ElementsAre(1U, 2U));
    EXPECT_EQ(model.workers.memory.value, 2ULL << 30);
    EXPECT_EQ(model.workers.hugepages, HugepageUse::Required);
    EXPECT_EQ(model.workers.idle, IdleMode::Poll);
    EXPECT_EQ(model.management.control_socket, "/tmp/a.sock");
}

TEST(Loader, reads_static_routes_in_all_their_forms) {
    const Model model = model_of(
        "version: 1\n"
        "interfaces: {lan0: {vdev: net_null0, addresses: [10.0.0.1/24]}}\n"
        "static:\n"
        "  routes:\n"
        "    0.0.0.0/0: {via: 10.0.0.2, distance: 200}\n"
        "    10.1.0.0/16: {via: [10.0.0.2, 10.0.0.3]}\n"
        "    10.2.0.0/16: {interface: lan0}\n"
        "    10.3.0.0/16: {via: 10.9.9.9, interface: lan0}\n"
        "    10.4.0.0/16: {blackhole: true}\n"
        "  neighbors: {10.0.0.9: {interface: lan0, mac: 02:00:00:00:00:09}}\n");

    const auto route = [&](const char* prefix) {
        return model.static_.routes.at(*net::Ipv4Prefix::parse(prefix));
    };
    EXPECT_EQ(route("0.0.0.0/0").distance, 200);
    EXPECT_THAT(route("10.1.0.0/16").next_hops,
                ElementsAre(StaticNextHop{net::Ipv4Address(10, 0, 0, 2), std::nullopt},
                            StaticNextHop{net::Ipv4Address(10, 0, 0, 3), std::nullopt}));
    EXPECT_THAT(route("10.2.0.0/16").next_hops, ElementsAre(StaticNextHop{std::nullopt, "lan0"}));
    EXPECT_THAT(route("10.3.0.0/16").next_hops,
                ElementsAre(StaticNextHop{net::Ipv4Address(10, 9, 9, 9), "lan0"}));
    EXPECT_TRUE(route("10.4.0.0/16").blackhole);
    EXPECT_THAT(route("10.4.0.0/16").next_hops, IsEmpty());
    const StaticNeighbor& neighbor = model.static_.neighbors.at(net::Ipv4Address(10, 0, 0, 9));
    EXPECT_EQ(neighbor.interface, "lan0");
    EXPECT_EQ(neighbor.mac.to_string(), "02:00:00:00:00:09");
}

// rfc6888: REQ-3
TEST(Loader, reads_rules_of_nat_in_all_their_forms) {
    const Model model = model_of(
        "version: 1\n"
        "interfaces: {wan0: {vdev: net_null0, addresses: [192.0.2.1/24, 192.0.2.2/24]}}\n"
        "nat:\n"
        "  source:\n"
        "  - {name: small, out-interface: wan0, from: 10.7.0.0/16, to: [192.0.2.8-192.0.2.18],\n"
        "     ports: 5000-5999, port-block: {size: 100}, filtering: address-dependent,\n"
        "     limits: {sessions: 50}, at-limit: refuse}\n"
        "  - {name: rest, out-interface: wan0, to: interface-address}\n"
        "  destination:\n"
        "  - {name: web, in-interface: wan0, protocol: tcp, port: 443, to: 10.0.0.10:8443}\n"
        "  - {name: dns, address: 192.0.2.2, protocol: tcp-udp, port: 53, to: 10.0.0.11}\n"
        "  static: [{name: mail, out-interface: wan0, inside: 10.0.0.25, outside: 192.0.2.25}]\n"
        "  alg: {ftp: true}\n"
        "  timeouts: {tcp-transitory: 4m, udp: 2m}\n");
    ASSERT_EQ(model.nat.source.size(), 2U);
    const NatSourceRule& small = model.nat.source[0];
    EXPECT_EQ(small.filtering, NatFiltering::AddressDependent);
    EXPECT_EQ(small.limits, (NatLimits{.sessions = 50}));
    EXPECT_EQ(small.at_limit, NatAtLimit::Refuse);
    EXPECT_FALSE(model.nat.source[1].filtering || model.nat.source[1].limits);
    EXPECT_TRUE(model.nat.alg.ftp);
    EXPECT_EQ(small.name, "small");
    ASSERT_EQ(small.to.size(), 1U);
    EXPECT_EQ(small.to[0].count(), 11U);
    std::string prefixes;
    for (const net::Ipv4Prefix& prefix : small.to[0].prefixes()) {
        prefixes += prefix.to_string() + " ";
    }
    EXPECT_EQ(prefixes, "192.0.2.8/29 192.0.2.16/31 192.0.2.18/32 ");
    EXPECT_EQ(small.ports, (PortRange{5000, 5999}));
    ASSERT_TRUE(small.port_block);
    EXPECT_EQ(small.port_block->size, 100);
    EXPECT_EQ(small.port_block->per_subscriber, 4);
    EXPECT_FALSE(small.to_interface_address);
    const NatSourceRule& rest = model.nat.source[1];
    EXPECT_TRUE(rest.to_interface_address);
    EXPECT_EQ(rest.from, private_prefixes());
    EXPECT_FALSE(rest.port_block);
    ASSERT_EQ(model.nat.destination.size(), 2U);
    EXPECT_EQ(model.nat.destination[0].to.port, 8443);
    EXPECT_EQ(model.nat.destination[1].protocol, NatProtocol::TcpAndUdp);
    EXPECT_FALSE(model.nat.destination[1].to.port);
    ASSERT_EQ(model.nat.static_.size(), 1U);
    EXPECT_EQ(model.nat.static_[0].inside.to_string(), "10.0.0.25/32");
    EXPECT_EQ(model.nat.timeouts.tcp_transitory, std::chrono::minutes(4));
    EXPECT_EQ(model.nat.timeouts.udp, std::chrono::minutes(2));
    EXPECT_EQ(model.nat.timeouts.tcp_established, std::chrono::seconds(7440));
}

TEST(Loader, reads_the_port_control_server) {
    const std::string head =
        "version: 1\n"
        "interfaces:\n"
        "  wan0: {vdev: net_null0, addresses: [192.0.2.1/24]}\n"
        "  lan0: {vdev: net_null1, addresses: [10.0.0.1/24]}\n"
        "  lan1: {vdev: net_null2, addresses: [10.0.1.1/24]}\n"
        "nat:\n"
        "  source: [{name: one, out-interface: wan0, to: interface-address}]\n";
    const NatPcp none = model_of(head).nat.pcp;
    EXPECT_THAT(none.interfaces, IsEmpty());
    EXPECT_EQ(none.min_lifetime, std::chrono::minutes(2));
    EXPECT_EQ(none.max_lifetime, std::chrono::hours(24));
    EXPECT_EQ(none.mappings_per_subscriber, 64U);

    const NatPcp pcp = model_of(head +
                                "  pcp: {interfaces: [lan1, lan0], min-lifetime: 1m,\n"
                                "        max-lifetime: 1m, mappings-per-subscriber: 9}\n")
                           .nat.pcp;
    EXPECT_THAT(pcp.interfaces, ElementsAre("lan1", "lan0"));
    EXPECT_EQ(pcp.min_lifetime, std::chrono::minutes(1));
    EXPECT_EQ(pcp.max_lifetime, std::chrono::minutes(1));
    EXPECT_EQ(pcp.mappings_per_subscriber, 9U);
    EXPECT_THAT(model_of(head + "  pcp: {interfaces: lan0}\n").nat.pcp.interfaces,
                ElementsAre("lan0"));
}

TEST(Loader, warns_of_a_rule_of_nat_that_is_never_reached) {
    EXPECT_THAT(test::warning_ids(
                    "version: 1\n"
                    "interfaces: {wan0: {vdev: net_null0, addresses: [192.0.2.1/24]}}\n"
                    "nat:\n"
                    "  source:\n"
                    "  - {name: all, out-interface: wan0, to: interface-address}\n"
                    "  - {name: some, out-interface: wan0, from: 10.7.0.0/16, to: 192.0.2.8}\n"),
                ElementsAre("hidden-rule"));
}

TEST(Loader, takes_a_section_with_nothing_in_it) {
    EXPECT_EQ(model_of("version: 1\ninterfaces:\nstatic:\nsystem: {}\n"), Model());
}

TEST(Loader, skips_a_byte_order_mark_and_takes_windows_line_ends) {
    EXPECT_EQ(model_of("\xef\xbb\xbfversion: 1\r\nsystem:\r\n  hostname: a\r\n").system.hostname,
              "a");
}

TEST(Loader, names_the_place_of_an_error_in_characters) {
    const auto loaded = load_text("version: 1\nsystem: {hostname: ab, \"ééé\": 1}\n", "f.yaml");
    ASSERT_FALSE(loaded);
    ASSERT_EQ(loaded.error().size(), 1U);
    EXPECT_EQ(loaded.error()[0].line, 2);
    EXPECT_EQ(loaded.error()[0].column, 24);
    EXPECT_EQ(loaded.error()[0].path, "system.ééé");
}

TEST(Loader, says_that_a_file_cannot_be_read) {
    const auto missing = load_file("/nonexistent/godwit.yaml");
    ASSERT_FALSE(missing);
    EXPECT_EQ(render(missing.error()),
              "/nonexistent/godwit.yaml: error[file-unreadable] cannot open the file: No such file "
              "or directory\n    help: Look at the path and at its permissions.\n");
    EXPECT_FALSE(load_file("/"));
}

TEST(Loader, refuses_a_file_above_the_limit) {
    const std::string large = "version: 1\n" + std::string(kMostFileBytes, '\n');
    EXPECT_THAT(error_ids(large), ElementsAre("file-too-large"));
    const auto endless = load_file("/dev/zero");
    ASSERT_FALSE(endless);
    EXPECT_EQ(endless.error()[0].id, "file-too-large");
}

TEST(Loader, refuses_a_line_above_the_limit) {
    EXPECT_THAT(error_ids("version: 1\nsystem: " + std::string(kMostLineBytes, '[')),
                ElementsAre("line-too-long"));
}

// yaml-cpp recurses with the input: neither form of nesting may reach its stack.
TEST(Loader, refuses_nesting_before_it_costs_stack) {
    std::string flow;
    std::string block;
    std::string keys;
    for (int i = 0; i < 100000; ++i) {
        flow += "[\n";
    }
    for (int i = 0; i < 300; ++i) {
        block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
    }
    for (int i = 0; i < 20000; ++i) {
        keys += "? ";
    }
    EXPECT_THAT(error_ids(flow), ElementsAre("too-deep"));
    EXPECT_THAT(error_ids(block), ElementsAre("too-deep"));
    EXPECT_THAT(error_ids(keys), ElementsAre("too-deep"));
    EXPECT_THAT(error_ids(std::string(30000, '-').replace(1, 1, " ") + "\n"), Not(IsEmpty()));
    std::string dashes;
    for (int i = 0; i < 20000; ++i) {
        dashes += "- ";
    }
    EXPECT_THAT(error_ids(dashes), ElementsAre("too-deep"));
}

TEST(Loader, refuses_aliases_so_that_they_cannot_multiply) {
    std::string laughs = "version: 1\na0: &a0 [x, x]\n";
    for (int i = 1; i < 60; ++i) {
        laughs += fmt::format("a{0}: &a{0} [*a{1}, *a{1}]\n", i, i - 1);
    }
    EXPECT_THAT(error_ids(laughs), Contains("alias-refused"));
}

TEST(Loader, keeps_a_bounded_number_of_errors_and_says_that_there_are_more) {
    std::string many = "version: 1\n";
    for (int i = 0; i < 1500; ++i) {
        many += fmt::format("x{}: 1\n", i);
    }
    const auto loaded = load_text(many, "f.yaml");
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().size(), 1001U);
    EXPECT_EQ(loaded.error().back().what, "there are more than these 1000");
}

TEST(Loader, stops_at_the_most_values) {
    std::string list = "version: 1\nworkers:\n  cores:\n";
    for (std::size_t i = 0; i < kMostNodes; ++i) {
        list += "  -\n";
    }
    EXPECT_THAT(error_ids(list), ElementsAre("too-many-values"));
}

// Checks compare entries with each other; beyond the limits of the maps they are not run at all.
TEST(Loader, does_not_compare_more_interfaces_than_there_may_be) {
    std::string text = "version: 1\ninterfaces:\n";
    for (unsigned i = 0; i < 20000; ++i) {
        text += fmt::format("  v{}: {{parent: nowhere{}, vlan: 1}}\n", i, i);
    }
    EXPECT_THAT(error_ids(text), ElementsAre("out-of-range"));
}

TEST(Loader, stops_looking_for_mistakes_in_a_table_of_nothing_else) {
    std::string text = "version: 1\nstatic:\n  routes:\n";
    for (unsigned i = 0; i < 20000; ++i) {
        text += fmt::format("    20.{}.{}.0/24: {{interface: nowhere}}\n", i >> 8, i & 255U);
    }
    EXPECT_EQ(error_ids(text).size(), kMostFindings + 1);
}

TEST(Loader, takes_twenty_thousand_routes) {
    std::string text =
        "version: 1\ninterfaces: {a: {vdev: net_null0, addresses: [10.0.0.1/24]}}\n"
        "static:\n  routes:\n";
    for (unsigned i = 0; i < 20000; ++i) {
        text += fmt::format("    {}.{}.{}.0/24: {{via: 10.0.0.2}}\n", 20 + (i >> 16), i >> 8 & 255U,
                            i & 255U);
    }
    EXPECT_EQ(model_of(text).static_.routes.size(), 20000U);
}

TEST(Loader, warns_of_a_core_that_is_shared_and_says_what_it_costs) {
    const auto loaded = load_text("version: 1\nworkers: {main-core: 1, cores: [0, 1]}\n", "f.yaml");
    ASSERT_TRUE(loaded);
    EXPECT_EQ(render(loaded->warnings),
              "f.yaml:2:36: warning[shared-core] workers.cores[1]: CPU 1 carries worker 1 and the "
              "main thread; each stops for milliseconds while the other runs\n"
              "    workers: {main-core: 1, cores: [0, 1]}\n"
              "                                       ^\n"
              "    help: This costs throughput and delay under load; with a CPU to spare, set "
              "workers.main-core to it.\n");
}

TEST(Loader, does_not_warn_of_the_trial_mode_on_the_main_core) {
    EXPECT_THAT(warning_ids("version: 1\nworkers: {main-core: 0, cores: []}\n"), IsEmpty());
}

TEST(Loader, warns_of_what_works_but_is_hardly_meant) {
    EXPECT_THAT(warning_ids("version: 1\n"
                            "interfaces:\n"
                            "  lo0: {loopback: true, addresses: [192.0.2.1/24]}\n"
                            "  lan0: {vdev: net_null0, addresses: [10.0.0.1/24]}\n"
                            "static:\n"
                            "  routes: {10.9.0.0/16: {via: 10.8.0.1}}\n"
                            "  neighbors: {10.7.0.1: {interface: lan0, mac: 02:00:00:00:00:01}}\n"),
                ElementsAre("loopback-subnet", "unresolved-next-hop", "neighbor-outside-subnet"));
}

TEST(Loader, warns_of_terms_that_no_route_reaches_and_of_changes_that_are_lost) {
    EXPECT_THAT(
        warning_ids("version: 1\n"
                    "policy:\n"
                    "  prefix-sets: {a: [10.0.0.0/8, 10.0.0.0/8]}\n"
                    "  policies:\n"
                    "    p:\n"
                    "      terms:\n"
                    "      - {name: one, match: {tag: 1}, then: accept}\n"
                    "      - {name: same, match: {tag: 1}, then: reject}\n"
                    "      - {name: lost, match: {tag: 2}, set: {metric: 1}, then: reject}\n"
                    "      - {name: mark, set: {tag: 3}, then: next}\n"
                    "      - {name: all, then: accept}\n"
                    "      - {name: never, match: {tag: 4}, then: accept}\n"),
        ElementsAre("duplicate-prefix", "unreachable-term", "void-change", "unreachable-term"));
}

TEST(Loader, warns_of_listeners_that_everybody_reaches_and_of_such_that_nobody_does) {
    EXPECT_THAT(warning_ids("version: 1\n"
                            "interfaces:\n"
                            "  wan0: {vdev: net_null0, addresses: [203.0.113.1/24]}\n"
                            "  lan0: {vdev: net_null1}\n"
                            "nat:\n"
                            "  destination: [{name: d, in-interface: wan0, protocol: tcp, port: "
                            "9111, to: 10.0.0.1}]\n"
                            "telemetry:\n"
                            "  prometheus:\n"
                            "    listen: [0.0.0.0:9111, lan0:9111, wan0:9111, wan0:9112]\n"),
                ElementsAre("listens-everywhere", "no-address", "never-accepted"));
}

TEST(Loader, takes_one_listener_without_a_list) {
    const LoadResult loaded = load_text(
        "version: 1\n"
        "interfaces: {lan0: {vdev: net_null0, addresses: [10.0.0.1/24, 10.0.1.1/24]}}\n"
        "telemetry: {prometheus: {listen: lan0:9111}}\n",
        "x.yaml");
    ASSERT_TRUE(loaded.has_value()) << render(loaded.error());
    const auto& places = loaded->model.telemetry.prometheus.listen;
    ASSERT_EQ(places.size(), 1U);
    EXPECT_EQ(places[0].to_string(), "lan0:9111");
    EXPECT_THAT(addresses_of(loaded->model, places[0]),
                ElementsAre(net::Ipv4Address(10, 0, 0, 1), net::Ipv4Address(10, 0, 1, 1)));
}

TEST(Loader, takes_a_next_hop_that_another_route_resolves) {
    EXPECT_THAT(warning_ids("version: 1\n"
                            "interfaces: {lan0: {vdev: net_null0, addresses: [10.0.0.1/24]}}\n"
                            "static:\n"
                            "  routes:\n"
                            "    10.9.0.0/16: {via: 10.8.0.1}\n"
                            "    10.8.0.0/16: {via: 10.0.0.2}\n"),
                IsEmpty());
}

// rfc1812: 4.2.3.4/c
TEST(Loader, takes_addresses_at_the_ends_of_a_31_and_several_in_one_subnet) {
    EXPECT_THAT(error_ids("version: 1\n"
                          "interfaces:\n"
                          "  a: {vdev: net_null0, addresses: [10.0.0.0/31]}\n"
                          "  b: {vdev: net_null1, addresses: [10.0.0.3/31]}\n"
                          "  c: {vdev: net_null2, addresses: [10.1.0.1/24, 10.1.0.2/24]}\n"
                          "  lo0: {loopback: true, addresses: [127.0.0.1/32]}\n"),
                IsEmpty());
}

TEST(Loader, keeps_silent_about_what_follows_from_an_error) {
    // The misspelt key is the only mistake: that 'via' is missing follows from it.
    EXPECT_THAT(error_ids("version: 1\nstatic: {routes: {10.0.0.0/8: {vai: 10.0.0.2}}}\n"),
                ElementsAre("unknown-key"));
    EXPECT_THAT(error_ids("version: 1\ninterfaces: {a: {vdve: net_null0, rx-queues: 2}}\n"),
                ElementsAre("unknown-key"));
    EXPECT_THAT(error_ids("version: 1\ninterfaces: {a: {vdev: net_foo0, addresses: [10.0.0.1/8]},"
                          " a.1: {parent: a, vlan: 1}}\n"),
                ElementsAre("invalid-value"));
}

TEST(Rendering, lets_no_control_character_through) {
    Diagnostic diagnostic;
    diagnostic.id = "x";
    diagnostic.file = "f";
    diagnostic.line = 1;
    diagnostic.source_line = "\x1b[2Ja\tb\xff c";
    for (const int column : {1, 9}) {
        diagnostic.column = column;
        const std::string text = render({diagnostic});
        EXPECT_THAT(text, HasSubstr("\\x1b[2Ja b\\xff c"));
        for (const char c : text) {
            EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
        }
    }
}

TEST(Rendering, shows_a_window_of_a_long_line_with_the_caret_under_its_place) {
    Diagnostic diagnostic;
    diagnostic.id = "x";
    diagnostic.file = "f";
    diagnostic.line = 1;
    diagnostic.column = 1001;
    diagnostic.source_line = std::string(1000, ' ') + "here" + std::string(1000, '.');
    EXPECT_EQ(render({diagnostic}), "f:1:1001: error[x] \n    …" + std::string(80, ' ') + "here" +
                                        std::string(36, '.') + "…\n     " + std::string(80, ' ') +
                                        "^\n");
}

class Example : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Example, loads_without_errors_and_warnings) {
    const auto loaded = load_file(GetParam());
    ASSERT_TRUE(loaded) << render(loaded.error());
    EXPECT_THAT(loaded->warnings, IsEmpty()) << render(loaded->warnings);
}

TEST_P(Example, is_the_same_model_after_it_was_written_out_and_loaded_again) {
    const Model model = model_of(test::read_text(GetParam()));
    const std::string text = to_yaml(model);
    EXPECT_EQ(model_of(text), model) << text;
    EXPECT_EQ(to_yaml(model_of(text)), text);
}

INSTANTIATE_TEST_SUITE_P(Files, Example,
                         testing::ValuesIn(test::yaml_files(test::source_root() /
                                                            "config/examples")),
                         [](const auto& tested) {
                             std::string name = tested.param.stem().string();
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

}  // namespace
}  // namespace godwit::config
