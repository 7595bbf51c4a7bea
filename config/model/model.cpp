#include "config/model/model.hpp"

#include <filesystem>

namespace godwit::config {

std::string channel_socket_path(const Model& model) {
    return std::filesystem::path(model.management.control_socket)
        .replace_filename("dataplane.sock");
}

}  // namespace godwit::config
