// The schema against what is made of it: the model, the reference, the JSON Schema.
#include "config/schema/schema.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "config/check/suggest.hpp"
#include "config/load/scalar.hpp"
#include "config/model/binding.hpp"
#include "tests/unit/config/test_files.hpp"

namespace godwit::config {
namespace {

// A model in which every key of the schema is used.
const char* const kEveryKey =
    "version: 1\n"
    "system: {hostname: a, router-id: 192.0.2.1, log: {level: trace}}\n"
    "workers: {main-core: 2, cores: [1], memory: 1GiB, hugepages: off, idle: poll}\n"
    "interfaces:\n"
    "  card: {pci: \"0000:01:00.0\"}\n"
    "  port: {vdev: net_tap0, args: {iface: x}, description: d, enabled: false, mtu: 1400,\n"
    "         mac: 02:00:00:00:00:01, rx-queues: 3, rx-descriptors: 128, tx-descriptors: 256,\n"
    "         promiscuous: true, addresses: [10.0.0.1/24], conflict-detection: probe,\n"
    "         proxy-arp: true, max-neighbors: 9, rarp: {02:00:00:00:00:07: 10.0.0.7},\n"
    "         source-validation: strict, source-route: true, directed-broadcast: true,\n"
    "         redirects: false}\n"
    "  vlan: {parent: port, vlan: 9, mtu: 1300}\n"
    "  lan: {vdev: net_null1, addresses: [10.7.0.1/24]}\n"
    "  lo0: {loopback: true}\n"
    "  lo1: {loopback: true}\n"
    "  lo2: {loopback: true}\n"
    "  lo3: {loopback: true}\n"
    "  lo4: {loopback: true}\n"
    "  lo5: {loopback: true}\n"
    "  lo6: {loopback: true}\n"
    "  lo7: {loopback: true}\n"
    "  lo8: {loopback: true}\n"
    "  lo9: {loopback: true}\n"
    "  lo10: {loopback: true}\n"
    "  lo11: {loopback: true}\n"
    "ipv4: {icmp: {errors-per-second: 5, interface-information: true},\n"
    "       reassembly: {datagrams: 6, datagrams-per-interface: 2}}\n"
    "static:\n"
    "  routes:\n"
    "    10.1.0.0/16: {via: 10.0.0.2, interface: port, distance: 7, tag: 9}\n"
    "    10.2.0.0/16: {blackhole: true}\n"
    "  neighbors: {10.0.0.9: {interface: port, mac: 02:00:00:00:00:02}}\n"
    "rip:\n"
    "  interfaces:\n"
    "    port: {cost: 2, passive: true, split-horizon: off, send: broadcast, receive: none,\n"
    "           ttl-security: true, neighbors: [10.0.0.3], max-routes: 5, import: p, export: p,\n"
    "           authentication: {key-chain: k, auth-length: digest-and-trailer}}\n"
    "    lo0: {passive: true, authentication: {password: {file: /p}}}\n"
    "    lo11: {passive: true, authentication: {password: {env: P}}}\n"
    "    lo1: {passive: true, authentication: {md5: {id: 7, key: {file: /k}}}}\n"
    "    lo2: {passive: true, authentication: {md5: {id: 7, key: {env: K}}}}\n"
    "    lo3: {passive: true, authentication: {hmac-sha-1: {id: 7, key: {file: /k}}}}\n"
    "    lo4: {passive: true, authentication: {hmac-sha-1: {id: 7, key: {env: K}}}}\n"
    "    lo5: {passive: true, authentication: {hmac-sha-256: {id: 7, key: {file: /k}}}}\n"
    "    lo6: {passive: true, authentication: {hmac-sha-256: {id: 7, key: {env: K}}}}\n"
    "    lo7: {passive: true, authentication: {hmac-sha-384: {id: 7, key: {file: /k}}}}\n"
    "    lo8: {passive: true, authentication: {hmac-sha-384: {id: 7, key: {env: K}}}}\n"
    "    lo9: {passive: true, authentication: {hmac-sha-512: {id: 7, key: {file: /k}}}}\n"
    "    lo10: {passive: true, authentication: {hmac-sha-512: {id: 7, key: {env: K}}}}\n"
    "  timers: {update: 10s, timeout: 61s, garbage-collect: 41s}\n"
    "  redistribute: [{from: static, metric: 3}]\n"
    "  originate-default: true\n"
    "  default-metric: 2\n"
    "  distance: 119\n"
    "  max-paths: 2\n"
    "  max-routes: 77\n"
    "  key-chains:\n"
    "    k:\n"
    "      keys:\n"
    "        a: {id: 1, algorithm: md5, key: {file: /a}, send: {until: 2026-12-01T00:00:00Z},\n"
    "            accept: {until: 2026-12-02T00:00:00Z}}\n"
    "        b: {id: 2, algorithm: hmac-sha-1, key: {env: B}, send: {from: 2026-11-30T00:00:00Z},\n"
    "            accept: {from: 2026-11-29T00:00:00Z}}\n"
    "      when-expired: stop\n"
    "policy:\n"
    "  prefix-sets: {a: [\"10.0.0.0/8 le 24\"], b: []}\n"
    "  policies:\n"
    "    p:\n"
    "      default: accept\n"
    "      terms:\n"
    "      - {name: a, then: next, set: {metric: 7, tag: 8, distance: 9, next-hop: 10.0.0.2},\n"
    "         match: {prefix-set: a, prefix: 10.0.0.0/8, prefix-length: {min: 8, max: 9},\n"
    "                 source: [static, rip], tag: 1, metric: {min: 2, max: 3}, interface: port,\n"
    "                 next-hop: 10.0.0.2, next-hop-set: [a, b]}}\n"
    "      - {name: b, set: {add-metric: 1}, then: next}\n"
    "      - {name: c, set: {subtract-metric: 1}, then: accept}\n"
    "nat:\n"
    "  source:\n"
    "  - {name: a, out-interface: port, from: 10.0.0.0/16, exclude: [10.9.0.0/16],\n"
    "     to: [192.0.2.1, 192.0.2.8-192.0.2.9], ports: 2000-3000,\n"
    "     port-block: {size: 64, per-subscriber: 2}}\n"
    "  - {name: b, out-interface: port, from: 10.1.0.0/28, to: 192.0.2.16/30,\n"
    "     deterministic: true, filtering: address-and-port-dependent,\n"
    "     limits: {ports: 9, sessions: 99, sessions-per-second: 5}, at-limit: refuse}\n"
    "  - {name: c, out-interface: vlan, to: 192.0.2.20}\n"
    "  static: [{name: d, out-interface: port, inside: 10.0.1.0/30, outside: 192.0.2.24/30}]\n"
    "  destination:\n"
    "  - {name: e, in-interface: port, protocol: tcp-udp, port: 80-81, to: \"10.0.0.9:8080\"}\n"
    "  - {name: f, address: 192.0.2.30, protocol: udp, port: 53, to: 10.0.0.9,\n"
    "     at-limit: end-transitory}\n"
    "  alg: {ftp: true}\n"
    "  quarantine-ports: 1000\n"
    "  filtering: address-dependent\n"
    "  limits: {ports: 1, sessions: 2, sessions-per-second: 3}\n"
    "  timeouts: {tcp-established: 3h, tcp-transitory: 5m, tcp-opening: 31s, tcp-closing: 241s,\n"
    "             udp: 121s, icmp: 61s, port-quarantine: 0s, syn-hold: 7s}\n"
    "  max-sessions: 2048\n"
    "  at-limit: refuse\n"
    "  unsolicited-syn: drop\n"
    "  inbound-refresh: true\n"
    "  pcp: {interfaces: [lan], min-lifetime: 61s, max-lifetime: 2d, mappings-per-subscriber: 9}\n"
    "  log: {events: sessions, rate: 7, file-size: 2MiB, files: 3}\n"
    "management: {control-socket: /tmp/x.sock}\n"
    "telemetry: {prometheus: {listen: [port:9111, 0.0.0.0:9112]}}\n";

void collect_schema_keys(const Descriptor& descriptor, const std::string& path,
                         std::vector<std::string>& keys) {
    if (descriptor.type == Type::Section || descriptor.type == Type::NamedMap ||
        descriptor.type == Type::NamedList) {
        for (const Descriptor& child : descriptor.children) {
            collect_schema_keys(child, path + "/" + child.name, keys);
        }
    } else {
        keys.push_back(path);
    }
}

void collect_value_keys(const Value& value, const Descriptor& descriptor, const std::string& path,
                        std::vector<std::string>& keys) {
    if (descriptor.type == Type::NamedList) {
        const Descriptor& item = descriptor.children.front();
        for (const Value& one : value.list()) {
            collect_value_keys(one, item, path + "/" + item.name, keys);
        }
        return;
    }
    if (descriptor.type != Type::Section && descriptor.type != Type::NamedMap) {
        keys.push_back(path);
        return;
    }
    for (const Entry& entry : value.map()) {
        const Descriptor* child = descriptor.child(entry.key);
        ASSERT_NE(child, nullptr) << path << " has no key " << entry.key << " in the schema";
        collect_value_keys(entry.value, *child, path + "/" + child->name, keys);
    }
}

TEST(Schema, has_a_place_in_the_model_for_every_key_and_no_other) {
    std::vector<std::string> in_schema;
    std::vector<std::string> in_model;
    collect_schema_keys(schema(), "", in_schema);
    collect_value_keys(to_value(test::model_of(kEveryKey)), schema(), "", in_model);
    std::sort(in_model.begin(), in_model.end());
    in_model.erase(std::unique(in_model.begin(), in_model.end()), in_model.end());
    EXPECT_THAT(in_model, testing::UnorderedElementsAreArray(in_schema));
}

// rfc1812: 4.3.2.8/c, 10.3.2.3/c
TEST(Schema, keeps_every_key_on_the_way_to_the_model_and_back) {
    const Model model = test::model_of(kEveryKey);
    EXPECT_EQ(from_value(to_value(model)), model);
    EXPECT_EQ(from_value(to_value(Model())), Model());
}

void check_words(const Descriptor& descriptor, const std::string& path) {
    if (descriptor.default_text) {
        EXPECT_TRUE(default_of(descriptor)) << path << ": its default is not a value of it";
    }
    EXPECT_FALSE(descriptor.doc.empty()) << path << " has no documentation";
    const bool is_group = descriptor.type == Type::Section || descriptor.type == Type::NamedMap;
    if (!is_group) {
        EXPECT_FALSE(descriptor.example.empty()) << path << " has no example";
    }
    for (const std::vector<std::string>* names :
         {&descriptor.rules.exactly_one_of, &descriptor.rules.at_least_one_of}) {
        for (const std::string& name : *names) {
            EXPECT_NE(descriptor.child(name), nullptr) << path << " has a rule about " << name;
        }
    }
    for (const Descriptor& child : descriptor.children) {
        for (const auto* names : {&child.only_with, &child.needs, &child.excludes}) {
            for (const std::string& name : *names) {
                EXPECT_NE(descriptor.child(name), nullptr) << path << " has a rule about " << name;
            }
        }
        const std::string child_path = path + "/" + child.name;
        const bool is_key = descriptor.type == Type::Section;
        if (is_key && !is_group && child.type != Type::Section && child.type != Type::NamedMap) {
            EXPECT_FALSE(child.effects.changed.empty()) << child_path << " has no effect";
        }
        check_words(child, child_path);
    }
}

TEST(Schema, has_a_doc_an_example_and_a_good_default_everywhere) {
    check_words(schema(), "");
}

TEST(Reference, is_docs_configuration_md) {
    const auto file = test::source_root() / "docs/configuration.md";
    EXPECT_EQ(test::read_text(file), configuration_reference())
        << "The schema has changed; write the reference anew:\n"
        << "  build/config/config-reference > docs/configuration.md";
}

TEST(JsonSchema, is_json_and_names_every_section) {
    boost::system::error_code error;
    const boost::json::value json = boost::json::parse(json_schema(), error);
    ASSERT_FALSE(error) << error.message();
    EXPECT_EQ(json.at("$schema").as_string(), "https://json-schema.org/draft/2020-12/schema");
    for (const Descriptor& section : schema().children) {
        EXPECT_TRUE(json.at("properties").as_object().contains(section.name)) << section.name;
    }
    EXPECT_FALSE(json.at("additionalProperties").as_bool());
    EXPECT_EQ(json.at("properties").at("workers").at("properties").at("memory").at("default"),
              "512MiB");
}

TEST(NearestWord, finds_a_slip_of_the_fingers) {
    const std::vector<std::string> words = {"mtu", "vdev", "addresses", "rx-queues",
                                            "rx-descriptors"};
    EXPECT_EQ(nearest_word("adresses", words), "addresses");
    EXPECT_EQ(nearest_word("vedv", words), "vdev");
    EXPECT_EQ(nearest_word("rx_queues", words), "rx-queues");
    EXPECT_EQ(nearest_word("MTU", words), "mtu");
}

TEST(NearestWord, keeps_silent_when_nothing_is_near) {
    const std::vector<std::string> words = {"mtu", "vdev"};
    EXPECT_EQ(nearest_word("dns", words), "");
    EXPECT_EQ(nearest_word("", words), "");
    EXPECT_EQ(nearest_word("x", words), "");
    EXPECT_EQ(nearest_word(std::string(1'000'000, 'm'), words), "");
}

}  // namespace
}  // namespace godwit::config
