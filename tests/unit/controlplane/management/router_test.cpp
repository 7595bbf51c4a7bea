// The router against a dataplane: sessions, routes, links, packets for us, ping, and what show
// says.
#include "controlplane/management/router.hpp"

#include <gmock/gmock.h>

#include "controlplane/management/route_audit.hpp"
#include "tests/unit/controlplane/host/host_packets.hpp"
#include "tests/unit/controlplane/management/router_fixture.hpp"

namespace godwit::control {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

class RouterTest : public test::RouterFixture {};

const std::set<std::string> kOwnPrefixes{"10.0.0.0/24",     "10.0.0.0/32",     "10.0.0.1/32",
                                         "10.0.0.255/32",   "192.0.2.1/32",    "198.51.100.0/30",
                                         "198.51.100.0/32", "198.51.100.1/32", "198.51.100.3/32"};

std::set<std::string> with(std::set<std::string> prefixes,
                           std::initializer_list<const char*> more) {
    prefixes.insert(more.begin(), more.end());
    return prefixes;
}

TEST_F(RouterTest, tells_the_dataplane_its_connected_and_static_routes) {
    start(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n    10.8.0.0/16: {blackhole: true}\n"));
    EXPECT_EQ(dataplane->prefixes(), with(kOwnPrefixes, {"10.9.0.0/16", "10.8.0.0/16"}));
    const auto gateway = dataplane->next_hop_of("10.9.0.0/16");
    EXPECT_EQ(gateway.kind, api::NextHopKind::Gateway);
    EXPECT_EQ(gateway.gateway, net::Ipv4Address(10, 0, 0, 2).value());
    EXPECT_EQ(gateway.interface, 1);
    EXPECT_EQ(dataplane->next_hop_of("10.8.0.0/16").kind, api::NextHopKind::Blackhole);
    EXPECT_EQ(dataplane->next_hop_of("10.0.0.0/24").kind, api::NextHopKind::Glean);
    EXPECT_EQ(dataplane->syncs_begun, 1);
    EXPECT_EQ(dataplane->syncs_ended, 1);
    const json::value shown = show_data("routes");
    for (const json::value& route : shown.as_array()) {
        // A /32 of an interface is ours first, and then a destination that can be announced.
        EXPECT_EQ(route.at("installed").as_string(), route.at("selected").as_bool() ? "yes" : "no")
            << json::serialize(route);
    }
}

TEST_F(RouterTest, tells_the_dataplane_at_which_ports_it_is_spoken_to) {
    start(yaml());
    EXPECT_EQ(dataplane->ports, std::vector<api::OwnPortRecord>{});
    tcp::Endpoint& tcp = router->stack().host().tcp();
    udp::Sockets& udp = router->stack().host().udp();
    const net::Ipv4Address own(10, 0, 0, 1);
    const auto listener = *tcp.listen({}, 8443, {}, 1);
    const auto socket = *udp.open({.local = {own, 53}});
    (void)udp.open({});  // of those that the router chooses: the dataplane knows them
    settle();
    EXPECT_EQ(dataplane->ports,
              (std::vector<api::OwnPortRecord>{{0, 8443, 6, 0}, {own.value(), 53, 17, 0}}));
    const int told = dataplane->ports_told;
    for (std::uint16_t port = 1000; port < 1010; ++port) {
        (void)tcp.listen({}, port, {}, 1);
    }
    settle();
    EXPECT_LE(dataplane->ports_told, told + 2) << "those of one turn together";
    EXPECT_EQ(dataplane->ports.size(), 12U);
    tcp.stop_listening(listener, clock.now());
    udp.close(socket);
    settle();
    EXPECT_EQ(dataplane->ports.size(), 10U);

    for (std::uint16_t port = 2000; port < 2000 + api::kMaxOwnPorts; ++port) {
        (void)tcp.listen({}, port, {}, 1);
    }
    settle();
    EXPECT_EQ(dataplane->ports.size(), api::kMaxOwnPorts);
    EXPECT_EQ(show_data("status").at("control-plane").at("ports-not-told").as_int64(), 10);
}

TEST_F(RouterTest, nothing_is_swept_before_the_protocols_have_learned_again) {
    start(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n"));
    stop_router();
    start_router(yaml());
    const auto rip = router->convergence().expect("rip", 40s);
    settle();
    EXPECT_TRUE(dataplane->prefixes().contains("10.9.0.0/16")) << "of the program before";
    EXPECT_EQ(dataplane->syncs_ended, 1);
    router->convergence().reached(rip);
    settle();
    EXPECT_FALSE(dataplane->prefixes().contains("10.9.0.0/16"));
    EXPECT_EQ(dataplane->syncs_ended, 2);
}

TEST_F(RouterTest, a_protocol_that_learns_nothing_is_not_waited_for_longer_than_its_patience) {
    start(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n"));
    stop_router();
    start_router(yaml());
    router->convergence().expect("rip", 40s);
    advance(39s);
    EXPECT_TRUE(dataplane->prefixes().contains("10.9.0.0/16"));
    advance(2s);
    EXPECT_FALSE(dataplane->prefixes().contains("10.9.0.0/16"));
    EXPECT_EQ(router->convergence().given_up(), 1U);
}

const char* const kPolicies =
    "policy:\n"
    "  prefix-sets: {tens: [10.0.0.0/8 le 32]}\n"
    "  policies:\n"
    "    out:\n"
    "      terms:\n"
    "        - {name: secret, match: {tag: 666}, then: reject}\n"
    "        - {name: tens, match: {prefix-set: tens}, set: {metric: 4}, then: accept}\n";

TEST_F(RouterTest, a_route_is_explained_with_its_rivals_its_way_and_each_step_of_a_policy) {
    start(
        yaml("    10.9.0.0/16: {via: 10.0.0.2}\n"
             "    10.8.0.0/16: {via: 10.9.0.1, tag: 666}\n",
             "10.0.0.1/24", kPolicies));
    router->redistribution().subscribe(
        {RouteSource::Rip,
         {{RouteSource::Static, router->policies().gate("out", WithoutPolicy::AcceptAll)}},
         {}});
    json::object answer = ask({{"verb", "explain"}, {"subject", "route"}, {"address", "10.9.1.1"}});
    ASSERT_TRUE(answer.at("ok").as_bool()) << json::serialize(answer);
    const json::value taken = answer.at("data");
    EXPECT_EQ(taken.at("prefix"), "10.9.0.0/16");
    const json::value& best = taken.at("candidates").at(0);
    EXPECT_EQ(best.at("verdict"), "the best of the routes that lead anywhere");
    EXPECT_EQ(taken.at("resolution").at(0).at("through"), "10.0.0.0/24");
    EXPECT_EQ(taken.at("resolution").at(0).at("source"), "connected");
    const json::value& announcement = taken.at("announcements").at(0);
    EXPECT_EQ(announcement.at("to"), "rip");
    EXPECT_TRUE(announcement.at("handed-over").as_bool());
    EXPECT_EQ(announcement.at("metric").to_number<int>(), 4);
    const json::array& steps = announcement.at("policy").at("steps").as_array();
    ASSERT_EQ(steps.size(), 2U);
    EXPECT_FALSE(steps[0].at("applies").as_bool());
    EXPECT_EQ(steps[1].at("conditions").at(0), "prefix-set tens");
    EXPECT_EQ(steps[1].at("then"), "accept");

    answer = ask({{"verb", "explain"}, {"subject", "route"}, {"prefix", "10.8.0.0/16"}});
    EXPECT_FALSE(answer.at("data").at("announcements").at(0).at("handed-over").as_bool());
    answer = ask({{"verb", "explain"}, {"subject", "route"}, {"prefix", "10.7.0.0/16"}});
    EXPECT_EQ(answer.at("code"), "failed");
    answer = ask({{"verb", "explain"}, {"subject", "route"}});
    EXPECT_EQ(answer.at("code"), "bad-request");
    answer = ask({{"verb", "explain"}, {"subject", "rout"}, {"prefix", "10.7.0.0/16"}});
    EXPECT_EQ(answer.at("code"), "bad-request");
}

TEST_F(RouterTest, policies_are_shown_with_what_each_term_applied_to_and_change_live) {
    start(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n", "10.0.0.1/24", kPolicies));
    const SubscriptionId rip = router->redistribution().subscribe(
        {RouteSource::Rip,
         {{RouteSource::Static, router->policies().gate("out", WithoutPolicy::AcceptAll)}},
         {}});
    EXPECT_EQ(router->redistribution().take(rip, 100).size(), 1U);
    const json::value shown = show_data("policy");
    ASSERT_EQ(shown.as_array().size(), 1U);
    EXPECT_EQ(shown.at(0).at("policy"), "out");
    EXPECT_EQ(shown.at(0).at("terms").at(1).at("routes").to_number<int>(), 1);
    const auto before = router->policies().find("out");
    std::string text = yaml("    10.9.0.0/16: {via: 10.0.0.2}\n", "10.0.0.1/24", kPolicies);
    text.replace(text.find("metric: 4"), 9, "metric: 5");
    const json::object applied = apply(text);
    EXPECT_TRUE(applied.at("ok").as_bool()) << json::serialize(applied);
    EXPECT_EQ(applied.at("data").at("cost"), "live");
    EXPECT_NE(router->policies().find("out"), before);
    EXPECT_EQ(router->policies().find("out")->counters().accepted, 1U) << "it goes on counting";
}

TEST_F(RouterTest, routes_are_shown_by_source_and_inside_a_prefix) {
    start(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n    10.9.8.0/24: {blackhole: true, tag: 7}\n"));
    const auto count = [&](json::object request) {
        request["verb"] = "show";
        request["subject"] = "routes";
        return ask(request).at("data").as_array().size();
    };
    EXPECT_EQ(count({{"source", "static"}}), 2U);
    EXPECT_EQ(count({{"prefix", "10.9.0.0/16"}}), 1U);
    EXPECT_EQ(count({{"prefix", "10.9.0.0/16"}, {"longer", true}}), 2U);
    EXPECT_EQ(count({{"source", "connected"}, {"prefix", "10.9.0.0/16"}, {"longer", true}}), 0U);
    const json::object refused = ask({{"verb", "show"}, {"subject", "routes"}, {"source", "igrp"}});
    EXPECT_EQ(refused.at("code"), "bad-request");
}

// rfc1812: 3.3.6/a, 3.3.6/d, 5.3.12.3/a, 5.3.12.4/a
TEST_F(RouterTest, a_link_that_goes_down_takes_its_routes_along_and_brings_them_back) {
    start(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n"));
    const auto all = dataplane->prefixes();
    dataplane->set_link(1, false);
    settle();
    for (const char* gone : {"10.0.0.0/24", "10.9.0.0/16"}) {
        EXPECT_FALSE(dataplane->prefixes().contains(gone));
    }
    EXPECT_TRUE(dataplane->prefixes().contains("198.51.100.0/30"));
    dataplane->set_link(1, true);
    settle();
    EXPECT_EQ(dataplane->prefixes(), all);
    EXPECT_EQ(dataplane->syncs_begun, 1);
}

TEST_F(RouterTest, a_new_control_plane_removes_nothing_that_is_still_wanted_and_sweeps_the_rest) {
    const std::string before = yaml("    10.9.0.0/16: {via: 10.0.0.2}\n");
    start(before);
    stop_router();
    settle();
    const std::string after = yaml("    10.7.0.0/16: {via: 10.0.0.2}\n");
    dataplane->swept = 0;
    start_router(after);
    // In no turn is a route missing that both files have.
    for (int i = 0; i < 100; ++i) {
        turn(1);
        for (const std::string& prefix : kOwnPrefixes) {
            ASSERT_TRUE(dataplane->prefixes().contains(prefix)) << prefix << " in turn " << i;
        }
    }
    EXPECT_EQ(dataplane->prefixes(), with(kOwnPrefixes, {"10.7.0.0/16"}));
    EXPECT_EQ(dataplane->swept, 1U);
    EXPECT_EQ(dataplane->yaml(), after);  // it was given the new text
}

TEST_F(RouterTest, a_new_dataplane_is_told_everything_whatever_numbers_it_gives_its_interfaces) {
    const std::string text = yaml("    10.9.0.0/16: {via: 10.0.0.2}\n");
    start(text);
    dataplane.reset();
    settle();
    EXPECT_FALSE(router->channel().connected());
    start_dataplane(text, 2);
    dataplane->interfaces.clear();
    dataplane->add_interface(7, "wan0");
    dataplane->add_interface(8, "lan0");
    dataplane->add_interface(9, "lo0", true, api::InterfaceType::Loopback);
    advance(100ms);
    EXPECT_EQ(dataplane->prefixes(), with(kOwnPrefixes, {"10.9.0.0/16"}));
    EXPECT_EQ(dataplane->next_hop_of("10.9.0.0/16").interface, 8);
    EXPECT_EQ(router->counters().dataplane_restarts, 1U);
    EXPECT_EQ(show_data("status").at("dataplane").at("restarts-seen").as_int64(), 1);
}

TEST_F(RouterTest, a_dataplane_with_another_text_is_given_ours) {
    start_dataplane(yaml());
    const std::string ours = yaml("    10.9.0.0/16: {via: 10.0.0.2}\n");
    start_router(ours);
    settle();
    EXPECT_EQ(dataplane->yaml(), ours);
    ASSERT_EQ(dataplane->configured.size(), 2U);
    EXPECT_EQ(dataplane->configured[0].first, api::ConfigurePhase::Prepare);
    EXPECT_EQ(dataplane->configured[1].first, api::ConfigurePhase::Commit);
    EXPECT_EQ(router->dataplane_sha256(), router->running().revision.sha256);
}

TEST_F(RouterTest, a_dataplane_that_does_not_take_our_text_still_gets_our_routes) {
    start_dataplane(yaml());
    dataplane->outcomes = {api::ConfigureOutcome::NeedsRestart};
    start_router(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n"));
    settle();
    EXPECT_TRUE(dataplane->prefixes().contains("10.9.0.0/16"));
    EXPECT_EQ(router->counters().configurations_refused, 1U);
    EXPECT_EQ(dataplane->restarts, 0);
}

TEST_F(RouterTest, more_routes_than_the_ring_holds_all_arrive) {
    std::string routes;
    for (int i = 0; i < 2000; ++i) {
        routes += "    10." + std::to_string(100 + i / 256) + "." + std::to_string(i % 256) +
                  ".0/24: {blackhole: true}\n";
    }
    start_dataplane(yaml(routes));
    start_router(yaml(routes));
    turn(3000);
    EXPECT_EQ(dataplane->routes.size(), kOwnPrefixes.size() + 2000);
    EXPECT_GT(router->channel().routes().times_full(), 0U);
    // The loopback's /32 is an address of ours and a connected route.
    EXPECT_EQ(show_data("routes").as_array().size(), kOwnPrefixes.size() + 1 + 2000);
    EXPECT_EQ(show_data("fib").as_array().size(), kOwnPrefixes.size() + 2000);
}

TEST_F(RouterTest, a_route_that_the_dataplane_rejects_says_so) {
    const std::string text = yaml("    10.9.0.0/16: {via: 10.0.0.2}\n");
    start_dataplane(text);
    dataplane->rejects.insert("10.9.0.0/16");
    start_router(text);
    settle();
    const json::object answer =
        ask({{"verb", "show"}, {"subject", "routes"}, {"prefix", "10.9.0.0/16"}});
    const json::array& routes = answer.at("data").as_array();
    ASSERT_EQ(routes.size(), 1U);
    EXPECT_EQ(routes[0].at("installed").as_string(), "not-installed");
    EXPECT_EQ(routes[0].at("reason").as_string(),
              "table full: the dataplane has no room for more routes; it is tried again when there "
              "is room");
}

TEST_F(RouterTest, a_full_dataplane_loses_no_route_and_takes_it_when_one_is_withdrawn) {
    const std::string three =
        "    10.7.0.0/16: {blackhole: true}\n"
        "    10.8.0.0/16: {blackhole: true}\n"
        "    10.9.0.0/16: {blackhole: true}\n";
    start_dataplane(yaml(three));
    dataplane->max_routes = kOwnPrefixes.size() + 2;
    start_router(yaml(three));
    settle();
    EXPECT_FALSE(dataplane->prefixes().contains("10.9.0.0/16"));
    json::value status = show_data("status");
    // The loopback's /32 is an address of ours and a connected route.
    EXPECT_EQ(status.at("routes").to_number<int>(), static_cast<int>(kOwnPrefixes.size()) + 1 + 3);
    EXPECT_EQ(status.at("routes-waiting").to_number<int>(), 1);
    EXPECT_EQ(status.at("control-plane").at("refused-for-room").to_number<int>(), 1);
    const json::value& limit = status.at("limits").at(0);
    EXPECT_EQ(limit.at("limit").as_string(), "routes");
    EXPECT_EQ(limit.at("used").to_number<std::size_t>(), dataplane->max_routes);
    EXPECT_EQ(limit.at("capacity").to_number<std::size_t>(), dataplane->max_routes);
    EXPECT_EQ(limit.at("refused").to_number<int>(), 1);

    // That is as it must be, and no drift.
    advance(RouteAudit::kInterval);
    EXPECT_EQ(router->audit().counters().completed, 1U);
    EXPECT_EQ(router->audit().counters().differences, 0U);
    EXPECT_EQ(dataplane->refused, 1U);

    const std::string two =
        "    10.8.0.0/16: {blackhole: true}\n"
        "    10.9.0.0/16: {blackhole: true}\n";
    EXPECT_TRUE(apply(yaml(two)).at("ok").as_bool());
    settle();
    EXPECT_TRUE(dataplane->prefixes().contains("10.9.0.0/16"));
    EXPECT_FALSE(dataplane->prefixes().contains("10.7.0.0/16"));
    EXPECT_EQ(show_data("status").at("routes-waiting").to_number<int>(), 0);
    EXPECT_EQ(dataplane->refused, 1U);
}

TEST_F(RouterTest, an_audit_heals_what_the_dataplane_lost) {
    start(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n"));
    advance(RouteAudit::kInterval);
    EXPECT_EQ(router->audit().counters().completed, 1U);
    EXPECT_EQ(router->audit().counters().differences, 0U);

    dataplane->routes.erase(*net::Ipv4Prefix::parse("10.9.0.0/16"));
    advance(RouteAudit::kInterval);
    EXPECT_EQ(router->audit().counters().differences, 1U);
    EXPECT_TRUE(dataplane->prefixes().contains("10.9.0.0/16"));
    advance(RouteAudit::kInterval);
    EXPECT_EQ(router->audit().counters().differences, 1U);
}

TEST_F(RouterTest, what_happens_is_told_as_events_by_topic) {
    start_dataplane(yaml());
    dataplane->rejects = {"10.8.0.0/16"};
    start_router(yaml("    10.8.0.0/16: {via: 10.0.0.2}\n    10.9.0.0/16: {via: 10.0.0.2}\n"));
    settle();
    dataplane->routes.erase(*net::Ipv4Prefix::parse("10.9.0.0/16"));
    advance(61s);
    dataplane->set_link(2, false);
    settle();
    const auto told = [this](const char* topic) {
        std::string text;
        const json::object answer =
            ask({{"verb", "show"}, {"subject", "events"}, {"topic", topic}});
        for (const json::value& event : answer.at("data").as_array()) {
            EXPECT_EQ(event.at("topic"), topic);
            text += std::string(event.at("level").as_string()) + ": " +
                    std::string(event.at("event").as_string()) + "\n";
        }
        return text;
    };
    EXPECT_THAT(told("dataplane"), HasSubstr("info: dataplane connected, session 1"));
    EXPECT_THAT(told("routes"), HasSubstr("warning: route 10.8.0.0/16 not installed: the "));
    EXPECT_THAT(told("routes"), HasSubstr("warning: the dataplane's routes are not what they "));
    EXPECT_THAT(told("interfaces"), HasSubstr("info: interface wan0 is down"));
    EXPECT_GE(show_data("events").as_array().size(), 5U);
    const json::object refused =
        ask({{"verb", "show"}, {"subject", "events"}, {"topic", "weather"}});
    EXPECT_EQ(refused.at("code"), "bad-request");
}

TEST_F(RouterTest, an_audit_heals_a_route_that_leads_elsewhere) {
    start(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n"));
    const auto prefix = *net::Ipv4Prefix::parse("10.9.0.0/16");
    dataplane->routes[prefix].number =
        dataplane->routes[*net::Ipv4Prefix::parse("10.0.0.0/24")].number;
    advance(RouteAudit::kInterval);
    EXPECT_EQ(router->audit().counters().differences, 1U);
    EXPECT_EQ(dataplane->next_hop_of("10.9.0.0/16").kind, api::NextHopKind::Gateway);
}

TEST_F(RouterTest, a_packet_for_us_is_answered_through_the_dataplane) {
    start(yaml());
    ASSERT_TRUE(dataplane->punt(test::udp({}, 33434)));
    settle();
    ASSERT_EQ(dataplane->sent.size(), 1U);
    const auto answer = net::wire::Ipv4View::parse(dataplane->sent[0]);
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->source(), net::Ipv4Address(10, 0, 0, 1));
    EXPECT_EQ(answer->destination(), net::Ipv4Address(10, 0, 0, 9));

    ASSERT_TRUE(dataplane->punt(test::udp({}, 33434), api::PuntClass::Broadcast));
    settle();
    EXPECT_EQ(dataplane->sent.size(), 1U);
    EXPECT_EQ(show_data("status").at("host").at("port-unreachable-sent").as_int64(), 1);
}

TEST_F(RouterTest, a_udp_socket_hears_a_group_and_speaks_to_it_by_its_interface) {
    start(yaml());
    const net::Ipv4Address group(224, 0, 0, 9);
    std::vector<udp::Datagram> heard;
    const auto socket = std::move(*router->stack().open_udp(
        {.local = {{}, 520},
         .interface = net::InterfaceId(router->interfaces().find("lan0")->interface)},
        {.received = [&](const udp::Datagram& datagram) { heard.push_back(datagram); }}));
    ASSERT_TRUE(socket->join(group).has_value());
    ASSERT_TRUE(dataplane->punt(test::udp({{10, 0, 0, 9}, group}, 520), api::PuntClass::Rip));
    settle();
    ASSERT_EQ(heard.size(), 1U);
    EXPECT_EQ(heard[0].interface, net::InterfaceId(1));

    ASSERT_TRUE(socket->send({.to = {group, 520}}, std::array<std::uint8_t, 1>{7}).has_value());
    settle();
    ASSERT_EQ(dataplane->sent_as.size(), 1U);
    EXPECT_EQ(dataplane->sent_as[0].mode, api::InjectMode::Neighbor);
    EXPECT_EQ(dataplane->sent_as[0].interface, 1);
    EXPECT_EQ(dataplane->sent_as[0].next_hop, group.value());
}

TEST_F(RouterTest, sockets_are_shown_with_their_figures_and_their_history) {
    start(yaml());
    auto& tcp = router->stack().host().tcp();
    ASSERT_TRUE(tcp.listen({}, 179, {}, 16).has_value());
    const auto udp = std::move(*router->stack().open_udp({.local = {{}, 520}}, {}));
    const auto id = router->stack().host().connect_tcp({{}, {10, 0, 0, 9}, 0, 80}, {}, clock.now());
    ASSERT_TRUE(id.has_value());
    router->stack().settle();
    settle();

    const json::array sockets = show_data("sockets").as_array();
    ASSERT_EQ(sockets.size(), 3U);
    EXPECT_EQ(sockets[0].at("state"), "listen");
    EXPECT_EQ(sockets[0].at("local"), "*:179");
    EXPECT_EQ(sockets[1].at("state"), "syn-sent");
    EXPECT_EQ(sockets[1].at("remote"), "10.0.0.9:80");
    EXPECT_GT(sockets[1].at("timers-ms").at("retransmit").to_number<double>(), 0.0);
    // Each item of a connection, and every timer that it has.
    for (const char* const key :
         {"receive-queue-bytes", "send-queue-bytes", "congestion-window-bytes",
          "slow-start-threshold-bytes", "rtt-ms", "rto-ms", "retransmissions", "path-mtu-bytes"}) {
        EXPECT_TRUE(sockets[1].as_object().contains(key)) << key;
    }
    EXPECT_EQ(sockets[1].at("congestion-control"), "cubic");
    EXPECT_TRUE(sockets[1].at("signature").is_null());
    tcp::PeerSecurity keyed;
    keyed.md5 = {'k'};
    ASSERT_TRUE(tcp.secure({*net::Ipv4Prefix::parse("10.0.0.9/32"), 80}, keyed));
    EXPECT_EQ(show_data("sockets").at(1).at("signature").at("algorithm"), "md5");
    ASSERT_TRUE(tcp.secure({*net::Ipv4Prefix::parse("10.0.0.9/32"), 80}, {}));
    EXPECT_EQ(sockets[2].at("protocol"), "udp");
    EXPECT_EQ(sockets[2].at("local"), "*:520");

    // The refusal of the peer.
    ASSERT_FALSE(dataplane->sent.empty());
    const auto syn_packet = *net::wire::Ipv4View::parse(dataplane->sent.back());
    const auto syn = *net::wire::TcpView::parse(syn_packet.payload());
    net::TcpHeader reset;
    reset.source_port = 80;
    reset.destination_port = syn.source_port();
    reset.acknowledgment = syn.sequence() + 1;
    reset.flags.rst = true;
    reset.flags.ack = true;
    ASSERT_TRUE(dataplane->punt(test::tcp({{10, 0, 0, 9}, syn_packet.source()}, reset),
                                api::PuntClass::Tcp));
    settle();
    const json::array events = show_data("socket-events").as_array();
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].at("to"), "syn-sent");
    EXPECT_EQ(events[1].at("from"), "syn-sent");
    EXPECT_EQ(events[1].at("to"), "closed");
    EXPECT_EQ(events[1].at("trouble"), "refused");
    json::object others{{"verb", "show"}, {"subject", "socket-events"}, {"prefix", "192.0.2.0/24"}};
    EXPECT_TRUE(ask(others).at("data").as_array().empty());

    const json::value counters = show_data("status").at("transports");
    EXPECT_EQ(counters.at("tcp").at("max-conn"), 4096);
    EXPECT_EQ(counters.at("tcp").at("security-drops").at("md5-missing"), 0);
    EXPECT_EQ(counters.at("tcp").at("active-opens"), 1);
    EXPECT_EQ(counters.at("tcp").at("attempt-fails"), 1);
    EXPECT_EQ(counters.at("tcp").at("out-segs"), 1);
    EXPECT_EQ(counters.at("tcp").at("in-segs"), 1);
}

TEST_F(RouterTest, ping_tells_each_event_and_then_the_summary) {
    start(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n"));
    client->send(
        R"({"verb":"ping","address":"10.9.1.1","count":2,"interval-ms":100,"timeout-ms":500})"
        "\n");
    settle();
    advance(1ms);
    ASSERT_EQ(dataplane->sent.size(), 1U);
    const auto request = net::wire::Ipv4View::parse(dataplane->sent[0]);
    EXPECT_EQ(request->source(), net::Ipv4Address(10, 0, 0, 1));  // of the way out
    const auto echo = net::wire::IcmpView::parse(request->payload());
    const test::Packet data(echo->body().begin(), echo->body().end());
    clock.advance(5ms);
    dataplane->punt(test::icmp({net::Ipv4Address(10, 9, 1, 1), net::Ipv4Address(10, 0, 0, 1), 60},
                               net::IcmpMessage::echo_reply(echo->message().identifier(), 1), data),
                    api::PuntClass::Icmp);
    settle();
    const json::object reply = client->answer();
    EXPECT_TRUE(reply.at("more").as_bool());
    EXPECT_EQ(reply.at("data").at("from").as_string(), "10.9.1.1");
    EXPECT_EQ(reply.at("data").at("ttl").as_int64(), 60);
    EXPECT_EQ(reply.at("data").at("bytes").as_int64(), 64);
    EXPECT_NEAR(reply.at("data").at("rtt-ms").as_double(), 5.0, 1.1);
    advance(100ms);
    advance(600ms);
    EXPECT_TRUE(client->answer().at("data").at("lost").as_bool());
    const json::object summary = client->answer();
    EXPECT_FALSE(summary.contains("more"));
    EXPECT_EQ(summary.at("data").at("sent").as_int64(), 2);
    EXPECT_EQ(summary.at("data").at("received").as_int64(), 1);
}

TEST_F(RouterTest, the_longest_ping_goes_to_the_dataplane_whole) {
    start(yaml());
    client->send("{\"verb\":\"ping\",\"address\":\"10.0.0.2\",\"size\":65507}\n");
    settle();
    advance(1ms);
    ASSERT_EQ(dataplane->sent.size(), 1U);
    EXPECT_EQ(dataplane->sent[0].size(), api::kMaxPacketBytes);
}

TEST_F(RouterTest, a_ping_ends_when_its_client_leaves) {
    start(yaml());
    client->send("{\"verb\":\"ping\",\"address\":\"10.0.0.2\",\"count\":1000}\n");
    settle();
    EXPECT_EQ(router->host().pings(), 1U);
    client.reset();
    settle();
    EXPECT_EQ(router->host().pings(), 0U);
}

TEST_F(RouterTest, traceroute_tells_each_hop_and_then_how_it_ended) {
    start(yaml("    10.9.0.0/16: {via: 10.0.0.2}\n"));
    client->send(
        "{\"verb\":\"traceroute\",\"address\":\"10.9.1.1\",\"probes\":1,"
        "\"timeout-ms\":500}\n");
    settle();
    advance(1ms);
    ASSERT_EQ(dataplane->sent.size(), 1U);
    const auto probe = net::wire::Ipv4View::parse(dataplane->sent[0]);
    EXPECT_EQ(probe->source(), net::Ipv4Address(10, 0, 0, 1));  // of the way out
    EXPECT_EQ(probe->protocol(), net::IpProtocol::Udp);
    EXPECT_EQ(probe->ttl_hops(), 1);
    advance(600ms);
    const json::object silent = client->answer();
    EXPECT_TRUE(silent.at("more").as_bool());
    EXPECT_EQ(silent.at("data").at("hop").as_int64(), 1);
    EXPECT_TRUE(silent.at("data").at("probes").at(0).at("lost").as_bool());

    advance(30ms);
    ASSERT_EQ(dataplane->sent.size(), 2U);
    dataplane->punt(
        test::icmp({net::Ipv4Address(10, 5, 0, 1), net::Ipv4Address(10, 0, 0, 1), 60},
                   net::IcmpMessage::unreachable(net::UnreachableCode::Host), dataplane->sent[1]),
        api::PuntClass::Icmp);
    settle();
    const json::object last = client->answer();
    EXPECT_EQ(last.at("data").at("probes").at(0).at("from").as_string(), "10.5.0.1");
    EXPECT_EQ(last.at("data").at("probes").at(0).at("mark").as_string(), "!H");
    const json::object summary = client->answer();
    EXPECT_FALSE(summary.contains("more"));
    EXPECT_EQ(summary.at("data").at("hops").as_int64(), 2);
    EXPECT_FALSE(summary.at("data").at("reached").as_bool());
}

TEST_F(RouterTest, a_traceroute_ends_when_its_client_leaves) {
    start(yaml());
    client->send("{\"verb\":\"traceroute\",\"address\":\"10.0.0.2\",\"probe\":\"icmp\"}\n");
    settle();
    EXPECT_EQ(router->host().traceroutes(), 1U);
    client.reset();
    settle();
    EXPECT_EQ(router->host().traceroutes(), 0U);
}

TEST_F(RouterTest, a_traceroute_that_cannot_be_sent_says_why) {
    start(yaml());
    const auto error_of = [this](const json::object& keys) {
        const json::object answer = ask(keys);
        EXPECT_FALSE(answer.at("ok").as_bool());
        return std::string(answer.at("code").as_string()) + ": " +
               std::string(answer.at("errors").as_array()[0].as_string());
    };
    EXPECT_EQ(error_of({{"verb", "traceroute"}, {"address", "8.8.8.8"}}),
              "refused: no route leads to 8.8.8.8; see `show routes`");
    EXPECT_EQ(error_of({{"verb", "traceroute"}, {"address", "10.0.0.2"}, {"probe", "tcp"}}),
              "bad-request: probe: 'tcp' is neither udp nor icmp");
    EXPECT_EQ(error_of({{"verb", "traceroute"}, {"address", "10.0.0.2"}, {"port", 65'500}}),
              "refused: port 65500 leaves no ports for 90 probes; give 1 to 65446");
    EXPECT_EQ(error_of({{"verb", "traceroute"}, {"address", "10.0.0.2"}, {"max-hops", 256}})
                  .substr(0, 11),
              "bad-request");
}

TEST_F(RouterTest, a_ping_that_cannot_be_sent_says_why) {
    start(yaml("    10.8.0.0/16: {blackhole: true}\n"));
    const auto error_of = [this](const json::object& keys) {
        const json::object answer = ask(keys);
        EXPECT_FALSE(answer.at("ok").as_bool());
        return std::string(answer.at("code").as_string()) + ": " +
               std::string(answer.at("errors").as_array()[0].as_string());
    };
    EXPECT_EQ(error_of({{"verb", "ping"}, {"address", "8.8.8.8"}}),
              "refused: no route leads to 8.8.8.8; see `show routes`");
    EXPECT_EQ(error_of({{"verb", "ping"}, {"address", "10.8.0.1"}}),
              "refused: the route to 10.8.0.1 (10.8.0.0/16) leads nowhere");
    EXPECT_EQ(error_of({{"verb", "ping"}, {"address", "10.0.0.2"}, {"size", 1473}, {"df", true}}),
              "refused: size 1473 does not fit the MTU 1500 of lan0 with 28 bytes of headers, and "
              "must not be fragmented; give at most 1472, or let it be fragmented");
    EXPECT_EQ(error_of({{"verb", "ping"}, {"address", "10.0.0.2"}, {"source", "10.0.0.7"}}),
              "refused: 10.0.0.7 is no address of this router; give one that `show interfaces` "
              "has, or none");
    EXPECT_EQ(error_of({{"verb", "ping"}, {"address", "10.0.0"}}).substr(0, 11), "bad-request");
    EXPECT_EQ(error_of({{"verb", "ping"}, {"address", "10.0.0.255"}}).substr(0, 7), "refused");
}

TEST_F(RouterTest, views_without_a_dataplane_say_that_it_is_not_there) {
    start_router(yaml());
    settle();
    for (const char* subject :
         {"interfaces", "fib", "next-hops", "neighbors", "workers", "nodes", "drops", "punts"}) {
        const json::object answer = ask({{"verb", "show"}, {"subject", subject}});
        EXPECT_EQ(answer.at("code").as_string(), "unavailable") << subject;
    }
    EXPECT_EQ(ask({{"verb", "ping"}, {"address", "10.0.0.2"}}).at("code").as_string(),
              "unavailable");
    EXPECT_FALSE(show_data("status").at("dataplane").at("connected").as_bool());
    EXPECT_TRUE(show_data("routes").is_array());
}

TEST_F(RouterTest, interfaces_show_model_state_and_counters_together) {
    start(yaml());
    auto& block = dataplane->counters->region().blocks[0];
    block.interfaces[1].rx_packets.add(10);
    block.interfaces[1].in_sent.add(7);
    block.interfaces[1].in_dropped.add(3);
    dataplane->set_link(2, false);
    settle();
    const json::value data = show_data("interfaces");
    const json::array& list = data.as_array();
    ASSERT_EQ(list.size(), 3U);
    EXPECT_EQ(list[0].at("name").as_string(), "lan0");
    EXPECT_EQ(list[0].at("link").as_string(), "up");
    EXPECT_EQ(list[0].at("mac").as_string(), "02:00:00:00:00:01");
    EXPECT_EQ(list[0].at("addresses").as_array()[0].as_string(), "10.0.0.1/24");
    EXPECT_EQ(list[0].at("rx-packets").as_int64(), 10);
    EXPECT_EQ(list[0].at("in-sent").as_int64(), 7);
    EXPECT_EQ(list[0].at("in-dropped").as_int64(), 3);
    EXPECT_EQ(list[1].at("name").as_string(), "lo0");
    EXPECT_EQ(list[1].at("type").as_string(), "loopback");
    EXPECT_EQ(list[1].at("link").as_string(), "up");
    EXPECT_EQ(list[2].at("link").as_string(), "down");
}

TEST_F(RouterTest, the_ledger_is_balanced_when_what_came_in_went_somewhere) {
    start(yaml());
    auto& block = dataplane->counters->region().blocks[0];
    block.received.add(10);
    block.sent.add(6);
    block.punted.add(1);
    block.dropped.add(3);
    const json::value ledger = show_data("status").at("ledger");
    EXPECT_EQ(ledger.at("in-flight").as_int64(), 0);
    EXPECT_TRUE(ledger.at("balanced").as_bool());
}

TEST_F(RouterTest, the_ledger_is_not_balanced_when_packets_vanish_or_multiply) {
    start(yaml());
    const auto ledger = [this] {
        client->send("{\"verb\":\"show\",\"subject\":\"status\"}\n");
        for (int i = 0; i < 10; ++i) {
            advance(50ms);
        }
        return client->answer().at("data").at("ledger");
    };
    auto& block = dataplane->counters->region().blocks[0];
    block.received.add(10);
    block.sent.add(9);
    EXPECT_FALSE(ledger().at("balanced").as_bool());
    // One that waits for its neighbour is not lost.
    api::NeighborRecord neighbor;
    neighbor.held_packets = 1;
    neighbor.state = api::NeighborState::Incomplete;
    dataplane->neighbors.push_back(neighbor);
    EXPECT_TRUE(ledger().at("balanced").as_bool());
    // Nor are fragments that wait for the rest of their datagram.
    block.received.add(2);
    EXPECT_FALSE(ledger().at("balanced").as_bool());
    dataplane->fragments_held = 2;
    EXPECT_TRUE(ledger().at("balanced").as_bool());
    block.sent.add(5);
    EXPECT_FALSE(ledger().at("balanced").as_bool());
    EXPECT_LT(ledger().at("in-flight").as_int64(), 0);
}

TEST_F(RouterTest, punts_are_shown_by_class_in_the_order_in_which_they_are_served) {
    start(yaml());
    auto& region = dataplane->counters->region();
    auto& ospf = region.blocks[0].punts[static_cast<std::size_t>(api::PuntClass::Ospf)];
    ospf.punted.add(7);
    auto& udp = region.blocks[0].punts[static_cast<std::size_t>(api::PuntClass::Udp)];
    udp.policed.add(3);
    udp.ring_full.add(2);
    udp.no_control_plane.add(1);
    const json::value punts = show_data("punts");
    ASSERT_EQ(punts.as_array().size(), api::kPuntClassCount);
    EXPECT_EQ(punts.as_array()[0], json::value({{"class", "ospf"},
                                                {"priority", "routing"},
                                                {"punted", 7},
                                                {"policed", 0},
                                                {"ring-full", 0},
                                                {"no-control-plane", 0}}));
    std::vector<std::string> priorities;
    for (const json::value& row : punts.as_array()) {
        const std::string priority(row.at("priority").as_string());
        if (priorities.empty() || priorities.back() != priority) {
            priorities.push_back(priority);
        }
        if (row.at("class").as_string() == "udp") {
            EXPECT_EQ(row.at("policed").to_number<int>(), 3);
            EXPECT_EQ(row.at("ring-full").to_number<int>(), 2);
            EXPECT_EQ(row.at("no-control-plane").to_number<int>(), 1);
        }
    }
    EXPECT_EQ(priorities, (std::vector<std::string>{"routing", "control", "rest"}));
}

TEST_F(RouterTest, nodes_drops_and_workers_come_from_the_counters) {
    start(yaml());
    auto& region = dataplane->counters->region();
    region.blocks[0].drops[static_cast<std::size_t>(api::DropReason::Ip4NoRoute)].add(4);
    region.blocks[1].drops[static_cast<std::size_t>(api::DropReason::Ip4NoRoute)].add(1);
    constexpr auto kNode = static_cast<std::size_t>(api::NodeId::EthernetInput);
    region.blocks[0].nodes[kNode].packets.add(10);
    region.blocks[0].nodes[kNode].cycles.add(1000);
    region.blocks[0].busy_cycles.add(250);
    region.blocks[0].idle_cycles.add(750);
    region.blocks[0].received.add(3);
    region.blocks[0].handed_in.add(2);
    region.blocks[0].sleeps.add(9);
    region.blocks[0].wakeups.add(4);
    region.blocks[0].burst_sizes[api::burst_bucket(3)].add(1);
    advance(1s);
    const json::value drops = show_data("drops");
    ASSERT_EQ(drops.as_array().size(), 1U);
    EXPECT_EQ(drops.as_array()[0].at("reason").as_string(), "ip4-no-route");
    EXPECT_EQ(drops.as_array()[0].at("packets").as_int64(), 5);
    const json::value nodes = show_data("nodes");
    EXPECT_EQ(nodes.as_array()[kNode].at("node").as_string(), "ethernet-input");
    EXPECT_DOUBLE_EQ(nodes.as_array()[kNode].at("cycles-per-packet").as_double(), 100.0);
    const json::value workers = show_data("workers");
    ASSERT_EQ(workers.as_array().size(), 2U);
    EXPECT_EQ(workers.as_array()[0].at("worker").as_int64(), 0);
    EXPECT_EQ(workers.as_array()[0].at("queues").as_string(), "lan0/0");
    EXPECT_DOUBLE_EQ(workers.as_array()[0].at("busy-ratio").as_double(), 0.25);
    EXPECT_DOUBLE_EQ(workers.as_array()[0].at("cycles-per-packet").as_double(), 50.0);
    EXPECT_EQ(workers.as_array()[0].at("sleeps").as_int64(), 9);
    EXPECT_EQ(workers.as_array()[0].at("wakeups").as_int64(), 4);
    EXPECT_EQ(workers.as_array()[0].at("burst-sizes").at("2-3").as_int64(), 1);
    EXPECT_EQ(workers.as_array()[0].at("burst-sizes").at("128+").as_int64(), 0);
    EXPECT_EQ(workers.as_array()[1].at("worker").as_string(), "owner");
}

TEST_F(RouterTest, the_load_of_a_worker_is_of_the_last_second) {
    start(yaml());
    auto& block = dataplane->counters->region().blocks[0];
    block.busy_cycles.add(1000);
    block.received.add(1);
    advance(1s);
    block.busy_cycles.add(300);
    block.idle_cycles.add(100);
    block.received.add(10);
    advance(1s);
    json::value worker = show_data("workers").as_array()[0];
    EXPECT_DOUBLE_EQ(worker.at("busy-ratio").as_double(), 0.75);
    EXPECT_DOUBLE_EQ(worker.at("cycles-per-packet").as_double(), 30.0);
    block.idle_cycles.add(100);
    advance(1s);
    worker = show_data("workers").as_array()[0];
    EXPECT_DOUBLE_EQ(worker.at("busy-ratio").as_double(), 0.0);
    EXPECT_TRUE(worker.at("cycles-per-packet").is_null());
}

TEST_F(RouterTest, interfaces_that_cannot_be_are_counted_and_ignored) {
    start(yaml());
    const auto before = dataplane->prefixes();
    api::InterfaceRecord record;
    record.type = api::InterfaceType::Port;
    record.interface = 0;
    api::set_bounded_text(record.name, "lan0");
    dataplane->server->emit(api::EventType::InterfaceChanged, record);
    record.interface = 5;
    record.name.fill('\0');
    dataplane->server->emit(api::EventType::InterfaceChanged, record);
    settle();
    EXPECT_EQ(router->counters().bad_interface_records, 2U);
    EXPECT_EQ(dataplane->prefixes(), before);
}

TEST_F(RouterTest, a_dataplane_that_breaks_the_channel_loses_its_session_and_gets_another) {
    start(yaml());
    api::InterfaceRecord record;
    record.type = api::InterfaceType::Port;
    record.interface = 65535;
    dataplane->server->emit(api::EventType::InterfaceChanged, record);
    settle();
    EXPECT_FALSE(router->channel().connected());
    advance(100ms);
    EXPECT_TRUE(router->channel().connected());
    EXPECT_EQ(dataplane->prefixes(), kOwnPrefixes);
    EXPECT_EQ(router->counters().dataplane_restarts, 0U);
}

}  // namespace
}  // namespace godwit::control
