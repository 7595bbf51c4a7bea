// The argument vector of rte_eal_init, made from the model. Pure. A person never sees or writes
// one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/model/model.hpp"

namespace godwit::drivers {

struct EalMemory {
    bool hugepages = false;
    std::uint64_t bytes = 0;
    bool physical_addresses = false;  // a NIC without an IOMMU: IOVA as PA
};

std::vector<std::string> eal_arguments(const config::Model& model, const EalMemory& memory,
                                       const std::string& file_prefix);

// The CPU of worker `number`: its own, or the main core's in trial mode.
unsigned worker_cpu(const config::Model& model, unsigned number);

}  // namespace godwit::drivers
