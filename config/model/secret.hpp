// A secret by the place where it is kept: the file says where, and never what. So a configuration
// can be shown, compared and sent around as it stands; the control plane reads the secret itself
// when it needs it.
#pragma once

#include <cstdint>
#include <string>

namespace godwit::config {

struct Secret {
    enum class Place : std::uint8_t { File, Environment };

    Place place = Place::File;
    std::string name;  // the path, or the variable
    friend bool operator==(const Secret&, const Secret&) = default;
};

}  // namespace godwit::config
