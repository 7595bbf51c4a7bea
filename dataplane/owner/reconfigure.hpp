// From the running model to the next: what the devices must be told, whether they can, and telling
// them so that a refusal half way leaves everything as it was.
//
// `prepare` changes nothing and says every reason against a model, not the first. What only a new
// process can do (another device, other queues, other cores) is NeedsRestart; the schema states the
// cost of each key, config/diff finds the changes. `carry_out_steps` runs the device steps in
// order; the tables follow in the owner, where nothing can refuse any more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/model/model.hpp"
#include "dataplane/api/messages.hpp"
#include "dataplane/owner/interfaces.hpp"
#include "dataplane/owner/port_control.hpp"
#include "net/mac_address.hpp"

namespace godwit::dataplane {

// One thing to tell a device, and what it was before.
struct DeviceStep {
    enum class Kind : std::uint8_t { Mtu, Mac, Promiscuous, Enabled } kind = Kind::Mtu;
    std::string interface_name;
    std::uint16_t mtu_before = 0;
    std::uint16_t mtu_after = 0;
    net::MacAddress mac_before;
    net::MacAddress mac_after;
    bool on_before = false;  // of Promiscuous and Enabled
    bool on_after = false;
};

struct Preparation {
    api::ConfigureOutcome outcome = api::ConfigureOutcome::Done;
    std::vector<std::string> sentences;  // why not; or, when Done, what is worth knowing
    std::vector<DeviceStep> steps;
};

// `packet_bytes` is what a buffer of this run's pool has (drivers::MemoryBudget): a longer MTU
// needs another pool.
Preparation prepare(const config::Model& running, const config::Model& next,
                    const Interfaces& interfaces, const PortControl& ports,
                    std::uint64_t packet_bytes);

// What this dataplane cannot do with a model, whatever ran before: also asked at start.
std::vector<std::string> limits_exceeded(const config::Model& model);

// A sentence when a device refused; the steps before it are then undone.
std::optional<std::string> carry_out_steps(const std::vector<DeviceStep>& steps,
                                           PortControl& ports);

// A static neighbour that is to be taken away or set.
struct StaticNeighborChanges {
    std::vector<config::StaticNeighbor> removed;
    std::vector<config::StaticNeighbor> set;
};
StaticNeighborChanges static_neighbor_changes(const config::Model& running,
                                              const config::Model& next);

}  // namespace godwit::dataplane
