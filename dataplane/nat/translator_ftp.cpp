// FTP control connections: what their lines become, and the data connections that follow.
//
// An inside client names where it will be connected to (PORT, EPRT), and an inside server behind a
// forwarded port where it listens (227, 229). Both speak outbound, so only that direction is ever
// changed. The endpoint gets a mapping at the outside address of its control connection, with the
// machinery of every other mapping (paired address, limits, journal), and the other end of the
// control connection alone may open one connection to it.
//
// An endpoint of another host, or below 1024, is left as it is and counted (RFC 2577 3): the
// gateway opens a way to who asks for it, never to somebody else.
//
// The worker that owns the control connection need not own the port that is named; then the packet
// goes there and comes back with the answer (nodes/nat/ftp_segment).
#include "dataplane/nat/translator.hpp"

namespace godwit::dataplane::nat {
namespace {

constexpr std::uint16_t kLeastDataPort = 1024;

std::optional<FtpSpeaker> speaker_of(const Session& session) {
    if (session.protocol != net::IpProtocol::Tcp) {
        return std::nullopt;
    }
    if (session.remote_port == kFtpControlPort) {
        return FtpSpeaker::Client;
    }
    return session.inside_port == kFtpControlPort || session.outside_port == kFtpControlPort
               ? std::optional(FtpSpeaker::Server)
               : std::nullopt;
}

}  // namespace

void Translator::begin_following(std::uint32_t index) {
    const auto speaker = speaker_of(sessions_[index]);
    if (!speaker) {
        return;
    }
    if (ftp_.follow(index, *speaker)) {
        sessions_[index].is_followed = true;
    } else {
        ++counters_.ftp_limited;
    }
}

Translator::Followed Translator::follow_outbound(std::uint32_t index,
                                                 const FtpStream::Segment& segment,
                                                 std::optional<std::uint16_t> answer,
                                                 net::InterfaceId out, Instant now, FtpText& text) {
    const Session& session = sessions_[index];
    FtpControl* const control = ftp_.find(index);
    if (control == nullptr) {
        return {.sequence = segment.sequence};
    }
    std::optional<FtpStream::Answer> given;
    if (answer) {
        given.emplace();
        if (*answer != 0) {
            given->outside = Endpoint{session.outside_address, *answer};
        }
    }
    FtpStream::Result result = control->stream.outbound(segment, given, text);
    if (result.fate == FtpStream::Fate::Ask) {
        const Considered considered = consider(session, *control, result.asked, out, now);
        if (considered.worker) {
            return {.fate = FtpStream::Fate::Ask,
                    .worker = *considered.worker,
                    .port = result.asked.named.port};
        }
        result = control->stream.outbound(segment, considered.answer, text);
    }
    counters_.ftp_held += static_cast<std::uint64_t>(result.fate == FtpStream::Fate::Hold);
    return {.fate = result.fate,
            .sequence = result.sequence,
            .keeps_fin = result.keeps_fin,
            .held_until = control->stream.held_until(),
            .window = control->window};
}

Translator::Considered Translator::consider(const Session& session, FtpControl& control,
                                            const FtpEndpoint& named, net::InterfaceId out,
                                            Instant now) {
    const bool has_address = named.form != FtpEndpoint::Form::PortOnly;
    if (!settings_.ftp || (has_address && named.named.address == session.outside_address)) {
        return {};  // turned off since, or a server that knows its outside address
    }
    const Endpoint inside{session.inside_address, named.named.port};
    if ((has_address && named.named.address != inside.address) || inside.port < kLeastDataPort) {
        ++counters_.ftp_refused;
        return {};
    }
    if (!FtpGateway::may_ask(control, now)) {
        ++counters_.ftp_limited;
        return {};
    }
    const Flow data{net::IpProtocol::Tcp, inside, session.remote()};
    const NatRules::Match match = rules().match_outbound(data, out);
    if (match.kind == NatRules::Kind::Forward && match.other.address == session.outside_address) {
        ++counters_.ftp_translated;
        return {{match.other}, std::nullopt};
    }
    if (match.kind != NatRules::Kind::Dynamic ||
        rules().share_of(*match.source, inside.address).outside != session.outside_address) {
        ++counters_.ftp_refused;
        return {};
    }
    const unsigned owner = rules().owner(Direction::Outbound, data, settings_.place.workers);
    if (owner != settings_.place.worker) {
        return {{}, owner};
    }
    const std::uint16_t port = expect(inside, session.remote(), out, now);
    return port == 0 ? Considered{}
                     : Considered{{Endpoint{session.outside_address, port}}, std::nullopt};
}

std::uint16_t Translator::expect(Endpoint inside, Endpoint remote, net::InterfaceId out,
                                 Instant now) {
    const Flow data{net::IpProtocol::Tcp, inside, remote};
    const NatRules::Match match = rules().match_outbound(data, out);
    if (match.kind != NatRules::Kind::Dynamic ||
        rules().owner(Direction::Outbound, data, settings_.place.workers) !=
            settings_.place.worker) {
        ++counters_.ftp_refused;  // the rules have changed under way
        return 0;
    }
    std::uint32_t mapping = mapping_inside(data.protocol, inside, match.rule);
    if (mapping == kNone) {
        const NewSession wanted{
            inside, remote, data.protocol, match.rule, TcpState::OutsideSyn, AgeClass::TcpOpening};
        const auto made = take_mapping(wanted, *match.source,
                                       rules().share_of(*match.source, inside.address), now);
        if (!made) {
            ++counters_.ftp_limited;
            return 0;
        }
        mapping = *made;
        mappings_[mapping].is_announced = true;
    }
    bool is_new = false;
    ++mappings_[mapping].sessions;
    if (!ftp_.expect(mapping, remote.address, now, is_new) || !is_new) {
        release_mapping(mapping, now);
        if (is_new) {
            ++counters_.ftp_limited;
            return 0;
        }
    }
    ++counters_.ftp_translated;
    return mappings_[mapping].outside_port;
}

void Translator::end_expectation(std::uint32_t mapping, Instant now) {
    if (ftp_.end_expectation(mapping)) {
        release_mapping(mapping, now);
    }
}

Translator::CountedBack Translator::follow_inbound(std::uint32_t index,
                                                   std::uint32_t acknowledgment,
                                                   std::uint16_t window) {
    FtpControl* const control = ftp_.find(index);
    if (control == nullptr) {
        return {};
    }
    control->window = window;
    const std::uint32_t inside = control->stream.acknowledged(acknowledgment);
    sessions_[index].outside_ack = inside;  // what a reset from inside is measured by
    return {&control->stream, inside};
}

}  // namespace godwit::dataplane::nat
