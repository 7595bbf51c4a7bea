// Frames as one line of text, for people who read and write packet cases:
//
//     eth dst=lan0 src=lan-host / vlan id=20 / ip src=10.0.0.2 dst=10.1.0.9 ttl=64 / udp sport=1
//     dport=2 / data 32
//
// Layers, separated by " / ", each a word and fields (numbers decimal or 0x...):
//
//     eth     dst= src= (a MAC address or a name of the case) type= (else from the next layer)
//     vlan    id= prio=
//     arp     op= smac= sip= tmac= tip= hw= pro= hlen= plen=
//     ip      src= dst= ttl= id= tos= df mf off= proto= options=HEX; and to lie: ver= ihl= len=
//             sum=
//     udp     sport= dport= sum= (none: no checksum; partial: the pseudo header's sum alone; bad)
//     tcp     sport= dport= flags= seq= ack= win= options=HEX sum=
//     icmp    type= code= rest= sum=
//     data N  N bytes of a pattern, from= its byte M on
//     zeros N · raw HEX
//     line W...      the words with spaces between them, and CR LF; letters W...: without
//     quote N [BYTES]  the IPv4 packet of input frame N (from 0), as an ICMP error quotes it, or
//             so many bytes of it
//     pad N   zeros up to a frame of N bytes, outside of the IPv4 packet
//     cut N   the frame ends after N bytes
//
// Lengths and checksums that are not given are computed. ip and icmp take sum=bad too.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "net/mac_address.hpp"

namespace godwit::packet_test {

using Frame = std::vector<std::uint8_t>;

struct FrameNames {
    std::map<std::string, net::MacAddress> macs;
    std::vector<Frame> inputs;  // for quote
};

// Throws std::invalid_argument that says which word is wrong.
Frame frame_from_text(std::string_view text, const FrameNames& names);

std::string hex_of(const Frame& frame);

}  // namespace godwit::packet_test
