#include "config/model/binding_nat.hpp"

#include <utility>

namespace godwit::config {

namespace {

constexpr std::array<std::string_view, 3> kProtocols = {"tcp", "udp", "tcp-udp"};
constexpr std::array<std::string_view, 3> kFilterings = {
    "endpoint-independent", "address-dependent", "address-and-port-dependent"};
constexpr std::array<std::string_view, 2> kAtLimits = {"end-transitory", "refuse"};
constexpr std::array<std::string_view, 2> kUnsolicitedSyns = {"hold", "drop"};
constexpr std::array<std::string_view, 3> kLogged = {"nothing", "bindings", "sessions"};
constexpr std::string_view kInterfaceAddress = "interface-address";

template <class Parsed>
void read_list(const Reader& from, std::string_view key, std::vector<Parsed>& field) {
    if (from.find(key) == nullptr) {
        return;
    }
    field.clear();
    for (const Value& item : from.list(key)) {
        const auto* text = Reader::get<std::string>(&item);
        if (const auto parsed = text != nullptr ? Parsed::parse(*text) : std::nullopt) {
            field.push_back(*parsed);
        }
    }
}

template <class Written>
Value write_list(const std::vector<Written>& items) {
    Value::List list;
    for (const Written& item : items) {
        list.emplace_back(item.to_string());
    }
    return {std::move(list)};
}

void read_name(const Reader& from, std::string_view key, std::optional<std::string>& field) {
    if (const auto* text = Reader::get<std::string>(from.find(key))) {
        field = *text;
    }
}

// A one-to-one side is written as a prefix, or, for one address, without its length.
void read_side(const Reader& from, std::string_view key, net::Ipv4Prefix& field) {
    if (const auto* text = Reader::get<std::string>(from.find(key))) {
        if (const auto range = AddressRange::parse(*text)) {
            field = range->prefixes().front();
        }
    }
}

Value write_side(const net::Ipv4Prefix& prefix) {
    return {AddressRange{prefix.address(), prefix.last_address()}.to_string()};
}

NatLimits read_limits(const Reader& from) {
    NatLimits limits;
    from.number("ports", limits.ports);
    from.number("sessions", limits.sessions);
    from.number("sessions-per-second", limits.sessions_per_second);
    return limits;
}

Value write_limits(const NatLimits& limits) {
    Value to;
    to.add("ports", number_value(limits.ports));
    to.add("sessions", number_value(limits.sessions));
    to.add("sessions-per-second", number_value(limits.sessions_per_second));
    return to;
}

template <class Enum, std::size_t N>
void read_choice(const Reader& from, std::string_view key,
                 const std::array<std::string_view, N>& words, std::optional<Enum>& field) {
    if (from.find(key) != nullptr) {
        from.choice(key, words, field.emplace());
    }
}

template <class Enum, std::size_t N>
void write_choice(Value& to, std::string_view key, const std::array<std::string_view, N>& words,
                  const std::optional<Enum>& field) {
    if (field) {
        to.add(std::string(key), word_of(*field, words));
    }
}

NatSourceRule read_source(const Reader& from) {
    NatSourceRule rule;
    from.text("name", rule.name);
    from.text("out-interface", rule.out_interface);
    read_list(from, "from", rule.from);
    read_list(from, "exclude", rule.exclude);
    read_list(from, "to", rule.to);
    for (const Value& item : from.list("to")) {
        const auto* text = Reader::get<std::string>(&item);
        rule.to_interface_address =
            rule.to_interface_address || (text != nullptr && *text == kInterfaceAddress);
    }
    from.parsed<PortRange>("ports", rule.ports);
    if (from.find("port-block") != nullptr) {
        const Reader block = from.section("port-block");
        NatPortBlock& into = rule.port_block.emplace();
        block.number("size", into.size);
        block.number("per-subscriber", into.per_subscriber);
    }
    from.flag("deterministic", rule.deterministic);
    read_choice(from, "filtering", kFilterings, rule.filtering);
    if (from.find("limits") != nullptr) {
        rule.limits = read_limits(from.section("limits"));
    }
    read_choice(from, "at-limit", kAtLimits, rule.at_limit);
    return rule;
}

Value write_source(const NatSourceRule& rule) {
    Value to;
    to.add("name", rule.name);
    to.add("out-interface", rule.out_interface);
    to.add("from", write_list(rule.from));
    to.add("exclude", write_list(rule.exclude));
    Value::List targets = std::get<Value::List>(write_list(rule.to).data);
    if (rule.to_interface_address) {
        targets.emplace(targets.begin(), std::string(kInterfaceAddress));
    }
    to.add("to", std::move(targets));
    to.add("ports", rule.ports.to_string());
    if (rule.port_block) {
        Value block;
        block.add("size", number_value(rule.port_block->size));
        block.add("per-subscriber", number_value(rule.port_block->per_subscriber));
        to.add("port-block", std::move(block));
    }
    if (rule.deterministic) {
        to.add("deterministic", Value(true));
    }
    write_choice(to, "filtering", kFilterings, rule.filtering);
    if (rule.limits) {
        to.add("limits", write_limits(*rule.limits));
    }
    write_choice(to, "at-limit", kAtLimits, rule.at_limit);
    return to;
}

NatStaticRule read_static_rule(const Reader& from) {
    NatStaticRule rule;
    from.text("name", rule.name);
    from.text("out-interface", rule.out_interface);
    read_side(from, "inside", rule.inside);
    read_side(from, "outside", rule.outside);
    return rule;
}

Value write_static_rule(const NatStaticRule& rule) {
    Value to;
    to.add("name", rule.name);
    to.add("out-interface", rule.out_interface);
    to.add("inside", write_side(rule.inside));
    to.add("outside", write_side(rule.outside));
    return to;
}

NatDestinationRule read_destination(const Reader& from) {
    NatDestinationRule rule;
    from.text("name", rule.name);
    read_name(from, "in-interface", rule.in_interface);
    from.parsed<net::Ipv4Address>("address", rule.address);
    from.choice("protocol", kProtocols, rule.protocol);
    from.parsed<PortRange>("port", rule.port);
    from.parsed<InsideEndpoint>("to", rule.to);
    read_choice(from, "at-limit", kAtLimits, rule.at_limit);
    return rule;
}

Value write_destination(const NatDestinationRule& rule) {
    Value to;
    to.add("name", rule.name);
    if (rule.in_interface) {
        to.add("in-interface", *rule.in_interface);
    }
    if (rule.address) {
        to.add("address", rule.address->to_string());
    }
    to.add("protocol", word_of(rule.protocol, kProtocols));
    to.add("port", rule.port.to_string());
    to.add("to", rule.to.to_string());
    write_choice(to, "at-limit", kAtLimits, rule.at_limit);
    return to;
}

template <class Rule>
void read_rules(const Reader& from, std::string_view key, Rule (*read)(const Reader&),
                std::vector<Rule>& rules) {
    for (const Value& item : from.list(key)) {
        rules.push_back(read(Reader(&item)));
    }
}

template <class Rule>
Value write_rules(const std::vector<Rule>& rules, Value (*write)(const Rule&)) {
    Value::List list;
    for (const Rule& rule : rules) {
        list.push_back(write(rule));
    }
    return {std::move(list)};
}

void read_optional(const Reader& from, std::string_view key,
                   std::optional<std::chrono::seconds>& field) {
    if (from.find(key) != nullptr) {
        from.duration(key, field.emplace());
    }
}

NatTimeouts read_timeouts(const Reader& from) {
    NatTimeouts timeouts;
    from.duration("tcp-established", timeouts.tcp_established);
    from.duration("tcp-transitory", timeouts.tcp_transitory);
    read_optional(from, "tcp-opening", timeouts.tcp_opening);
    read_optional(from, "tcp-closing", timeouts.tcp_closing);
    from.duration("udp", timeouts.udp);
    from.duration("icmp", timeouts.icmp);
    from.duration("port-quarantine", timeouts.port_quarantine);
    from.duration("syn-hold", timeouts.syn_hold);
    return timeouts;
}

Value write_timeouts(const NatTimeouts& timeouts) {
    Value to;
    to.add("tcp-established", duration_value(timeouts.tcp_established));
    to.add("tcp-transitory", duration_value(timeouts.tcp_transitory));
    if (timeouts.tcp_opening) {
        to.add("tcp-opening", duration_value(*timeouts.tcp_opening));
    }
    if (timeouts.tcp_closing) {
        to.add("tcp-closing", duration_value(*timeouts.tcp_closing));
    }
    to.add("udp", duration_value(timeouts.udp));
    to.add("icmp", duration_value(timeouts.icmp));
    to.add("port-quarantine", duration_value(timeouts.port_quarantine));
    to.add("syn-hold", duration_value(timeouts.syn_hold));
    return to;
}

NatPcp read_pcp(const Reader& from) {
    NatPcp pcp;
    for (const Value& item : from.list("interfaces")) {
        if (const auto* name = Reader::get<std::string>(&item)) {
            pcp.interfaces.push_back(*name);
        }
    }
    from.duration("min-lifetime", pcp.min_lifetime);
    from.duration("max-lifetime", pcp.max_lifetime);
    from.number("mappings-per-subscriber", pcp.mappings_per_subscriber);
    return pcp;
}

Value write_pcp(const NatPcp& pcp) {
    Value to;
    to.add("interfaces", Value::List(pcp.interfaces.begin(), pcp.interfaces.end()));
    to.add("min-lifetime", duration_value(pcp.min_lifetime));
    to.add("max-lifetime", duration_value(pcp.max_lifetime));
    to.add("mappings-per-subscriber", number_value(pcp.mappings_per_subscriber));
    return to;
}

}  // namespace

Nat read_nat(const Reader& from) {
    Nat nat;
    read_rules(from, "source", read_source, nat.source);
    read_rules(from, "static", read_static_rule, nat.static_);
    read_rules(from, "destination", read_destination, nat.destination);
    from.choice("filtering", kFilterings, nat.filtering);
    nat.limits = read_limits(from.section("limits"));
    nat.timeouts = read_timeouts(from.section("timeouts"));
    from.number("max-sessions", nat.max_sessions);
    from.choice("at-limit", kAtLimits, nat.at_limit);
    from.choice("unsolicited-syn", kUnsolicitedSyns, nat.unsolicited_syn);
    from.flag("inbound-refresh", nat.inbound_refresh);
    from.number("quarantine-ports", nat.quarantine_ports);
    from.section("alg").flag("ftp", nat.alg.ftp);
    nat.pcp = read_pcp(from.section("pcp"));
    const Reader log = from.section("log");
    log.choice("events", kLogged, nat.log.events);
    log.number("rate", nat.log.rate);
    log.number("file-size", nat.log.file_bytes);
    log.number("files", nat.log.files);
    return nat;
}

Value write_nat(const Nat& nat) {
    Value to;
    to.add("source", write_rules(nat.source, write_source));
    to.add("static", write_rules(nat.static_, write_static_rule));
    to.add("destination", write_rules(nat.destination, write_destination));
    to.add("filtering", word_of(nat.filtering, kFilterings));
    to.add("limits", write_limits(nat.limits));
    to.add("timeouts", write_timeouts(nat.timeouts));
    to.add("max-sessions", number_value(nat.max_sessions));
    to.add("at-limit", word_of(nat.at_limit, kAtLimits));
    to.add("unsolicited-syn", word_of(nat.unsolicited_syn, kUnsolicitedSyns));
    to.add("inbound-refresh", Value(nat.inbound_refresh));
    to.add("quarantine-ports", number_value(nat.quarantine_ports));
    Value alg;
    alg.add("ftp", Value(nat.alg.ftp));
    to.add("alg", std::move(alg));
    to.add("pcp", write_pcp(nat.pcp));
    Value log;
    log.add("events", word_of(nat.log.events, kLogged));
    log.add("rate", number_value(nat.log.rate));
    log.add("file-size", number_value(nat.log.file_bytes));
    log.add("files", number_value(nat.log.files));
    to.add("log", std::move(log));
    return to;
}

}  // namespace godwit::config
