// Mappings on request (MAP, RFC 6887 11): who gets which, who may change it, when it ends.
//
// A requested mapping is the one that the host's own packets from that port have or would get, so
// that it is known outside by one endpoint (endpoint-independent mapping). The request keeps it
// alive for its lifetime. Then it lives on as long as a session of it does, like all others.
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
            return wanted.exactly ? MappingOutcome::NotAsSuggested : MappingOutcome::NoRoom;
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
    const NatRules::Match match =
        rules().match_request(wanted.protocol, wanted.inside, wanted.suggested.address);
    const bool is_end = wanted.lifetime == Seconds{0};
    switch (match.kind) {
        case NatRules::Kind::Untouched:
            return refuse_request(MappingOutcome::NotTranslated);
        case NatRules::Kind::OneToOne:
        case NatRules::Kind::Forward:
            // A static mapping: it is there already, and no host ends it (RFC 6887 11.3, 15.1).
            if (is_end) {
                return refuse_request(MappingOutcome::NotAuthorized);
            }
            if (wanted.exactly && !is_as_suggested(wanted, match.other)) {
                return refuse_request(MappingOutcome::NotAsSuggested);
            }
            return {MappingOutcome::Done, match.other, wanted.lifetime};
        case NatRules::Kind::Dynamic:
            break;
    }
    const std::uint32_t request = find_request(wanted);
    const bool is_released = request != kNone && requests_[request].is_released;
    if (is_end && (request == kNone || is_released)) {  // RFC 6887 15.1: it has ended already
        return {MappingOutcome::Done, wanted.suggested, Seconds{0}};
    }
    if (request == kNone) {
        return grant(wanted, match, now);
    }
    if (!is_released && requests_[request].nonce != wanted.nonce) {  // RFC 6887 11.3
        return refuse_request(MappingOutcome::NotAuthorized);
    }
    return is_end ? release(wanted, request, now) : renew(wanted, request, now);
}

// By whichever rule it was made: a host has one for a port.
std::uint32_t Translator::find_request(const MappingRequest& wanted) {
    for (const SourceRule* rule : rules().sources_of(wanted.inside.address)) {
        const std::uint32_t mapping = mapping_inside(wanted.protocol, wanted.inside, rule->id);
        if (mapping != kNone && mappings_[mapping].is_requested) {
            return requests_.find(mapping);
        }
    }
    return kNone;
}

MappingGrant Translator::release(const MappingRequest& wanted, std::uint32_t request, Instant now) {
    const Endpoint outside = mappings_[requests_[request].mapping].outside();
    if (wanted.exactly && !is_as_suggested(wanted, outside)) {
        return refuse_request(MappingOutcome::NotAsSuggested);
    }
    requests_.release(request, now);
    ++counters_.requests_released;
    return {MappingOutcome::Done, outside, Seconds{0}};
}

MappingGrant Translator::renew(const MappingRequest& wanted, std::uint32_t request, Instant now) {
    const Endpoint outside = mappings_[requests_[request].mapping].outside();
    if (wanted.exactly && !is_as_suggested(wanted, outside)) {
        return refuse_request(MappingOutcome::NotAsSuggested);
    }
    if (!can_take_filters(wanted, requests_[request])) {
        return refuse_request(MappingOutcome::TooManyFilters);
    }
    if (requests_[request].is_released) {
        requests_.revive(request, wanted.nonce);
        ++counters_.requests_granted;
    } else {
        ++counters_.requests_renewed;
    }
    take_filters(wanted, requests_[request]);
    requests_.set_deadline(request, now + wanted.lifetime);
    return {MappingOutcome::Done, outside, wanted.lifetime};
}

MappingGrant Translator::grant(const MappingRequest& wanted, const NatRules::Match& match,
                               Instant now) {
    const SourceRule& rule = *match.source;
    const Share share = rules().share_of(rule, wanted.inside.address);
    std::uint32_t mapping = mapping_inside(wanted.protocol, wanted.inside, rule.id);
    const Endpoint expected{
        share.outside, mapping == kNone ? wanted.suggested.port : mappings_[mapping].outside_port};
    if (wanted.exactly && !is_as_suggested(wanted, expected)) {
        return refuse_request(MappingOutcome::NotAsSuggested);
    }
    if (!can_take_filters(wanted, RequestedMapping{})) {
        return refuse_request(MappingOutcome::TooManyFilters);
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
        NewSession made{wanted.inside, {}, wanted.protocol, rule.id};
        made.port = wanted.suggested.port;
        made.exactly = wanted.exactly && wanted.suggested.port != 0;
        const auto taken = take_mapping(made, rule, share, now);
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
    const std::uint32_t request = requests_.add(mapping, wanted.nonce, now + wanted.lifetime);
    mappings_[mapping].is_requested = true;
    mappings_[mapping].is_announced = false;
    ++subscribers_[mappings_[mapping].subscriber].requested;
    take_filters(wanted, requests_[request]);
    ++counters_.requests_granted;
    return {MappingOutcome::Done, mappings_[mapping].outside(), wanted.lifetime};
}

bool Translator::can_take_filters(const MappingRequest& wanted, const RequestedMapping& request) {
    RequestedMapping would_be = request;
    would_be.filter_count = request.is_released ? 0 : request.filter_count;
    take_filters(wanted, would_be);
    return std::ranges::all_of(
        std::span(wanted.filters).first(wanted.filter_count), [&](const MappingFilter& filter) {
            const auto filters = std::span(would_be.filters).first(would_be.filter_count);
            return std::ranges::find(filters, filter) != filters.end();
        });
}

// RFC 6887 13.3: in addition to those that there are, unless those are cleared. A renewal says its
// filters again, and they stay what they are.
void Translator::take_filters(const MappingRequest& wanted, RequestedMapping& request) {
    if (wanted.clears_filters) {
        request.filter_count = 0;
    }
    for (const MappingFilter& filter : std::span(wanted.filters).first(wanted.filter_count)) {
        const auto filters = std::span(request.filters).first(request.filter_count);
        if (std::ranges::find(filters, filter) == filters.end() &&
            request.filter_count < request.filters.size()) {
            request.filters[request.filter_count++] = filter;
        }
    }
}

MappingGrant Translator::refuse_request(MappingOutcome outcome) {
    ++counters_.requests_refused[static_cast<std::size_t>(outcome)];
    return {outcome, {}, Seconds{0}};
}

void Translator::end_request(std::uint32_t request, Instant now) {
    const std::uint32_t mapping = requests_[request].mapping;
    requests_.remove(request);
    mappings_[mapping].is_requested = false;
    --subscribers_[mappings_[mapping].subscriber].requested;
    release_mapping(mapping, now);
}

}  // namespace godwit::dataplane::nat
