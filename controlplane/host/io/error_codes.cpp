#include "controlplane/host/io/error_codes.hpp"

#include <boost/asio/error.hpp>

namespace godwit::control::io {

namespace error = boost::asio::error;
using boost::system::error_code;

error_code error_of(const Obstacle& obstacle) {
    switch (obstacle.kind) {
        case Obstacle::Kind::NoRoute:
        case Obstacle::Kind::LeadsNowhere:
            return error::network_unreachable;
        case Obstacle::Kind::InterfaceDown:
            return error::network_down;
        case Obstacle::Kind::NotOnLink:
            return error::host_unreachable;
        case Obstacle::Kind::NoSource:
        case Obstacle::Kind::BadSource:
            return boost::system::errc::make_error_code(boost::system::errc::address_not_available);
        case Obstacle::Kind::Broadcast:
            return error::access_denied;
        case Obstacle::Kind::BadDestination:
        case Obstacle::Kind::BadInterface:
        case Obstacle::Kind::NoPort:
            return error::invalid_argument;
        case Obstacle::Kind::TooLong:
            return error::message_size;
        case Obstacle::Kind::NoRoom:
            return error::no_buffer_space;
    }
    return error::fault;
}

error_code error_of(tcp::Trouble trouble) {
    switch (trouble) {
        case tcp::Trouble::None:
            return {};
        case tcp::Trouble::Refused:
            return error::connection_refused;
        case tcp::Trouble::Reset:
            return error::connection_reset;
        case tcp::Trouble::TimedOut:
            return error::timed_out;
        case tcp::Trouble::Aborted:
            return error::connection_aborted;
        case tcp::Trouble::Unreachable:
            return error::host_unreachable;
    }
    return error::fault;
}

// RFC 1122 4.1.3.3 leaves to the application what it makes of it; as other systems do, a peer that
// says that nobody listens fails the next operation, and what may pass does not.
error_code error_of(const udp::PathReport& report) {
    switch (report.kind) {
        case udp::PathReport::Kind::PortUnreachable:
        case udp::PathReport::Kind::ProtocolUnreachable:
            return error::connection_refused;
        case udp::PathReport::Kind::PacketTooBig:
            return error::message_size;
        case udp::PathReport::Kind::NetUnreachable:
        case udp::PathReport::Kind::HostUnreachable:
        case udp::PathReport::Kind::SourceRouteFailed:
        case udp::PathReport::Kind::Prohibited:
        case udp::PathReport::Kind::TimeExceeded:
        case udp::PathReport::Kind::ParameterProblem:
            break;
    }
    return {};
}

}  // namespace godwit::control::io
