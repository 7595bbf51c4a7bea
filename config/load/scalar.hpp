// One plain value: from its text to what the schema says it is, or why not. Pure.
#pragma once

#include <string_view>

#include "config/load/findings.hpp"
#include "config/model/value.hpp"
#include "config/schema/schema.hpp"
#include "net/result.hpp"

namespace godwit::config {

// `quoted`: the text stood in quotes, so it is no number and no truth value. Text that has several
// spellings (a PCI address without its domain) comes back in its one canonical form.
net::Result<Value, Problem> parse_scalar(const Descriptor& descriptor, std::string_view text,
                                         bool quoted);

// The default of a key, when it has one.
std::optional<Value> default_of(const Descriptor& descriptor);

}  // namespace godwit::config
