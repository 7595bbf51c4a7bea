// The punt ring of one worker for one session of the control plane.
#pragma once

#include "dataplane/api/ring.hpp"

namespace godwit::dataplane {

// Written by its worker only. The table owner publishes a new one (or none) with Worker::set_punt
// and lets the old one go through the Reclaimer.
struct PuntRing {
    api::RingProducer producer;
    int signal_fd = -1;  // wakes the control plane (api/wake.hpp)
};

}  // namespace godwit::dataplane
