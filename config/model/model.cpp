#include "config/model/model.hpp"

#include <filesystem>

namespace godwit::config {

std::string channel_socket_path(const Model& model) {
    return std::filesystem::path(model.management.control_socket)
        .replace_filename("dataplane.sock");
}

std::vector<net::Ipv4Address> addresses_of(const Model& model, const ListenPlace& place) {
    if (place.interface.empty()) {
        return {place.address};
    }
    std::vector<net::Ipv4Address> addresses;
    const auto found = model.interfaces.find(place.interface);
    if (found != model.interfaces.end() && found->second.enabled) {
        for (const net::Ipv4InterfaceAddress& own : found->second.addresses) {
            addresses.push_back(own.address);
        }
    }
    return addresses;
}

}  // namespace godwit::config
