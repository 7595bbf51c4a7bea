// The state of a TCP connection as a NAT sees it: RFC 7857 2, figure 1 (from RFC 6146 3.5.2).
//
//   (no session) --SYN--> InsideSyn | OutsideSyn --SYN of the other side--> Established
//   Established --FIN--> InsideFin | OutsideFin --FIN of the other side--> BothFin
//   any --RST, or Established idle too long--> Transitory --any packet--> Established
//
// A SYN of the other side completes the opening whether it has an ACK or not, so a simultaneous
// open needs no states of its own (RFC 5382 REQ-2a). What the figure does not have:
//   - PickedUp: a segment from inside without a session, of a connection that is older than our
//     state. It is established when the outside answers.
//   - A SYN on a connection that ended opens a new one, so that its ports can be used again.
#pragma once

#include <cstdint>

#include "dataplane/nat/flow.hpp"
#include "net/tcp.hpp"

namespace godwit::dataplane::nat {

enum class TcpState : std::uint8_t {
    None,       // not TCP
    InsideSyn,  // partially open (RFC 5382 REQ-5: transitory)
    OutsideSyn,
    PickedUp,
    Established,
    InsideFin,  // half closed: data may flow the other way for as long as it does
    OutsideFin,
    BothFin,    // closing (transitory)
    Transitory  // after a reset, or idle beyond the established time
};

[[nodiscard]] constexpr bool is_opening(TcpState state) {
    return state == TcpState::InsideSyn || state == TcpState::OutsideSyn ||
           state == TcpState::PickedUp;
}

// `flags` of a segment in `direction`. A reset must have been judged before: one that cannot belong
// to the connection is not shown to this function.
[[nodiscard]] TcpState next_state(TcpState state, Direction direction, net::TcpFlags flags);

}  // namespace godwit::dataplane::nat
