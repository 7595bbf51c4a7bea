// RFC 7857 figure 1, arrow by arrow.
#include "dataplane/nat/tcp_state.hpp"

namespace godwit::dataplane::nat {

TcpState next_state(TcpState state, Direction direction, net::TcpFlags flags) {
    const bool is_inside = direction == Direction::Outbound;
    if (flags.rst) {
        // RFC 7857 2.2: four minutes, for the reset may be lost behind us.
        return TcpState::Transitory;
    }
    switch (state) {
        case TcpState::None:
            return TcpState::None;
        case TcpState::InsideSyn:
            return !is_inside && flags.syn ? TcpState::Established : state;
        case TcpState::OutsideSyn:
            return is_inside && flags.syn ? TcpState::Established : state;
        case TcpState::PickedUp:
            return is_inside ? state : TcpState::Established;
        case TcpState::Established:
            if (flags.fin) {
                return is_inside ? TcpState::InsideFin : TcpState::OutsideFin;
            }
            return state;
        case TcpState::InsideFin:
            return !is_inside && flags.fin ? TcpState::BothFin : state;
        case TcpState::OutsideFin:
            return is_inside && flags.fin ? TcpState::BothFin : state;
        case TcpState::BothFin:
        case TcpState::Transitory:
            if (flags.syn && !flags.ack) {
                return is_inside ? TcpState::InsideSyn : TcpState::OutsideSyn;
            }
            return state == TcpState::Transitory && !flags.syn ? TcpState::Established : state;
    }
    return state;
}

}  // namespace godwit::dataplane::nat
