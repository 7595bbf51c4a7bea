#include "controlplane/management/route_view.hpp"

#include <boost/json.hpp>

namespace godwit::control {

namespace json = boost::json;

namespace {

std::string_view word(InstallState state) {
    switch (state) {
        case InstallState::NotSelected:
            return "no";
        case InstallState::Pending:
            return "pending";
        case InstallState::Installed:
            return "yes";
        case InstallState::Waiting:
            return "not-installed";
        case InstallState::Rejected:
            return "rejected";
    }
    return "no";
}

std::string_view sentence(NextHopProblem problem) {
    switch (problem) {
        case NextHopProblem::None:
            return "";
        case NextHopProblem::InterfaceDown:
            return "the interface is down";
        case NextHopProblem::NoRoute:
            return "no route but the default leads to the next hop";
        case NextHopProblem::OwnAddress:
            return "the next hop is an address of this router, or a broadcast address";
        case NextHopProblem::Loop:
            return "the next hop would be reached through itself";
        case NextHopProblem::TooDeep:
            return "too many routes lie between the route and its next hop";
    }
    return "";
}

json::value text_or_null(std::string_view text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value address_or_null(const std::optional<net::Ipv4Address>& address) {
    return address ? json::value(address->to_string()) : json::value(nullptr);
}

json::value interface_or_null(const InterfaceNames& names, net::InterfaceId id) {
    return id.is_none() ? json::value(nullptr) : json::value(name_of(names, id));
}

json::object next_hop_json(const NextHopView& view, const InterfaceNames& names) {
    // The interface that a recursive next hop leads to, when there is one answer to that.
    net::InterfaceId interface = view.next_hop.interface;
    if (interface.is_none() && view.resolved.size() == 1) {
        interface = view.resolved.front().interface;
    }
    json::object object{
        {"via", address_or_null(view.next_hop.via)},
        {"interface", interface_or_null(names, interface)},
        {"kind", control::name_of(view.next_hop.kind)},
        {"resolved-through", view.resolved_through ? json::value(view.resolved_through->to_string())
                                                   : json::value(nullptr)},
        {"active", view.active},
        {"problem", text_or_null(sentence(view.problem))},
    };
    if (view.next_hop.is_recursive()) {
        json::array resolved;
        for (const RibNextHop& real : view.resolved) {
            resolved.push_back(json::object{{"via", address_or_null(real.via)},
                                            {"interface", interface_or_null(names, real.interface)},
                                            {"kind", control::name_of(real.kind)}});
        }
        object["resolved"] = std::move(resolved);
    }
    return object;
}

std::string reason_of(const RouteView& route) {
    if (!route.install.reason.empty()) {
        return route.install.reason;
    }
    if (route.selected) {
        return {};
    }
    bool active = false;
    std::string_view problem;
    for (const NextHopView& next_hop : route.next_hops) {
        active = active || next_hop.active;
        if (problem.empty()) {
            problem = sentence(next_hop.problem);
        }
    }
    return active ? "another route to the prefix is better" : std::string(problem);
}

}  // namespace

void add_routes(json::array& list, const PrefixView& prefix, const InterfaceNames& names) {
    for (const RouteView& route : prefix.routes) {
        json::array next_hops;
        for (const NextHopView& next_hop : route.next_hops) {
            next_hops.push_back(next_hop_json(next_hop, names));
        }
        list.push_back(json::object{
            {"prefix", prefix.prefix.to_string()},
            {"source", control::name_of(route.source)},
            {"distance", route.distance},
            {"metric", route.metric},
            {"tag", route.tag},
            {"selected", route.selected},
            {"installed", word(route.install.state)},
            {"reason", text_or_null(reason_of(route))},
            {"next-hops", std::move(next_hops)},
        });
    }
}

json::array changes_json(const std::vector<config::Change>& changes) {
    json::array list;
    for (const config::Change& change : changes) {
        const std::string_view kind = change.kind == config::ChangeKind::Added     ? "added"
                                      : change.kind == config::ChangeKind::Removed ? "removed"
                                                                                   : "changed";
        list.push_back(json::object{
            {"kind", kind},
            {"path", change.path},
            {"before", text_or_null(change.before)},
            {"after", text_or_null(change.after)},
            {"cost", word(change.cost)},
            {"effect", change.effect},
        });
    }
    return list;
}

std::string word(config::ChangeCost cost) {
    switch (cost) {
        case config::ChangeCost::Live:
            return "live";
        case config::ChangeCost::SessionReset:
            return "session-reset";
        case config::ChangeCost::Restart:
            return "restart";
    }
    return "restart";
}

std::vector<std::string> rendered(const std::vector<config::Diagnostic>& diagnostics) {
    std::vector<std::string> texts;
    texts.reserve(diagnostics.size());
    for (const config::Diagnostic& diagnostic : diagnostics) {
        std::string text = config::render({diagnostic});
        while (!text.empty() && text.back() == '\n') {
            text.pop_back();
        }
        texts.push_back(std::move(text));
    }
    return texts;
}

json::array texts_json(const std::vector<std::string>& texts) {
    return json::array(texts.begin(), texts.end());
}

json::object revision_json(const config::Revision& revision, bool running) {
    return json::object{
        {"revision", revision.number}, {"time", revision.unix_seconds},
        {"message", revision.message}, {"sha256", revision.sha256},
        {"running", running},
    };
}

}  // namespace godwit::control
