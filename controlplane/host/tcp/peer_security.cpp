#include "controlplane/host/tcp/peer_security.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace godwit::control::tcp {

namespace {

constexpr std::size_t kLeastSweep = 64;

std::string words_for(const SecurityScope& scope) {
    return scope.service == 0
               ? fmt::format("peers {}", scope.peers.to_string())
               : fmt::format("port {} of peers {}", scope.service, scope.peers.to_string());
}

}  // namespace

std::string_view name_of(SecurityDrop reason) {
    switch (reason) {
        case SecurityDrop::TooManyHops:
            return "too-many-hops";
        case SecurityDrop::BadOption:
            return "bad-signature-option";
        case SecurityDrop::Md5Missing:
            return "md5-missing";
        case SecurityDrop::Md5Unexpected:
            return "md5-unexpected";
        case SecurityDrop::Md5Wrong:
            return "md5-wrong";
        case SecurityDrop::AoMissing:
            return "ao-missing";
        case SecurityDrop::AoUnexpected:
            return "ao-unexpected";
        case SecurityDrop::AoUnknownKey:
            return "ao-unknown-key";
        case SecurityDrop::AoWrong:
            return "ao-wrong";
        case SecurityDrop::AoNoSession:
            return "ao-no-session";
        case SecurityDrop::AoUnsignable:
            return "ao-unsignable";
        case SecurityDrop::kCount:
            break;
    }
    return "?";
}

net::Result<void, std::string> PeerGuard::set(const SecurityScope& scope, PeerSecurity security) {
    if (!security.md5.empty() && !security.ao.empty()) {
        return net::unexpected(fmt::format(
            "{} cannot be signed by MD5 and by TCP-AO at once (RFC 5925 9.1); choose one of them",
            words_for(scope)));
    }
    for (auto key = security.ao.begin(); key != security.ao.end(); ++key) {
        if (key->master.empty()) {
            return net::unexpected(fmt::format("the TCP-AO key {} of {} is empty; give it a secret",
                                               key->send_id, words_for(scope)));
        }
        for (auto other = std::next(key); other != security.ao.end(); ++other) {
            if (other->send_id == key->send_id || other->receive_id == key->receive_id) {
                return net::unexpected(fmt::format(
                    "two TCP-AO keys of {} have the same id ({} to send, {} to receive); ids of a "
                    "peer must differ (RFC 5925 3.1)",
                    words_for(scope), other->send_id, other->receive_id));
            }
        }
    }
    if (!digester_ && (!security.md5.empty() || !security.ao.empty())) {
        auto made = Digester::make();
        if (!made) {
            return net::unexpected(made.error());
        }
        digester_ = std::move(*made);
    }
    signing_ = nullptr;
    signing_md5_ = {};
    if (security.md5.empty() && security.ao.empty() && security.least_ttl == 0) {
        rules_.erase(scope);
    } else {
        rules_.insert_or_assign(scope, std::move(security));
    }
    lengths_.clear();
    for (const auto& [ruled, rule] : rules_) {
        lengths_.push_back(ruled.peers.length());
    }
    std::sort(lengths_.begin(), lengths_.end(), std::greater<>());
    lengths_.erase(std::unique(lengths_.begin(), lengths_.end()), lengths_.end());
    for (auto& [flow, session] : sessions_) {
        session.send_key = session.receive_key = {};  // perhaps of a key that has changed
    }
    return {};
}

const PeerSecurity* PeerGuard::rule_for(const Flow& flow) const {
    for (const std::uint8_t length : lengths_) {
        const auto peers = net::Ipv4Prefix::covering(flow.remote, length);
        for (const std::uint16_t service : {flow.local_port, flow.remote_port, std::uint16_t{0}}) {
            if (const auto found = rules_.find({peers, service}); found != rules_.end()) {
                return &found->second;
            }
        }
    }
    return nullptr;
}

const PeerSecurity* PeerGuard::rule_of(const SecurityScope& scope) const {
    const auto found = rules_.find(scope);
    return found == rules_.end() ? nullptr : &found->second;
}

