#include "controlplane/rib/route_table.hpp"

#include <algorithm>
#include <utility>

namespace godwit::control {

// ---- sets

std::size_t NextHopSetKey::hash() const {
    // FNV-1a over the values: sets are few, and nobody outside chooses many of them at will.
    std::uint64_t hash = 14695981039346656037ULL;
    const auto mix = [&hash](std::uint64_t value) { hash = (hash ^ value) * 1099511628211ULL; };
    if (owner) {
        mix(std::uint64_t{owner->address().value()} << 8U | owner->length());
    }
    for (const RibNextHop& next_hop : next_hops) {
        mix(static_cast<std::uint64_t>(next_hop.kind));
        mix(next_hop.via ? next_hop.via->value() + 1ULL : 0);
        mix(next_hop.interface.value());
    }
    return hash ^ hash >> 32U;
}

bool operator==(const NextHopSetKey& left, const NextHopSetKey& right) {
    return left.owner == right.owner && std::equal(left.next_hops.begin(), left.next_hops.end(),
                                                   right.next_hops.begin(), right.next_hops.end());
}

// ---- entries

RouteNumber RouteTable::following(std::optional<net::Ipv4Prefix> prefix) const {
    while (true) {
        const RouteNumber number{index_.following(prefix)};
        if (number == kNoRoute || (*this)[number].best != kNoCandidate) {
            return number;
        }
        prefix = (*this)[number].prefix;
    }
}

RouteNumber RouteTable::add_entry(const net::Ipv4Prefix& prefix) {
    const RouteNumber number = entries_.add();
    entries_[number].prefix = prefix;
    index_.add(prefix, static_cast<PrefixIndex::Number>(number));
    ++length_counts_[prefix.length()];
    return number;
}

void RouteTable::erase_entry(RouteNumber number) {
    const net::Ipv4Prefix prefix = entries_[number].prefix;
    index_.remove(prefix);
    --length_counts_[prefix.length()];
    entries_.release(number);
}

// ---- candidates

CandidateNumber RouteTable::candidate_of(RouteNumber route, RouteSource source) const {
    CandidateNumber each = (*this)[route].best;
    while (each != kNoCandidate && (*this)[each].source != source) {
        each = (*this)[each].worse;
    }
    return each;
}

CandidateNumber RouteTable::active_candidate(RouteNumber route) const {
    CandidateNumber each = (*this)[route].best;
    while (each != kNoCandidate && !(*this)[each].set->active()) {
        each = (*this)[each].worse;
    }
    return each;
}

CandidateNumber RouteTable::add_candidate(RouteNumber route, RouteSource source) {
    const CandidateNumber number = candidates_.add();
    Candidate& candidate = candidates_[number];
    candidate.route = route;
    candidate.source = source;
    SourceList& list = sources_[index_of(source)];
    candidate.source_behind = list.first;
    if (list.first != kNoCandidate) {
        candidates_[list.first].source_before = number;
    }
    list.first = number;
    ++list.count;
    ++route_count_;
    return number;
}

// Takes it out of the candidates of its route, if it is among them.
void RouteTable::unlink(CandidateNumber number) {
    CandidateNumber* place = &entries_[candidates_[number].route].best;
    while (*place != kNoCandidate && *place != number) {
        place = &candidates_[*place].worse;
    }
    if (*place == number) {
        *place = candidates_[number].worse;
    }
}

void RouteTable::place(CandidateNumber number) {
    unlink(number);
    Candidate& candidate = candidates_[number];
    CandidateNumber* place = &entries_[candidate.route].best;
    while (*place != kNoCandidate && candidates_[*place].better_than(candidate)) {
        place = &candidates_[*place].worse;
    }
    candidate.worse = *place;
    *place = number;
}

void RouteTable::remove_candidate(CandidateNumber number) {
    unlink(number);
    const Candidate& candidate = candidates_[number];
    SourceList& list = sources_[index_of(candidate.source)];
    if (candidate.source_before != kNoCandidate) {
        candidates_[candidate.source_before].source_behind = candidate.source_behind;
    } else {
        list.first = candidate.source_behind;
    }
    if (candidate.source_behind != kNoCandidate) {
        candidates_[candidate.source_behind].source_before = candidate.source_before;
    }
    --list.count;
    --route_count_;
    candidates_.release(number);
}

// ---- users of sets

// As the first one; the one before the first is the last.
void RouteTable::join_ring(CandidateNumber number, CandidateNumber& first) {
    Candidate& candidate = candidates_[number];
    if (first == kNoCandidate) {
        candidate.user_before = number;
        candidate.user_behind = number;
    } else {
        const CandidateNumber last = candidates_[first].user_before;
        candidate.user_before = last;
        candidate.user_behind = first;
        candidates_[first].user_before = number;
        candidates_[last].user_behind = number;
    }
    first = number;
}

// `first` may be that of another ring, which then stays as it is.
void RouteTable::leave_ring(CandidateNumber number, CandidateNumber& first) {
    const Candidate& candidate = candidates_[number];
    if (first == number) {
        first = candidate.user_behind == number ? kNoCandidate : candidate.user_behind;
    }
}

void RouteTable::use(CandidateNumber number, NextHopSet& set) {
    candidates_[number].set = &set;
    join_ring(number, set.first_user);
    ++set.users;
}

void RouteTable::leave_set(CandidateNumber number) {
    Candidate& candidate = candidates_[number];
    NextHopSet& set = *candidate.set;
    leave_ring(number, set.first_user);
    leave_ring(number, set.first_behind);
    candidates_[candidate.user_before].user_behind = candidate.user_behind;
    candidates_[candidate.user_behind].user_before = candidate.user_before;
    --set.users;
    candidate.set = nullptr;
}

void RouteTable::leave_behind(NextHopSet& set) {
    const CandidateNumber front = std::exchange(set.first_user, kNoCandidate);
    const CandidateNumber behind = set.first_behind;
    if (behind == kNoCandidate) {
        set.first_behind = front;
    } else if (front != kNoCandidate) {
        // Two rings become one.
        const CandidateNumber last = candidates_[front].user_before;
        const CandidateNumber last_behind = candidates_[behind].user_before;
        candidates_[last].user_behind = behind;
        candidates_[behind].user_before = last;
        candidates_[last_behind].user_behind = front;
        candidates_[front].user_before = last_behind;
    }
}

CandidateNumber RouteTable::take_behind(NextHopSet& set) {
    const CandidateNumber number = set.first_behind;
    if (number != kNoCandidate) {
        leave_set(number);
        use(number, set);
    }
    return number;
}

}  // namespace godwit::control
