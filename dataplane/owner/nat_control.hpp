// NAT as the owner of the tables runs it: from the configuration to the workers' translators.
//
// A change is asked about first (problem_with) and then carried out (adopt), while the workers go
// on: they take the new rules over one by one, and end the sessions that those do not allow in
// portions. Nothing here waits for them.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "config/model/model.hpp"
#include "dataplane/nat/nat_table.hpp"
#include "dataplane/owner/nat_configure.hpp"
#include "dataplane/worker/links.hpp"

namespace godwit::dataplane {

class NatControl {
public:
    using NumberOf = std::function<net::InterfaceId(const std::string&)>;

    // `table` may be null: a dataplane that never translates (tests). Both outlive this.
    NatControl(nat::NatTable* table, Links& links) : table_(table), links_(links) {}

    // What stands against the model, or "". Nothing changes; interfaces that have no number yet
    // need none.
    [[nodiscard]] std::string problem_with(const config::Model& next,
                                           const NumberOf& number_of) const;
    // Carries it out; what is wrong, or "". Nothing happens where nothing has changed.
    std::string adopt(const config::Model& next, const NumberOf& number_of);

    // Moves what is between owner and workers; once a turn. True: some of it is under way.
    bool turn();

    [[nodiscard]] const NatRuleNumbers& numbers() const { return numbers_; }

private:
    // All that rules and settings are made of.
    struct Basis {
        config::Nat nat;
        std::map<std::string, std::vector<net::Ipv4InterfaceAddress>> addresses;
        friend bool operator==(const Basis&, const Basis&) = default;
    };
    static Basis basis_of(const config::Model& model);

    nat::NatTable* table_;
    Links& links_;
    NatRuleNumbers numbers_;
    Basis basis_;
};

}  // namespace godwit::dataplane
