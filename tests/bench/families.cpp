#include "tests/bench/families.hpp"

#include "tests/bench/churn/churn_family.hpp"
#include "tests/bench/forward/forward_family.hpp"
#include "tests/bench/idle/idle_family.hpp"
#include "tests/bench/lookup/lookup_family.hpp"
#include "tests/bench/nat/nat_family.hpp"
#include "tests/bench/rib/rib_family.hpp"
#include "tests/bench/tcp/tcp_family.hpp"
#include "tests/bench/wire/wire_family.hpp"
#include "tests/bench/workers/workers_family.hpp"

namespace godwit::bench {

std::vector<Family> all_families() {
    // First those whose programs need the hugepages that the others take into this process.
    return {wire_family(),        lookup_family(), forward_family(), nat_family(), churn_family(),
            two_workers_family(), idle_family(),   tcp_family(),     rib_family()};
}

}  // namespace godwit::bench
