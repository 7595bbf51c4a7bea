#include "deploy/supervisor/restart_policy.hpp"

#include <algorithm>

namespace godwit::supervisor {

Duration RestartPolicy::after_end(Duration lived) {
    ++restarts_;
    if (lived >= kSettled) {
        early_deaths_ = 0;
        return Duration::zero();
    }
    ++early_deaths_;
    if (early_deaths_ == 1) {
        return Duration::zero();
    }
    // 100, 200, 400, ... ms; the shift is bounded so that it cannot overflow.
    const unsigned doublings = std::min(early_deaths_ - 2, 5U);
    return std::min(kFirstWait * (1U << doublings), kLongestWait);
}

}  // namespace godwit::supervisor
