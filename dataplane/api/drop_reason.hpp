// Why a packet ended here. One list: the counters, the metric label, the command line's words and
// the generated documentation all come from it. Every packet that is neither sent nor punted ends
// with exactly one of these.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace godwit::api {

enum class DropReason : std::uint8_t {
    // Ethernet
    FrameTruncated,
    FrameNotForUs,
    FrameBadSource,
    VlanUnknown,
    EthertypeUnknown,
    InterfaceDown,
    // ARP
    ArpTruncated,
    ArpMalformed,
    ArpBadSender,
    ArpNotForUs,
    ArpQueueFull,
    ArpHoldFull,
    ArpUnresolved,
    ArpTableFull,
    ArpAddressInUse,
    RarpMalformed,
    RarpUnknown,
    RarpNotForUs,
    // IPv4 input
    Ip4Truncated,
    Ip4BadVersion,
    Ip4BadHeaderLength,
    Ip4BadTotalLength,
    Ip4BadChecksum,
    Ip4BadOptions,
    Ip4SourceRoute,
    Ip4MartianSource,
    Ip4MartianDestination,
    Ip4LinkBroadcast,
    Ip4SourceUnreachable,
    Ip4NotYetOurs,
    // IPv4 forwarding
    Ip4TtlExpired,
    Ip4NoRoute,
    Ip4Blackhole,
    Ip4DirectedBroadcast,
    Ip4Multicast,
    Ip4SourceRouteFailed,
    Ip4OptionsFull,
    Ip4FragmentNoBuffer,
    Ip4DontFragment,
    Ip4NoAdjacency,
    // reassembly
    ReassemblyTimeout,
    ReassemblyOverlap,
    ReassemblyTinyFragment,
    ReassemblyBadFragment,
    ReassemblyTooLong,
    ReassemblyTooMany,
    ReassemblyFull,
    ReassemblyInterfaceFull,
    ReassemblyDuplicate,
    // NAT44
    NatTruncated,
    NatBadQuote,
    NatUnknownQuote,
    NatUntranslatable,
    NatUnmapped,
    NatFiltered,
    NatUnsolicitedSyn,
    NatStrayReset,
    NatSessionsFull,
    NatSubscribersFull,
    NatSubscriberSessions,
    NatSubscriberPorts,
    NatSubscriberRate,
    NatPortsExhausted,
    NatFragmentsFull,
    NatFragmentTimeout,
    NatNotReady,
    // ICMP
    IcmpTruncated,
    IcmpBadChecksum,
    // punt and inject
    PuntPoliced,
    PuntRingFull,
    PuntNoControlPlane,
    InjectMalformed,
    InjectBadInterface,
    // leaving
    TransmitInterfaceDown,
    TransmitQueueFull,
    TransmitTooLong,
    // inside
    HandoffFull,
    OwnerRingFull,
    NoBuffer,
    ShuttingDown,
    kCount
};

constexpr std::size_t kDropReasonCount = static_cast<std::size_t>(DropReason::kCount);

struct DropReasonText {
    DropReason reason;
    std::string_view name;   // the metric label and the word on the command line
    std::string_view stage;  // where in the way of a packet
    std::string_view what;   // one sentence for the documentation
};

