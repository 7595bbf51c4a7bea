#include "tests/packet/nat_yaml.hpp"

#include <stdexcept>

namespace godwit::packet_test {

namespace {

namespace nat = dataplane::nat;

template <class Value>
Value parsed(const YAML::Node& node) {
    const auto text = node.as<std::string>();
    const auto value = Value::parse(text);
    if (!value) {
        throw std::invalid_argument("cannot be read: " + text);
    }
    return *value;
}

nat::PortRange ports(const YAML::Node& node) {
    const auto text = node.as<std::string>();
    const std::size_t dash = text.find('-');
    const auto first = static_cast<std::uint16_t>(std::stoul(text.substr(0, dash)));
    return {first, dash == std::string::npos
                       ? first
                       : static_cast<std::uint16_t>(std::stoul(text.substr(dash + 1)))};
}

net::IpProtocol protocol(const YAML::Node& node) {
    const auto text = node.as<std::string>();
    return text == "tcp"   ? net::IpProtocol::Tcp
           : text == "udp" ? net::IpProtocol::Udp
                           : net::IpProtocol{static_cast<std::uint8_t>(std::stoul(text))};
}

std::vector<net::Ipv4Prefix> prefixes(const YAML::Node& list) {
    std::vector<net::Ipv4Prefix> all;
    for (const YAML::Node& each : list) {
        all.push_back(parsed<net::Ipv4Prefix>(each));
    }
    return all;
}

class Reader {
public:
    Reader(const std::vector<TestInterface>& interfaces, TestNat& into)
        : interfaces_(interfaces), nat_(into) {}

    void read(const YAML::Node& node) {
        read_rules(node);
        read_settings(node);
    }

private:
    [[nodiscard]] net::InterfaceId interface(const YAML::Node& node) const {
        if (!node) {
            return {};
        }
        const auto name = node.as<std::string>();
        for (std::size_t at = 0; at < interfaces_.size(); ++at) {
            if (interfaces_[at].name == name) {
                return net::InterfaceId(static_cast<std::uint16_t>(at + 1));
            }
        }
        throw std::invalid_argument("no such interface: " + name);
    }

    // Of a case's rules, not those of the topology's.
    nat::RuleId next_id() {
        const auto known =
            nat_.rules.source.size() + nat_.rules.one_to_one.size() + nat_.rules.forward.size();
        return nat::RuleId{static_cast<std::uint16_t>(known + 1)};
    }

    void read_rules(const YAML::Node& node) {
        if (node["source"]) {
            nat_.rules.source.clear();
        }
        for (const YAML::Node& each : node["source"]) {
            nat::SourceRule rule;
            rule.id = next_id();
            rule.name = each["name"].as<std::string>("source");
            rule.from = prefixes(each["from"]);
            rule.out = interface(each["out"]);
            rule.pool = prefixes(each["pool"]);
            if (each["ports"]) {
                rule.ports = ports(each["ports"]);
            }
            if (each["deterministic"].as<bool>(false)) {
                rule.allocation = nat::PortAllocation::Deterministic;
            }
            if (each["block"]) {
                rule.allocation = nat::PortAllocation::Blocks;
                rule.block_ports = each["block"].as<std::uint16_t>();
            }
            nat_.rules.source.push_back(rule);
        }
        for (const YAML::Node& each : node["one-to-one"]) {
            nat_.rules.one_to_one.push_back(
                {next_id(), "one-to-one", parsed<net::Ipv4Prefix>(each["inside"]),
                 parsed<net::Ipv4Prefix>(each["outside"]), interface(each["out"])});
        }
        for (const YAML::Node& each : node["forward"]) {
            nat::ForwardRule rule;
            rule.id = next_id();
            rule.name = "forward";
            rule.protocol = protocol(each["protocol"]);
            rule.outside = parsed<net::Ipv4Address>(each["outside"]);
            rule.ports = ports(each["port"]);
            rule.inside = parsed<net::Ipv4Address>(each["inside"]);
            rule.first_inside_port = each["inside-port"].as<std::uint16_t>(rule.ports.first);
            rule.out = interface(each["out"]);
            nat_.rules.forward.push_back(rule);
        }
        for (const YAML::Node& each : node["exclude"]) {
            nat_.rules.exclusions.push_back({parsed<net::Ipv4Prefix>(each["from"]),
                                             parsed<net::Ipv4Prefix>(each["to"]), std::nullopt});
        }
        for (const YAML::Node& each : node["own"]) {
            nat_.rules.own.push_back(
                {protocol(each["protocol"]), std::nullopt, ports(each["port"])});
        }
    }

    void read_settings(const YAML::Node& node) {
        nat::Settings& settings = nat_.settings;
        settings.max_sessions = node["max-sessions"].as<std::uint32_t>(settings.max_sessions);
        if (node["refuse-at-limit"].as<bool>(false)) {
            settings.at_limit = nat::AtLimit::Refuse;
        }
        if (node["drop-unsolicited-syns"].as<bool>(false)) {
            settings.unsolicited_syn = nat::UnsolicitedSyn::Drop;
        }
        settings.ftp = node["ftp"].as<bool>(settings.ftp);
        settings.limits.ports = node["ports-each"].as<std::uint32_t>(settings.limits.ports);
        settings.limits.sessions =
            node["sessions-each"].as<std::uint32_t>(settings.limits.sessions);
        settings.limits.new_sessions_per_second =
            node["rate-each"].as<std::uint32_t>(settings.limits.new_sessions_per_second);
        const auto filtering = node["filtering"].as<std::string>("");
        if (filtering == "address-dependent") {
            settings.filtering = nat::Filtering::AddressDependent;
        } else if (filtering == "address-and-port-dependent") {
            settings.filtering = nat::Filtering::AddressAndPortDependent;
        } else if (!filtering.empty()) {
            throw std::invalid_argument("no kind of filtering: " + filtering);
        }
        if (node["udp"]) {
            settings.timeouts.udp = nat::Seconds{node["udp"].as<std::uint32_t>()};
        }
    }

    const std::vector<TestInterface>& interfaces_;
    TestNat& nat_;
};

}  // namespace

void read_nat(const YAML::Node& node, const std::vector<TestInterface>& interfaces, TestNat& nat) {
    Reader(interfaces, nat).read(node);
}

}  // namespace godwit::packet_test
