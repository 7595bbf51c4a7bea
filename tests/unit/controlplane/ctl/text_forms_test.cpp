// JSON and YAML forms of an answer: the same value, whatever strings are in it.
#include "controlplane/ctl/text_forms.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace godwit::ctl {
namespace {

namespace json = boost::json;

TEST(PrettyJson, reads_back_as_the_same_value) {
    const json::value value = json::parse(
        R"([{"name":"lan0","addresses":["10.0.0.1/24"],"rx-packets":18446744073709551615,)"
        R"("nested":{"empty":{},"none":null},"list":[{"a":1},{"b":[]}]}])");
    EXPECT_EQ(json::parse(pretty_json(value)), value);
}

TEST(PrettyJson, keeps_a_list_of_words_on_one_line) {
    EXPECT_EQ(pretty_json(json::parse(R"({"addresses":["10.0.0.1/24","10.0.1.1/24"]})")),
              "{\n  \"addresses\": [\"10.0.0.1/24\",\"10.0.1.1/24\"]\n}\n");
}

TEST(Yaml, writes_objects_lists_and_lists_of_objects) {
    const json::value value = json::parse(
        R"([{"prefix":"10.0.0.0/24","next-hops":[{"kind":"glean"},{"via":"10.0.0.2"}]},)"
        R"({"prefix":"0.0.0.0/0","next-hops":[]}])");
    EXPECT_EQ(yaml(value),
              "- prefix: 10.0.0.0/24\n"
              "  next-hops:\n"
              "    - kind: glean\n"
              "    - via: 10.0.0.2\n"
              "- prefix: 0.0.0.0/0\n"
              "  next-hops: []\n");
}

TEST(Yaml, quotes_what_would_be_read_as_something_else) {
    for (const char* text :
         {"", "no", "Yes", "null", "1.5", "1e5", "0x10", "10", "10:20", "a: b", "- a", "a #b",
          "'x'", "2026-01-01", "trailing ", "~", "a\nb", "02:00:00:00:00:01", "1.2.3.4e5"}) {
        const json::value value(text);
        EXPECT_EQ(yaml(value), json::serialize(value) + "\n") << text;
    }
}

TEST(Yaml, leaves_plain_what_is_plain) {
    for (const char* text : {"lan0", "lan0.20", "10.0.0.1", "10.0.0.0/8", "net_tap0", "on link"}) {
        EXPECT_EQ(yaml(json::value(text)), std::string(text) + "\n");
    }
}

}  // namespace
}  // namespace godwit::ctl