bool PeerGuard::keeps_keys_in_use(const Flow& flow, std::span<const AoKey> keys) const {
    const PeerSecurity* const rule = rule_for(flow);
    const auto session = sessions_.find(flow);
    if (rule == nullptr || session == sessions_.end()) {
        return true;
    }
    const auto keeps = [&](const AoKey* used) {
        return used == nullptr || std::find(keys.begin(), keys.end(), *used) != keys.end();
    };
    return keeps(key_to_send(*rule, session->second.current)) &&
           keeps(key_to_receive(*rule, session->second.next));
}

std::uint8_t PeerGuard::option_bytes(const Flow& flow) const {
    const PeerSecurity* const rule = rule_for(flow);
    if (rule == nullptr || (rule->md5.empty() && rule->ao.empty())) {
        return 0;
    }
    return rule->ao.empty() ? kMd5OptionBytes : kAoOptionBytes;
}

std::optional<SecurityDrop> PeerGuard::judge(const Flow& flow, const Segment& segment) {
    const auto reason = judge_signature(flow, segment);
    if (reason) {
        ++dropped_[static_cast<std::size_t>(*reason)];
    }
    return reason;
}

std::optional<SecurityDrop> PeerGuard::judge_signature(const Flow& flow, const Segment& segment) {
    const PeerSecurity* const rule = rule_for(flow);
    if (rule != nullptr && segment.marks.ttl < rule->least_ttl) {
        return SecurityDrop::TooManyHops;
    }
    const SignaturePlaces places =
        segment.wire.empty() ? SignaturePlaces() : signatures_in(segment.wire);
    if (places.malformed) {
        return SecurityDrop::BadOption;
    }
    if (rule != nullptr && !rule->ao.empty()) {
        return places.ao ? judge_ao(flow, *rule, segment, *places.ao, places.ao_mac_bytes)
                         : std::optional(SecurityDrop::AoMissing);
    }
    if (places.ao) {
        return SecurityDrop::AoUnexpected;
    }
    if (rule == nullptr || rule->md5.empty()) {
        return places.md5 ? std::optional(SecurityDrop::Md5Unexpected) : std::nullopt;
    }
    if (!places.md5) {
        return SecurityDrop::Md5Missing;
    }
    const auto expected = md5_signature(*digester_, inward(flow), segment.wire, rule->md5);
    const bool right =
        expected.ok &&
        equal_in_constant_time(expected.bytes, segment.wire.subspan(*places.md5, kMd5Bytes));
    return right ? std::nullopt : std::optional(SecurityDrop::Md5Wrong);
}

const AoKey* PeerGuard::key_to_send(const PeerSecurity& rule, std::uint8_t id) {
    const auto found = std::find_if(rule.ao.begin(), rule.ao.end(),
                                    [&](const AoKey& key) { return key.send_id == id; });
    return found == rule.ao.end() ? nullptr : &*found;
}

const AoKey* PeerGuard::key_to_receive(const PeerSecurity& rule, std::uint8_t id) {
    const auto found = std::find_if(rule.ao.begin(), rule.ao.end(),
                                    [&](const AoKey& key) { return key.receive_id == id; });
    return found == rule.ao.end() ? nullptr : &*found;
}

