// What of this machine helps or hinders a router: the findings of `godwit doctor`. No DPDK, nothing
// is changed, any user may ask. Everything is read below a root folder ("/" in earnest), so that a
// test can describe any machine as a tree of files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/model/model.hpp"

namespace godwit::drivers {

enum class Severity : std::uint8_t { Ok, Warning, Bad };

struct Finding {
    std::string id;  // stable: "hugepages", "iommu", "nic", "cores", ...
    Severity severity = Severity::Ok;
    std::string what;
    std::string mend;  // a command or a setting; empty when there is nothing to mend
};

// With a model its needs are checked (its NICs, cores, memory, devices); without one, the machine
// in general. Findings come in a fixed order; several may share an id (one a NIC, one a core).
std::vector<Finding> inspect_host(const std::filesystem::path& root, const config::Model* model);

std::string_view to_string(Severity severity);

}  // namespace godwit::drivers
