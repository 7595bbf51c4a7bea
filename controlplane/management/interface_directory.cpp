#include "controlplane/management/interface_directory.hpp"

#include <utility>

#include "dataplane/api/counters.hpp"

namespace godwit::control {

void InterfaceDirectory::clear() {
    records_.clear();
    names_.clear();
    ids_.clear();
    next_stand_in_ = UINT16_MAX;
}

bool InterfaceDirectory::update(const api::InterfaceRecord& record) {
    const net::InterfaceId id(record.interface);
    const std::string name = text_in(record.name);
    if (id.is_none() || record.interface >= api::kMaxInterfaces || name.empty()) {
        return false;
    }
    remove(id);
    if (const auto other = ids_.find(name); other != ids_.end()) {
        remove(other->second);  // a stand-in, or a number that the name had before
    }
    records_[id] = record;
    names_[id] = name;
    ids_[name] = id;
    return true;
}

void InterfaceDirectory::remove(net::InterfaceId id) {
    const auto name = names_.find(id);
    if (name != names_.end()) {
        ids_.erase(name->second);
        names_.erase(name);
    }
    records_.erase(id);
}

const api::InterfaceRecord* InterfaceDirectory::find(net::InterfaceId id) const {
    const auto found = records_.find(id);
    return found != records_.end() ? &found->second : nullptr;
}

const api::InterfaceRecord* InterfaceDirectory::find(const std::string& name) const {
    const auto found = ids_.find(name);
    return found != ids_.end() ? find(found->second) : nullptr;
}

net::InterfaceId InterfaceDirectory::id_of(const std::string& name) {
    if (const auto found = ids_.find(name); found != ids_.end()) {
        return found->second;
    }
    const net::InterfaceId stand_in(next_stand_in_);
    // The model holds far fewer names than there are numbers; should it not, the last is shared.
    if (next_stand_in_ > api::kMaxInterfaces) {
        --next_stand_in_;
    }
    ids_[name] = stand_in;
    names_[stand_in] = name;
    return stand_in;
}

bool InterfaceDirectory::is_up(net::InterfaceId id) const {
    const api::InterfaceRecord* const record = find(id);
    return record != nullptr && (record->flags & api::kInterfaceEnabled) != 0 && has_link(*record);
}

bool has_link(const api::InterfaceRecord& record) {
    const bool loopback = record.type == api::InterfaceType::Loopback;
    return (record.flags & api::kInterfaceFailed) == 0 &&
           (record.flags & (loopback ? api::kInterfaceEnabled : api::kInterfaceLinkUp)) != 0;
}

ModelRoutes routes_of(const config::Model& model, InterfaceDirectory& interfaces) {
    ModelRoutes routes;
    for (const auto& [name, interface] : model.interfaces) {
        const net::InterfaceId id = interfaces.id_of(name);
        const bool up = interface.enabled && interfaces.is_up(id);
        for (Route& route : connected_routes(id, interface.addresses, up)) {
            auto& list = route.source == RouteSource::Local ? routes.local : routes.connected;
            list.push_back(std::move(route));
        }
    }
    for (const auto& [prefix, from] : model.static_.routes) {
        Route route;
        route.prefix = prefix;
        route.source = RouteSource::Static;
        route.distance = from.distance;
        route.tag = from.tag;
        for (const config::StaticNextHop& next_hop : from.next_hops) {
            if (next_hop.interface) {
                const net::InterfaceId id = interfaces.id_of(*next_hop.interface);
                route.next_hops.push_back(next_hop.via ? RibNextHop::gateway(*next_hop.via, id)
                                                       : RibNextHop::glean(id));
            } else if (next_hop.via) {
                route.next_hops.push_back(RibNextHop::recursive(*next_hop.via));
            }
        }
        if (route.next_hops.empty()) {
            route.next_hops.push_back(RibNextHop::blackhole());
        }
        routes.static_routes.push_back(std::move(route));
    }
    return routes;
}

}  // namespace godwit::control
