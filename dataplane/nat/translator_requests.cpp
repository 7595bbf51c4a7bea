// Mappings on request (MAP, RFC 6887 11): who gets which, who may change it, when it ends.
//
// A requested mapping is the one that the host's own packets from that port have or would get, so
// that it is known outside by one endpoint (endpoint-independent mapping). The request keeps it
// alive for its lifetime. Then it lives on as long as a session of it does, like all others, but
// closed: sessions that the outside began must not keep open what the host wanted ended.
#include <algorithm>

#include "dataplane/nat/translator.hpp"

namespace godwit::dataplane::nat {
namespace {

// Whether `outside` is what was asked for, as far as it was.
bool is_as_suggested(const MappingRequest& wanted, Endpoint outside) {
    return (wanted.suggested.address.is_unspecified() ||
            wanted.suggested.address == outside.address) &&
           (wanted.suggested.port == 0 || wanted.suggested.port == outside.port);
}

MappingOutcome outcome_of(Reason reason, const MappingRequest& wanted) {
    switch (reason) {
        case Reason::SubscriberSessions:
        case Reason::SubscriberPorts:
        case Reason::SubscriberRate:
            return MappingOutcome::OverLimit;
        case Reason::PortsExhausted:
            return wanted.exactly ? MappingOutcome::NotAsSuggested : MappingOutcome::NoPort;
        default:
            return MappingOutcome::NoRoom;
    }
}

}  // namespace

MappingGrant Translator::request_mapping(const MappingRequest& wanted, Instant now) {
    const Flow flow{wanted.protocol, wanted.inside, {}};
    if (rules().owner(Direction::Outbound, flow, settings_.place.workers) !=
        settings_.place.worker) {
        return refuse_request(MappingOutcome::WrongWorker);
    }
    if (const auto fixed = rules().fixed_outside(wanted.protocol, wanted.inside)) {
        return tell_fixed(wanted, *fixed);
    }
    const std::uint32_t request = find_request(wanted);
    const bool is_released = request != kNone && requests_[request].is_released;
    const bool is_end = wanted.lifetime == Seconds{0};
    if (is_end && (request == kNone || is_released)) {  // RFC 6887 15.1: it has ended already
        return {MappingOutcome::Done, wanted.suggested, Seconds{0}};
    }
    if (request == kNone) {
        return grant(wanted, now);
    }
    if (!is_released && requests_[request].nonce != wanted.nonce) {
        // RFC 6887 11.3: and for how long that will be so.
        MappingGrant refused = refuse_request(MappingOutcome::NotAuthorized);
        const Seconds until{requests_[request].deadline};
        refused.lifetime = std::max(until, now.time_since_epoch()) - now.time_since_epoch();
        return refused;
    }
    return is_end ? release(request, now) : renew(wanted, request, now);
}

// A static mapping is there already: no host ends it (RFC 6887 11.3, 15.1), or says who enters.
MappingGrant Translator::tell_fixed(const MappingRequest& wanted, Endpoint outside) {
    if (wanted.lifetime == Seconds{0}) {
        return refuse_request(MappingOutcome::NotAuthorized);
    }
    if (wanted.exactly && !is_as_suggested(wanted, outside)) {
        return refuse_request(MappingOutcome::NotAsSuggested);
    }
    if (wanted.filter_count != 0) {
        return refuse_request(MappingOutcome::TooManyFilters);
    }
    return {MappingOutcome::Done, outside, wanted.lifetime};
}

// By whichever rule it was made: a host has one for a port.
std::uint32_t Translator::find_request(const MappingRequest& wanted) {
    const SourceRule* rule = nullptr;
    while ((rule = rules().next_source(rule, wanted.inside.address)) != nullptr) {
        const std::uint32_t mapping = mapping_inside(wanted.protocol, wanted.inside, rule->id);
        if (mapping != kNone && mappings_[mapping].is_requested) {
            return requests_.find(mapping);
        }
    }
    return kNone;
}

// Of several rules for the host, by different uplinks: the one that has the suggested address for
// it; the one that its packets from this port went by; the first.
const SourceRule* Translator::choose_source(const MappingRequest& wanted) {
    const net::Ipv4Address inside = wanted.inside.address;
    const SourceRule* used = nullptr;
    const SourceRule* rule = nullptr;
    while ((rule = rules().next_source(rule, inside)) != nullptr) {
        if (rules().share_of(*rule, inside).outside == wanted.suggested.address) {
            return rule;
        }
        if (used == nullptr && mapping_inside(wanted.protocol, wanted.inside, rule->id) != kNone) {
            used = rule;
        }
    }
    return used != nullptr ? used : rules().next_source(nullptr, inside);
}

MappingGrant Translator::release(std::uint32_t request, Instant now) {
    const Endpoint outside = mappings_[requests_[request].mapping].outside();
    mappings_[requests_[request].mapping].is_closed = true;
    requests_.release(request, now);
    ++counters_.requests_released;
    return {MappingOutcome::Done, outside, Seconds{0}};
}

MappingGrant Translator::renew(const MappingRequest& wanted, std::uint32_t index, Instant now) {
    RequestedMapping& request = requests_[index];
    const Endpoint outside = mappings_[request.mapping].outside();
    if (wanted.exactly && !is_as_suggested(wanted, outside)) {
        return refuse_request(MappingOutcome::NotAsSuggested);
    }
    if (!take_filters(wanted, request)) {
        return refuse_request(MappingOutcome::TooManyFilters);
    }
    if (request.is_released) {
        requests_.revive(index, wanted.nonce);
        mappings_[request.mapping].is_closed = false;
        ++counters_.requests_granted;
    } else {
        ++counters_.requests_renewed;
    }
    requests_.set_deadline(index, now + wanted.lifetime);
    return {MappingOutcome::Done, outside, wanted.lifetime};
}

MappingGrant Translator::grant(const MappingRequest& wanted, Instant now) {
    const SourceRule* const rule = choose_source(wanted);
    if (rule == nullptr) {
        return refuse_request(MappingOutcome::NotTranslated);
    }
    const Share share = rules().share_of(*rule, wanted.inside.address);
    std::uint32_t mapping = mapping_inside(wanted.protocol, wanted.inside, rule->id);
    const Endpoint expected{
        share.outside, mapping == kNone ? wanted.suggested.port : mappings_[mapping].outside_port};
    if (wanted.exactly && !is_as_suggested(wanted, expected)) {
        return refuse_request(MappingOutcome::NotAsSuggested);
    }
    if (requests_.is_full()) {  // before a port is taken that would have to rest then
        return refuse_request(MappingOutcome::NoRoom);
    }
    const std::uint32_t subscriber = subscribers_.find(wanted.inside.address, share.outside);
    if (subscriber != kNone &&
        subscribers_[subscriber].requested >= share_of_limit(settings_.most_requested)) {
        return refuse_request(MappingOutcome::OverLimit);
    }
    if (mapping == kNone) {
        NewSession made{wanted.inside, {}, wanted.protocol, rule->id};
        made.port = wanted.suggested.port;
        made.exactly = wanted.exactly && wanted.suggested.port != 0;
        const auto taken = take_mapping(made, *rule, share, now);
        if (!taken) {
            const MappingOutcome outcome = outcome_of(taken.error(), wanted);
            if (outcome != MappingOutcome::NotAsSuggested) {
                tell_shortage(taken.error(), made, now);
            }
            return refuse_request(outcome);
        }
        mapping = *taken;
    }
    ++mappings_[mapping].sessions;
    mappings_[mapping].is_requested = true;
    mappings_[mapping].is_closed = false;
    ++subscribers_[mappings_[mapping].subscriber].requested;
    const std::uint32_t request = requests_.add(mapping, wanted.nonce, now + wanted.lifetime);
    take_filters(wanted, requests_[request]);  // there is room for as many as one request can have
    ++counters_.requests_granted;
    return {MappingOutcome::Done, mappings_[mapping].outside(), wanted.lifetime};
}

// RFC 6887 13.3: in addition to those that there are, unless those are cleared. A renewal says its
// filters again, and they stay what they are. False: there are too many, and nothing has changed.
bool Translator::take_filters(const MappingRequest& wanted, RequestedMapping& request) {
    auto filters = request.filters;
    std::uint8_t count =
        wanted.clears_filters || request.is_released ? std::uint8_t{0} : request.filter_count;
    for (const MappingFilter& filter : std::span(wanted.filters).first(wanted.filter_count)) {
        const auto known = std::span(filters).first(count);
        if (std::ranges::find(known, filter) != known.end()) {
            continue;
        }
        if (count == filters.size()) {
            return false;
        }
        filters[count++] = filter;
    }
    request.filters = filters;
    request.filter_count = count;
    return true;
}

MappingGrant Translator::refuse_request(MappingOutcome outcome) {
    ++counters_.requests_refused[static_cast<std::size_t>(outcome)];
    return {outcome, {}, Seconds{0}};
}

void Translator::end_request(std::uint32_t request, Instant now) {
    const std::uint32_t mapping = requests_[request].mapping;
    requests_.remove(request);
    mappings_[mapping].is_requested = false;
    mappings_[mapping].is_closed = true;
    --subscribers_[mappings_[mapping].subscriber].requested;
    release_mapping(mapping, now);
}

}  // namespace godwit::dataplane::nat
