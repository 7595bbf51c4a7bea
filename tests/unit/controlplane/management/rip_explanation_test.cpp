// `explain route` where RIP is spoken: from a neighbour's packet to the answer with each term of
// the policies of the interfaces.
#include "controlplane/management/rip_explanation.hpp"

#include <gmock/gmock.h>

#include <string>

#include "controlplane/rip/packet/message.hpp"
#include "tests/unit/controlplane/host/host_packets.hpp"
#include "tests/unit/controlplane/management/router_fixture.hpp"

namespace godwit::control {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

constexpr const char* kPoliced =
    "policy:\n"
    "  policies:\n"
    "    in:\n"
    "      terms:\n"
    "        - {name: secret, match: {tag: 666}, then: reject}\n"
    "        - {name: near, match: {metric: {max: 4}}, set: {add-metric: 1}, then: accept}\n"
    "    out:\n"
    "      default: accept\n"
    "      terms: [{name: kept, match: {interface: lan0}, set: {tag: 7}, then: next}]\n"
    "rip: {interfaces: {lan0: {import: in}, wan0: {export: out}}}\n";

class RipExplanationTest : public test::RouterFixture {
protected:
    // RIP has just begun, so that the first synchronisation still waits for its routes.
    void start_policed() {
        const std::string text = yaml("", "10.0.0.1/24", kPoliced);
        start_dataplane(text);
        start_router(text);
        settle();
    }
    // 10.0.0.9, a neighbour on lan0, tells a route.
    void hear(const char* prefix, std::uint32_t metric, std::uint16_t tag) {
        const auto told = net::Ipv4Prefix::parse(prefix).value();
        const auto message = rip::encode(
            {rip::Command::Response,
             2,
             {{rip::kFamilyIpv4, tag, told.address(), net::Ipv4Address(told.mask()), {}, metric}}});
        const test::Way way{{10, 0, 0, 9}, rip::kAllRouters, 1};
        net::UdpHeader header{rip::kPort, rip::kPort, static_cast<std::uint16_t>(message.size())};
        std::vector<std::uint8_t> datagram(net::kUdpHeaderBytes + message.size());
        net::ByteWriter writer(datagram);
        header.encode_datagram(writer, way.from, way.to, message);
        ASSERT_TRUE(dataplane->punt(test::packet(way, net::IpProtocol::Udp, datagram),
                                    api::PuntClass::Rip));
        settle();
    }
    json::object explain(const char* prefix) {
        return ask({{"verb", "explain"}, {"subject", "route"}, {"prefix", prefix}});
    }
    json::value rip_of(const char* prefix) {
        const json::object answer = explain(prefix);
        EXPECT_TRUE(answer.at("ok").as_bool()) << json::serialize(answer);
        return answer.contains("data") ? answer.at("data").at("rip") : json::value();
    }
    static json::value exported(const json::value& rip, const char* interface) {
        for (const json::value& one : rip.at("exports").as_array()) {
            if (one.at("interface") == interface) {
                return one;
            }
        }
        ADD_FAILURE() << interface << " in " << json::serialize(rip);
        return nullptr;
    }
};

TEST_F(RipExplanationTest, tells_each_term_of_an_import_and_of_an_export_policy) {
    start_policed();
    hear("10.9.0.0/16", 3, 5);
    const json::object answer = explain("10.9.0.0/16");
    ASSERT_TRUE(answer.at("ok").as_bool()) << json::serialize(answer);
    EXPECT_EQ(answer.at("data").at("candidates").at(0).at("source"), "rip");
    const json::value& rip = answer.at("data").at("rip");
    ASSERT_EQ(rip.at("imports").as_array().size(), 1U);
    const json::value& imported = rip.at("imports").at(0);
    EXPECT_EQ(imported.at("neighbor"), "10.0.0.9");
    EXPECT_EQ(imported.at("interface"), "lan0");
    EXPECT_EQ(imported.at("state"), "in-use");
    EXPECT_EQ(imported.at("via"), "10.0.0.9");
    EXPECT_EQ(imported.at("told-metric"), 3);
    EXPECT_EQ(imported.at("told-tag"), 5);
    EXPECT_EQ(imported.at("cost"), 1);
    EXPECT_EQ(imported.at("metric"), 5);
    EXPECT_EQ(imported.at("policy").at("name"), "in");
    EXPECT_TRUE(imported.at("policy").at("accepted").as_bool());
    const json::array& steps = imported.at("policy").at("steps").as_array();
    ASSERT_EQ(steps.size(), 2U);
    EXPECT_FALSE(steps[0].at("applies").as_bool());
    EXPECT_EQ(steps[1].at("term"), "near");
    EXPECT_EQ(steps[1].at("changes").at(0), "metric + 1");

    const json::value out = exported(rip, "wan0");
    EXPECT_EQ(out.at("to"), "224.0.0.9");
    EXPECT_TRUE(out.at("told").as_bool());
    EXPECT_TRUE(out.at("reason").is_null());
    EXPECT_EQ(out.at("prefix"), "10.9.0.0/16");
    EXPECT_EQ(out.at("metric"), 5);
    EXPECT_EQ(out.at("tag"), 7);
    EXPECT_TRUE(out.at("via").is_null());
    EXPECT_EQ(out.at("policy").at("steps").at(0).at("term"), "kept");
    EXPECT_TRUE(out.at("policy").at("steps").at(0).at("applies").as_bool());
    const json::value back = exported(rip, "lan0");
    EXPECT_EQ(back.at("metric"), 16);
    EXPECT_EQ(back.at("reason"), "it was learned there, so it is told as unreachable");
    EXPECT_EQ(back.at("policy").at("rule"), "no policy is configured here, so every route passes");
}

TEST_F(RipExplanationTest, of_a_route_that_no_source_has_tells_by_which_term_it_was_refused) {
    start_policed();
    EXPECT_EQ(explain("10.9.0.0/16").at("code"), "failed");
    hear("10.9.0.0/16", 3, 666);
    const json::object answer = explain("10.9.0.0/16");
    ASSERT_TRUE(answer.at("ok").as_bool()) << json::serialize(answer);
    const json::value& data = answer.at("data");
    EXPECT_TRUE(data.at("candidates").as_array().empty());
    EXPECT_TRUE(data.at("announcements").as_array().empty());
    EXPECT_TRUE(data.at("rip").at("exports").as_array().empty());
    const json::value& imported = data.at("rip").at("imports").at(0);
    EXPECT_EQ(imported.at("state"), "refused");
    EXPECT_FALSE(imported.as_object().contains("metric"));
    EXPECT_FALSE(imported.at("policy").at("accepted").as_bool());
    EXPECT_EQ(imported.at("policy").at("steps").at(0).at("term"), "secret");
    EXPECT_EQ(imported.at("policy").at("steps").at(0).at("then"), "reject");
    const json::value shown = show_data("rip");
    EXPECT_EQ(shown.at("refused-routes"), 1);
    EXPECT_EQ(shown.at("refused-over-limit"), 0);
}

TEST_F(RipExplanationTest,
       of_an_address_that_no_route_leads_to_is_of_the_longest_that_was_refused) {
    start_policed();
    const auto explain_address = [this](const char* address) {
        return ask({{"verb", "explain"}, {"subject", "route"}, {"address", address}});
    };
    hear("10.8.0.0/14", 3, 666);
    hear("10.9.0.0/16", 3, 666);
    EXPECT_EQ(explain_address("10.9.1.1").at("data").at("prefix"), "10.9.0.0/16");
    EXPECT_EQ(explain_address("10.8.1.1").at("data").at("prefix"), "10.8.0.0/14");
    const json::object none = explain_address("10.12.0.1");
    EXPECT_EQ(none.at("code"), "failed");
    EXPECT_EQ(none.at("errors").at(0), "no route leads to 10.12.0.1");
}

TEST_F(RipExplanationTest, of_a_route_that_is_being_deleted_tells_that_it_is) {
    start_policed();
    hear("10.9.0.0/16", 3, 5);
    hear("10.9.0.0/16", 16, 5);
    const json::value rip = rip_of("10.9.0.0/16");
    EXPECT_TRUE(rip.at("imports").as_array().empty());
    EXPECT_EQ(exported(rip, "wan0").at("metric"), 16);
    EXPECT_EQ(exported(rip, "wan0").at("reason"),
              "it is there no more, and told as unreachable until it is forgotten");
}

TEST_F(RipExplanationTest, moves_no_counter_of_a_policy) {
    start_policed();
    hear("10.9.0.0/16", 3, 5);
    hear("10.8.0.0/16", 3, 666);
    advance(10s);
    const std::string before = json::serialize(show_data("policy"));
    rip_of("10.9.0.0/16");
    rip_of("10.8.0.0/16");
    EXPECT_EQ(json::serialize(show_data("policy")), before);
}

TEST_F(RipExplanationTest, is_null_where_rip_does_not_run) {
    start(yaml());
    EXPECT_TRUE(rip_of("10.0.0.0/24").is_null());
}

}  // namespace
}  // namespace godwit::control
