#include "tests/bench/families.hpp"

#include "tests/bench/churn/churn_family.hpp"
#include "tests/bench/forward/forward_family.hpp"
#include "tests/bench/idle/idle_family.hpp"
#include "tests/bench/lookup/lookup_family.hpp"
#include "tests/bench/wire/wire_family.hpp"
#include "tests/bench/workers/workers_family.hpp"

namespace godwit::bench {

std::vector<Family> all_families() {
    return {lookup_family(),      forward_family(), churn_family(),
            two_workers_family(), idle_family(),    wire_family()};
}

}  // namespace godwit::bench