// RFC 5925 7.5, step 2.
std::optional<SecurityDrop> PeerGuard::judge_ao(const Flow& flow, const PeerSecurity& rule,
                                                const Segment& segment, std::size_t place,
                                                std::size_t mac_bytes) {
    if (mac_bytes != kAoMacBytes) {
        return SecurityDrop::BadOption;
    }
    const std::uint8_t key_id = segment.wire[place];
    const std::uint8_t next_key_id = segment.wire[place + 1];
    const AoKey* const key = key_to_receive(rule, key_id);
    if (key == nullptr) {
        return SecurityDrop::AoUnknownKey;
    }
    const auto found = sessions_.find(flow);
    Session* session = found == sessions_.end() ? nullptr : &found->second;
    const bool first = segment.flags.syn && !segment.flags.ack;
    KeyContext context{inward(flow), flow.remote_port, flow.local_port, {}, {}};
    AoInput input{inward(flow), 0, segment.wire, key->covers_options};
    if (first) {
        context.source_isn = segment.sequence;
    } else if (session != nullptr && (session->theirs_known || segment.flags.syn)) {
        context.source_isn = session->theirs_known ? session->theirs : segment.sequence;
        context.destination_isn = session->ours;
        input.extension =
            session->theirs_known
                ? static_cast<std::uint32_t>(session->receive.place_of(segment.sequence) >> 32)
                : 0;
    } else if (session == nullptr && segment.flags.ack && !segment.flags.syn) {
        // The third segment of a handshake that a cookie remembers implies both.
        context.source_isn = segment.sequence - 1U;
        context.destination_isn = segment.acknowledgment - 1U;
    } else {
        return SecurityDrop::AoNoSession;
    }
    const bool cached = !first && session != nullptr && session->receive_key.key.size != 0 &&
                        session->receive_key.key_id == key_id && session->theirs_known;
    const TrafficKey traffic = cached
                                   ? session->receive_key.key
                                   : traffic_key(*digester_, key->algorithm, key->master, context);
    const auto expected = ao_mac(*digester_, key->algorithm, traffic, input);
    if (!expected.ok ||
        !equal_in_constant_time(expected.bytes, segment.wire.subspan(place + 2, kAoMacBytes))) {
        return SecurityDrop::AoWrong;
    }
    // It is the peer's. What follows is the connection's parameters.
    const AoKey* const wanted = key_to_send(rule, next_key_id);
    if (first) {
        syn_flow_ = flow;
        syn_current_ = (wanted == nullptr ? key : wanted)->send_id;
        syn_next_ = key->receive_id;
        if (session == nullptr || session->theirs_known) {
            return std::nullopt;
        }
    } else if (session == nullptr) {
        session = &sessions_[flow];
        session->ours = context.destination_isn;
        session->theirs = context.source_isn;
        session->theirs_known = true;
        session->current = key->send_id;
        session->next = key->receive_id;
        session->send.begin(session->ours);
        session->receive.begin(session->theirs);
    }
    if (!session->theirs_known) {
        session->theirs = segment.sequence;
        session->theirs_known = true;
        session->receive.begin(segment.sequence);
    } else if (!first) {
        session->receive.reached(session->receive.place_of(segment.sequence));
        session->receive_key = {traffic, key_id};
    }
    session->last_key_id = key_id;
    session->last_next_key_id = next_key_id;
    if (wanted != nullptr) {
        session->current = wanted->send_id;
    }
    return std::nullopt;
}

PeerGuard::Session& PeerGuard::begin_session(const Flow& flow, const PeerSecurity& rule,
                                             const Segment& syn) {
    const net::Sequence theirs = syn.acknowledgment - 1U;
    if (const auto found = sessions_.find(flow); found != sessions_.end()) {
        Session& session = found->second;
        if (session.ours == syn.sequence && (!syn.flags.ack || session.theirs == theirs)) {
            return session;  // sent again
        }
    }
    Session session;
    session.ours = syn.sequence;
    session.send.begin(session.ours);
    session.current = rule.ao.front().send_id;
    session.next = rule.ao.front().receive_id;
    if (syn.flags.ack) {
        session.theirs = theirs;
        session.theirs_known = true;
        session.receive.begin(theirs);
        if (syn_flow_ == flow) {
            session.current = syn_current_;
            session.next = syn_next_;
        }
    }
    return sessions_.insert_or_assign(flow, session).first->second;
}

