// The interfaces as the dataplane reports them: number, name, state; and the routes that the model
// brings with them.
//
// Numbers are the dataplane's: they hold while it runs, and all are learned anew when another one
// runs. An interface of the model that the dataplane has not reported gets a number that no
// interface of the dataplane can have (kMaxInterfaces and above) and is never up: its routes are
// shown, and none of them is active.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/model/model.hpp"
#include "controlplane/management/record_text.hpp"
#include "controlplane/rib/route.hpp"
#include "dataplane/api/messages.hpp"
#include "net/interface_id.hpp"

namespace godwit::control {

class InterfaceDirectory {
public:
    void clear();
    // False: a record that cannot be (a number out of range, no name), and nothing changed.
    bool update(const api::InterfaceRecord& record);
    void remove(net::InterfaceId id);

    [[nodiscard]] const api::InterfaceRecord* find(net::InterfaceId id) const;
    [[nodiscard]] const api::InterfaceRecord* find(const std::string& name) const;
    // The dataplane's number, or one that is never up; the same for the same name.
    net::InterfaceId id_of(const std::string& name);
    // Enabled, works, and has a link (a loopback needs none).
    [[nodiscard]] bool is_up(net::InterfaceId id) const;

    [[nodiscard]] const InterfaceNames& names() const { return names_; }
    [[nodiscard]] const std::map<net::InterfaceId, api::InterfaceRecord>& records() const {
        return records_;
    }

private:
    std::map<net::InterfaceId, api::InterfaceRecord> records_;
    InterfaceNames names_;  // the stand-ins too
    std::map<std::string, net::InterfaceId> ids_;
    std::uint16_t next_stand_in_ = UINT16_MAX;
};

// Works, and has a link; a loopback has one while it is enabled.
bool has_link(const api::InterfaceRecord& record);

// What the configuration and its interfaces say to the RIB.
struct ModelRoutes {
    std::vector<Route> local;
    std::vector<Route> connected;
    std::vector<Route> static_routes;
};
ModelRoutes routes_of(const config::Model& model, InterfaceDirectory& interfaces);

}  // namespace godwit::control
