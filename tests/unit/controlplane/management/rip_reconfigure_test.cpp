// Every key of the rip section is changed while RIP runs, one after the other: each is live, and no
// route that it does not concern is missing for a second. The list is held against the schema: a
// key that is not in it fails the test.
//
//   right ── eth0 left eth1 ── other        what is changed concerns eth0, or the whole instance;
//                                           what `other` tells must stay
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "config/diff/diff.hpp"
#include "config/schema/schema.hpp"
#include "tests/unit/controlplane/management/small_rip_router.hpp"

namespace godwit::control {
namespace {

using std::chrono::seconds;
using test::kEth0;
using test::kEth1;
using test::SmallRouter;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// What stands in the section beside the key that changes.
constexpr const char* kPolicies =
    "policy: {policies: {all: {default: accept, terms: []}, none: {default: reject, terms: []}}}\n";

struct Change {
    std::string key;   // by its path in the schema
    std::string eth0;  // the keys of rip.interfaces.eth0
    std::string eth0_then;
    std::string rip;  // the other keys of rip
    std::string rip_then;
};

constexpr const char* kMd5 = "authentication: {md5: {key: {env: GODWIT_TEST_RIP_KEY}}}";
constexpr const char* kChained = "authentication: {key-chain: c}";
// A chain with one key; `key` are further keys of it, `more` of the chain.
std::string chain(const std::string& key, const std::string& more) {
    return "key-chains: {c: {keys: {k: {algorithm: md5, key: {env: GODWIT_TEST_RIP_KEY}" + key +
           "}}" + more + "}}";
}

const std::vector<Change> kChanges{
    {"interfaces.<interface>.cost", "", "cost: 3", "", ""},
    {"interfaces.<interface>.passive", "", "passive: true", "", ""},
    {"interfaces.<interface>.split-horizon", "", "split-horizon: simple", "", ""},
    {"interfaces.<interface>.send", "", "send: compatible", "", ""},
    {"interfaces.<interface>.receive", "", "receive: none", "", ""},
    {"interfaces.<interface>.ttl-security", "", "ttl-security: true", "", ""},
    {"interfaces.<interface>.neighbors.<address>", "", "neighbors: [10.0.0.2]", "", ""},
    {"interfaces.<interface>.max-routes", "", "max-routes: 1", "", ""},
    {"interfaces.<interface>.import", "", "import: none", "", ""},
    {"interfaces.<interface>.export", "export: all", "export: none", "", ""},
    {"interfaces.<interface>.authentication.password.file", "",
     "authentication: {password: {file: /nowhere/key}}", "", ""},
    {"interfaces.<interface>.authentication.password.env", "",
     "authentication: {password: {env: GODWIT_TEST_RIP_KEY}}", "", ""},
    {"interfaces.<interface>.authentication.md5.id", kMd5,
     "authentication: {md5: {id: 9, key: {env: GODWIT_TEST_RIP_KEY}}}", "", ""},
    {"interfaces.<interface>.authentication.md5.key.file", kMd5,
     "authentication: {md5: {key: {file: /nowhere/key}}}", "", ""},
    {"interfaces.<interface>.authentication.md5.key.env", "", kMd5, "", ""},
    {"interfaces.<interface>.authentication.key-chain", kMd5, kChained, chain("", ""),
     chain("", "")},
    {"interfaces.<interface>.authentication.auth-length", kMd5,
     "authentication: {md5: {key: {env: GODWIT_TEST_RIP_KEY}}, auth-length: digest-and-trailer}",
     "", ""},
    {"timers.update", "", "", "", "timers: {update: 10s}"},
    {"timers.timeout", "", "", "", "timers: {timeout: 60s}"},
    {"timers.garbage-collect", "", "", "", "timers: {garbage-collect: 10s}"},
    {"redistribute.<source>.from", "", "", "redistribute: [{from: static}]",
     "redistribute: [{from: connected}]"},
    {"redistribute.<source>.policy", "", "", "redistribute: [{from: static, policy: all}]",
     "redistribute: [{from: static, policy: none}]"},
    {"redistribute.<source>.metric", "", "", "redistribute: [{from: static}]",
     "redistribute: [{from: static, metric: 5}]"},
    {"originate-default", "", "", "", "originate-default: true"},
    {"default-metric", "", "", "redistribute: [{from: static}]",
     "redistribute: [{from: static}], default-metric: 4"},
    {"distance", "", "", "", "distance: 90"},
    {"max-paths", "", "", "", "max-paths: 1"},
    {"max-routes", "", "", "", "max-routes: 1"},
    {"key-chains.<chain>.keys.<key>.id", kChained, kChained, chain("", ""), chain(", id: 4", "")},
    {"key-chains.<chain>.keys.<key>.algorithm", kChained, kChained, chain("", ""),
     "key-chains: {c: {keys: {k: {algorithm: hmac-sha-256, key: {env: GODWIT_TEST_RIP_KEY}}}}}"},
    {"key-chains.<chain>.keys.<key>.key.file", kChained, kChained, chain("", ""),
     "key-chains: {c: {keys: {k: {algorithm: md5, key: {file: /nowhere/key}}}}}"},
    {"key-chains.<chain>.keys.<key>.key.env", kChained, kChained, chain("", ""),
     "key-chains: {c: {keys: {k: {algorithm: md5, key: {env: GODWIT_TEST_OTHER_KEY}}}}}"},
    {"key-chains.<chain>.keys.<key>.send.from", kChained, kChained, chain("", ""),
     chain(", send: {from: 2020-01-01T00:00:00Z}", "")},
    {"key-chains.<chain>.keys.<key>.send.until", kChained, kChained, chain("", ""),
     chain(", send: {until: 2020-01-01T00:00:00Z}", "")},
    {"key-chains.<chain>.keys.<key>.accept.from", kChained, kChained, chain("", ""),
     chain(", accept: {from: 2090-01-01T00:00:00Z}", "")},
    {"key-chains.<chain>.keys.<key>.accept.until", kChained, kChained, chain("", ""),
     chain(", accept: {until: 2020-01-01T00:00:00Z}", "")},
    {"key-chains.<chain>.when-expired", kChained, kChained, chain("", ""),
     chain("", ", when-expired: stop")},
};

// The single keys of the other algorithms are those of md5.
bool is_like_md5(const std::string& key) {
    return key.find("authentication.hmac-sha-") != std::string::npos;
}

void add_keys(const config::Descriptor& descriptor, const std::string& path,
              std::set<std::string>& keys) {
    if (descriptor.children.empty()) {
        keys.insert(path);
    }
    for (const config::Descriptor& child : descriptor.children) {
        add_keys(child, path.empty() ? child.name : path + "." + child.name, keys);
    }
}

std::string text_of(const std::string& eth0, const std::string& rip, bool with_eth0 = true) {
    return std::string(kPolicies) + "rip: {interfaces: {" +
           (with_eth0 ? "eth0: {" + eth0 + "}, " : "") + "eth1: {}}" + (rip.empty() ? "" : ", ") +
           rip + "}\n";
}

class LiveChange {
public:
    LiveChange() {
        ::setenv("GODWIT_TEST_RIP_KEY", "s3cret", 1);
        ::setenv("GODWIT_TEST_OTHER_KEY", "0ther", 1);
        other_.adopt("rip: {interfaces: {eth0: {}, eth1: {passive: true}}}\n");
    }

