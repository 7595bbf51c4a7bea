#include "tests/bench/families.hpp"

#include "tests/bench/forward/forward_family.hpp"
#include "tests/bench/lookup/lookup_family.hpp"

namespace godwit::bench {

std::vector<Family> all_families() {
    return {lookup_family(), forward_family()};
}

}  // namespace godwit::bench
