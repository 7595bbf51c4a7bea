// Result<T, E>: a value, or the reason why there is none. Used for everything that input can cause;
// exceptions are for start-up and file I/O only, assertions for our own invariants only.
#pragma once

#include <tl/expected.hpp>

namespace godwit::net {

template <class Value, class Error>
using Result = tl::expected<Value, Error>;

using tl::unexpected;

}  // namespace godwit::net
