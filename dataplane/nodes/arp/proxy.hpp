// Whether a request for an address that is not ours is answered all the same, because the router is
// the way to it (proxy ARP: RFC 925 for one hop more, RFC 1027 for subnets that hosts do not know).
//
// Only on an interface that has `proxy-arp`, and only when
// - the asker is a host of one of the interface's own subnets, and asks: a probe (RFC 5227
//   2.1.1) or a gratuitous message is about the asker's own address, and an answer would take it
//   away from it;
// - the address is one that a host can have, and none of ours that is not proved free;
// - the FIB leads to it by another interface. By the same interface the host itself, or the router
//   that is nearer to it, answers, and where there is no route, or a blackhole, nobody should. Of
//   several equal ways not one may lead back.
//
// RFC 1027 is about the subnets of one network of a class; classes are gone, and any route will do.
#pragma once

#include "dataplane/nodes/environment.hpp"
#include "net/arp.hpp"

namespace godwit::dataplane {

[[nodiscard]] bool answers_for(const Environment& env, const InterfaceEntry& entry,
                               const net::wire::ArpView& request);

}  // namespace godwit::dataplane
