#include "dataplane/owner/interfaces.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "dataplane/api/decode.hpp"

namespace godwit::dataplane {

namespace {

const config::VlanSubinterface* vlan_of(const config::Interface& interface) {
    return std::get_if<config::VlanSubinterface>(&interface.kind);
}

bool is_loopback(const config::Interface& interface) {
    return std::holds_alternative<config::Loopback>(interface.kind);
}

// The name of the port that carries the interface; empty for a loopback.
std::string port_name_of(const config::Interface& interface) {
    if (is_loopback(interface)) {
        return {};
    }
    const auto* vlan = vlan_of(interface);
    return vlan != nullptr ? vlan->parent : interface.name;
}

api::InterfaceType type_of(const config::Interface& interface) {
    if (is_loopback(interface)) {
        return api::InterfaceType::Loopback;
    }
    return vlan_of(interface) != nullptr ? api::InterfaceType::Vlan : api::InterfaceType::Port;
}

SourceValidation validation_of(const config::Interface& interface) {
    switch (interface.source_validation) {
        case config::SourceValidation::Loose:
            return SourceValidation::Loose;
        case config::SourceValidation::Strict:
            return SourceValidation::Strict;
        case config::SourceValidation::Off:
            break;
    }
    return SourceValidation::Off;
}

bool same(const InterfaceEntry& left, const InterfaceEntry& right) {
    return left.type == right.type && left.up == right.up &&
           left.promiscuous == right.promiscuous && left.port == right.port &&
           left.vlan == right.vlan && left.mtu == right.mtu && left.mac == right.mac &&
           left.addresses == right.addresses && left.tentative == right.tentative &&
           left.source_validation == right.source_validation && left.proxy_arp == right.proxy_arp &&
           left.source_route == right.source_route &&
           left.directed_broadcast == right.directed_broadcast &&
           left.redirects == right.redirects && left.max_neighbors == right.max_neighbors &&
           left.rarp == right.rarp;
}

bool same_rewrite(const InterfaceEntry& left, const InterfaceEntry& right) {
    return left.port == right.port && left.vlan == right.vlan && left.mtu == right.mtu &&
           left.mac == right.mac;
}

}  // namespace

bool Interfaces::room_for(const config::Model& model) const {
    std::size_t names = infos_.size();
    for (const auto& [name, interface] : model.interfaces) {
        if (!ids_.contains(name)) {
            ++names;
        }
    }
    return names <= api::kMaxInterfaces;
}

void Interfaces::number_all(const config::Model& model) {
    for (const auto& [name, interface] : model.interfaces) {
        number(name);
    }
}

Interfaces::Changes Interfaces::publish(const config::Model& model, const Usable& usable) {
    Changes changes;
    number_all(model);
    for (Info& info : infos_) {
        info.configured = false;
    }

    auto next = std::make_unique<InterfaceSnapshot>();
    next->entries.resize(infos_.size());
    next->icmp_errors_per_second = model.ipv4.icmp.errors_per_second;
    next->icmp_interface_information = model.ipv4.icmp.interface_information;
    next->reassembly_datagrams = model.ipv4.reassembly.datagrams;
    next->reassembly_datagrams_per_interface = model.ipv4.reassembly.datagrams_per_interface;
    for (const auto& [name, interface] : model.interfaces) {
        const net::InterfaceId id = ids_.at(name);
        Info& info = infos_[id.value()];
        const auto* vlan = vlan_of(interface);
        const bool was_enabled = info.enabled;
        info.configured = true;
        info.enabled = interface.enabled;
        info.port_name = port_name_of(interface);
        info.vlan = vlan != nullptr ? vlan->vlan : std::uint16_t{0};
        info.parent = vlan != nullptr ? ids_.at(vlan->parent) : net::InterfaceId();
        next->entries[id.value()] = entry_of(interface, id, model, usable);

        const drivers::Port* port = port_of(info);
        if (port != nullptr && !port->failed && port->port_id < kMaxPorts) {
            InterfaceSnapshot::PortView& view = next->ports[port->port_id];
            if (vlan == nullptr) {
                view.untagged = id;
                view.tx_queue_count = port->tx_queues;
                view.software_rss = workers_ > 1 && !port->device_rss;
                view.may_vanish = port->may_vanish;
            } else {
                if (!view.by_vlan) {
                    view.by_vlan = std::make_unique<std::array<net::InterfaceId, kVlanCount>>();
                }
                (*view.by_vlan)[vlan->vlan % kVlanCount] = id;
            }
        }

        const InterfaceEntry& now = next->entries[id.value()];
        const InterfaceEntry* before = table_.current().find(id);
        for (const net::Ipv4InterfaceAddress& own : now.addresses) {
            if (before == nullptr || std::find(before->addresses.begin(), before->addresses.end(),
                                               own) == before->addresses.end()) {
                changes.appeared.emplace_back(id, own.address);
            }
        }
        if (before == nullptr) {
            changes.added.push_back(id);
            changes.readdressed.push_back(id);
            if (now.up) {
                changes.came_up.push_back(id);
            }
            continue;
        }
        if (!same(*before, now) || was_enabled != info.enabled) {
            changes.changed.push_back(id);
        }
        if (before->addresses != now.addresses || before->tentative != now.tentative) {
            changes.readdressed.push_back(id);
        }
        if (!same_rewrite(*before, now)) {
            changes.rewritten.push_back(id);
        }
        if (!before->up && now.up) {
            changes.came_up.push_back(id);
        }
        if (before->type != now.type || before->port != now.port || before->vlan != now.vlan) {
            changes.moved.push_back(id);
        }
        if (before->mac != now.mac) {
            changes.new_mac.push_back(id);
        }
    }
    for (const InterfaceEntry& before : table_.current().entries) {
        if (!before.id.is_none() && !infos_[before.id.value()].configured) {
            changes.removed.push_back(before.id);
        }
    }
    table_.replace(std::move(next));
    return changes;
}

std::vector<net::InterfaceId> Interfaces::poll_links() {
    std::vector<net::InterfaceId> result;
    for (const Info& own : infos_) {
        const drivers::Port* port = own.name == own.port_name ? port_of(own) : nullptr;
        if (!own.configured || port == nullptr || port->failed) {
            continue;
        }
        LinkInfo& link = links_[own.name];
        const drivers::LinkState now = ports_.link(*port);
        if (link.known && link.state == now) {
            continue;
        }
        const bool counts = link.known && link.state.up != now.up;
        link.changes += counts ? 1 : 0;
        link.state = now;
        link.known = true;
        for (std::size_t id = 1; id < infos_.size(); ++id) {
            if (infos_[id].configured && infos_[id].port_name == own.name) {
                result.emplace_back(static_cast<std::uint16_t>(id));
            }
        }
    }
    return result;
}

std::optional<net::InterfaceId> Interfaces::id_of(const std::string& name) const {
    const auto position = ids_.find(name);
    if (position == ids_.end() || !infos_[position->second.value()].configured) {
        return std::nullopt;
    }
    return position->second;
}

std::string Interfaces::name_of(net::InterfaceId id) const {
    return id.value() < infos_.size() ? infos_[id.value()].name : std::string();
}

bool Interfaces::link_is_up(net::InterfaceId id) const {
    if (id.value() >= infos_.size() || !infos_[id.value()].configured) {
        return false;
    }
    const Info& info = infos_[id.value()];
    const InterfaceEntry* now = entry(id);
    if (now == nullptr || !now->up) {
        return false;
    }
    if (info.port_name.empty()) {
        return true;  // a loopback has no link to lose
    }
    const auto position = links_.find(info.port_name);
    return position != links_.end() && position->second.state.up;
}

std::optional<api::InterfaceRecord> Interfaces::record(net::InterfaceId id) const {
    const InterfaceEntry* now = entry(id);
    if (now == nullptr) {
        return std::nullopt;
    }
    const Info& info = infos_[id.value()];
    api::InterfaceRecord record;
    record.interface = id.value();
    record.type = now->type;
    record.mac = now->mac.bytes();
    record.mtu = now->mtu;
    record.vlan = info.vlan;
    record.parent = info.parent.value();
    api::set_bounded_text(record.name, info.name);
    if (info.enabled) {
        record.flags |= api::kInterfaceEnabled;
    }
    if (link_is_up(id)) {
        record.flags |= api::kInterfaceLinkUp;
    }
    const drivers::Port* port = port_of(info);
    if (port == nullptr) {
        return record;
    }
    api::set_bounded_text(record.device, port->device);
    if (port->failed) {
        record.flags |= api::kInterfaceFailed;
        if (port->problem) {
            api::set_bounded_text(record.problem, port->problem->what);
        }
        return record;
    }
    if (const auto link = links_.find(info.port_name); link != links_.end()) {
        record.speed_mbps = link->second.state.up ? link->second.state.speed_mbps : 0;
        record.link_changes = link->second.changes;
    }
    if (workers_ > 1 && !port->device_rss) {
        record.flags |= api::kInterfaceSoftwareRss;
    }
    record.rx_queues = port->rx_queues;
    record.tx_queues = port->tx_queues;
    if (info.vlan == 0) {  // a VLAN shares its port's device: its figures are shown once
        const drivers::PortStatistics statistics = ports_.statistics(*port);
        record.device_rx_missed = statistics.rx_missed;
        record.device_rx_no_buffer = statistics.rx_no_buffer;
        record.device_rx_errors = statistics.rx_errors;
        record.device_tx_errors = statistics.tx_errors;
    }
    return record;
}

std::vector<net::InterfaceId> Interfaces::all() const {
    std::vector<net::InterfaceId> result;
    for (std::size_t id = 1; id < infos_.size(); ++id) {
        if (infos_[id].configured) {
            result.emplace_back(static_cast<std::uint16_t>(id));
        }
    }
    return result;
}

// ---- inside

net::InterfaceId Interfaces::number(const std::string& name) {
    const auto [position, is_new] =
        ids_.try_emplace(name, static_cast<std::uint16_t>(infos_.size()));
    if (is_new) {
        infos_.emplace_back();
        infos_.back().name = name;
    }
    return position->second;
}

InterfaceEntry Interfaces::entry_of(const config::Interface& interface, net::InterfaceId id,
                                    const config::Model& model, const Usable& usable) const {
    InterfaceEntry entry;
    entry.id = id;
    entry.name = interface.name;
    entry.type = type_of(interface);
    entry.up = runs(interface, model);
    entry.mtu = interface.mtu;
    if (is_loopback(interface)) {
        entry.addresses = interface.addresses;
        return entry;
    }
    for (const net::Ipv4InterfaceAddress& own : interface.addresses) {
        (usable(id, own.address) ? entry.addresses : entry.tentative).push_back(own);
    }
    entry.source_validation = validation_of(interface);
    entry.proxy_arp = interface.proxy_arp;
    entry.source_route = interface.source_route;
    entry.directed_broadcast = interface.directed_broadcast;
    entry.redirects = interface.redirects;
    entry.max_neighbors = interface.max_neighbors;
    entry.rarp.assign(interface.rarp.begin(), interface.rarp.end());
    const auto* vlan = vlan_of(interface);
    const config::Interface& carrier =
        vlan != nullptr ? model.interfaces.at(vlan->parent) : interface;
    entry.vlan = vlan != nullptr ? vlan->vlan : std::uint16_t{0};
    entry.promiscuous = carrier.promiscuous;
    const drivers::Port* port = ports_.find(carrier.name);
    if (port != nullptr) {
        entry.port = port->failed ? std::uint16_t{0} : port->port_id;
        entry.mac = port->mac;
        entry.partial_checksums = port->partial_checksums;
    }
    if (carrier.mac) {
        entry.mac = *carrier.mac;
    }
    if (interface.mac) {
        entry.mac = *interface.mac;
    }
    return entry;
}

bool Interfaces::runs(const config::Interface& interface, const config::Model& model) const {
    if (!interface.enabled) {
        return false;
    }
    if (is_loopback(interface)) {
        return true;
    }
    if (const auto* vlan = vlan_of(interface)) {
        return runs(model.interfaces.at(vlan->parent), model);
    }
    const drivers::Port* port = ports_.find(interface.name);
    return port != nullptr && !port->failed;
}

const drivers::Port* Interfaces::port_of(const Info& info) const {
    return info.port_name.empty() ? nullptr : ports_.find(info.port_name);
}

}  // namespace godwit::dataplane
