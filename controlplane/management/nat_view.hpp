// NAT as JSON: the records of the dataplane with their words (docs/control-protocol.md).
#pragma once

#include <algorithm>
#include <boost/json/fwd.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/model/model.hpp"
#include "dataplane/api/nat_messages.hpp"

namespace godwit::control {

// Names of rules by their numbers.
using NatRuleNames = std::map<std::uint16_t, std::string>;
NatRuleNames names_of(const std::vector<api::NatRuleRecord>& rules);

std::string word(api::NatRuleKind kind);           // "source"
std::string word(api::NatTcpState state);          // "established"
std::string word(api::NatAge age);                 // "opening"
std::string word(api::NatRefusal refusal);         // "ports-exhausted"
std::string nat_event_word(std::uint8_t event);    // "binding-create", of RFC 8158 table 2
std::string protocol_word(std::uint8_t protocol);  // "tcp"; others as a number
std::optional<std::uint8_t> protocol_number(std::string_view word);

// Of all states.
std::uint64_t nat_sessions(const api::NatTotalsRecord& totals);
boost::json::object nat_totals_json(const api::NatTotalsRecord& totals,
                                    const std::vector<api::NatRuleRecord>& rules,
                                    const config::Nat& configured);
boost::json::object nat_session_json(const api::NatSessionRecord& session,
                                     const NatRuleNames& names);

// An outside address, the workers' shares added up.
struct NatAddressTotals {
    net::Ipv4Address address;
    std::string rule;  // the first that gives its ports out; empty: none any more
    api::NatPortRecord used;
    std::uint32_t ports = 0;  // of a protocol, that the rule has

    [[nodiscard]] std::uint32_t free(std::uint32_t in_use) const {
        return ports - std::min(ports, in_use);
    }
};
std::vector<NatAddressTotals> nat_addresses(const std::vector<api::NatPortRecord>& ports,
                                            const config::Model& model);
boost::json::array nat_addresses_json(const std::vector<NatAddressTotals>& addresses);
// Subscribers, the workers' shares added up, those with the most sessions first.
boost::json::array nat_subscribers_json(const std::vector<api::NatSubscriberRecord>& records,
                                        std::size_t most);

// One line of the journal, with the names of RFC 8158 and the IPFIX registry.
std::string nat_journal_line(const api::NatBindingRecord& binding);

}  // namespace godwit::control
