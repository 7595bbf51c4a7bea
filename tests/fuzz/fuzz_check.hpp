// What a fuzz target asserts: true in every build type, and seen by libFuzzer as a crash.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace godwit::fuzz {

inline void check(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "does not hold: %s\n", what);
        std::abort();
    }
}

}  // namespace godwit::fuzz
