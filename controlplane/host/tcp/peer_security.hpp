// Who may speak to us, and how what we say is signed: GTSM (RFC 5082), TCP MD5 (RFC 2385) and
// TCP-AO (RFC 5925), judged before any other part of TCP sees a segment, so that a stranger's
// segment touches no state. What does not pass is dropped without an answer and counted by reason.
//
// Rules are of peers (an address or a prefix; the longest wins) and of a service (the port of
// either side, zero for all): the same rule holds for the listener that the peer calls and for the
// connection that we make to it. Rules may change while connections stand: the next segment is
// judged by the new ones.
//
// TCP-AO's per-connection parameters (RFC 5925 4) are kept here, by flow, and follow from the
// segments that pass in both directions: a SYN of ours begins a session, a verified one of the peer
// completes it. The peer of a SYN cookie has no session: its third segment is judged by the two
// initial sequence numbers that it implies. Keys roll over by KeyID and RNextKeyID (6.1).
//
//     current: signs what we send; follows the peer's RNextKeyID when we have that key
//     next:    what we ask the peer for, by prefer_ao_key()
//
// When a key begins and ends to be valid is its owner's clock to know: it changes the rule.
//
// DEVIATION(rfc5925, 7.3): a signed segment from a peer that has no rule is dropped, not accepted.
// A signature that one side alone configured is a mistake that should be seen.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controlplane/host/tcp/secrets.hpp"
#include "controlplane/host/tcp/signature.hpp"

namespace godwit::control::tcp {

// A master key tuple of RFC 5925 3.1; its connection identifier is the rule's scope.
struct AoKey {
    std::uint8_t send_id = 0;     // KeyID of what we sign by it
    std::uint8_t receive_id = 0;  // and of what the peer does
    AoAlgorithm algorithm = AoAlgorithm::HmacSha1_96;
    std::vector<std::uint8_t> master;
    bool covers_options = true;
    friend bool operator==(const AoKey&, const AoKey&) = default;
};

struct PeerSecurity {
    std::vector<std::uint8_t> md5;     // the key; empty: no MD5. Never together with `ao`
    std::vector<AoKey> ao;             // empty: no TCP-AO. New connections begin with the first
    std::uint8_t least_ttl = 0;        // 255: the peer is a neighbour; zero: not looked at
    bool icmp_reaches_signed = false;  // RFC 5925 7.8: ICMP is believed in spite of TCP-AO
};

struct SecurityScope {
    net::Ipv4Prefix peers;
    std::uint16_t service = 0;  // local or remote port; zero: every
    friend auto operator<=>(const SecurityScope&, const SecurityScope&) = default;
};

// Why a segment was dropped unseen, or not sent.
enum class SecurityDrop : std::uint8_t {
    TooManyHops,    // RFC 5082 3
    BadOption,      // two signatures, or one of an impossible length
    Md5Missing,     // a rule asks for it
    Md5Unexpected,  // no rule knows it
    Md5Wrong,
    AoMissing,
    AoUnexpected,
    AoUnknownKey,  // the KeyID is of none of the peer's keys
    AoWrong,
    AoNoSession,   // for what stands nowhere: nothing it could be judged by
    AoUnsignable,  // ours: a reset to what we know nothing about (RFC 5925 7.7)
    kCount
};
[[nodiscard]] std::string_view name_of(SecurityDrop reason);

// What RFC 5925 7.1 would have a user see of a connection.
struct AoStatus {
    std::uint8_t current_send_id = 0;
    std::uint8_t next_receive_id = 0;
    std::optional<std::uint8_t> last_key_id;       // of what came and was right
    std::optional<std::uint8_t> last_next_key_id;  // RNextKeyID in it
};

class PeerGuard final : public SegmentSigner {
public:
    explicit PeerGuard(const FlowSecrets& secrets) : sessions_(0, FlowPlacer(secrets)) {}

    // A rule that says nothing removes that of the scope. Words when it cannot be.
    net::Result<void, std::string> set(const SecurityScope& scope, PeerSecurity security);
    [[nodiscard]] const PeerSecurity* rule_for(const Flow& flow) const;
    // The rule that was set for exactly this scope, or null.
    [[nodiscard]] const PeerSecurity* rule_of(const SecurityScope& scope) const;
    // Whether `keys` have, unchanged, what the connection signs by and asks its peer to sign by;
    // such keys are not to be taken away (RFC 5925 3.1).
    [[nodiscard]] bool keeps_keys_in_use(const Flow& flow, std::span<const AoKey> keys) const;
    [[nodiscard]] bool empty() const { return rules_.empty(); }
    // Bytes of options that signatures take in every segment of the flow.
    [[nodiscard]] std::uint8_t option_bytes(const Flow& flow) const;

