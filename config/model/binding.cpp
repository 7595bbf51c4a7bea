#include "config/model/binding.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "config/model/binding_nat.hpp"
#include "config/model/binding_policy.hpp"
#include "config/model/binding_rip.hpp"
#include "config/model/binding_telemetry.hpp"
#include "config/model/reader.hpp"

namespace godwit::config {

namespace {

// The words of an enum, in the order of its enumerators.
constexpr std::array<std::string_view, 5> kLogLevels = {"error", "warning", "info", "debug",
                                                        "trace"};
constexpr std::array<std::string_view, 3> kHugepageUses = {"auto", "required", "off"};
constexpr std::array<std::string_view, 2> kIdleModes = {"poll", "adaptive"};
constexpr std::array<std::string_view, 3> kSourceValidations = {"off", "loose", "strict"};
constexpr std::array<std::string_view, 2> kConflictDetections = {"defend", "probe"};

// --- system ---

System read_system(const Reader& from) {
    System system;
    from.text("hostname", system.hostname);
    from.parsed<net::Ipv4Address>("router-id", system.router_id);
    from.section("log").choice("level", kLogLevels, system.log_level);
    return system;
}

Value write_system(const System& system) {
    Value to;
    to.add("hostname", system.hostname);
    if (system.router_id) {
        to.add("router-id", system.router_id->to_string());
    }
    Value log;
    log.add("level", word_of(system.log_level, kLogLevels));
    to.add("log", std::move(log));
    return to;
}

// --- workers ---

Workers read_workers(const Reader& from) {
    Workers workers;
    from.number("main-core", workers.main_core);
    for (const Value& core : from.list("cores")) {
        if (const auto* cpu = Reader::get<std::uint64_t>(&core)) {
            workers.cores.push_back(static_cast<unsigned>(*cpu));
        }
    }
    from.number("memory", workers.memory.value);
    from.choice("hugepages", kHugepageUses, workers.hugepages);
    from.choice("idle", kIdleModes, workers.idle);
    return workers;
}

Value write_workers(const Workers& workers) {
    Value to;
    to.add("main-core", number_value(workers.main_core));
    Value::List cores;
    for (const unsigned core : workers.cores) {
        cores.push_back(number_value(core));
    }
    to.add("cores", std::move(cores));
    to.add("memory", number_value(workers.memory.value));
    to.add("hugepages", word_of(workers.hugepages, kHugepageUses));
    to.add("idle", word_of(workers.idle, kIdleModes));
    return to;
}

// --- interfaces ---

VirtualPort read_virtual_port(const Reader& from) {
    VirtualPort port;
    from.text("vdev", port.device);
    port.driver = port.device.substr(0, port.device.find_last_not_of("0123456789") + 1);
    for (const Entry& argument : from.section("args").entries()) {
        if (const auto* text = Reader::get<std::string>(&argument.value)) {
            port.args.emplace(argument.key, *text);
        }
    }
    return port;
}

InterfaceKind read_kind(const Reader& from) {
    if (from.find("pci") != nullptr) {
        PciPort port;
        from.text("pci", port.address);
        return port;
    }
    if (from.find("parent") != nullptr) {
        VlanSubinterface vlan;
        from.text("parent", vlan.parent);
        from.number("vlan", vlan.vlan);
        return vlan;
    }
    if (from.find("loopback") != nullptr) {
        return Loopback{};
    }
    return read_virtual_port(from);
}

// How an interface behaves towards its neighbours, beyond forwarding.
void read_neighborhood(const Reader& from, Interface& interface) {
    from.choice("conflict-detection", kConflictDetections, interface.conflict_detection);
    from.flag("proxy-arp", interface.proxy_arp);
    from.number("max-neighbors", interface.max_neighbors);
    for (const Entry& entry : from.section("rarp").entries()) {
        const auto mac = net::MacAddress::parse(entry.key);
        const auto* text = Reader::get<std::string>(&entry.value);
        const auto address = text != nullptr ? net::Ipv4Address::parse(*text) : std::nullopt;
        if (mac && address) {
            interface.rarp.emplace(*mac, *address);
        }
    }
    from.choice("source-validation", kSourceValidations, interface.source_validation);
    from.flag("source-route", interface.source_route);
    from.flag("directed-broadcast", interface.directed_broadcast);
    from.flag("redirects", interface.redirects);
}

Interface read_interface(const std::string& name, const Reader& from) {
    Interface interface;
    interface.name = name;
    interface.kind = read_kind(from);
    from.text("description", interface.description);
    from.flag("enabled", interface.enabled);
    from.number("mtu", interface.mtu);
    from.parsed<net::MacAddress>("mac", interface.mac);
    from.number("rx-queues", interface.rx_queues);
    from.number("rx-descriptors", interface.rx_descriptors);
    from.number("tx-descriptors", interface.tx_descriptors);
    from.flag("promiscuous", interface.promiscuous);
    for (const Value& address : from.list("addresses")) {
        if (const auto* text = Reader::get<std::string>(&address)) {
            if (const auto parsed = net::Ipv4InterfaceAddress::parse(*text)) {
                interface.addresses.push_back(*parsed);
            }
        }
    }
    read_neighborhood(from, interface);
    return interface;
}

void write_kind(const InterfaceKind& kind, Value& to) {
    if (const auto* pci = std::get_if<PciPort>(&kind)) {
        to.add("pci", pci->address);
    } else if (const auto* virtual_port = std::get_if<VirtualPort>(&kind)) {
        to.add("vdev", virtual_port->device);
        if (!virtual_port->args.empty()) {
            Value args;
            for (const auto& [name, text] : virtual_port->args) {
                args.add(name, text);
            }
            to.add("args", std::move(args));
        }
    } else if (const auto* vlan = std::get_if<VlanSubinterface>(&kind)) {
        to.add("parent", vlan->parent);
        to.add("vlan", number_value(vlan->vlan));
    } else {
        to.add("loopback", Value(true));
    }
}

void write_neighborhood(const Interface& interface, Value& to) {
    to.add("conflict-detection", word_of(interface.conflict_detection, kConflictDetections));
    to.add("proxy-arp", Value(interface.proxy_arp));
    to.add("max-neighbors", number_value(interface.max_neighbors));
    if (!interface.rarp.empty()) {
        Value rarp;
        for (const auto& [mac, address] : interface.rarp) {
            rarp.add(mac.to_string(), address.to_string());
        }
        to.add("rarp", std::move(rarp));
    }
    to.add("source-validation", word_of(interface.source_validation, kSourceValidations));
    to.add("source-route", Value(interface.source_route));
    to.add("directed-broadcast", Value(interface.directed_broadcast));
    to.add("redirects", Value(interface.redirects));
}

Value write_interface(const Interface& interface) {
    Value to;
    write_kind(interface.kind, to);
    to.add("description", interface.description);
    to.add("enabled", Value(interface.enabled));
    to.add("mtu", number_value(interface.mtu));
    if (interface.is_port()) {
        if (interface.mac) {
            to.add("mac", interface.mac->to_string());
        }
        to.add("rx-queues", number_value(interface.rx_queues));
        to.add("rx-descriptors", number_value(interface.rx_descriptors));
        to.add("tx-descriptors", number_value(interface.tx_descriptors));
        to.add("promiscuous", Value(interface.promiscuous));
    }
    Value::List addresses;
    for (const net::Ipv4InterfaceAddress& address : interface.addresses) {
        addresses.emplace_back(address.to_string());
    }
    to.add("addresses", std::move(addresses));
    if (!std::holds_alternative<Loopback>(interface.kind)) {
        write_neighborhood(interface, to);
    }
    return to;
}

// --- ipv4 ---

Ipv4 read_ipv4(const Reader& from) {
    Ipv4 ipv4;
    const Reader icmp = from.section("icmp");
    icmp.number("errors-per-second", ipv4.icmp.errors_per_second);
    icmp.flag("interface-information", ipv4.icmp.interface_information);
    const Reader reassembly = from.section("reassembly");
    reassembly.number("datagrams", ipv4.reassembly.datagrams);
    reassembly.number("datagrams-per-interface", ipv4.reassembly.datagrams_per_interface);
    return ipv4;
}

Value write_ipv4(const Ipv4& ipv4) {
    Value icmp;
    icmp.add("errors-per-second", number_value(ipv4.icmp.errors_per_second));
    icmp.add("interface-information", Value(ipv4.icmp.interface_information));
    Value reassembly;
    reassembly.add("datagrams", number_value(ipv4.reassembly.datagrams));
    reassembly.add("datagrams-per-interface",
                   number_value(ipv4.reassembly.datagrams_per_interface));
    Value to;
    to.add("icmp", std::move(icmp));
    to.add("reassembly", std::move(reassembly));
    return to;
}

// --- static ---

StaticRoute read_route(const net::Ipv4Prefix& prefix, const Reader& from) {
    StaticRoute route;
    route.prefix = prefix;
    from.flag("blackhole", route.blackhole);
    from.number("distance", route.distance);
    from.number("tag", route.tag);
    std::optional<std::string> interface;
    if (const auto* name = Reader::get<std::string>(from.find("interface"))) {
        interface = *name;
    }
    for (const Value& via : from.list("via")) {
        if (const auto* text = Reader::get<std::string>(&via)) {
            route.next_hops.push_back({net::Ipv4Address::parse(*text), interface});
        }
    }
    if (route.next_hops.empty() && interface) {
        route.next_hops.push_back({std::nullopt, interface});
    }
    return route;
}

Value write_route(const StaticRoute& route) {
    Value to;
    Value::List vias;
    for (const StaticNextHop& next_hop : route.next_hops) {
        if (next_hop.via) {
            vias.emplace_back(next_hop.via->to_string());
        }
    }
    if (!vias.empty()) {
        to.add("via", std::move(vias));
    }
    // The file has one interface for all next hops of a route, and so has every model made of one.
    if (!route.next_hops.empty() && route.next_hops.front().interface) {
        to.add("interface", *route.next_hops.front().interface);
    }
    if (route.blackhole) {
        to.add("blackhole", Value(true));
    }
    to.add("distance", number_value(route.distance));
    to.add("tag", number_value(route.tag));
    return to;
}

StaticNeighbor read_neighbor(net::Ipv4Address address, const Reader& from) {
    StaticNeighbor neighbor;
    neighbor.address = address;
    from.text("interface", neighbor.interface);
    from.parsed<net::MacAddress>("mac", neighbor.mac);
    return neighbor;
}

Value write_neighbor(const StaticNeighbor& neighbor) {
    Value to;
    to.add("interface", neighbor.interface);
    to.add("mac", neighbor.mac.to_string());
    return to;
}

Static read_static(const Reader& from) {
    Static result;
    for (const Entry& entry : from.section("routes").entries()) {
        if (const auto prefix = net::Ipv4Prefix::parse(entry.key)) {
            result.routes.emplace(*prefix, read_route(*prefix, Reader(&entry.value)));
        }
    }
    for (const Entry& entry : from.section("neighbors").entries()) {
        if (const auto address = net::Ipv4Address::parse(entry.key)) {
            result.neighbors.emplace(*address, read_neighbor(*address, Reader(&entry.value)));
        }
    }
    return result;
}

Value write_static(const Static& from) {
    Value routes;
    for (const auto& [prefix, route] : from.routes) {
        routes.add(prefix.to_string(), write_route(route));
    }
    Value neighbors;
    for (const auto& [address, neighbor] : from.neighbors) {
        neighbors.add(address.to_string(), write_neighbor(neighbor));
    }
    Value to;
    to.add("routes", std::move(routes));
    to.add("neighbors", std::move(neighbors));
    return to;
}

}  // namespace

Model from_value(const Value& tree) {
    const Reader file(&tree);
    Model model;
    file.number("version", model.version);
    model.system = read_system(file.section("system"));
    model.workers = read_workers(file.section("workers"));
    for (const Entry& entry : file.section("interfaces").entries()) {
        model.interfaces.emplace(entry.key, read_interface(entry.key, Reader(&entry.value)));
    }
    model.ipv4 = read_ipv4(file.section("ipv4"));
    model.static_ = read_static(file.section("static"));
    model.rip = read_rip(file.section("rip"));
    model.policy = read_policy(file.section("policy"));
    model.nat = read_nat(file.section("nat"));
    file.section("management").text("control-socket", model.management.control_socket);
    model.telemetry = read_telemetry(file.section("telemetry"));
    return model;
}

Value to_value(const Model& model) {
    Value tree;
    tree.add("version", number_value(model.version));
    tree.add("system", write_system(model.system));
    tree.add("workers", write_workers(model.workers));
    Value interfaces;
    for (const auto& [name, interface] : model.interfaces) {
        interfaces.add(name, write_interface(interface));
    }
    tree.add("interfaces", std::move(interfaces));
    tree.add("ipv4", write_ipv4(model.ipv4));
    tree.add("static", write_static(model.static_));
    tree.add("rip", write_rip(model.rip));
    tree.add("policy", write_policy(model.policy));
    tree.add("nat", write_nat(model.nat));
    Value management;
    management.add("control-socket", model.management.control_socket);
    tree.add("management", std::move(management));
    tree.add("telemetry", write_telemetry(model.telemetry));
    return tree;
}

}  // namespace godwit::config
