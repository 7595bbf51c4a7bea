// The interfaces of the running model: their numbers, the snapshot that workers read, their links.
//
// Numbers (net::InterfaceId) are given to names, in the order in which names appear, and a name
// keeps its number for the life of the dataplane, even while it is not configured: the control
// plane and the counters refer to it. So at most kMaxInterfaces - 1 names can ever be used;
// `room_for` says no before that, and a restart begins anew.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/model/model.hpp"
#include "dataplane/api/messages.hpp"
#include "dataplane/owner/port_control.hpp"
#include "dataplane/tables/interface_table.hpp"
#include "net/interface_id.hpp"

namespace godwit::dataplane {

class Interfaces {
public:
    Interfaces(InterfaceTable& table, PortControl& ports, unsigned workers)
        : table_(table), ports_(ports), workers_(workers) {}

    // What a new model changed, by number.
    struct Changes {
        std::vector<net::InterfaceId> added;
        std::vector<net::InterfaceId> removed;
        std::vector<net::InterfaceId> changed;      // in any way
        std::vector<net::InterfaceId> readdressed;  // other addresses to use
        std::vector<std::pair<net::InterfaceId, net::Ipv4Address>> appeared;  // to use now
        std::vector<net::InterfaceId> rewritten;  // another MAC, MTU, VLAN or port: adjacencies too
        std::vector<net::InterfaceId> came_up;    // administratively
        std::vector<net::InterfaceId> new_mac;
        std::vector<net::InterfaceId> moved;  // to another port or VLAN
    };

    // Whether every name of the model can have a number.
    [[nodiscard]] bool room_for(const config::Model& model) const;
    // Gives every name of the model its number, which it keeps.
    void number_all(const config::Model& model);
    // Whether an address of an interface that is no loopback may be used (RFC 5227).
    using Usable = std::function<bool(net::InterfaceId, net::Ipv4Address)>;
    // Makes the snapshot of `model` the current one.
    Changes publish(const config::Model& model, const Usable& usable);

    // The number that a name has, configured or not.
    [[nodiscard]] net::InterfaceId number_of(const std::string& name) const {
        return ids_.at(name);
    }

    // Asks every port for its link. The interfaces (VLANs included) whose link changed.
    std::vector<net::InterfaceId> poll_links();

    [[nodiscard]] std::optional<net::InterfaceId> id_of(const std::string& name) const;
    [[nodiscard]] const InterfaceEntry* entry(net::InterfaceId id) const {
        return table_.current().find(id);
    }
    [[nodiscard]] std::string name_of(net::InterfaceId id) const;
    [[nodiscard]] bool link_is_up(net::InterfaceId id) const;
    // Nothing when there is no such interface now.
    [[nodiscard]] std::optional<api::InterfaceRecord> record(net::InterfaceId id) const;
    // Every configured interface with an address or more, by number.
    [[nodiscard]] std::vector<net::InterfaceId> all() const;

private:
    // What is known of an interface beside the snapshot.
    struct Info {
        std::string name;
        std::string port_name;  // its own name, or its parent's; empty for a loopback
        bool enabled = false;
        bool configured = false;
        std::uint16_t vlan = 0;
        net::InterfaceId parent;
    };
    struct LinkInfo {
        drivers::LinkState state;
        std::uint64_t changes = 0;
        bool known = false;
    };

    net::InterfaceId number(const std::string& name);
    InterfaceEntry entry_of(const config::Interface& interface, net::InterfaceId id,
                            const config::Model& model, const Usable& usable) const;
    [[nodiscard]] bool runs(const config::Interface& interface, const config::Model& model) const;
    [[nodiscard]] const drivers::Port* port_of(const Info& info) const;

    InterfaceTable& table_;
    PortControl& ports_;
    unsigned workers_;
    std::map<std::string, net::InterfaceId> ids_;
    std::vector<Info> infos_{1};             // by id
    std::map<std::string, LinkInfo> links_;  // by the name of the port
};

}  // namespace godwit::dataplane
