// What a person sees of the packets that came to the control plane, or did not: by class, in the
// order in which they are taken (dataplane/api/punt_class.hpp).
#pragma once

#include <array>
#include <boost/json/fwd.hpp>
#include <cstdint>

#include "dataplane/api/counters.hpp"

namespace godwit::control {

struct PuntTotals {
    std::uint64_t punted = 0;
    std::uint64_t policed = 0;
    std::uint64_t ring_full = 0;
    std::uint64_t no_control_plane = 0;
};
// By api::PuntClass, of all workers.
std::array<PuntTotals, api::kPuntClassCount> read_punts(const api::CountersRegion& region,
                                                        std::uint32_t worker_count);

// One row a class, also of those that are zero: who looks for a flood wants to see who suffers.
boost::json::array punts_json(const api::CountersRegion& region, std::uint32_t worker_count);

}  // namespace godwit::control
