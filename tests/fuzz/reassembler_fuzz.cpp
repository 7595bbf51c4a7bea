// Fragments of one datagram in several orders: the reassembler says of each what a plain byte map
// says, nothing stays behind in it, and where no two fragments contradict each other every order
// gives the same datagram, or none.
//
// Input: the length of the datagram, then four bytes a fragment: where it begins and how long it is
// (in units of 8), its flags, and what its bytes are made of.
#include <algorithm>
#include <deque>
#include <optional>
#include <random>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/fragment/reassembler.hpp"
#include "net/ipv4.hpp"
#include "tests/fuzz/fuzz_check.hpp"
#include "tests/support/fragment_oracle.hpp"
#include "tests/support/loose_packet.hpp"

using namespace godwit;

namespace {

using Packet = test::LoosePacket<2112>;
using Payload = std::vector<std::uint8_t>;

std::vector<std::uint8_t> bytes_of(const test::PlainFragment& fragment) {
    std::vector<std::uint8_t> bytes(20 + fragment.payload.size());
    net::ByteWriter writer(bytes);
    net::Ipv4Header header;
    header.payload_bytes = static_cast<std::uint16_t>(fragment.payload.size());
    header.identification = 7;
    header.more_fragments = fragment.more;
    header.fragment_units = static_cast<std::uint16_t>(fragment.begin / 8);
    header.protocol = net::IpProtocol::Udp;
    header.source = net::Ipv4Address(0x0a000002);
    header.destination = net::Ipv4Address(0x0a000001);
    header.encode(writer);
    std::copy(fragment.payload.begin(), fragment.payload.end(), bytes.begin() + 20);
    return bytes;
}

std::vector<test::PlainFragment> fragments_of(const std::uint8_t* data, std::size_t size) {
    std::vector<test::PlainFragment> fragments;
    const std::size_t units = size > 0 ? data[0] : 0;
    for (std::size_t at = 1; at + 4 <= size && fragments.size() < 160; at += 4) {
        test::PlainFragment fragment;
        const std::uint8_t flags = data[at + 2];
        // Mostly inside of the datagram, and now and then at the far end of what can be.
        fragment.begin = (flags & 0x80U) != 0 ? 65400U + data[at] % 17 * 8 : data[at] * 8U;
        std::size_t length = std::size_t{data[at + 1]} % 32 * 8;
        fragment.more = (flags & 1U) != 0 || data[at] + length / 8 < units;
        if ((flags & 2U) != 0) {
            length += data[at + 1] / 32;
        }
        for (std::size_t i = 0; i < length; ++i) {
            // Bytes of the datagram, unless the input wants others.
            fragment.payload.push_back(
                static_cast<std::uint8_t>((fragment.begin + i) * 7 + (flags & 0x40U)));
        }
        fragments.push_back(std::move(fragment));
    }
    return fragments;
}

struct Outcome {
    std::vector<Payload> whole;
    bool refused = false;
};

Outcome run(const std::vector<test::PlainFragment>& fragments) {
    dataplane::Reassembler reassembler(1, 1000);
    reassembler.set_limits({4, 4, 1024});
    test::FragmentOracle oracle(dataplane::Reassembler::kMaxFragments);
    std::deque<Packet> packets;
    std::size_t out = 0;
    Outcome outcome;
    for (const test::PlainFragment& fragment : fragments) {
        rte_mbuf* packet = &packets.emplace_back(bytes_of(fragment)).packet;
        rte_mbuf* whole = reassembler.add(packet, 1);
        out += reassembler.ended().size() + reassembler.merged().size();
        const auto expected = oracle.add(fragment);
        fuzz::check((whole != nullptr) == expected.has_value(), "whole when the byte map is");
        if (whole != nullptr) {
            ++out;
            Payload bytes(whole->pkt_len);
            dataplane::copy_bytes(whole, bytes);
            const auto view = net::wire::Ipv4View::parse(bytes);
            fuzz::check(view && view->has_valid_checksum() && !view->is_fragment(),
                        "a datagram has a header of its own");
            fuzz::check(std::equal(expected->begin(), expected->end(), view->payload().begin(),
                                   view->payload().end()),
                        "a datagram is its fragments' bytes");
            outcome.whole.push_back(*expected);
        }
    }
    outcome.refused = oracle.refused();
    reassembler.expire(1'000'000, UINT32_MAX);
    out += reassembler.ended().size();
    fuzz::check(out == packets.size(), "every fragment goes out once");
    fuzz::check(reassembler.is_idle() && reassembler.buffers() == 0, "nothing stays behind");
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<test::PlainFragment> fragments = fragments_of(data, size);
    test::FragmentOracle all(dataplane::Reassembler::kMaxFragments);
    for (const test::PlainFragment& fragment : fragments) {
        all.hold(fragment);
    }
    const Outcome as_given = run(fragments);
    std::mt19937 random(static_cast<unsigned>(size));
    for (int order = 0; order < 3; ++order) {
        std::shuffle(fragments.begin(), fragments.end(), random);
        const Outcome shuffled = run(fragments);
        if (all.refused()) {
            // A datagram that was whole before the contradiction came is not called back.
            fuzz::check(shuffled.refused || !shuffled.whole.empty(), "a refusal in every order");
            continue;
        }
        fuzz::check(!shuffled.refused && shuffled.whole.empty() == as_given.whole.empty(),
                    "whole in every order");
        // Copies that come later begin a datagram of their own.
        fuzz::check(as_given.whole.empty() || shuffled.whole.front() == as_given.whole.front(),
                    "the same datagram in every order");
    }
    return 0;
}
