// The `telemetry` section between the tree and the Model; part of config/model/binding.
#pragma once

#include "config/model/reader.hpp"
#include "config/model/telemetry.hpp"

namespace godwit::config {

Telemetry read_telemetry(const Reader& from);
Value write_telemetry(const Telemetry& telemetry);

}  // namespace godwit::config
