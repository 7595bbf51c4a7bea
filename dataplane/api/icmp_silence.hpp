// Why an ICMP error that something called for was not sent (RFC 1812 4.3.2.7, 4.3.2.8). One list,
// as with drop reasons: the counters, the names in `show status` and the documentation come from
// it. The packet that the error would have been about is counted by its own drop reason besides.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace godwit::api {

enum class IcmpSilence : std::uint8_t {
    AboutOwnPacket,
    AboutIcmpError,
    AboutLinkGroup,
    AboutGroup,
    AboutLaterFragment,
    AboutSourceRoute,
    SourceIsNoHost,
    NoAddress,
    NoWayBack,
    OverRate,
    OverShare,
    NoBuffer,
    kCount
};

constexpr std::size_t kIcmpSilenceCount = static_cast<std::size_t>(IcmpSilence::kCount);

struct IcmpSilenceText {
    IcmpSilence silence;
    std::string_view name;
    std::string_view what;  // one sentence for the documentation
};

constexpr std::array<IcmpSilenceText, kIcmpSilenceCount> kIcmpSilences{{
    {IcmpSilence::AboutOwnPacket, "about-own-packet", "the router made the packet itself"},
    {IcmpSilence::AboutIcmpError, "about-icmp-error",
     "the packet is an ICMP error, or ICMP that is too short to say what it is"},
    {IcmpSilence::AboutLinkGroup, "about-link-group",
     "the packet came as a link-layer broadcast or multicast"},
    {IcmpSilence::AboutGroup, "about-group", "the packet went to an IPv4 broadcast or multicast"},
    {IcmpSilence::AboutLaterFragment, "about-later-fragment",
     "the packet is a fragment other than the first"},
    {IcmpSilence::AboutSourceRoute, "about-source-route",
     "a redirect about a packet that says its route itself (RFC 1812 5.2.7.2)"},
    {IcmpSilence::SourceIsNoHost, "source-is-no-host",
     "the source address names no single host, or the router"},
    {IcmpSilence::NoAddress, "no-address", "the router has no address to speak from"},
    {IcmpSilence::NoWayBack, "no-way-back", "no route leads to the source"},
    {IcmpSilence::OverRate, "over-rate",
     "over the rate of errors of this type on this interface (ipv4.icmp.errors-per-second)"},
    {IcmpSilence::OverShare, "over-share",
     "the source has had its share of that rate, and the rest is for others"},
    {IcmpSilence::NoBuffer, "no-buffer", "the packet pool is empty"},
}};

constexpr bool icmp_silences_are_in_order() {
    for (std::size_t i = 0; i < kIcmpSilenceCount; ++i) {
        if (static_cast<std::size_t>(kIcmpSilences[i].silence) != i) {
            return false;
        }
    }
    return true;
}
static_assert(icmp_silences_are_in_order());

}  // namespace godwit::api
