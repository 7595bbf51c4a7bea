#include "dataplane/owner/reconfigure.hpp"

#include <fmt/format.h>

#include <utility>

#include "config/diff/diff.hpp"

namespace godwit::dataplane {

namespace {

using config::Interface;
using config::Model;

// Ports that both models have.
template <class Visit>
void for_each_common_port(const Model& running, const Model& next, Visit&& visit) {
    for (const auto& [name, after] : next.interfaces) {
        const auto before = running.interfaces.find(name);
        if (before != running.interfaces.end() && after.is_port() && before->second.is_port()) {
            visit(before->second, after);
        }
    }
}

std::vector<DeviceStep> steps_between(const Model& running, const Model& next,
                                      const PortControl& ports) {
    std::vector<DeviceStep> steps;
    for_each_common_port(running, next, [&](const Interface& before, const Interface& after) {
        const drivers::Port* port = ports.find(after.name);
        if (port == nullptr || port->failed) {
            return;  // there is no device to tell; the tables remember what was asked for
        }
        DeviceStep step;
        step.interface_name = after.name;
        if (before.mtu != after.mtu) {
            step.kind = DeviceStep::Kind::Mtu;
            step.mtu_before = before.mtu;
            step.mtu_after = after.mtu;
            steps.push_back(step);
        }
        if (before.mac != after.mac && after.mac) {
            step.kind = DeviceStep::Kind::Mac;
            step.mac_before = port->mac;
            step.mac_after = *after.mac;
            steps.push_back(step);
        }
        if (before.promiscuous != after.promiscuous) {
            step.kind = DeviceStep::Kind::Promiscuous;
            step.on_before = before.promiscuous;
            step.on_after = after.promiscuous;
            steps.push_back(step);
        }
        if (before.enabled != after.enabled) {
            step.kind = DeviceStep::Kind::Enabled;
            step.on_before = before.enabled;
            step.on_after = after.enabled;
            steps.push_back(step);
        }
    });
    return steps;
}

std::optional<drivers::Problem> tell(const DeviceStep& step, bool forward, PortControl& ports) {
    switch (step.kind) {
        case DeviceStep::Kind::Mtu:
            return ports.set_mtu(step.interface_name, forward ? step.mtu_after : step.mtu_before);
        case DeviceStep::Kind::Mac:
            return ports.set_mac(step.interface_name, forward ? step.mac_after : step.mac_before);
        case DeviceStep::Kind::Promiscuous:
            return ports.set_promiscuous(step.interface_name,
                                         forward ? step.on_after : step.on_before);
        case DeviceStep::Kind::Enabled:
            return ports.set_enabled(step.interface_name, forward ? step.on_after : step.on_before);
    }
    return std::nullopt;
}

std::string sentence(const drivers::Problem& problem) {
    return problem.mend.empty() ? problem.what : problem.what + "; " + problem.mend;
}

}  // namespace

std::vector<std::string> limits_exceeded(const Model& model) {
    std::vector<std::string> reasons;
    if (model.interfaces.size() >= api::kMaxInterfaces) {
        reasons.push_back(
            fmt::format("interfaces: {} are configured, and the dataplane has room "
                        "for {}; take some away",
                        model.interfaces.size(), api::kMaxInterfaces - 1));
    }
    for (const auto& [name, interface] : model.interfaces) {
        if (name.size() >= api::kInterfaceNameBytes) {
            reasons.push_back(
                fmt::format("interfaces.{}: the name has {} characters; use at most "
                            "{}",
                            name, name.size(), api::kInterfaceNameBytes - 1));
        }
    }
    return reasons;
}

Preparation prepare(const Model& running, const Model& next, const Interfaces& interfaces,
                    const PortControl& ports, std::uint64_t packet_bytes) {
    Preparation result;
    std::vector<std::string> refused = limits_exceeded(next);
    std::vector<std::string> restart;

    for (const config::Change& change : config::diff(running, next)) {
        if (change.cost == config::ChangeCost::Restart) {
            restart.push_back(fmt::format(
                "{}: {}", change.path,
                change.effect.empty() ? "needs a restart of the dataplane" : change.effect));
        }
    }
    for_each_common_port(running, next, [&](const Interface& before, const Interface& after) {
        const drivers::Port* port = ports.find(after.name);
        if (before.mac && !after.mac) {
            restart.push_back(fmt::format(
                "interfaces.{}.mac: the device's own address comes back with a restart of the "
                "dataplane",
                after.name));
        }
        if (port == nullptr) {
            return;
        }
        if (port->failed) {
            result.sentences.push_back(fmt::format(
                "interfaces.{}: the device does not run ({}), so the change shows when it does",
                after.name, port->problem ? port->problem->what : "no reason known"));
            return;
        }
        if (before.mtu != after.mtu && port->max_mtu != 0 && after.mtu > port->max_mtu) {
            refused.push_back(fmt::format(
                "interfaces.{}.mtu: {} is over the limit of the device {}; set {} or less",
                after.name, after.mtu, port->device, port->max_mtu));
        }
        if (after.mac && (after.mac->is_group() || after.mac->is_zero())) {
            refused.push_back(fmt::format(
                "interfaces.{}.mac: {} cannot be the address of a device; use one whose first "
                "byte is even, and not all zeros",
                after.name, after.mac->to_string()));
        }
    });
    if (drivers::memory_budget(next).packet_bytes > packet_bytes) {
        restart.push_back(
            "interfaces: the packet buffers of this run are too small for the longest MTU; a "
            "restart of the dataplane makes longer ones");
    }
    if (restart.empty() && refused.empty() && !interfaces.room_for(next)) {
        restart.push_back(
            fmt::format("interfaces: more than {} names have been in use since the dataplane "
                        "started; a restart frees them",
                        api::kMaxInterfaces - 1));
    }

    if (!refused.empty()) {
        result.outcome = api::ConfigureOutcome::Refused;
        result.sentences = std::move(refused);
        result.sentences.insert(result.sentences.end(), restart.begin(), restart.end());
        return result;
    }
    if (!restart.empty()) {
        result.outcome = api::ConfigureOutcome::NeedsRestart;
        result.sentences = std::move(restart);
        return result;
    }
    result.steps = steps_between(running, next, ports);
    return result;
}

std::optional<std::string> carry_out_steps(const std::vector<DeviceStep>& steps,
                                           PortControl& ports) {
    for (std::size_t done = 0; done < steps.size(); ++done) {
        const auto problem = tell(steps[done], true, ports);
        if (!problem) {
            continue;
        }
        std::string text =
            fmt::format("interfaces.{}: {}", steps[done].interface_name, sentence(*problem));
        while (done-- > 0) {
            if (const auto stuck = tell(steps[done], false, ports)) {
                text += fmt::format("\ninterfaces.{}: could not be set back either: {}",
                                    steps[done].interface_name, sentence(*stuck));
            }
        }
        return text;
    }
    return std::nullopt;
}

StaticNeighborChanges static_neighbor_changes(const Model& running, const Model& next) {
    StaticNeighborChanges changes;
    for (const auto& [address, neighbor] : running.static_.neighbors) {
        const auto after = next.static_.neighbors.find(address);
        if (after == next.static_.neighbors.end() ||
            after->second.interface != neighbor.interface) {
            changes.removed.push_back(neighbor);
        }
    }
    for (const auto& [address, neighbor] : next.static_.neighbors) {
        const auto before = running.static_.neighbors.find(address);
        if (before == running.static_.neighbors.end() || !(before->second == neighbor)) {
            changes.set.push_back(neighbor);
        }
    }
    return changes;
}

}  // namespace godwit::dataplane
