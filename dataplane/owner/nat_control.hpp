// NAT as the owner of the tables runs it: from the configuration to the workers' translators.
//
// A change is asked about first (problem_with) and then carried out (adopt), while the workers go
// on: they take the new rules over one by one, and end the sessions that those do not allow in
// portions. Nothing here waits for them. Views and events go the other way: numbers are read beside
// the workers, pages of sessions are asked for (NatQuestions), bindings are taken from their rings
// (NatEvents).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/model/model.hpp"
#include "dataplane/channel/handler.hpp"
#include "dataplane/channel/server.hpp"
#include "dataplane/nat/nat_table.hpp"
#include "dataplane/owner/instant.hpp"
#include "dataplane/owner/nat_configure.hpp"
#include "dataplane/owner/nat_events.hpp"
#include "dataplane/owner/nat_questions.hpp"
#include "dataplane/worker/links.hpp"

namespace godwit::dataplane {

class NatControl {
public:
    using NumberOf = std::function<net::InterfaceId(const std::string&)>;

    // `table` may be null: a dataplane that never translates (tests). Both outlive this.
    NatControl(nat::NatTable* table, Links& links);

    // What stands against the model, or "". Nothing changes; interfaces that have no number yet
    // need none.
    [[nodiscard]] std::string problem_with(const config::Model& next,
                                           const NumberOf& number_of) const;
    // Ports of addresses of ours that no mapping gets; adopt() carries it out.
    void set_own_ports(std::span<const api::OwnPortRecord> ports) {
        own_ports_.assign(ports.begin(), ports.end());
    }
    // Carries it out; what is wrong, or "". Nothing happens where nothing has changed.
    std::string adopt(const config::Model& next, const NumberOf& number_of);

    // Moves what is between owner and workers, and what the control plane is to hear of it; once a
    // turn. `unix_ms` is now by the time of day. True: there is more to do at once.
    bool turn(ChannelServer* server, Instant now, std::uint64_t unix_ms);
    // Something is under way with the workers: turn again soon.
    [[nodiscard]] bool is_busy() const { return is_busy_; }

    void asked(std::uint64_t session, std::uint32_t request, const api::NatAskBody& ask);
    void answer_totals(QueryPage& page, Instant now);
    void answer_rules(std::uint64_t cursor, QueryPage& page) const;
    [[nodiscard]] std::vector<api::LimitRecord> limits() const;

    [[nodiscard]] const NatRuleNumbers& numbers() const { return numbers_; }

private:
    // All that rules and settings are made of.
    struct Basis {
        config::Nat nat;
        std::map<std::string, std::vector<net::Ipv4InterfaceAddress>> addresses;
        std::vector<api::OwnPortRecord> own_ports;
        friend bool operator==(const Basis&, const Basis&) = default;
    };
    [[nodiscard]] Basis basis_of(const config::Model& model) const;
    [[nodiscard]] api::NatTotalsRecord totals() const;
    [[nodiscard]] nat::Statistics sum() const;
    [[nodiscard]] api::NatEpoch epoch(Instant now);

    nat::NatTable* table_;
    Links& links_;
    NatRuleNumbers numbers_;
    Basis basis_;
    std::vector<api::OwnPortRecord> own_ports_;
    std::optional<NatQuestions> questions_;
    std::optional<NatEvents> events_;
    bool is_busy_ = false;

    struct Epoch {
        std::uint64_t number = 0;
        Instant began{};
        std::uint64_t revoked = 0;  // of all mappings, when it began
    };
    std::optional<Epoch> epoch_;  // nothing where there are no tables
    std::uint64_t last_epoch_ = 0;
};

}  // namespace godwit::dataplane
