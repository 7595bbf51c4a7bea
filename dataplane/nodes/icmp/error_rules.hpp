// When this router says nothing (RFC 1812 4.3.2.7, RFC 1122 3.2.2): the rules that hold for every
// ICMP error, redirects included, in one place. What fails the validation of RFC 1812 5.2.2 never
// comes here: ip4-input drops it.
#pragma once

#include <rte_mbuf.h>

#include <optional>

#include "dataplane/api/icmp_silence.hpp"
#include "dataplane/nodes/environment.hpp"

namespace godwit::dataplane {

// Why no error may be sent about the packet, whose data begins at its IPv4 header; nothing when one
// may.
[[nodiscard]] std::optional<api::IcmpSilence> silence_about(const Environment& env,
                                                            rte_mbuf* packet);

}  // namespace godwit::dataplane
