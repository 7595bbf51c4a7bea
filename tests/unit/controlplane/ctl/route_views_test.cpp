// Policies, explanations and events as a person reads them.
#include "controlplane/ctl/route_views.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "controlplane/ctl/event_text.hpp"

namespace godwit::ctl {
namespace {

namespace json = boost::json;

TEST(PolicyTable, has_a_row_for_each_term_and_the_default_last) {
    EXPECT_EQ(policy_table(json::parse(R"([
        {"policy": "out", "default": "reject", "by-default": 12, "terms": [
            {"term": "secret", "then": "reject", "routes": 1},
            {"term": "ours", "then": "accept", "routes": 1234}]},
        {"policy": "empty", "default": "accept", "by-default": 0, "terms": []}])")),
              "POLICY  TERM       THEN    ROUTES\n"
              "out     secret     reject       1\n"
              "        ours       accept   1,234\n"
              "        (default)  reject      12\n"
              "empty   (default)  accept       0\n");
}

TEST(Explanation, tells_the_candidates_the_way_and_the_steps_of_each_policy) {
    EXPECT_EQ(
        explanation_text(json::parse(R"({
        "prefix": "10.50.0.0/16",
        "candidates": [
            {"source": "static", "distance": 1, "metric": 0, "tag": 100, "selected": true,
             "installed": "yes", "verdict": "the best", "next-hops": [
                {"kind": "gateway", "via": "10.9.0.1", "interface": "lan0", "problem": null}]},
            {"source": "rip", "distance": 120, "metric": 3, "tag": 0, "selected": false,
             "verdict": "its distance 120 is above the 1 of the best one", "next-hops": [
                {"kind": "gateway", "via": "10.0.0.7", "interface": "lan1",
                 "problem": "the interface is down"}]}],
        "resolution": [{"next-hop": "10.9.0.1", "through": "10.9.0.0/16", "source": "static"}],
        "announcements": [
            {"to": "rip", "handed-over": true, "reason": null, "metric": 5, "metric-set": true,
             "tag": 100, "policy": {"name": "out", "rule": null, "steps": [
                {"term": "secret", "applies": false, "conditions": ["tag 666"], "changes": [],
                 "then": null},
                {"term": "lab", "applies": true, "conditions": ["source static", "tag 100"],
                 "changes": ["metric 5"], "then": "accept"}]}},
            {"to": "ospf", "handed-over": false, "reason": "it takes no static routes",
             "policy": null}]})")),
        "10.50.0.0/16\n"
        "  best static, distance 1, metric 0, tag 100: the best\n"
        "         via 10.9.0.1 lan0\n"
        "         installed: yes\n"
        "     - rip, distance 120, metric 3: its distance 120 is above the 1 of the best one\n"
        "         via 10.0.0.7 lan1: the interface is down\n"
        "  10.9.0.1 is reached through 10.9.0.0/16 (static)\n"
        "  to rip: handed over, metric 5, tag 100\n"
        "    policy out\n"
        "    term secret: does not apply (tag 666)\n"
        "    term lab: applies (source static, tag 100), metric 5: accept\n"
        "  to ospf: not handed over: it takes no static routes\n");
}

TEST(Explanation, tells_what_rip_was_told_and_tells_and_the_steps_between) {
    EXPECT_EQ(
        explanation_text(json::parse(R"({
        "prefix": "10.9.0.0/16", "candidates": [], "resolution": [], "announcements": [],
        "rip": {
            "imports": [
                {"neighbor": "10.0.0.9", "interface": "lan0", "state": "in-use",
                 "via": "10.0.0.9", "told-metric": 3, "told-tag": 5, "cost": 1,
                 "heard-seconds": 12, "metric": 5, "tag": 6, "policy": {
                    "name": "in", "rule": null, "steps": [
                        {"term": "near", "applies": true, "conditions": ["metric at most 4"],
                         "changes": ["metric + 1"], "then": "accept"}]}},
                {"neighbor": "10.0.0.8", "interface": "lan0", "state": "refused",
                 "via": "10.0.0.4", "told-metric": 2, "told-tag": 666, "cost": 1,
                 "heard-seconds": 3, "policy": {"name": "in", "rule": null, "steps": [
                    {"term": "secret", "applies": true, "conditions": ["tag 666"],
                     "changes": [], "then": "reject"}]}}],
            "exports": [
                {"interface": "lan0", "to": "224.0.0.9", "told": true,
                 "reason": "it was learned there, so it is told as unreachable",
                 "prefix": "10.9.0.0/16", "metric": 16, "tag": 6, "via": null,
                 "policy": {"name": null, "steps": [],
                            "rule": "no policy is configured here, so every route passes"}},
                {"interface": "lan1", "to": "10.1.0.7", "told": true, "reason": null,
                 "prefix": "10.0.0.0/8", "metric": 5, "tag": 0, "via": "10.1.0.5",
                 "policy": null},
                {"interface": "lan2", "to": null, "told": false,
                 "reason": "the interface is passive", "policy": null}]}})")),
        "10.9.0.0/16\n"
        "  rip import from 10.0.0.9 on lan0: in use, metric 5, tag 6; told 12 s ago as metric "
        "3, tag 5; cost 1\n"
        "    policy in\n"
        "    term near: applies (metric at most 4), metric + 1: accept\n"
        "  rip import from 10.0.0.8 on lan0: refused; told 3 s ago as metric 2, tag 666, via "
        "10.0.0.4\n"
        "    policy in\n"
        "    term secret: applies (tag 666): reject\n"
        "  rip export to 224.0.0.9 on lan0: told, metric 16, tag 6: it was learned there, so it is "
        "told as unreachable\n"
        "    no policy is configured here, so every route passes\n"
        "  rip export to 10.1.0.7 on lan1: told as 10.0.0.0/8, metric 5, via 10.1.0.5\n"
        "  rip export on lan2: not told: the interface is passive\n");
    EXPECT_EQ(explanation_text(json::parse(R"({
        "prefix": "10.9.0.0/16", "candidates": [], "resolution": [], "announcements": [],
        "rip": {"imports": [], "exports": []}})")),
              "10.9.0.0/16\n");
}

TEST(EventText, says_when_what_about_and_how_bad) {
    EXPECT_EQ(events_text(json::parse(R"([
        {"time": 0, "topic": "routes", "level": "warning", "event": "it is full"},
        {"time": 1, "event": "rip runs on 2 interfaces"}])")),
              "1970-01-01T00:00:00Z  routes      warning  it is full\n"
              "1970-01-01T00:00:01Z  rip runs on 2 interfaces\n");
    EXPECT_EQ(events_text(json::parse("[]")), "nothing has happened\n");
}

}  // namespace
}  // namespace godwit::ctl