    // What the change does to the routes that it does not concern; empty: nothing.
    std::string carry_out(const std::string& before, const std::string& right,
                          const std::string& after) {
        left_.adopt(before);
        right_.adopt(right);
        for (int second = 0; second < 40; ++second) {
            pass_a_second();
        }
        if (left_.metric_of("10.0.3.0/24") == 0) {
            return "it was not there before";
        }
        const auto since = left_.rip->events().size();
        left_.adopt(after);
        for (int second = 0; second < 300; ++second) {
            if (left_.metric_of("10.0.3.0/24") == 0) {
                return "it is missing after " + std::to_string(second) + " s";
            }
            if (other_.metric_of("10.0.1.0/24") != 0) {
                return "the neighbour learned what is its own";
            }
            pass_a_second();
        }
        for (std::size_t i = since; i < left_.rip->events().size(); ++i) {
            if (left_.rip->events()[i].text.find("on eth1") != std::string::npos) {
                return left_.rip->events()[i].text;
            }
        }
        return "";
    }

private:
    void pass_a_second() {
        clock_.advance(seconds(1));
        for (int i = 0; i < 10; ++i) {
            while (!left_.sent.empty()) {
                const Outgoing packet = left_.sent.front();
                left_.sent.pop_front();
                (packet.egress == kEth0 ? right_ : other_).arrived(kEth0, packet.packet);
            }
            carry(right_, kEth0);
            carry(other_, kEth1);
        }
    }
    void carry(SmallRouter& from, net::InterfaceId to) {
        while (!from.sent.empty()) {
            const Outgoing packet = from.sent.front();
            from.sent.pop_front();
            if (packet.egress == kEth0) {
                left_.arrived(to, packet.packet);
            }
        }
    }

    VirtualClock clock_;
    SmallRouter left_{clock_, 1};
    SmallRouter right_{clock_, 2};
    SmallRouter other_{clock_, 3, "10.0.1.3/24"};
};

TEST(RipLive, Every_key_of_the_section_is_among_those_that_are_changed_here) {
    std::set<std::string> keys;
    add_keys(*config::schema().child("rip"), "", keys);
    ASSERT_GT(keys.size(), 40U);
    for (const Change& change : kChanges) {
        EXPECT_EQ(keys.erase(change.key), 1U) << change.key << " is no key, or twice here";
    }
    std::erase_if(keys, is_like_md5);
    EXPECT_THAT(keys, IsEmpty()) << "each needs a line in kChanges";
}

TEST(RipLive, A_change_of_any_key_is_live_and_loses_no_route_that_it_does_not_concern) {
    for (const Change& change : kChanges) {
        SCOPED_TRACE(change.key);
        const std::string before = text_of(change.eth0, change.rip);
        const std::string after = text_of(change.eth0_then, change.rip_then);
        const auto changes =
            config::diff(test::model_of(1, "", before), test::model_of(1, "", after));
        ASSERT_FALSE(changes.empty()) << "it changes nothing";
        for (const config::Change& each : changes) {
            EXPECT_EQ(each.cost, config::ChangeCost::Live) << each.path;
            EXPECT_THAT(each.path, StartsWith("rip."));
            EXPECT_FALSE(each.effect.empty()) << each.path;
        }
        LiveChange world;
        EXPECT_EQ(world.carry_out(before, before, after), "");
    }
}

TEST(RipLive, An_interface_that_leaves_or_comes_touches_no_route_of_another) {
    EXPECT_EQ(LiveChange().carry_out(text_of("", ""), text_of("", ""), text_of("", "", false)), "");
    EXPECT_EQ(LiveChange().carry_out(text_of("", "", false), text_of("", ""), text_of("", "")), "");
}

}  // namespace
}  // namespace godwit::control
