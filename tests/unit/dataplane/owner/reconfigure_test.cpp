// Live changes of the configuration: what they do, what they leave alone, and what is refused.
#include <gmock/gmock.h>

#include "tests/unit/dataplane/owner/owner_fixture.hpp"

namespace godwit::dataplane {
namespace {

using namespace std::chrono_literals;
using api::ConfigureOutcome;
using net::ArpOperation;
using net::Ipv4Address;
using net::MacAddress;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Ipv4Address kHost(10, 0, 0, 7);
const MacAddress kHostMac({2, 0, 0, 0, 7, 7});

class Reconfigure : public OwnerTest {
protected:
    // kRouter with a piece of its text replaced.
    static std::string changed(const std::string& from, const std::string& to) {
        std::string text = kRouter;
        const auto at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return text.replace(at, from.size(), to);
    }
    void resolve(const std::string& interface = "lan0", Ipv4Address host = kHost) {
        to_resolve(host, interface);
        arp(interface, ArpOperation::Reply, host,
            owner->interfaces().entry(id(interface))->addresses.at(0).address, kHostMac);
        discard();
    }
    std::optional<api::NeighborState> neighbor(const std::string& interface, Ipv4Address host) {
        const auto record = owner->neighbors().find({id(interface), host}, now);
        return record ? std::optional(record->state) : std::nullopt;
    }
    std::string text;
};

TEST_F(Reconfigure, Same_text_changes_nothing_at_all) {
    resolve();
    const auto* before = &table.current();
    EXPECT_EQ(configure(kRouter, text), ConfigureOutcome::Done);
    EXPECT_THAT(ports.asked, IsEmpty());
    EXPECT_EQ(neighbor("lan0", kHost), api::NeighborState::Reachable);
    EXPECT_NE(&table.current(), before) << "a new snapshot with the same content";
    pass(5s);
    EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(Reconfigure, Prepare_changes_nothing) {
    const auto* before = &table.current();
    EXPECT_EQ(owner->configure(api::ConfigurePhase::Prepare, 2,
                               changed("10.0.0.1/24", "10.0.0.9/24"), text),
              ConfigureOutcome::Done);
    EXPECT_EQ(&table.current(), before);
    EXPECT_EQ(owner->model(), model_of(kRouter));
}

// rfc1812: 10.3.2.6, 10.3.2.3/a
TEST_F(Reconfigure, New_address_is_there_at_once_and_announced_and_neighbours_survive) {
    resolve();
    ASSERT_EQ(configure(changed("[10.0.0.1/24]", "[10.0.0.1/24, 10.7.0.1/24]"), text),
              ConfigureOutcome::Done)
        << text;
    EXPECT_TRUE(owner->interfaces().entry(id("lan0"))->owns(Ipv4Address(10, 7, 0, 1)));
    EXPECT_EQ(neighbor("lan0", kHost), api::NeighborState::Reachable);
    pass(5s);
    const auto given = taken();
    ASSERT_EQ(given.size(), 2U);
    EXPECT_EQ(given[0].bytes[29], 7);  // sender 10.7.0.1, and nobody else
}

TEST_F(Reconfigure, Removed_subnet_takes_its_neighbours_along_and_no_others) {
    resolve();
    resolve("lan0.20", Ipv4Address(10, 0, 20, 9));
    ASSERT_EQ(configure(changed("10.0.0.1/24", "10.9.0.1/24"), text), ConfigureOutcome::Done);
    EXPECT_EQ(neighbor("lan0", kHost), std::nullopt);
    EXPECT_EQ(neighbor("lan0.20", Ipv4Address(10, 0, 20, 9)), api::NeighborState::Reachable);
}

// rfc1812: 3.3.4/a
TEST_F(Reconfigure, Another_mtu_reaches_device_snapshot_and_adjacencies) {
    resolve();
    ASSERT_EQ(configure(changed("vdev: net_null0,", "vdev: net_null0, mtu: 1600,"), text),
              ConfigureOutcome::Done)
        << text;
    EXPECT_EQ(ports.ports.at("lan0").mtu, 1600);
    EXPECT_EQ(owner->interfaces().entry(id("lan0"))->mtu, 1600);
    to_resolve(kHost);
    const auto given = taken();
    ASSERT_EQ(given.size(), 1U);
    EXPECT_EQ(next_hops.adjacency(next_hops.entry(given[0].about.next_hop).target).mtu, 1600);
}

// rfc1812: 3.3.4/b
TEST_F(Reconfigure, Mtu_over_the_limit_of_the_device_is_refused_with_the_limit) {
    ports.ports.at("lan0").max_mtu = 1504;
    ports.ports.at("wan0").max_mtu = 1500;
    std::string yaml = changed("vdev: net_null0,", "vdev: net_null0, mtu: 2000,");
    yaml.replace(yaml.find("vdev: net_null1,"), 16, "vdev: net_null1, mtu: 1501,");
    EXPECT_EQ(configure(yaml, text), ConfigureOutcome::Refused);
    EXPECT_THAT(text, HasSubstr("interfaces.lan0.mtu: 2000 is over the limit"));
    EXPECT_THAT(text, HasSubstr("set 1504 or less"));
    EXPECT_THAT(text, HasSubstr("interfaces.wan0.mtu: 1501")) << "every reason is said";
    EXPECT_THAT(ports.asked, IsEmpty());
}

TEST_F(Reconfigure, Mtu_over_the_packet_buffers_needs_another_run) {
    EXPECT_EQ(configure(changed("vdev: net_null0,", "vdev: net_null0, mtu: 8000,"), text),
              ConfigureOutcome::NeedsRestart);
    EXPECT_THAT(text, HasSubstr("packet buffers"));
    EXPECT_THAT(ports.asked, IsEmpty());
}

TEST_F(Reconfigure, Device_that_refuses_half_way_leaves_everything_as_it_was) {
    std::string yaml = changed("vdev: net_null0,", "vdev: net_null0, mtu: 1600,");
    yaml.replace(yaml.find("vdev: net_null1,"), 16, "vdev: net_null1, mac: \"02:00:00:00:09:09\",");
    ports.refuses = "mac wan0";
    const auto* before = &table.current();
    EXPECT_EQ(configure(yaml, text), ConfigureOutcome::Failed);
    EXPECT_THAT(text, HasSubstr("interfaces.wan0: the device said no; ask another"));
    EXPECT_THAT(ports.asked, ElementsAre("mtu lan0", "mac wan0", "mtu lan0"));
    EXPECT_EQ(ports.ports.at("lan0").mtu, 1500);
    EXPECT_EQ(&table.current(), before);
    EXPECT_EQ(owner->model(), model_of(kRouter));
    ports.refuses.clear();
    EXPECT_EQ(configure(yaml, text), ConfigureOutcome::Done);
}

TEST_F(Reconfigure, Disabled_port_is_down_with_its_vlans_and_comes_back) {
    const std::string down = changed("vdev: net_null0,", "vdev: net_null0, enabled: false,");
    ASSERT_EQ(configure(down, text), ConfigureOutcome::Done) << text;
    EXPECT_FALSE(owner->interfaces().entry(id("lan0"))->up);
    EXPECT_FALSE(owner->interfaces().entry(id("lan0.20"))->up);
    EXPECT_TRUE(owner->interfaces().entry(id("wan0"))->up);
    EXPECT_EQ(owner->interfaces().record(id("lan0"))->flags & api::kInterfaceEnabled, 0U);
    pass(1s);
    discard();
    ASSERT_EQ(configure(kRouter, text), ConfigureOutcome::Done);
    pass(5s);
    EXPECT_TRUE(owner->interfaces().link_is_up(id("lan0.20")));
    EXPECT_GE(taken().size(), 4U) << "announced anew";
}

TEST_F(Reconfigure, Another_mac_is_used_and_announced) {
    resolve();
    ASSERT_EQ(configure(changed("vdev: net_null0,", "vdev: net_null0, mac: \"02:00:00:00:09:09\","),
                        text),
              ConfigureOutcome::Done)
        << text;
    EXPECT_EQ(owner->interfaces().entry(id("lan0.20"))->mac, MacAddress({2, 0, 0, 0, 9, 9}));
    to_resolve(kHost);
    for (const Given& given : taken()) {
        if (given.resume == api::NodeId::Ip4Rewrite) {
            const auto& rewrite =
                next_hops.adjacency(next_hops.entry(given.about.next_hop).target).rewrite;
            EXPECT_EQ(rewrite[11], 9);
        }
    }
    EXPECT_EQ(configure(kRouter, text), ConfigureOutcome::NeedsRestart);
}

TEST_F(Reconfigure, Vlans_and_loopbacks_come_and_go_and_keep_their_numbers) {
    const auto vlan = id("lan0.20");
    resolve("lan0.20", Ipv4Address(10, 0, 20, 9));
    const std::string without =
        changed("  lan0.20: {parent: lan0, vlan: 20, addresses: [10.0.20.1/24]}\n",
                "  lan0.30: {parent: lan0, vlan: 30, addresses: [10.0.30.1/24]}\n"
                "  lo1: {loopback: true, addresses: [198.51.100.2/32]}\n");
    ASSERT_EQ(configure(without, text), ConfigureOutcome::Done) << text;
    EXPECT_EQ(owner->interfaces().entry(vlan), nullptr);
    EXPECT_FALSE(owner->interfaces().id_of("lan0.20"));
    EXPECT_EQ(owner->neighbors().size(), 0U);
    EXPECT_EQ((*table.current().ports[0].by_vlan)[30], id("lan0.30"));
    EXPECT_TRUE((*table.current().ports[0].by_vlan)[20].is_none());
    ASSERT_EQ(configure(kRouter, text), ConfigureOutcome::Done);
    EXPECT_EQ(id("lan0.20"), vlan);
    EXPECT_FALSE(owner->interfaces().id_of("lo1"));
}

TEST_F(Reconfigure, Vlan_with_another_tag_is_another_network) {
    resolve("lan0.20", Ipv4Address(10, 0, 20, 9));
    ASSERT_EQ(configure(changed("vlan: 20,", "vlan: 21,"), text), ConfigureOutcome::Done) << text;
    EXPECT_EQ(neighbor("lan0.20", Ipv4Address(10, 0, 20, 9)), std::nullopt);
    EXPECT_EQ((*table.current().ports[0].by_vlan)[21], id("lan0.20"));
}

TEST_F(Reconfigure, Static_neighbours_are_set_changed_and_taken_away) {
    const auto with = [](const std::string& mac) {
        return std::string(kRouter) +
               "static:\n  neighbors:\n    10.0.0.7: {interface: lan0, mac: \"" + mac + "\"}\n";
    };
    ASSERT_EQ(configure(with("02:00:00:00:07:07"), text), ConfigureOutcome::Done) << text;
    EXPECT_EQ(neighbor("lan0", kHost), api::NeighborState::Permanent);
    ASSERT_EQ(configure(with("02:00:00:00:07:08"), text), ConfigureOutcome::Done);
    EXPECT_EQ(owner->neighbors().find({id("lan0"), kHost}, now)->mac[5], 8);
    ASSERT_EQ(configure(kRouter, text), ConfigureOutcome::Done);
    EXPECT_EQ(neighbor("lan0", kHost), std::nullopt);
}

TEST_F(Reconfigure, What_only_a_new_process_can_do_says_so_and_changes_nothing) {
    EXPECT_EQ(configure(changed("vdev: net_null0,", "vdev: net_null0, rx-queues: 2,"), text),
              ConfigureOutcome::NeedsRestart);
    EXPECT_THAT(text, HasSubstr("interfaces.lan0.rx-queues"));
    EXPECT_EQ(configure(changed("  lo0:", "  new0: {vdev: net_null7}\n  lo0:"), text),
              ConfigureOutcome::NeedsRestart);
    EXPECT_EQ(owner->model(), model_of(kRouter));
}

TEST_F(Reconfigure, Broken_text_is_refused_with_its_findings) {
    EXPECT_EQ(configure(changed("addresses: [10.0.0.1/24]", "adresses: [10.0.0.1/24]"), text),
              ConfigureOutcome::Refused);
    EXPECT_THAT(text, HasSubstr("adresses"));
    EXPECT_EQ(owner->model(), model_of(kRouter));
}

TEST_F(Reconfigure, Port_that_does_not_run_keeps_its_place_and_says_why) {
    owner->shut_down();
    ports.ports.at("wan0").failed = true;
    ports.ports.at("wan0").problem = drivers::Problem{"x", "no such kernel interface", "make it"};
    start(kRouter);
    const auto record = owner->interfaces().record(id("wan0"));
    EXPECT_NE(record->flags & api::kInterfaceFailed, 0U);
    EXPECT_EQ(record->flags & api::kInterfaceLinkUp, 0U);
    EXPECT_STREQ(record->problem.data(), "no such kernel interface");
    EXPECT_FALSE(owner->interfaces().entry(id("wan0"))->up);
    EXPECT_EQ(configure(changed("vdev: net_null1,", "vdev: net_null1, mtu: 1600,"), text),
              ConfigureOutcome::Done);
    EXPECT_THAT(ports.asked, IsEmpty());
}

TEST_F(Reconfigure, Names_run_out_only_after_very_many_and_a_restart_is_asked_for) {
    ConfigureOutcome outcome = ConfigureOutcome::Done;
    int round = 0;
    for (; round < 300 && outcome == ConfigureOutcome::Done; ++round) {
        const std::string yaml =
            std::string(kRouter) + "  extra" + std::to_string(round) + ": {loopback: true}\n";
        outcome = configure(yaml, text);
    }
    EXPECT_EQ(outcome, ConfigureOutcome::NeedsRestart);
    EXPECT_THAT(text, HasSubstr("a restart frees them"));
    EXPECT_EQ(round, 252);
}

// ---- queries

TEST_F(Reconfigure, Queries_come_in_pages_that_miss_and_repeat_nothing) {
    for (std::uint8_t host = 2; host < 60; ++host) {
        resolve("lan0", Ipv4Address(10, 0, 0, host));
    }
    for (const std::uint32_t limit : {1U, 7U, 1000U}) {
        api::QueryBody query;
        query.kind = api::QueryKind::Neighbors;
        query.max_records = limit;
        std::vector<std::uint32_t> seen;
        do {
            std::vector<std::byte> room(16 * 1024);
            QueryPage page(query, room);
            owner->query(query, page);
            for (std::size_t i = 0; i < page.count(); ++i) {
                api::NeighborRecord record;
                std::memcpy(&record, room.data() + i * sizeof record, sizeof record);
                seen.push_back(record.address);
            }
            query.cursor = page.next_cursor;
        } while (query.cursor != 0);
        ASSERT_EQ(seen.size(), 58U) << limit;
        EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    }
    api::QueryBody query;
    query.kind = api::QueryKind::Interfaces;
    std::vector<std::byte> room(16 * 1024);
    QueryPage page(query, room);
    owner->query(query, page);
    EXPECT_EQ(page.count(), 4U);
    EXPECT_EQ(page.next_cursor, 0U);
}

}  // namespace
}  // namespace godwit::dataplane
