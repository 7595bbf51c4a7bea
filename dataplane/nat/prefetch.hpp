// Asks the memory for a line that will soon be read.
//
// By an instruction of its own: to g++ __builtin_prefetch has no effect, and the call of a function
// that does nothing else is left out where its result is not used.
#pragma once

namespace godwit::dataplane::nat {

inline void prefetch_line(const void* at) {
    asm volatile("prefetcht0 %0" : : "m"(*static_cast<const char*>(at)));
}

}  // namespace godwit::dataplane::nat
