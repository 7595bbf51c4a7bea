#include "controlplane/management/secret_reader.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace godwit::control {

namespace {

constexpr std::size_t kLongestSecret = 1024;

}  // namespace

net::Result<std::string, std::string> read_secret(const config::Secret& secret) {
    std::string text;
    if (secret.place == config::Secret::Place::Environment) {
        const char* const value = std::getenv(secret.name.c_str());
        if (value == nullptr) {
            return net::unexpected(fmt::format(
                "the control plane has no variable {} in its environment; set it and start again",
                secret.name));
        }
        text = value;
    } else {
        errno = 0;
        std::ifstream file(secret.name, std::ios::binary);
        if (!file) {
            return net::unexpected(
                fmt::format("the secret {} cannot be read: {}; look at the path and at its "
                            "permissions",
                            secret.name, std::strerror(errno)));
        }
        text.resize(kLongestSecret + 1);
        file.read(text.data(), static_cast<std::streamsize>(text.size()));
        text.resize(static_cast<std::size_t>(file.gcount()));
        text.resize(std::min(text.find_first_of("\r\n"), text.size()));
    }
    if (text.empty() || text.size() > kLongestSecret) {
        return net::unexpected(fmt::format("the secret {} is {}; write it in the first line",
                                           secret.name, text.empty() ? "empty" : "too long"));
    }
    return text;
}

}  // namespace godwit::control