std::optional<SecurityDrop> PeerGuard::prepare(const Flow& flow, Segment& segment) {
    const PeerSecurity* const rule = rule_for(flow);
    if (rule == nullptr) {
        return std::nullopt;
    }
    if (rule->least_ttl != 0) {
        segment.marks.ttl = 255;  // RFC 5082 3
    }
    option_.fill(0);
    if (!rule->md5.empty()) {
        signing_ = nullptr;
        signing_md5_ = rule->md5;
        segment.options.md5_signature = std::span(option_).first(kMd5Bytes);
        segment.signer = this;
        return std::nullopt;
    }
    if (rule->ao.empty()) {
        return std::nullopt;
    }
    const auto found = sessions_.find(flow);
    if (!segment.flags.syn && (found == sessions_.end() || !found->second.theirs_known)) {
        ++dropped_[static_cast<std::size_t>(SecurityDrop::AoUnsignable)];
        return SecurityDrop::AoUnsignable;
    }
    Session& session = segment.flags.syn ? begin_session(flow, *rule, segment) : found->second;
    // A key that was removed while it was in use: the first of those that are left.
    const AoKey* const current = key_to_send(*rule, session.current);
    const AoKey* const next = key_to_receive(*rule, session.next);
    signing_ = current == nullptr ? &rule->ao.front() : current;
    option_[0] = signing_->send_id;
    option_[1] = (next == nullptr ? &rule->ao.front() : next)->receive_id;
    const bool first = segment.flags.syn && !segment.flags.ack;
    KeyContext context{outward(flow), flow.local_port, flow.remote_port, session.ours, {}};
    if (!first) {
        context.destination_isn = session.theirs;
    }
    if (!first && session.send_key.key.size != 0 && session.send_key.key_id == signing_->send_id) {
        signing_key_ = session.send_key.key;
    } else {
        signing_key_ = traffic_key(*digester_, signing_->algorithm, signing_->master, context);
        if (!first) {
            session.send_key = {signing_key_, signing_->send_id};
        }
    }
    const std::uint64_t place = session.send.place_of(segment.sequence);
    session.send.reached(place);
    signing_extension_ = static_cast<std::uint32_t>(place >> 32);
    segment.options.authentication = std::span(option_).first(kAoOptionData);
    segment.signer = this;
    return std::nullopt;
}

void PeerGuard::sign(const Flow& flow, std::span<std::uint8_t> segment) const {
    const SignaturePlaces places = signatures_in(segment);
    if (signing_ != nullptr && places.ao) {
        const auto mac =
            ao_mac(*digester_, signing_->algorithm, signing_key_,
                   {outward(flow), signing_extension_, segment, signing_->covers_options});
        std::copy(mac.bytes.begin(), mac.bytes.end(),
                  segment.begin() + static_cast<std::ptrdiff_t>(*places.ao + 2));
    } else if (!signing_md5_.empty() && places.md5) {
        const auto digest = md5_signature(*digester_, outward(flow), segment, signing_md5_);
        std::copy(digest.bytes.begin(), digest.bytes.end(),
                  segment.begin() + static_cast<std::ptrdiff_t>(*places.md5));
    }
}

bool PeerGuard::hears_icmp(const Flow& flow) const {
    const PeerSecurity* const rule = rule_for(flow);
    return rule == nullptr || rule->ao.empty() || rule->icmp_reaches_signed;
}

bool PeerGuard::prefer_ao_key(const Flow& flow, std::uint8_t receive_id) {
    const PeerSecurity* const rule = rule_for(flow);
    const auto found = sessions_.find(flow);
    if (rule == nullptr || found == sessions_.end() ||
        key_to_receive(*rule, receive_id) == nullptr) {
        return false;
    }
    found->second.next = receive_id;
    return true;
}

std::optional<AoStatus> PeerGuard::ao_status(const Flow& flow) const {
    const auto found = sessions_.find(flow);
    if (found == sessions_.end()) {
        return std::nullopt;
    }
    const Session& session = found->second;
    return AoStatus{session.current, session.next, session.last_key_id, session.last_next_key_id};
}

void PeerGuard::sweep(const std::function<bool(const Flow&)>& lives) {
    std::erase_if(sessions_, [&](const auto& session) { return !lives(session.first); });
    sweep_at_ = std::max(kLeastSweep, 2 * sessions_.size());
}

}  // namespace godwit::control::tcp
