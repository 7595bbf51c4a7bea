// What NAT does beside packets, in bounded pieces between walks.
#include <algorithm>

#include "dataplane/nodes/icmp/report.hpp"
#include "dataplane/nodes/nodes.hpp"

namespace godwit::dataplane {

namespace {

constexpr std::uint32_t kSessionsAPiece = 256;  // a tenth of a millisecond: 2.5 million a second
constexpr unsigned kSynsAPiece = 16;
constexpr std::uint64_t kPiecesASecond = 10'000;
constexpr std::uint64_t kPublicationsASecond = 1'000;

// Another translator: nobody knows the tickets any more.
unsigned forget_held_syns(Graph& graph, NatState& nat) {
    unsigned count = 0;
    for (rte_mbuf*& packet : nat.held_syns) {
        if (packet != nullptr) {
            meta(packet).drop_reason = api::DropReason::NatUnsolicitedSyn;
            graph.discard({&packet, 1});
            packet = nullptr;
            ++count;
        }
    }
    return count;
}

unsigned end_fragments(Graph& graph, Environment& env) {
    FragmentPorts& fragments = *env.nat.fragments;
    if (fragments.is_idle()) {
        return 0;
    }
    fragments.expire(env.now_cycles);
    for (rte_mbuf*& packet : fragments.ended()) {
        graph.discard({&packet, 1});
    }
    return static_cast<unsigned>(fragments.ended().size());
}

// RFC 5382 REQ-4: after six seconds its sender is told; where the inside opened the same connection
// meanwhile, the two have met without it.
unsigned answer_due_syns(Graph& graph, NatState& nat) {
    unsigned count = 0;
    while (count < kSynsAPiece) {
        const auto due = nat.translator->take_due_syn(nat.now);
        if (!due) {
            break;
        }
        if (due->ticket >= NatState::kMaxHeldSyns || nat.held_syns[due->ticket] == nullptr) {
            continue;
        }
        rte_mbuf* const packet = std::exchange(nat.held_syns[due->ticket], nullptr);
        if (due->is_answered) {
            report(graph, packet, net::IcmpType::DestinationUnreachable,
                   static_cast<std::uint8_t>(net::UnreachableCode::Port),
                   api::DropReason::NatUnsolicitedSyn);
        } else {
            graph.drop(packet, api::DropReason::NatUnsolicitedSyn);
        }
        ++count;
    }
    return count;
}

}  // namespace

bool release_fragments(Graph& graph, Environment& env) {
    if (env.nat.fragments == nullptr || env.nat.fragments->held() == 0) [[likely]] {
        return false;
    }
    unsigned count = 0;
    for (; count < kBurst; ++count) {
        rte_mbuf* const packet = env.nat.fragments->next_released();
        if (packet == nullptr) {
            break;
        }
        graph.next(meta(packet).resume, packet);
    }
    return count > 0;
}

unsigned nat_upkeep(Graph& graph, Environment& env) {
    NatState& nat = env.nat;
    if (nat.seat == nullptr) [[likely]] {
        return 0;
    }
    unsigned done = nat.seat->serve(nat.now) ? 1U : 0U;
    nat.translator = nat.seat->translator();
    if (nat.installation != nat.seat->installation()) {
        nat.installation = nat.seat->installation();
        done += forget_held_syns(graph, nat);
    }
    if (env.now_cycles < nat.next_upkeep) {
        return done;
    }
    unsigned ended = end_fragments(graph, env);
    if (nat.translator != nullptr) {
        ended += nat.translator->expire(nat.now, kSessionsAPiece);
        ended += answer_due_syns(graph, nat);
    }
    // Where there was something to end there may be more: the next loop goes on with it.
    if (ended == 0) {
        nat.next_upkeep = env.now_cycles + nat.cycles_per_second / kPiecesASecond;
    }
    if (env.now_cycles >= nat.next_publication) {
        nat.next_publication = env.now_cycles + nat.cycles_per_second / kPublicationsASecond;
        nat.seat->publish(nat.now);
    }
    return done + ended;
}

}  // namespace godwit::dataplane
