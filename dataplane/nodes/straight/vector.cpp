#include "dataplane/nodes/straight/vector.hpp"

#include <immintrin.h>

#include <bit>
#include <cstddef>
#include <cstring>

#include "dataplane/graph/packet.hpp"

// g++ 12 takes the deliberately undefined operands inside its own intrinsics for mistakes of their
// callers (GCC bug 105593).
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define GODWIT_WIDE __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))

namespace godwit::dataplane::straight {

namespace {

constexpr long long kMac = 0xffff'ffff'ffff;
constexpr long long kFrameBytes = 14;

static_assert(offsetof(rte_mbuf, buf_addr) == 0 && offsetof(rte_mbuf, data_off) == 16);
static_assert(offsetof(rte_mbuf, pkt_len) == 36 && offsetof(rte_mbuf, data_len) == 40);
static_assert(sizeof(NextHopEntry) == 8 && sizeof(Adjacency) == 64);
static_assert(offsetof(Adjacency, rewrite) == 0 && offsetof(Adjacency, rewrite_bytes) == 32 &&
              offsetof(Adjacency, interface) == 34 && offsetof(Adjacency, mtu) == 38);
static_assert(sizeof(InterfaceSnapshot::Egress) == 8);

// Eight values from eight places. Not by a gather instruction: on CPUs that are mended against data
// sampling one costs more than the eight loads and the shuffles that it stands for.
template <class At>
GODWIT_WIDE inline __m512i eight(At at) {
    return _mm512_set_epi64(static_cast<long long>(at(7)), static_cast<long long>(at(6)),
                            static_cast<long long>(at(5)), static_cast<long long>(at(4)),
                            static_cast<long long>(at(3)), static_cast<long long>(at(2)),
                            static_cast<long long>(at(1)), static_cast<long long>(at(0)));
}

struct Columns {
    __m512i first;
    __m512i second;
};

GODWIT_WIDE inline __m128i row(const void* from, std::size_t offset) {
    return _mm_loadu_si128(
        reinterpret_cast<const __m128i*>(static_cast<const std::uint8_t*>(from) + offset));
}

// 16 bytes from each of eight places, as the two words of 64 bits that they are.
template <class Place>
GODWIT_WIDE inline Columns columns(const Place* from, std::size_t offset) {
    __m512i even = _mm512_castsi128_si512(row(from[0], offset));
    even = _mm512_inserti32x4(even, row(from[2], offset), 1);
    even = _mm512_inserti32x4(even, row(from[4], offset), 2);
    even = _mm512_inserti32x4(even, row(from[6], offset), 3);
    __m512i odd = _mm512_castsi128_si512(row(from[1], offset));
    odd = _mm512_inserti32x4(odd, row(from[3], offset), 1);
    odd = _mm512_inserti32x4(odd, row(from[5], offset), 2);
    odd = _mm512_inserti32x4(odd, row(from[7], offset), 3);
    return {_mm512_unpacklo_epi64(even, odd), _mm512_unpackhi_epi64(even, odd)};
}

// The lanes with an address, of the two that each has, that needs a closer look
// (straight_path.cpp).
GODWIT_WIDE inline __mmask8 special(__m512i addresses) {
    const __m512i octet = _mm512_srli_epi32(addresses, 24);
    const __mmask16 outside = _mm512_cmpge_epu32_mask(_mm512_sub_epi32(octet, _mm512_set1_epi32(1)),
                                                      _mm512_set1_epi32(223));
    const __mmask16 loopback = _mm512_cmpeq_epi32_mask(octet, _mm512_set1_epi32(127));
    const __mmask16 link_local =
        _mm512_cmpeq_epi32_mask(_mm512_srli_epi32(addresses, 16), _mm512_set1_epi32(kLinkLocal16));
    const __mmask16 assignments =
        _mm512_cmpeq_epi32_mask(_mm512_srli_epi32(addresses, 8), _mm512_set1_epi32(kAssignments24));
    const auto either = static_cast<__mmask16>(outside | loopback | link_local | assignments);
    const __m512i marked = _mm512_maskz_set1_epi32(either, -1);
    return _mm512_test_epi64_mask(marked, marked);
}

// RFC 1071: 20 bytes whose words sum up to all ones.
GODWIT_WIDE inline __mmask8 valid_sum(__m512i first, __m512i second, __m512i third) {
    const __m512i low32 = _mm512_set1_epi64(0xffff'ffff);
    const __m512i low16 = _mm512_set1_epi64(0xffff);
    __m512i sum = _mm512_add_epi64(_mm512_and_si512(first, low32), _mm512_srli_epi64(first, 32));
    sum = _mm512_add_epi64(sum, _mm512_and_si512(second, low32));
    sum = _mm512_add_epi64(sum, _mm512_srli_epi64(second, 32));
    sum = _mm512_add_epi64(sum, third);
    sum = _mm512_add_epi64(_mm512_and_si512(sum, low32), _mm512_srli_epi64(sum, 32));
    sum = _mm512_add_epi64(_mm512_and_si512(sum, low16), _mm512_srli_epi64(sum, 16));
    sum = _mm512_add_epi64(_mm512_and_si512(sum, low16), _mm512_srli_epi64(sum, 16));
    return _mm512_cmpeq_epi64_mask(sum, low16);
}

// The filter's 1024 bits lie in two registers; a lane looks up the word of its bit.
GODWIT_WIDE inline __mmask8 may_be_impossible(const ImpossibleSources& sources, __m512i source) {
    const __m512i hash = _mm512_mullo_epi32(
        source, _mm512_set1_epi64(static_cast<long long>(ImpossibleSources::kMultiplier)));
    const __m512i bit = _mm512_srli_epi64(hash, ImpossibleSources::kFilterShift);
    const std::uint16_t* filter = sources.filter();
    const __m512i words = _mm512_permutex2var_epi16(
        _mm512_loadu_si512(filter), _mm512_srli_epi64(bit, 4), _mm512_loadu_si512(filter + 32));
    const __m512i mask =
        _mm512_sllv_epi64(_mm512_set1_epi64(1), _mm512_and_si512(bit, _mm512_set1_epi64(15)));
    return _mm512_test_epi64_mask(words, mask);
}

// What is known of the ways out of eight packets.
struct Ways {
    // | MTU (16) | port (16) | interface (16) | reserved (8) | bytes of the rewrite (8) |
    __m512i about;
    // | (16) | transmit queues (16) | MTU (16) | port (16) |
    __m512i egress;
    bool one = false;  // all eight take the same
};

std::uint64_t about(const Adjacency& adjacency) {
    std::uint64_t word = 0;
    std::memcpy(&word, &adjacency.rewrite_bytes, sizeof word);
    return word;
}

std::uint64_t egress_of(const Tables& tables, const Adjacency& adjacency) {
    const std::size_t id = adjacency.interface.value() % api::kMaxInterfaces;
    return std::bit_cast<std::uint64_t>(tables.interfaces.egress[id]);
}

using Slots = std::array<std::uint32_t, kLanes>;  // of adjacencies

// False: not all of them lead to a neighbour.
GODWIT_WIDE inline bool find_ways(const Tables& tables, const std::uint32_t* next_hops,
                                  Slots& slots, Ways& ways) {
    const __m256i indices = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(next_hops));
    // Packets to one place, most often.
    const __m256i first = _mm256_set1_epi32(static_cast<int>(next_hops[0]));
    if (_mm256_cmpneq_epi32_mask(indices, first) == 0) {
        const NextHopEntry entry = tables.hops.entry(next_hops[0]);
        if (entry.verdict != Verdict::Adjacency) {
            return false;
        }
        const Adjacency& adjacency = tables.hops.adjacency(entry.target);
        slots.fill(entry.target);
        ways.one = true;
        ways.about = _mm512_set1_epi64(static_cast<long long>(about(adjacency)));
        ways.egress = _mm512_set1_epi64(static_cast<long long>(egress_of(tables, adjacency)));
        return true;
    }
    unsigned others = 0;
    for (unsigned n = 0; n < kLanes; ++n) {
        const NextHopEntry entry = tables.hops.entry(next_hops[n]);
        others |= entry.verdict != Verdict::Adjacency ? 1U : 0U;
        slots[n] = entry.target;
    }
    if (others != 0) {
        return false;
    }
    const Adjacency* const adjacencies = tables.hops.adjacencies();
    const auto about_slot = [&slots, adjacencies](unsigned n) {
        return about(adjacencies[slots[n]]);
    };
    const auto egress_of_slot = [&slots, &tables, adjacencies](unsigned n) {
        return egress_of(tables, adjacencies[slots[n]]);
    };
    ways.about = eight(about_slot);
    // To several neighbours on one interface, often.
    const __m512i interfaces = _mm512_and_si512(ways.about, _mm512_set1_epi64(0xffff'0000));
    const __m512i as_first =
        _mm512_xor_si512(interfaces, _mm512_broadcastq_epi64(_mm512_castsi512_si128(interfaces)));
    ways.egress = _mm512_test_epi64_mask(as_first, as_first) == 0
                      ? _mm512_set1_epi64(static_cast<long long>(egress_of_slot(0)))
                      : eight(egress_of_slot);
    return true;
}

}  // namespace

bool has_wide_registers() {
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
           __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0;
}

GODWIT_WIDE unsigned judge_eight(const Judge& judge, rte_mbuf* const* packets,
                                 Candidates& candidates) {
    const __m512i low16 = _mm512_set1_epi64(0xffff);
    const __m512i low32 = _mm512_set1_epi64(0xffff'ffff);
    std::array<const std::uint8_t*, kLanes> frames;
    for (unsigned n = 0; n < kLanes; ++n) {
        frames[n] = rte_pktmbuf_mtod(packets[n], const std::uint8_t*);
    }
    const Columns lengths = columns(packets, offsetof(rte_mbuf, pkt_len) - 4);
    const __m512i frame_bytes = _mm512_srli_epi64(lengths.first, 32);
    const __m512i first_segment = _mm512_and_si512(lengths.second, low16);

    // Bytes 0, 8, 16, 24 and 32 of the frames, and what follows. A buffer is always longer.
    const auto [head, rest] = columns(frames.data(), 0);
    const auto [from16, from24] = columns(frames.data(), 16);
    const __m512i from32 = columns(frames.data(), 32).first;
    const __m512i own =
        _mm512_xor_si512(head, _mm512_set1_epi64(static_cast<long long>(judge.own_mac)));
    const __mmask8 to_us = _mm512_testn_epi64_mask(own, _mm512_set1_epi64(kMac));
    const __mmask8 is_group =
        _mm512_test_epi64_mask(head, _mm512_set1_epi64(0x0001'0000'0000'0000));
    // EtherType 0x0800, version 4, 5 words.
    const __mmask8 plain =
        _mm512_testn_epi64_mask(_mm512_xor_si512(rest, _mm512_set1_epi64(0x0045'0008'0000'0000)),
                                _mm512_set1_epi64(0x00ff'ffff'0000'0000));
    const __mmask8 has_source =
        static_cast<__mmask8>(_mm512_test_epi64_mask(head, _mm512_set1_epi64(~kMac)) |
                              _mm512_test_epi64_mask(rest, low32));

    // The IPv4 header.
    const __m512i first =
        _mm512_or_si512(_mm512_srli_epi64(rest, 48), _mm512_slli_epi64(from16, 16));
    const __m512i second =
        _mm512_or_si512(_mm512_srli_epi64(from16, 48), _mm512_slli_epi64(from24, 16));
    const __m512i addresses =
        _mm512_or_si512(_mm512_srli_epi64(from24, 16), _mm512_slli_epi64(from32, 48));
    const __m512i in_host_order = _mm512_shuffle_epi8(
        addresses,
        _mm512_broadcast_i32x4(_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3)));
    const __m512i source = _mm512_and_si512(in_host_order, low32);
    const __m512i destination = _mm512_srli_epi64(in_host_order, 32);
    const __m512i total_bytes = _mm512_shuffle_epi8(
        first, _mm512_broadcast_i32x4(
                   _mm_set_epi8(-1, -1, -1, -1, -1, -1, 10, 11, -1, -1, -1, -1, -1, -1, 2, 3)));
    const __m512i header = _mm512_set1_epi64(20);
    // Lengths below the header's wrap around. What does not fit into the facts is no frame either.
    const __mmask8 fits = static_cast<__mmask8>(
        _mm512_cmpge_epu64_mask(first_segment, _mm512_set1_epi64(kFrameBytes + 20)) &
        _mm512_cmple_epu64_mask(
            _mm512_sub_epi64(total_bytes, header),
            _mm512_sub_epi64(frame_bytes, _mm512_set1_epi64(kFrameBytes + 20))) &
        _mm512_cmple_epu64_mask(frame_bytes, low16));
    const __mmask8 refused = static_cast<__mmask8>(
        special(in_host_order) | may_be_impossible(*judge.impossible_sources, source));
    const auto good = static_cast<__mmask8>(
        to_us & plain & has_source & fits &
        valid_sum(first, second, _mm512_srli_epi64(addresses, 32)) & ~(is_group | refused));

    const __m512i facts = _mm512_or_si512(
        _mm512_or_si512(_mm512_slli_epi64(second, 32), _mm512_slli_epi64(frame_bytes, 16)),
        total_bytes);
    const unsigned at = candidates.count;
    _mm512_storeu_si512(&candidates.packets[at],
                        _mm512_maskz_compress_epi64(good, _mm512_loadu_si512(packets)));
    _mm512_storeu_si512(&candidates.facts[at], _mm512_maskz_compress_epi64(good, facts));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(&candidates.destinations[at]),
                        _mm512_cvtepi64_epi32(_mm512_maskz_compress_epi64(good, destination)));
    candidates.count += static_cast<unsigned>(__builtin_popcount(good));
    return static_cast<unsigned>(static_cast<__mmask8>(~good));
}

GODWIT_WIDE bool forward_eight(const Tables& tables, const Candidates& candidates, unsigned first,
                               Forwarded& result) {
    const __m512i low8 = _mm512_set1_epi64(0xff);
    const __m512i low16 = _mm512_set1_epi64(0xffff);
    Slots slots;
    Ways ways;
    if (!find_ways(tables, &candidates.next_hops[first], slots, ways)) {
        return false;
    }
    const __m512i about = ways.about;
    const __m512i egress = ways.egress;
    const __m512i interface = _mm512_and_si512(_mm512_srli_epi64(about, 16), low16);

    const __m512i facts = _mm512_loadu_si512(&candidates.facts[first]);
    const __m512i total_bytes = _mm512_and_si512(facts, low16);
    const __m512i frame_bytes = _mm512_and_si512(_mm512_srli_epi64(facts, 16), low16);
    const __m512i word = _mm512_srli_epi64(facts, 32);  // TTL, protocol, checksum
    const auto good = static_cast<__mmask8>(
        _mm512_test_epi64_mask(word, _mm512_set1_epi64(0xfe)) &
        _mm512_cmple_epu64_mask(total_bytes, _mm512_srli_epi64(about, 48)) &
        _mm512_cmple_epu64_mask(total_bytes,
                                _mm512_and_si512(_mm512_srli_epi64(egress, 16), low16)) &
        _mm512_cmpneq_epu64_mask(interface, _mm512_set1_epi64(tables.turns_back)) &
        _mm512_cmplt_epu64_mask(_mm512_set1_epi64(tables.worker),
                                _mm512_and_si512(_mm512_srli_epi64(egress, 32), low16)) &
        _mm512_cmpeq_epi64_mask(_mm512_and_si512(about, low8), _mm512_set1_epi64(kFrameBytes)));
    if (good != 0xff) {
        return false;
    }
    rte_mbuf* const* packets = &candidates.packets[first];
    const __m512i new_bytes = _mm512_add_epi64(total_bytes, _mm512_set1_epi64(kFrameBytes));
    const unsigned padded = _mm512_cmpneq_epu64_mask(frame_bytes, new_bytes);
    if (padded != 0) {
        for (unsigned left = padded; left != 0; left &= left - 1) {
            if (packets[__builtin_ctz(left)]->nb_segs != 1) {
                return false;
            }
        }
        alignas(64) std::array<std::uint64_t, kLanes> lengths;
        _mm512_store_si512(lengths.data(), new_bytes);
        for (unsigned left = padded; left != 0; left &= left - 1) {
            const auto n = static_cast<unsigned>(__builtin_ctz(left));
            packets[n]->data_len = static_cast<std::uint16_t>(lengths[n]);
            packets[n]->pkt_len = static_cast<std::uint32_t>(lengths[n]);
        }
    }

    // RFC 1141, as with_lower_ttl() has it.
    const __mmask8 carries = _mm512_cmpge_epu64_mask(word, _mm512_set1_epi64(0xfffe'0000));
    const __m512i one_less = _mm512_add_epi64(word, low16);
    const __m512i lower =
        _mm512_mask_add_epi64(one_less, carries, one_less, _mm512_set1_epi64(0x1'0000));
    const __m512i passages = _mm512_or_si512(_mm512_slli_epi64(interface, 16),
                                             _mm512_set1_epi64(tables.ingress.value()));
    alignas(32) std::array<std::uint32_t, kLanes> words;
    alignas(32) std::array<std::uint32_t, kLanes> passage;
    _mm256_store_si256(reinterpret_cast<__m256i*>(words.data()), _mm512_cvtepi64_epi32(lower));
    _mm256_store_si256(reinterpret_cast<__m256i*>(passage.data()), _mm512_cvtepi64_epi32(passages));
    for (unsigned n = 0; n < kLanes; ++n) {
        auto* frame = rte_pktmbuf_mtod(packets[n], std::uint8_t*);
        const std::uint8_t* rewrite = tables.hops.adjacency(slots[n]).rewrite.data();
        std::memcpy(frame, rewrite, 8);
        std::memcpy(frame + 6, rewrite + 6, 8);
        std::memcpy(frame + 22, &words[n], 4);
        packets[n]->hash.usr = passage[n];
    }

    if (ways.one) {
        tables.hits[slots[0]].add(kLanes);
    } else {
        for (const std::uint32_t slot : slots) {
            tables.hits[slot].add(1);
        }
    }
    const __m512i ports = _mm512_and_si512(egress, low16);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(result.ports.data()), _mm512_cvtepi64_epi16(ports));
    result.one_port = _mm512_cmpeq_epi64_mask(ports, _mm512_set1_epi64(result.ports[0])) == 0xff;
    result.received_bytes = static_cast<std::uint64_t>(_mm512_reduce_add_epi64(frame_bytes));
    return true;
}

}  // namespace godwit::dataplane::straight
