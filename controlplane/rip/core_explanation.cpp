// Why a prefix is known and told as it is (explanation.hpp): the steps of core_input.cpp and
// core_output.cpp, looked at and not gone.
#include <algorithm>
#include <utility>

#include "controlplane/rip/core.hpp"

namespace godwit::control::rip {

PrefixExplanation Core::explain(const net::Ipv4Prefix& prefix, Instant now) const {
    PrefixExplanation explanation;
    const auto at = database_.entries().find(prefix);
    for (const auto& [name, interface] : interfaces_) {
        explain_imports(prefix, interface, explanation.imports, now);
        if (at == database_.entries().end()) {
            continue;
        }
        const bool down = interface.state == InterfaceState::Down;
        const auto targets = down ? std::vector<Target>() : targets_of(interface);
        for (const Target& target : targets) {
            explanation.exports.push_back(explain_export(interface, target, at, now));
        }
        if (targets.empty()) {
            ExportExplanation nobody;
            nobody.interface = name;
            nobody.reason = down ? TellingReason::InterfaceDown : TellingReason::Passive;
            nobody.policy = interface.settings.exported.name;
            explanation.exports.push_back(std::move(nobody));
        }
    }
    return explanation;
}

void Core::explain_imports(const net::Ipv4Prefix& prefix, const Interface& interface,
                           std::vector<ImportExplanation>& imports, Instant now) const {
    const net::InterfaceId id = interface.link.id;
    const auto add = [&](const NeighborId& neighbor, const Said& said, net::Ipv4Address next_hop,
                         Instant heard) -> ImportExplanation& {
        ImportExplanation& imported = imports.emplace_back();
        imported.interface = interface.name;
        imported.neighbor = neighbor.address;
        imported.told = {prefix, RouteSource::Rip, said.metric.value(), said.tag, id, next_hop};
        imported.cost = interface.settings.cost;
        imported.heard = now - heard;
        imported.policy = interface.settings.import.name;
        return imported;
    };
    if (const DatabaseEntry* const entry = database_.find(prefix)) {
        for (const Path& path : entry->paths) {
            if (path.neighbor.interface == id) {
                ImportExplanation& imported =
                    add(path.neighbor, path.said, path.next_hop, path.heard);
                imported.metric = entry->learned_metric;
                imported.tag = entry->learned_tag;
            }
        }
    }
    const auto [first, last] = refused_.of(prefix);
    for (auto refused = first; refused != last; ++refused) {
        if (refused->first.neighbor.interface == id) {
            add(refused->first.neighbor, refused->second.said, refused->second.next_hop,
                refused->second.heard);
        }
    }
}

ExportExplanation Core::explain_export(const Interface& interface, const Target& target,
                                       Database::Entries::const_iterator at, Instant now) const {
    ExportExplanation explained;
    explained.interface = interface.name;
    explained.to = target.destination;
    explained.policy = interface.settings.exported.name;
    const Portion portion = portion_at(interface, target, at);
    if (!portion.readable) {
        explained.reason = TellingReason::Misread;
        return explained;
    }
    const Job job{interface.name, target, Job::Kind::Regular, 0, {}, false};
    const Telling telling = telling_of(interface, job, at->first, at->second, Asking::WhatIf, now);
    explained.reason = telling.reason;
    explained.asked = telling.asked;
    const auto entry = entry_for(interface, job, portion, Asking::WhatIf, now);
    if (!telling.entry || !entry) {
        return explained;
    }
    if (portion.whole) {
        explained.reason = TellingReason::Whole;
    }
    explained.told = {portion.told, Metric::of(entry->metric), entry->tag, std::nullopt};
    if (!entry->next_hop.is_unspecified()) {
        explained.told->next_hop = entry->next_hop;
    }
    return explained;
}

}  // namespace godwit::control::rip
