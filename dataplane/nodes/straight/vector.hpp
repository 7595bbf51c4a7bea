// The straight path for eight packets at a time, with the wide registers of AVX-512: what a packet
// is asked and what is changed in it are the same as one by one (straight_path.cpp), only that the
// questions go to eight at once.
//
// Order is kept: a packet that cannot be rewritten here takes those of its group with it to the way
// that goes one by one.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/graph/graph.hpp"
#include "dataplane/tables/interface_table.hpp"
#include "dataplane/tables/next_hops.hpp"

namespace godwit::dataplane::straight {

constexpr unsigned kLanes = 8;

// Addresses of 169.254.0.0/16 and 192.0.0.0/24 begin with these.
constexpr std::uint32_t kLinkLocal16 = 0xa9fe;
constexpr std::uint32_t kAssignments24 = 0xc00000;

// Untagged packets that may be looked up, in the order in which they came.
struct Candidates {
    static constexpr unsigned kRoom = kBurst + kLanes;  // the last group is written whole
    unsigned count = 0;
    std::array<rte_mbuf*, kRoom> packets;
    std::array<std::uint32_t, kRoom> destinations;  // host order
    std::array<std::uint32_t, kRoom> next_hops;
    // | TTL, protocol, checksum as on the wire (32) | bytes of the frame (16) | total length (16) |
    std::array<std::uint64_t, kRoom> facts;
};

// Whether this CPU has what the functions below are made of.
bool has_wide_registers();

struct Judge {
    std::uint64_t own_mac = 0;  // mac_bits()
    const ImpossibleSources* impossible_sources = nullptr;
};
// Eight packets; those that may be looked up are added. Bit n: packet n was not, and is to be
// judged more closely.
unsigned judge_eight(const Judge& judge, rte_mbuf* const* packets, Candidates& candidates);

struct Tables {
    NextHops::Reader hops;
    const InterfaceSnapshot& interfaces;
    unsigned worker;
    net::InterfaceId ingress;
    // The interface by which a packet may not leave unseen: the ingress where hosts are redirected;
    // kNowhere where they are not.
    std::uint32_t turns_back;
    api::Counter* hits;  // Environment::hits

    static constexpr std::uint32_t kNowhere = 0x1'0000;
};
struct Forwarded {
    bool one_port = false;  // all eight leave by `ports[0]`
    std::array<std::uint16_t, kLanes> ports;
    std::uint64_t received_bytes = 0;
};
// Rewrites candidates `first` to `first` + 7. False: one of them needs a closer look, and none was
// changed.
bool forward_eight(const Tables& tables, const Candidates& candidates, unsigned first,
                   Forwarded& result);

}  // namespace godwit::dataplane::straight
