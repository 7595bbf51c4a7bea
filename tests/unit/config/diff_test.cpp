#include "config/diff/diff.hpp"

#include <gmock/gmock.h>

#include <iostream>
#include <random>

#include "config/diff/yaml_text.hpp"
#include "tests/unit/config/test_files.hpp"

namespace godwit::config {

// For the messages of the matchers.
void PrintTo(const Change& change, std::ostream* out) {
    *out << change.path << ": " << change.before << " -> " << change.after << " ("
         << to_string(change.cost) << ") " << change.effect;
}

namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

auto changed(ChangeKind kind, const std::string& path, const std::string& before,
             const std::string& after, ChangeCost cost) {
    return AllOf(Field(&Change::kind, kind), Field(&Change::path, path),
                 Field(&Change::before, before), Field(&Change::after, after),
                 Field(&Change::cost, cost), Field(&Change::effect, testing::Not(IsEmpty())));
}

const std::string kBase =
    "version: 1\n"
    "interfaces:\n"
    "  lan0: {vdev: net_tap0, args: {iface: lan0}, addresses: [10.0.0.1/24]}\n"
    "static:\n"
    "  routes:\n"
    "    10.9.0.0/16: {via: 10.0.0.2}\n";

std::vector<Change> changes(const std::string& before, const std::string& after) {
    return diff(test::model_of(before), test::model_of(after));
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    const auto at = text.find(what);
    EXPECT_NE(at, std::string::npos);
    return text.replace(at, what.size(), by);
}

TEST(Diff, of_equal_models_is_empty) {
    EXPECT_THAT(changes(kBase, kBase), IsEmpty());
}

TEST(Diff, takes_a_default_that_is_written_out_for_no_change) {
    EXPECT_THAT(changes(kBase, replaced(kBase, "addresses", "mtu: 1500, rx-queues: 1, addresses") +
                                   "workers: {memory: 512MiB, cores: []}\n"),
                IsEmpty());
}

TEST(Diff, of_an_address_is_live) {
    EXPECT_THAT(
        changes(kBase, replaced(kBase, "10.0.0.1/24]", "10.0.0.1/24, 10.1.0.1/24]")),
        ElementsAre(changed(ChangeKind::Changed, "interfaces.lan0.addresses", "[10.0.0.1/24]",
                            "[10.0.0.1/24, 10.1.0.1/24]", ChangeCost::Live)));
}

TEST(Diff, of_the_properties_of_a_port_is_live_but_of_its_queues_a_restart) {
    const auto found =
        changes(kBase, replaced(kBase, "addresses",
                                "description: x, enabled: false, mtu: 1400, mac: "
                                "02:00:00:00:00:01, rx-queues: 2, promiscuous: true, addresses"));
    EXPECT_THAT(found, ElementsAre(changed(ChangeKind::Changed, "interfaces.lan0.description",
                                           "\"\"", "x", ChangeCost::Live),
                                   changed(ChangeKind::Changed, "interfaces.lan0.enabled", "true",
                                           "false", ChangeCost::Live),
                                   changed(ChangeKind::Changed, "interfaces.lan0.mtu", "1500",
                                           "1400", ChangeCost::Live),
                                   changed(ChangeKind::Added, "interfaces.lan0.mac", "",
                                           "\"02:00:00:00:00:01\"", ChangeCost::Live),
                                   changed(ChangeKind::Changed, "interfaces.lan0.rx-queues", "1",
                                           "2", ChangeCost::Restart),
                                   changed(ChangeKind::Changed, "interfaces.lan0.promiscuous",
                                           "false", "true", ChangeCost::Live)));
    EXPECT_EQ(dearest(found), ChangeCost::Restart);
}

TEST(Diff, of_a_new_port_is_a_restart) {
    EXPECT_THAT(changes(kBase, replaced(kBase, "  lan0:", "  lan1: {vdev: net_null0}\n  lan0:")),
                ElementsAre(changed(ChangeKind::Added, "interfaces.lan1", "", "{vdev: net_null0}",
                                    ChangeCost::Restart)));
}

TEST(Diff, of_vlans_and_loopbacks_that_come_and_go_is_live) {
    const std::string more = replaced(kBase, "  lan0:",
                                      "  lo0: {loopback: true, addresses: [192.0.2.1/32]}\n"
                                      "  v: {parent: lan0, vlan: 7, mtu: 1400}\n  lan0:");
    EXPECT_THAT(
        changes(kBase, more),
        ElementsAre(changed(ChangeKind::Added, "interfaces.lo0", "",
                            "{loopback: true, addresses: [192.0.2.1/32]}", ChangeCost::Live),
                    changed(ChangeKind::Added, "interfaces.v", "",
                            "{parent: lan0, vlan: 7, mtu: 1400}", ChangeCost::Live)));
    EXPECT_THAT(
        changes(more, kBase),
        ElementsAre(changed(ChangeKind::Removed, "interfaces.lo0",
                            "{loopback: true, addresses: [192.0.2.1/32]}", "", ChangeCost::Live),
                    changed(ChangeKind::Removed, "interfaces.v",
                            "{parent: lan0, vlan: 7, mtu: 1400}", "", ChangeCost::Live)));
}

TEST(Diff, of_an_interface_that_becomes_another_kind_is_a_restart) {
    const auto found = changes(
        kBase, replaced(kBase, "vdev: net_tap0, args: {iface: lan0}", "pci: \"0000:01:00.0\""));
    EXPECT_EQ(dearest(found), ChangeCost::Restart);
    EXPECT_EQ(found.size(), 3U);
}

TEST(Diff, shows_a_route_as_a_whole_and_in_the_order_of_the_prefixes) {
    const auto found = changes(
        kBase + "    10.10.0.0/16: {via: 10.0.0.3}\n",
        replaced(kBase, "via: 10.0.0.2", "blackhole: true") + "    10.8.0.0/16: {via: 10.0.0.4}\n");
    EXPECT_THAT(found,
                ElementsAre(changed(ChangeKind::Added, "static.routes.10.8.0.0/16", "",
                                    "{via: 10.0.0.4}", ChangeCost::Live),
                            changed(ChangeKind::Changed, "static.routes.10.9.0.0/16",
                                    "{via: 10.0.0.2}", "{blackhole: true}", ChangeCost::Live),
                            changed(ChangeKind::Removed, "static.routes.10.10.0.0/16",
                                    "{via: 10.0.0.3}", "", ChangeCost::Live)));
}

TEST(Diff, of_neighbors_hostname_and_log_level_is_live_and_of_workers_and_socket_a_restart) {
    EXPECT_THAT(
        changes("version: 1\n",
                "version: 1\n"
                "system: {hostname: b, router-id: 192.0.2.1, log: {level: debug}}\n"
                "workers: {main-core: 1, cores: [2], memory: 1GiB, hugepages: off, idle: poll}\n"
                "management: {control-socket: /tmp/x.sock}\n"),
        ElementsAre(
            changed(ChangeKind::Changed, "system.hostname", "godwit", "b", ChangeCost::Live),
            changed(ChangeKind::Added, "system.router-id", "", "192.0.2.1", ChangeCost::Live),
            changed(ChangeKind::Changed, "system.log.level", "info", "debug", ChangeCost::Live),
            changed(ChangeKind::Changed, "workers.main-core", "0", "1", ChangeCost::Restart),
            changed(ChangeKind::Changed, "workers.cores", "[]", "[2]", ChangeCost::Restart),
            changed(ChangeKind::Changed, "workers.memory", "512MiB", "1GiB", ChangeCost::Restart),
            changed(ChangeKind::Changed, "workers.hugepages", "auto", "off", ChangeCost::Restart),
            changed(ChangeKind::Changed, "workers.idle", "adaptive", "poll", ChangeCost::Restart),
            changed(ChangeKind::Changed, "management.control-socket", "/run/godwit/control.sock",
                    "/tmp/x.sock", ChangeCost::Restart)));
    EXPECT_THAT(
        changes(kBase, kBase + "  neighbors: {10.0.0.9: {interface: lan0, mac: "
                               "02:00:00:00:00:01}}\n"),
        ElementsAre(changed(ChangeKind::Added, "static.neighbors.10.0.0.9", "",
                            "{interface: lan0, mac: \"02:00:00:00:00:01\"}", ChangeCost::Live)));
}

// Rules of NAT: known by their names, whatever their places.
TEST(Diff, of_a_rule_in_a_list_is_live_and_told_by_its_name) {
    const std::string head =
        "version: 1\n"
        "interfaces: {wan0: {vdev: net_null0, addresses: [192.0.2.1/24]}}\n"
        "nat:\n  source:\n";
    const std::string one =
        "  - {name: one, out-interface: wan0, from: 10.0.0.0/16, to: interface-address}\n";
    const std::string other =
        "  - {name: one, out-interface: wan0, from: 10.0.0.0/17, to: interface-address}\n";
    const std::string two =
        "  - {name: two, out-interface: wan0, from: 10.1.0.0/16, to: interface-address}\n";
    const auto changed = changes(head + one + two, head + other + two);
    ASSERT_EQ(changed.size(), 1U);
    EXPECT_EQ(changed[0].kind, ChangeKind::Changed);
    EXPECT_EQ(changed[0].path, "nat.source.one");
    EXPECT_EQ(changed[0].cost, ChangeCost::Live);
    EXPECT_EQ(changed[0].after,
              "{name: one, out-interface: wan0, from: 10.0.0.0/17, to: interface-address}");

    const auto removed = changes(head + one + two, head + two);
    ASSERT_EQ(removed.size(), 1U);
    EXPECT_EQ(removed[0].kind, ChangeKind::Removed);
    EXPECT_EQ(removed[0].path, "nat.source.one");
    EXPECT_EQ(removed[0].effect, "The sessions of the rule end.");

    const auto moved = changes(head + one + two, head + two + one);
    ASSERT_EQ(moved.size(), 1U);
    EXPECT_EQ(moved[0].path, "nat.source");
    EXPECT_EQ(moved[0].before, "[one, two]");
    EXPECT_EQ(moved[0].after, "[two, one]");
    EXPECT_EQ(moved[0].cost, ChangeCost::Live);
}

TEST(Diff, of_a_rule_costs_what_the_keys_cost_that_differ) {
    const auto nat = [](const std::string& more) {
        return "version: 1\n"
               "interfaces: {wan0: {vdev: net_null0, addresses: [192.0.2.1/24]}}\n"
               "nat: {source: [{name: one, out-interface: wan0, to: interface-address" +
               more + "}]}\n";
    };
    const std::string filter = ", filtering: address-dependent";
    EXPECT_EQ(dearest(changes(nat(""), nat(filter))), ChangeCost::Restart);
    EXPECT_EQ(dearest(changes(nat(filter), nat(filter + ", limits: {sessions: 9}"))),
              ChangeCost::Live);
    EXPECT_EQ(dearest(changes(nat(", at-limit: refuse"), nat(""))), ChangeCost::Live);
}

TEST(Diff, of_policies_is_live_and_names_the_terms_and_sets_that_change) {
    const std::string before =
        "version: 1\n"
        "policy:\n"
        "  prefix-sets: {ours: [10.0.0.0/8]}\n"
        "  policies:\n"
        "    out:\n"
        "      terms:\n"
        "      - {name: ours, match: {prefix-set: ours}, then: accept}\n"
        "      - {name: lab, match: {tag: 1}, then: accept}\n";
    std::string after = before;
    after.replace(after.find("10.0.0.0/8"), 10, "\"10.0.0.0/8 le 24\"");
    after.replace(after.find("tag: 1"), 6, "tag: [1, 2]");
    const auto changed = changes(before, after);
    ASSERT_EQ(changed.size(), 2U);
    EXPECT_EQ(changed[0].path, "policy.prefix-sets.ours");
    EXPECT_EQ(changed[0].after, "[\"10.0.0.0/8 le 24\"]");
    EXPECT_EQ(changed[1].path, "policy.policies.out.terms.lab");
    EXPECT_EQ(changed[1].before, "{name: lab, match: {tag: 1}, then: accept}");
    EXPECT_EQ(changed[1].after, "{name: lab, match: {tag: [1, 2]}, then: accept}");
    EXPECT_EQ(dearest(changed), ChangeCost::Live);
}

// rfc6888: REQ-4/a, REQ-5/a
// rfc4787: REQ-5/b
TEST(Diff, of_timeouts_and_limits_of_nat_is_live_and_of_its_memory_a_restart) {
    const auto live =
        changes("version: 1\n", "version: 1\nnat: {timeouts: {udp: 150s}, limits: {ports: 9}}\n");
    ASSERT_EQ(live.size(), 2U);
    EXPECT_EQ(live[0].path, "nat.limits.ports");
    EXPECT_EQ(live[1].path, "nat.timeouts.udp");
    EXPECT_EQ(live[1].before, "5m");
    EXPECT_EQ(live[1].after, "150s");
    EXPECT_EQ(dearest(live), ChangeCost::Live);
    EXPECT_EQ(dearest(changes("version: 1\n", "version: 1\nnat: {alg: {ftp: true}}\n")),
              ChangeCost::Live);
    EXPECT_EQ(dearest(changes("version: 1\n", "version: 1\nnat: {max-sessions: 2048}\n")),
              ChangeCost::Restart);
}

TEST(Diff, of_the_port_control_server_is_live) {
    const std::string head =
        "version: 1\n"
        "interfaces:\n"
        "  wan0: {vdev: net_null0, addresses: [192.0.2.1/24]}\n"
        "  lan0: {vdev: net_null1, addresses: [10.0.0.1/24]}\n"
        "nat:\n"
        "  source: [{name: one, out-interface: wan0, to: interface-address}]\n";
    const auto live = changes(head, head +
                                        "  pcp: {interfaces: lan0, min-lifetime: 1m,\n"
                                        "        max-lifetime: 2d, mappings-per-subscriber: 9}\n");
    std::vector<std::string> paths;
    for (const Change& change : live) {
        paths.push_back(change.path);
    }
    EXPECT_THAT(paths, testing::UnorderedElementsAre("nat.pcp.interfaces", "nat.pcp.min-lifetime",
                                                     "nat.pcp.max-lifetime",
                                                     "nat.pcp.mappings-per-subscriber"));
    EXPECT_EQ(dearest(live), ChangeCost::Live);
}

TEST(Diff, of_no_changes_costs_nothing) {
    EXPECT_EQ(dearest({}), ChangeCost::Live);
}

// Whatever two models are, their difference is empty exactly when they are equal, and turning it
// round swaps before and after.
TEST(Diff, is_symmetric_and_complete_for_random_models) {
    const unsigned seed = std::random_device()();
    std::cout << "seed " << seed << "\n";
    std::mt19937 random(seed);
    const auto pick = [&](unsigned most) { return static_cast<unsigned>(random() % (most + 1)); };
    const auto random_model = [&] {
        Model model;
        model.system.hostname = pick(1) == 0 ? "godwit" : "b";
        model.workers.main_core = pick(1);
        for (unsigned i = 0; i < 3; ++i) {
            if (pick(1) == 0) {
                continue;
            }
            Interface interface;
            interface.name = "i" + std::to_string(i);
            switch (pick(2)) {
                case 0:
                    interface.kind = PciPort{"0000:01:00." + std::to_string(pick(1))};
                    interface.rx_queues = static_cast<std::uint16_t>(1 + pick(1));
                    break;
                case 1:
                    interface.kind = VirtualPort{"net_null", "net_null0", {}};
                    break;
                default:
                    interface.kind = Loopback{};
            }
            interface.enabled = pick(1) == 0;
            model.interfaces.emplace(interface.name, interface);
        }
        for (unsigned i = 0; i < 3; ++i) {
            if (pick(1) == 0) {
                StaticRoute route;
                route.prefix = net::Ipv4Prefix::covering(net::Ipv4Address(i << 24), 8);
                route.blackhole = pick(1) == 0;
                route.distance = static_cast<std::uint8_t>(1 + pick(1));
                model.static_.routes.emplace(route.prefix, route);
            }
        }
        return model;
    };
    for (int round = 0; round < 2000; ++round) {
        const Model a = random_model();
        const Model b = random_model();
        const auto forth = diff(a, b);
        const auto back = diff(b, a);
        ASSERT_EQ(forth.empty(), a == b);
        ASSERT_EQ(forth.size(), back.size());
        for (std::size_t i = 0; i < forth.size(); ++i) {
            ASSERT_EQ(forth[i].path, back[i].path);
            ASSERT_EQ(forth[i].before, back[i].after);
            ASSERT_EQ(forth[i].after, back[i].before);
            ASSERT_NE(forth[i].before, forth[i].after);
            ASSERT_EQ(forth[i].cost, back[i].cost);
            ASSERT_FALSE(forth[i].effect.empty()) << forth[i].path;
        }
    }
}

TEST(YamlText, quotes_what_would_be_read_otherwise) {
    Model model;
    Interface interface;
    interface.name = "lo0";
    interface.kind = Loopback{};
    for (const char* text :
         {"null", "~", "a: b", "\"x\" \\ y", "- a", "# no", "12", "", "é", "yes"}) {
        interface.description = text;
        model.interfaces["lo0"] = interface;
        EXPECT_EQ(test::model_of(to_yaml(model)), model) << to_yaml(model);
    }
}

}  // namespace
}  // namespace godwit::config
