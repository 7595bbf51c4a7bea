// Small models for tests of the drivers.
#pragma once

#include <map>
#include <string>

#include "config/model/model.hpp"

namespace godwit::drivers {

inline config::Interface virtual_interface(const std::string& name, const std::string& device,
                                           std::map<std::string, std::string> args = {}) {
    config::Interface interface;
    interface.name = name;
    interface.kind =
        config::VirtualPort{.driver = device.substr(0, device.find_last_not_of("0123456789") + 1),
                            .device = device,
                            .args = std::move(args)};
    return interface;
}

inline config::Interface nic_interface(const std::string& name, const std::string& address) {
    config::Interface interface;
    interface.name = name;
    interface.kind = config::PciPort{address};
    return interface;
}

inline void add(config::Model& model, const config::Interface& interface) {
    model.interfaces[interface.name] = interface;
}

}  // namespace godwit::drivers
