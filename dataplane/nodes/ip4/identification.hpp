// The identification of the IPv4 packets that this router makes (RFC 791 3.2, RFC 6864 4.3): two of
// one source, destination and protocol must not be the same while both may be under way, and nobody
// outside should be able to say what the next one is, or how many packets went to somebody else.
//
// Two kinds of threads make packets: each worker its ICMP errors, and the table owner passes on
// what the control plane made, which it numbers (owner/dispatch.cpp), so that whoever is up there
// needs to know nothing of the numbers of others.
//
// A packet is numbered by one of a few hundred counters, and its identification is that number
// under a permutation of the 2^16 that a key and the (source, destination, protocol) choose: four
// rounds of a Feistel network over two halves of eight bits. So:
//
// - Within one triple no number comes again before its counter has gone all the way around, however
//   many other triples count with it: theirs are gaps.
// - Who sees his own numbers learns nothing of the next one without the key, and nothing of
//   others': each triple has a permutation of its own.
// - Threads never collide: they share the key, and each counts in numbers of its own, those that
//   leave its number over when divided by how many threads there are.
//
// So a triple has 65536 / threads numbers at least between two that are the same, and fewer the
// more triples share its counter. The rate limits of what is made here keep that above the lifetime
// of a packet for errors of one interface; datagrams that cannot be fragmented (atomic ones, RFC
// 6864 4.1) may have any number.
#pragma once

#include <array>
#include <cstdint>

#include "net/ip_protocol.hpp"
#include "net/ipv4_address.hpp"
#include "net/siphash.hpp"

namespace godwit::dataplane {

// Of a run with so many workers: one for each, and the last one, which has their number, for the
// table owner.
constexpr unsigned identification_counters(unsigned workers) {
    return workers + 1;
}

class Identification {
public:
    // `key` is the same for all threads of a run, and secret.
    Identification(const net::SipKey& key, unsigned thread, unsigned threads)
        : key_(key), thread_(thread), threads_(threads), limit_(kNumbers / threads) {}

    std::uint16_t next(net::Ipv4Address source, net::Ipv4Address destination,
                       net::IpProtocol protocol) {
        const std::uint64_t secret =
            net::siphash(key_, {std::uint64_t{source.value()} << 32 | destination.value(),
                                static_cast<std::uint64_t>(protocol)});
        std::uint32_t& counter = counters_[secret % kCounters];
        const std::uint32_t number = counter * threads_ + thread_;
        counter = counter + 1 < limit_ ? counter + 1 : 0;
        return permuted(secret, number);
    }

private:
    static constexpr std::uint32_t kNumbers = 1U << 16;
    static constexpr std::size_t kCounters = 256;

    static std::uint16_t permuted(std::uint64_t secret, std::uint32_t number) {
        constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15U;
        std::uint32_t left = number >> 8 & 0xffU;
        std::uint32_t right = number & 0xffU;
        for (unsigned round = 0; round < 4; ++round) {
            const std::uint64_t mixed = ((secret >> (16 * round) | 1U) * kOdd ^ right) * kOdd;
            const std::uint32_t next = left ^ static_cast<std::uint32_t>(mixed >> 56);
            left = right;
            right = next & 0xffU;
        }
        return static_cast<std::uint16_t>(left << 8 | right);
    }

    net::SipKey key_;
    std::uint32_t thread_;
    std::uint32_t threads_;
    std::uint32_t limit_;
    std::array<std::uint32_t, kCounters> counters_{};
};

}  // namespace godwit::dataplane
