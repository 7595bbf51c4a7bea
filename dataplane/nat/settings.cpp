// The least times of the RFCs: what is below is refused with the clause that forbids it.
#include "dataplane/nat/settings.hpp"

namespace godwit::dataplane::nat {
namespace {

std::string too_short(const char* key, Seconds given, Seconds least, const char* clause) {
    return "nat.timeouts." + std::string(key) + ": " + std::to_string(given.count()) +
           "s is less than " + clause + " allows; make it at least " +
           std::to_string(least.count()) + "s";
}

}  // namespace

std::string check(const Settings& settings) {
    struct Least {
        const char* key;
        Seconds given;
        Seconds least;
        const char* clause;
    };
    const Timeouts& times = settings.timeouts;
    for (const Least& each : {
             Least{"tcp-established", times.tcp_established, Seconds{7440}, "RFC 5382 REQ-5"},
             Least{"tcp-closing", times.tcp_closing, Seconds{240}, "RFC 5382 REQ-5"},
             // RFC 7857 2.1 permits less than four minutes for the opening only; a handshake that
             // repeats its SYN must still fit.
             Least{"tcp-opening", times.tcp_opening, Seconds{30}, "a repeated handshake"},
             Least{"udp", times.udp, Seconds{120}, "RFC 4787 REQ-5"},
             Least{"icmp", times.icmp, Seconds{60}, "RFC 5508 REQ-2"},
             Least{"syn-hold", times.syn_hold, Seconds{6}, "RFC 5382 REQ-4"},
         }) {
        if (each.given < each.least) {
            return too_short(each.key, each.given, each.least, each.clause);
        }
    }
    if (settings.place.workers == 0 || settings.place.worker >= settings.place.workers ||
        settings.place.workers > 1024) {
        return "nat: worker " + std::to_string(settings.place.worker) + " of " +
               std::to_string(settings.place.workers) +
               " is no worker; there may be 1 to 1024, counted from 0";
    }
    if (settings.max_sessions < 16 || settings.max_sessions > 0x40000000U) {
        return "nat.max-sessions: " + std::to_string(settings.max_sessions) +
               " for a worker is not between 16 and 1073741824; choose another number";
    }
    if (settings.max_held_syns == 0 || settings.event_capacity == 0) {
        return "nat: the rooms for held SYNs and for events must hold at least one each";
    }
    return "";
}

}  // namespace godwit::dataplane::nat
