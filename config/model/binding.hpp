// Between the plain tree of a configuration and the typed Model: where each key of the file lives
// in the structs. Reader and writer of a section stand side by side in binding.cpp, so that a new
// key is added at one place; a test holds the pair against the schema.
#pragma once

#include "config/model/model.hpp"
#include "config/model/value.hpp"

namespace godwit::config {

// From a tree whose values the loader has checked one by one. What is absent keeps the default of
// the struct, so that config/check can also look at a file of which a part was refused: an
// interface whose kind was refused is a VirtualPort without a device.
Model from_value(const Value& tree);

// The whole model, defaults written out; a key that does not apply (the queues of a loopback) is
// absent.
Value to_value(const Model& model);

}  // namespace godwit::config
