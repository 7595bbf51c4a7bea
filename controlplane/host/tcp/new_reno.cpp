#include "controlplane/host/tcp/new_reno.hpp"

namespace godwit::control::tcp {

void NewReno::on_acknowledged(std::uint32_t bytes, Duration /*round_trip*/, Instant /*now*/) {
    if (in_slow_start()) {
        slow_start(bytes);
        return;
    }
    acknowledged_ += bytes;
    if (acknowledged_ >= window()) {
        acknowledged_ -= window();
        set_window(window() + segment_bytes());
    }
}

void NewReno::on_congestion(std::uint32_t in_flight, Instant /*now*/) {
    set_threshold(in_flight / 2);  // RFC 5681 (4)
    acknowledged_ = 0;
}

}  // namespace godwit::control::tcp
