#include "tests/packet/topology_yaml.hpp"

#include <stdexcept>

#include "tests/packet/nat_yaml.hpp"

namespace godwit::packet_test {

namespace {

template <class Value>
Value parsed(const YAML::Node& node) {
    const auto text = node.as<std::string>();
    const auto value = Value::parse(text);
    if (!value) {
        throw std::invalid_argument("cannot be read: " + text);
    }
    return *value;
}

dataplane::SourceValidation validation_from(const std::string& text) {
    if (text == "loose") {
        return dataplane::SourceValidation::Loose;
    }
    if (text == "strict") {
        return dataplane::SourceValidation::Strict;
    }
    if (text != "off") {
        throw std::invalid_argument("no kind of source validation: " + text);
    }
    return dataplane::SourceValidation::Off;
}

TestInterface interface_from_yaml(const std::string& name, const YAML::Node& node,
                                  FrameNames& names) {
    TestInterface interface;
    interface.name = name;
    interface.parent = node["parent"].as<std::string>("");
    interface.vlan = node["vlan"].as<std::uint16_t>(0);
    interface.mac = interface.parent.empty() ? parsed<net::MacAddress>(node["mac"])
                                             : names.macs.at(interface.parent);
    interface.mtu = node["mtu"].as<std::uint16_t>(1500);
    interface.up = node["up"].as<bool>(true);
    interface.promiscuous = node["promiscuous"].as<bool>(false);
    interface.software_rss = node["software-rss"].as<bool>(false);
    interface.partial_checksums = node["partial-checksums"].as<bool>(false);
    interface.redirects = node["redirects"].as<bool>(true);
    interface.tx_queues = node["tx-queues"].as<std::uint16_t>(1);
    interface.source_validation = validation_from(node["source-validation"].as<std::string>("off"));
    interface.source_route = node["source-route"].as<bool>(false);
    interface.directed_broadcast = node["directed-broadcast"].as<bool>(false);
    for (const YAML::Node& address : node["addresses"]) {
        interface.addresses.push_back(parsed<net::Ipv4InterfaceAddress>(address));
    }
    for (const YAML::Node& address : node["tentative"]) {
        interface.tentative.push_back(parsed<net::Ipv4InterfaceAddress>(address));
    }
    interface.proxy_arp = node["proxy-arp"].as<bool>(false);
    for (const auto& item : node["rarp"]) {
        interface.rarp.emplace(parsed<net::MacAddress>(item.first),
                               parsed<net::Ipv4Address>(item.second));
    }
    names.macs[name] = interface.mac;
    return interface;
}

}  // namespace

Topology topology_from_yaml(const YAML::Node& node, FrameNames& names) {
    Topology topology;
    topology.workers = node["workers"].as<unsigned>(1);
    for (const auto& item : node["interfaces"]) {
        topology.interfaces.push_back(
            interface_from_yaml(item.first.as<std::string>(), item.second, names));
    }
    for (const auto& item : node["neighbors"]) {
        TestNeighbor neighbor;
        neighbor.address = parsed<net::Ipv4Address>(item.first);
        neighbor.interface = item.second["interface"].as<std::string>();
        neighbor.mac = parsed<net::MacAddress>(item.second["mac"]);
        neighbor.mtu = item.second["mtu"].as<std::uint16_t>(0);
        names.macs[item.second["name"].as<std::string>()] = neighbor.mac;
        topology.neighbors.push_back(neighbor);
    }
    for (const auto& item : node["routes"]) {
        TestRoute route;
        route.prefix = parsed<net::Ipv4Prefix>(item.first);
        if (item.second.IsSequence()) {
            for (const YAML::Node& via : item.second) {
                route.via.push_back(parsed<net::Ipv4Address>(via));
            }
        }
        topology.routes.push_back(route);
    }
    if (const YAML::Node icmp = node["icmp"]) {
        topology.icmp_interface_information = icmp["interface-information"].as<bool>(false);
        topology.icmp_errors_per_second = icmp["errors-per-second"].as<std::uint32_t>(1000);
    }
    if (const YAML::Node nat = node["nat"]) {
        topology.nat.emplace();
        topology.nat->settings.max_sessions = 4096;
        read_nat(nat, topology.interfaces, *topology.nat);
    }
    for (const auto& item : node["macs"]) {
        names.macs[item.first.as<std::string>()] = parsed<net::MacAddress>(item.second);
    }
    return topology;
}

}  // namespace godwit::packet_test
