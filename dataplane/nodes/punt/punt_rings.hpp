// The punt rings of one worker for one session of the control plane.
#pragma once

#include <array>

#include "dataplane/api/punt_class.hpp"
#include "dataplane/api/ring.hpp"

namespace godwit::dataplane {

// Written by their worker only. The table owner publishes new ones (or none) with Worker::set_punt
// and lets the old ones go through the Reclaimer.
struct PuntRings {
    std::array<api::RingProducer, api::kPuntPriorityCount> producers;  // by api::PuntPriority
    int signal_fd = -1;  // wakes the control plane (api/wake.hpp)
};

}  // namespace godwit::dataplane
