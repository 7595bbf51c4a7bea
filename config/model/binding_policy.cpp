#include "config/model/binding_policy.hpp"

#include <limits>
#include <utility>

namespace godwit::config {

namespace {

template <class Item>
std::vector<Item> parsed_list(const Reader& from, std::string_view key) {
    std::vector<Item> items;
    for (const Value& value : from.list(key)) {
        if (const auto* text = Reader::get<std::string>(&value)) {
            if (const auto item = Item::parse(*text)) {
                items.push_back(*item);
            }
        }
    }
    return items;
}

std::vector<std::string> words(const Reader& from, std::string_view key) {
    std::vector<std::string> items;
    for (const Value& value : from.list(key)) {
        if (const auto* text = Reader::get<std::string>(&value)) {
            items.push_back(*text);
        }
    }
    return items;
}

template <class Number>
void optional_number(const Reader& from, std::string_view key, std::optional<Number>& field) {
    if (const auto* value = Reader::get<std::uint64_t>(from.find(key))) {
        field = static_cast<Number>(*value);
    }
}

void range(const Reader& from, std::string_view key, std::optional<NumberRange>& field) {
    if (from.find(key) == nullptr) {
        return;
    }
    field.emplace();
    from.section(key).number("min", field->least);
    from.section(key).number("max", field->most);
}

PolicyMatch read_match(const Reader& from) {
    PolicyMatch match;
    match.prefix_sets = words(from, "prefix-set");
    match.prefixes = parsed_list<net::Ipv4PrefixRange>(from, "prefix");
    range(from, "prefix-length", match.prefix_length);
    for (const std::string& word : words(from, "source")) {
        for (std::size_t i = 0; i < kRouteOriginWords.size(); ++i) {
            if (kRouteOriginWords[i] == word) {
                match.sources.push_back(static_cast<RouteOrigin>(i));
            }
        }
    }
    for (const Value& tag : from.list("tag")) {
        if (const auto* number = Reader::get<std::uint64_t>(&tag)) {
            match.tags.push_back(static_cast<std::uint32_t>(*number));
        }
    }
    range(from, "metric", match.metric);
    match.interfaces = words(from, "interface");
    match.next_hops = parsed_list<net::Ipv4Address>(from, "next-hop");
    match.next_hop_sets = words(from, "next-hop-set");
    return match;
}

PolicySet read_set(const Reader& from) {
    PolicySet set;
    optional_number(from, "metric", set.metric);
    optional_number(from, "add-metric", set.add_metric);
    optional_number(from, "subtract-metric", set.subtract_metric);
    optional_number(from, "tag", set.tag);
    optional_number(from, "distance", set.distance);
    from.parsed<net::Ipv4Address>("next-hop", set.next_hop);
    return set;
}

RoutePolicy read_route_policy(const Reader& from) {
    RoutePolicy policy;
    from.choice("default", kPolicyActionWords, policy.otherwise);
    for (const Value& item : from.list("terms")) {
        const Reader term_from(&item);
        PolicyTerm term;
        term_from.text("name", term.name);
        term.match = read_match(term_from.section("match"));
        term.set = read_set(term_from.section("set"));
        term_from.choice("then", kPolicyActionWords, term.then);
        policy.terms.push_back(std::move(term));
    }
    return policy;
}

// ---- writing; what is not there is not written

void add_list(Value& to, std::string_view key, Value::List list) {
    if (!list.empty()) {
        to.add(std::string(key), std::move(list));
    }
}

template <class Items>
Value::List texts(const Items& items) {
    Value::List list;
    for (const auto& item : items) {
        list.emplace_back(item.to_string());
    }
    return list;
}

Value::List texts(const std::vector<std::string>& items) {
    Value::List list;
    for (const std::string& item : items) {
        list.emplace_back(item);
    }
    return list;
}

void add_range(Value& to, std::string_view key, const std::optional<NumberRange>& range) {
    if (!range) {
        return;
    }
    const NumberRange all;
    Value written;
    if (range->least != all.least) {
        written.add("min", number_value(range->least));
    }
    if (range->most != all.most) {
        written.add("max", number_value(range->most));
    }
    to.add(std::string(key), std::move(written));
}

template <class Number>
void add_number(Value& to, std::string_view key, const std::optional<Number>& number) {
    if (number) {
        to.add(std::string(key), number_value(*number));
    }
}

Value write_match(const PolicyMatch& match) {
    Value to;
    add_list(to, "prefix-set", texts(match.prefix_sets));
    add_list(to, "prefix", texts(match.prefixes));
    add_range(to, "prefix-length", match.prefix_length);
    Value::List sources;
    for (const RouteOrigin source : match.sources) {
        sources.push_back(word_of(source, kRouteOriginWords));
    }
    add_list(to, "source", std::move(sources));
    Value::List tags;
    for (const std::uint32_t tag : match.tags) {
        tags.push_back(number_value(tag));
    }
    add_list(to, "tag", std::move(tags));
    add_range(to, "metric", match.metric);
    add_list(to, "interface", texts(match.interfaces));
    add_list(to, "next-hop", texts(match.next_hops));
    add_list(to, "next-hop-set", texts(match.next_hop_sets));
    return to;
}

Value write_set(const PolicySet& set) {
    Value to;
    add_number(to, "metric", set.metric);
    add_number(to, "add-metric", set.add_metric);
    add_number(to, "subtract-metric", set.subtract_metric);
    add_number(to, "tag", set.tag);
    add_number(to, "distance", set.distance);
    if (set.next_hop) {
        to.add("next-hop", set.next_hop->to_string());
    }
    return to;
}

Value write_route_policy(const RoutePolicy& policy) {
    Value to;
    to.add("default", word_of(policy.otherwise, kPolicyActionWords));
    Value::List terms;
    for (const PolicyTerm& term : policy.terms) {
        Value written;
        written.add("name", term.name);
        written.add("match", write_match(term.match));
        written.add("set", write_set(term.set));
        written.add("then", word_of(term.then, kPolicyActionWords));
        terms.push_back(std::move(written));
    }
    to.add("terms", std::move(terms));
    return to;
}

}  // namespace

PolicySection read_policy(const Reader& from) {
    PolicySection policy;
    for (const Entry& entry : from.section("prefix-sets").entries()) {
        auto& set = policy.prefix_sets[entry.key];
        const auto* list = Reader::get<Value::List>(&entry.value);
        for (const Value& item : list == nullptr ? Value::List() : *list) {
            const auto* text = Reader::get<std::string>(&item);
            if (const auto one =
                    text == nullptr ? std::nullopt : net::Ipv4PrefixRange::parse(*text)) {
                set.push_back(*one);
            }
        }
    }
    for (const Entry& entry : from.section("policies").entries()) {
        policy.policies.emplace(entry.key, read_route_policy(Reader(&entry.value)));
    }
    return policy;
}

Value write_policy(const PolicySection& policy) {
    Value sets;
    for (const auto& [name, ranges] : policy.prefix_sets) {
        sets.add(name, texts(ranges));
    }
    Value policies;
    for (const auto& [name, definition] : policy.policies) {
        policies.add(name, write_route_policy(definition));
    }
    Value to;
    to.add("prefix-sets", std::move(sets));
    to.add("policies", std::move(policies));
    return to;
}

}  // namespace godwit::config
