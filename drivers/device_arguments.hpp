// How one interface of the model is put to DPDK: bus, device name and device arguments, and the MAC
// address of a device that has none of its own. Pure.
#pragma once

#include <string>

#include "config/model/model.hpp"
#include "net/mac_address.hpp"

namespace godwit::drivers {

struct DeviceArguments {
    std::string bus;   // "vdev" or "pci"
    std::string name;  // "net_tap0", "0000:8a:00.0"
    std::string arguments;
};

// What the person wrote in `args` wins over every choice made here.
DeviceArguments device_arguments(const config::Interface& interface, unsigned workers);

// A locally administered address that is the same after every restart, so that neighbours need not
// learn it anew, and another one for every interface of every router. `seed` tells routers apart.
net::MacAddress derived_mac(const std::string& seed, const std::string& interface_name);

}  // namespace godwit::drivers
