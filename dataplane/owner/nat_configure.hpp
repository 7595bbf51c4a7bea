// The `nat` section and the addresses of the interfaces, as rules and settings of the translators.
//
// A rule keeps its number over revisions as long as it keeps its name: sessions refer to it by that
// number, and live on where the rule still allows them. A number that is free again is the last to
// be given anew, so that what remains of an old rule's sessions is not taken for a new one's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/model/model.hpp"
#include "dataplane/api/messages.hpp"
#include "dataplane/nat/nat_table.hpp"
#include "net/interface_id.hpp"
#include "net/result.hpp"

namespace godwit::dataplane {

enum class NatRuleKind : std::uint8_t { Source, OneToOne, Destination };

// A rule as its author calls it. A destination rule of TCP and UDP has a number for each.
struct NatRuleKey {
    NatRuleKind kind{};
    std::string name;
    net::IpProtocol protocol{};  // of destination rules
    friend auto operator<=>(const NatRuleKey&, const NatRuleKey&) = default;
};

class NatRuleNumbers {
public:
    // Of a rule of the model, which keeps it. There are more numbers than rules.
    nat::RuleId number(const NatRuleKey& key);
    // Those of other rules are free.
    void keep_only(const std::map<NatRuleKey, nat::RuleId>& used);
    [[nodiscard]] const std::map<NatRuleKey, nat::RuleId>& all() const { return numbers_; }
    // The last name that the number had; empty for one that was never given.
    [[nodiscard]] const std::string& name_of(nat::RuleId id) const;

private:
    std::map<NatRuleKey, nat::RuleId> numbers_;
    std::deque<nat::RuleId> free_;    // the oldest first
    std::vector<std::string> names_;  // by number
};

struct NatPlan {
    std::optional<nat::NatTable::Wanted> wanted;  // nothing: nothing is translated
    std::map<NatRuleKey, nat::RuleId> numbers;    // of its rules
};

// What the model comes to, or what is wrong with it. `number_of` knows every interface of the
// model. `numbers` is a copy: it becomes the owner's when the plan is carried out. `own_ports`:
// where the control plane is spoken to.
net::Result<NatPlan, std::string> nat_plan(
    const config::Model& model, NatRuleNumbers& numbers,
    const std::function<net::InterfaceId(const std::string&)>& number_of,
    std::span<const api::OwnPortRecord> own_ports);

}  // namespace godwit::dataplane