    // Of a segment that came in. Nothing when it may pass.
    std::optional<SecurityDrop> judge(const Flow& flow, const Segment& segment);
    // Marks a segment that goes out, so that its encode() signs it. `signed_segment` borrows from
    // here until the next call.
    std::optional<SecurityDrop> prepare(const Flow& flow, Segment& segment);
    void sign(const Flow& flow, std::span<std::uint8_t> segment) const override;
    // RFC 5925 7.8: whether ICMP of the types 3.2 to 3.4 may reach the flow.
    [[nodiscard]] bool hears_icmp(const Flow& flow) const;

    // RNextKeyID: which of our keys the peer should sign by from now on. False: no such key.
    bool prefer_ao_key(const Flow& flow, std::uint8_t receive_id);
    [[nodiscard]] std::optional<AoStatus> ao_status(const Flow& flow) const;

    // Sessions outlive their connections until this is called; wants_sweep() says when.
    [[nodiscard]] bool wants_sweep() const { return sessions_.size() > sweep_at_; }
    void sweep(const std::function<bool(const Flow&)>& lives);
    [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

    [[nodiscard]] std::uint64_t dropped(SecurityDrop reason) const {
        return dropped_[static_cast<std::size_t>(reason)];
    }

private:
    // The sequence number extension (RFC 5925 6.2): the stream's 64-bit place of a sequence number
    // near the last one that was right.
    struct Extension {
        std::uint64_t place = 0;  // of the highest so far; its low half is a sequence number

        void begin(net::Sequence isn) { place = isn.value(); }
        [[nodiscard]] std::uint64_t place_of(net::Sequence sequence) const {
            const net::Sequence last(static_cast<std::uint32_t>(place));
            return place + static_cast<std::uint64_t>(std::int64_t{sequence - last});
        }
        void reached(std::uint64_t at) { place = at > place ? at : place; }
    };
    struct CachedKey {
        TrafficKey key;
        std::uint8_t key_id = 0;
    };
    struct Session {
        net::Sequence ours;
        net::Sequence theirs;
        bool theirs_known = false;
        std::uint8_t current = 0;  // send_id
        std::uint8_t next = 0;     // receive_id
        std::optional<std::uint8_t> last_key_id;
        std::optional<std::uint8_t> last_next_key_id;
        Extension send;
        Extension receive;
        CachedKey send_key;  // of what is no SYN
        CachedKey receive_key;
    };

    std::optional<SecurityDrop> judge_signature(const Flow& flow, const Segment& segment);
    std::optional<SecurityDrop> judge_ao(const Flow& flow, const PeerSecurity& rule,
                                         const Segment& segment, std::size_t place,
                                         std::size_t mac_bytes);
    [[nodiscard]] static const AoKey* key_to_send(const PeerSecurity& rule, std::uint8_t id);
    [[nodiscard]] static const AoKey* key_to_receive(const PeerSecurity& rule, std::uint8_t id);
    Session& begin_session(const Flow& flow, const PeerSecurity& rule, const Segment& syn);
    [[nodiscard]] static Direction outward(const Flow& flow) { return {flow.local, flow.remote}; }
    [[nodiscard]] static Direction inward(const Flow& flow) { return {flow.remote, flow.local}; }

    std::map<SecurityScope, PeerSecurity> rules_;
    std::vector<std::uint8_t> lengths_;  // of the prefixes in rules_, the longest first
    std::unordered_map<Flow, Session, FlowPlacer> sessions_;
    std::unique_ptr<Digester> digester_;  // from the first key on
    std::size_t sweep_at_ = 64;
    // Of the last SYN that was right: the keys that its answer begins with.
    Flow syn_flow_;
    std::uint8_t syn_current_ = 0;
    std::uint8_t syn_next_ = 0;
    std::array<std::uint64_t, static_cast<std::size_t>(SecurityDrop::kCount)> dropped_{};
    // What prepare() has decided, for sign().
    std::array<std::uint8_t, std::max(kAoOptionData, kMd5Bytes)> option_{};
    const AoKey* signing_ = nullptr;  // else by
    std::span<const std::uint8_t> signing_md5_;
    TrafficKey signing_key_;
    std::uint32_t signing_extension_ = 0;
};

}  // namespace godwit::control::tcp