constexpr std::array<DropReasonText, kDropReasonCount> kDropReasons{{
    {DropReason::FrameTruncated, "frame-truncated", "ethernet",
     "shorter than an Ethernet (or VLAN) header"},
    {DropReason::FrameNotForUs, "frame-not-for-us", "ethernet",
     "unicast destination MAC that is not the interface's"},
    {DropReason::FrameBadSource, "frame-bad-source", "ethernet",
     "source MAC is a group address or zero"},
    {DropReason::VlanUnknown, "vlan-unknown", "ethernet",
     "VLAN tag with no sub-interface on this port"},
    {DropReason::EthertypeUnknown, "ethertype-unknown", "ethernet", "neither IPv4 nor ARP"},
    {DropReason::InterfaceDown, "interface-down", "ethernet",
     "received on an interface that is disabled"},
    {DropReason::ArpTruncated, "arp-truncated", "arp",
     "shorter than an ARP message for IPv4 over Ethernet"},
    {DropReason::ArpMalformed, "arp-malformed", "arp",
     "hardware, protocol, length or operation is not RFC 826's"},
    {DropReason::ArpBadSender, "arp-bad-sender", "arp",
     "sender's hardware or protocol address can belong to nobody"},
    {DropReason::ArpNotForUs, "arp-not-for-us", "arp",
     "asks for, or answers, an address that is not ours"},
    {DropReason::ArpQueueFull, "arp-queue-full", "arp",
     "over the rate at which an interface's ARP messages teach the table owner, or its ring is "
     "full"},
    {DropReason::ArpHoldFull, "arp-hold-full", "arp",
     "pushed out of the hold queue of a neighbour being resolved"},
    {DropReason::ArpUnresolved, "arp-unresolved", "arp", "the next hop did not answer ARP"},
    {DropReason::ArpTableFull, "arp-table-full", "arp", "the neighbour table is at its limit"},
    {DropReason::ArpAddressInUse, "arp-address-in-use", "arp",
     "for an address that another host holds, or that is not proved free yet (RFC 5227)"},
    {DropReason::RarpMalformed, "rarp-malformed", "arp", "a RARP message that is not RFC 903's"},
    {DropReason::RarpUnknown, "rarp-unknown", "arp",
     "a RARP request for a hardware address that is not in the interface's map"},
    {DropReason::RarpNotForUs, "rarp-not-for-us", "arp", "a RARP reply"},
    {DropReason::Ip4Truncated, "ip4-truncated", "ip4-input", "frame ends inside the IPv4 header"},
    {DropReason::Ip4BadVersion, "ip4-bad-version", "ip4-input",
     "version is not 4 (RFC 1812 5.2.2)"},
    {DropReason::Ip4BadHeaderLength, "ip4-bad-header-length", "ip4-input",
     "header length under 20 bytes (RFC 1812 5.2.2)"},
    {DropReason::Ip4BadTotalLength, "ip4-bad-total-length", "ip4-input",
     "total length under the header's or over the frame's (RFC 1812 5.2.2)"},
    {DropReason::Ip4BadChecksum, "ip4-bad-checksum", "ip4-input",
     "header checksum is wrong (RFC 1812 5.2.2)"},
    {DropReason::Ip4BadOptions, "ip4-bad-options", "ip4-input", "an option runs past the header"},
    {DropReason::Ip4SourceRoute, "ip4-source-route", "ip4-input",
     "source route option, refused by default"},
    {DropReason::Ip4MartianSource, "ip4-martian-source", "ip4-input",
     "source address can belong to nobody (RFC 1812 5.3.7)"},
    {DropReason::Ip4MartianDestination, "ip4-martian-destination", "ip4-input",
     "destination address must not be forwarded (RFC 1812 5.3.7)"},
    {DropReason::Ip4LinkBroadcast, "ip4-link-broadcast", "ip4-input",
     "link-layer broadcast or multicast with a unicast destination (RFC 1812 5.3.4)"},
    {DropReason::Ip4SourceUnreachable, "ip4-source-unreachable", "ip4-input",
     "the routes do not lead back to its source as source-validation asks (RFC 3704)"},
    {DropReason::Ip4NotYetOurs, "ip4-not-yet-ours", "ip4-input",
     "for an address of ours that is not proved free yet (RFC 5227 2.1)"},
    {DropReason::Ip4TtlExpired, "ip4-ttl-expired", "ip4-forward",
     "time to live ran out in transit"},
    {DropReason::Ip4NoRoute, "ip4-no-route", "ip4-forward", "no route to the destination"},
    {DropReason::Ip4Blackhole, "ip4-blackhole", "ip4-forward", "a blackhole route"},
    {DropReason::Ip4DirectedBroadcast, "ip4-directed-broadcast", "ip4-forward",
     "broadcast address of another interface's subnet (RFC 2644)"},
    {DropReason::Ip4Multicast, "ip4-multicast", "ip4-forward",
     "multicast that nobody here listens to"},
    {DropReason::Ip4SourceRouteFailed, "ip4-source-route-failed", "ip4-forward",
     "the next address of its strict source route is not a neighbour (RFC 1812 5.2.4.1)"},
    {DropReason::Ip4OptionsFull, "ip4-options-full", "ip4-forward",
     "an option that this router must fill in has no room for it, or is malformed"},
    {DropReason::Ip4FragmentNoBuffer, "ip4-fragment-no-buffer", "ip4-forward",
     "over the next hop's MTU, and no buffers for all of its fragments"},
    {DropReason::Ip4DontFragment, "ip4-dont-fragment", "ip4-forward",
     "over the next hop's MTU with Don't Fragment set"},
    {DropReason::Ip4NoAdjacency, "ip4-no-adjacency", "ip4-forward",
     "the next hop vanished while the packet was on its way"},
    {DropReason::ReassemblyTimeout, "reassembly-timeout", "reassembly",
     "the other fragments did not come in time (RFC 1122 3.3.2)"},
    {DropReason::ReassemblyOverlap, "reassembly-overlap", "reassembly",
     "overlaps another fragment: the whole datagram is refused (RFC 5722, for IPv4)"},
    {DropReason::ReassemblyTinyFragment, "reassembly-tiny-fragment", "reassembly",
     "a first fragment without the whole transport header, or one that rewrites it (RFC 1858, "
     "3128)"},
    {DropReason::ReassemblyBadFragment, "reassembly-bad-fragment", "reassembly",
     "a fragment whose length is no multiple of 8, or that contradicts the datagram's end"},
    {DropReason::ReassemblyTooLong, "reassembly-too-long", "reassembly",
     "a fragment beyond 65535 bytes"},
    {DropReason::ReassemblyTooMany, "reassembly-too-many", "reassembly",
     "more fragments than one datagram may have"},
    {DropReason::ReassemblyFull, "reassembly-full", "reassembly",
     "the oldest unfinished datagram gave its place to a new one"},
    {DropReason::ReassemblyInterfaceFull, "reassembly-interface-full", "reassembly",
     "the oldest of this interface gave its place to a new one of the same"},
    {DropReason::ReassemblyDuplicate, "reassembly-duplicate", "reassembly",
     "a fragment that was there already, byte by byte"},
    {DropReason::NatTruncated, "nat-truncated", "nat",
     "no whole transport header to translate, or one in the wrong fragment"},
    {DropReason::NatBadQuote, "nat-bad-quote", "nat",
     "an ICMP error with a wrong checksum, or whose quoted packet cannot be read (RFC 5508 REQ-3)"},
    {DropReason::NatUnknownQuote, "nat-unknown-quote", "nat",
     "an ICMP error about a packet that no session or mapping knows (RFC 5508 REQ-4, REQ-5)"},
    {DropReason::NatUntranslatable, "nat-untranslatable", "nat",
     "a protocol without ports, and no one-to-one rule for its address"},
    {DropReason::NatUnmapped, "nat-unmapped", "nat",
     "to an outside address, and nothing inside answers there"},
    {DropReason::NatFiltered, "nat-filtered", "nat",
     "to a mapping, from a remote that the filter does not let in (RFC 4787 5)"},
    {DropReason::NatUnsolicitedSyn, "nat-unsolicited-syn", "nat",
     "a connection from outside that nobody asked for in six seconds, or no room to hold it (RFC "
     "5382 REQ-4)"},
    {DropReason::NatStrayReset, "nat-stray-reset", "nat",
     "a reset from inside of a connection that is not known"},
    {DropReason::NatSessionsFull, "nat-sessions-full", "nat",
     "a new flow, and nat.max-sessions are in use"},
    {DropReason::NatSubscribersFull, "nat-subscribers-full", "nat",
     "a new inside host, and no room for one more"},
    {DropReason::NatSubscriberSessions, "nat-subscriber-sessions", "nat",
     "over the sessions that one inside host may have (RFC 6888 REQ-5)"},
    {DropReason::NatSubscriberPorts, "nat-subscriber-ports", "nat",
     "over the ports that one inside host may have (RFC 6888 REQ-4)"},
    {DropReason::NatSubscriberRate, "nat-subscriber-rate", "nat",
     "over the new sessions a second of one inside host (RFC 6888 REQ-5)"},
    {DropReason::NatPortsExhausted, "nat-ports-exhausted", "nat",
     "all ports of its outside address are in use or rest"},
    {DropReason::NatFragmentsFull, "nat-fragments-full", "nat",
     "a fragment that waits for its first one, pushed out by newer ones"},
    {DropReason::NatFragmentTimeout, "nat-fragment-timeout", "nat",
     "a fragment whose first one did not come in time"},
    {DropReason::NatNotReady, "nat-not-ready", "nat",
     "came to a worker that has other rules, or none, while they change"},
    {DropReason::IcmpTruncated, "icmp-truncated", "icmp",
     "for us, and shorter than an ICMP header"},
    {DropReason::IcmpBadChecksum, "icmp-bad-checksum", "icmp",
     "for us, with a wrong ICMP checksum"},
    {DropReason::PuntPoliced, "punt-policed", "punt", "for us, over the rate of its class"},
    {DropReason::PuntRingFull, "punt-ring-full", "punt",
     "for us, and the control plane does not keep up"},
    {DropReason::PuntNoControlPlane, "punt-no-control-plane", "punt",
     "for us, and no control plane is connected"},
    {DropReason::InjectMalformed, "inject-malformed", "inject",
     "the control plane gave a packet that cannot be sent"},
    {DropReason::InjectBadInterface, "inject-bad-interface", "inject",
     "the control plane named an interface that is not there"},
    {DropReason::TransmitInterfaceDown, "transmit-interface-down", "transmit",
     "the outgoing interface is down"},
    {DropReason::TransmitQueueFull, "transmit-queue-full", "transmit",
     "the device took no more packets"},
    {DropReason::TransmitTooLong, "transmit-too-long", "transmit",
     "longer than the device can send"},
    {DropReason::HandoffFull, "handoff-full", "worker",
     "the other worker's hand-over ring is full"},
    {DropReason::OwnerRingFull, "owner-ring-full", "worker", "the table owner's ring is full"},
    {DropReason::NoBuffer, "no-buffer", "worker", "the packet pool is empty"},
    {DropReason::ShuttingDown, "shutting-down", "worker", "the dataplane is stopping"},
}};

constexpr bool drop_reasons_are_in_order() {
    for (std::size_t i = 0; i < kDropReasonCount; ++i) {
        if (static_cast<std::size_t>(kDropReasons[i].reason) != i) {
            return false;
        }
    }
    return true;
}
static_assert(drop_reasons_are_in_order());

constexpr const DropReasonText& text_of(DropReason reason) {
    return kDropReasons[static_cast<std::size_t>(reason)];
}

}  // namespace godwit::api
