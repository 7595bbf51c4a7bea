// The table owner's packets: where they come from, where they go, and the owner's part of the
// ledger (dataplane/api/counters.hpp). Every packet that comes in here leaves by exactly one of
// give, drop and end, or waits in the neighbour table.
//
// Packets for the workers are collected and given in bursts; a worker whose ring is full costs the
// packet (HandoffFull), never a wait. The graph of the workers does the rest: their nodes send,
// rewrite, look up, and answer with ICMP errors.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/api/counters.hpp"
#include "dataplane/graph/packet.hpp"
#include "dataplane/nodes/ip4/identification.hpp"
#include "dataplane/tables/interface_table.hpp"
#include "dataplane/worker/links.hpp"
#include "net/ipv4_address.hpp"
#include "net/mac_address.hpp"
#include "net/siphash.hpp"

struct rte_mempool;

namespace godwit::dataplane {

class Dispatch {
public:
    // `random_key`: the same as the workers'.
    Dispatch(Links& links, api::CounterBlock& counters, rte_mempool* pool,
             const net::SipKey& random_key);
    ~Dispatch();
    Dispatch(const Dispatch&) = delete;
    Dispatch& operator=(const Dispatch&) = delete;

    // What the workers gave, at most `into.size()`; counted as handed in.
    std::span<rte_mbuf*> take(std::span<rte_mbuf*> into);

    // To a worker, where it goes on at `resume`; with flush() at the latest.
    void give(rte_mbuf* packet, api::NodeId resume);
    void flush();
    void drop(rte_mbuf* packet, api::DropReason reason);
    void end(rte_mbuf* packet);  // an ARP message that did its work here: counts as punted

    // Our own ARP request: broadcast, or to one MAC (RFC 1122 2.3.2.1 unicast poll). An
    // announcement has `sender` == `target` (RFC 5227 2.3).
    void send_arp_request(const InterfaceEntry& interface, net::Ipv4Address sender,
                          net::Ipv4Address target, const std::optional<net::MacAddress>& to);

    // A packet of the control plane becomes a buffer, or a chain of them where it is long (the
    // workers fragment it); null when it ends here, counted. It gets its identification here,
    // unless it is a fragment, whose number its other fragments have too.
    rte_mbuf* inject(std::span<const std::byte> packet);
    void refuse_injected(api::DropReason reason);
    // An IPv4 packet as a whole frame to `to` out of `interface`.
    void send_frame(rte_mbuf* packet, const InterfaceEntry& interface, const net::MacAddress& to);

private:
    static constexpr std::size_t kBatch = 32;

    void flush(unsigned worker);
    void number(rte_mbuf* packet);
    void count_drop(net::InterfaceId ingress, api::DropReason reason);

    Links& links_;
    api::CounterBlock& counters_;
    rte_mempool* pool_;
    Identification identification_;
    std::vector<std::vector<rte_mbuf*>> waiting_;  // by worker
};

}  // namespace godwit::dataplane
