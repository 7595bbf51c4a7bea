#include "controlplane/management/nat_views.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "controlplane/management/nat_journal.hpp"
#include "controlplane/management/pcp_view.hpp"

namespace godwit::control {

namespace json = boost::json;

namespace {

const char* const kBusy = "the dataplane has too many questions about NAT to answer; ask again";

std::optional<std::vector<api::NatAge>> ages_of(const std::string& state) {
    using enum api::NatAge;
    if (state == "opening") {
        return std::vector{TcpOpening, TcpOpeningInward};
    }
    if (state == "established") {
        return std::vector{TcpEstablished};
    }
    if (state == "closing") {
        return std::vector{TcpClosing};
    }
    return std::nullopt;
}

template <class Record, auto kJson>
json::array items_of(const NatAnswer& page, const NatRuleNames& names) {
    json::array items;
    for (const Record& record : page.rows<Record>()) {
        items.push_back(kJson(record, names));
    }
    return items;
}

}  // namespace

NatSelection NatViews::read_selection(Request& request, std::vector<std::string>& errors) {
    NatSelection selection;
    api::NatFilter& filter = selection.filter;
    const auto address = [&](const char* key, api::NatFilterFields field, std::uint32_t& value) {
        if (const auto given = request.optional_address(key)) {
            filter.fields |= field;
            value = given->value();
        }
    };
    address("inside", api::kNatInside, filter.inside);
    address("outside", api::kNatOutside, filter.outside);
    address("remote", api::kNatRemote, filter.remote);
    const auto port = [&](const char* key, api::NatFilterFields field, std::uint16_t& value) {
        const std::uint64_t given = request.number(key, 65'536, 0, 65'535);
        if (given <= 65'535) {
            filter.fields |= field;
            value = static_cast<std::uint16_t>(given);
        }
    };
    port("inside-port", api::kNatInsidePort, filter.inside_port);
    port("outside-port", api::kNatOutsidePort, filter.outside_port);
    if (const std::string protocol = request.text("protocol"); !protocol.empty()) {
        if (const auto number = protocol_number(protocol)) {
            filter.fields |= api::kNatProtocol;
            filter.protocol = *number;
        } else {
            errors.push_back("'protocol' must be tcp, udp, icmp or a number");
        }
    }
    if (const std::string rule = request.text("rule"); !rule.empty()) {
        selection.rule = rule;
    }
    if (const std::string state = request.text("state"); !state.empty()) {
        if (const auto ages = ages_of(state)) {
            selection.ages = *ages;
        } else {
            errors.push_back("'state' must be opening, established or closing");
        }
    }
    return selection;
}

bool NatViews::reachable(const std::shared_ptr<Answer>& answer) const {
    if (router_.channel().connected()) {
        return true;
    }
    answer->fail(AnswerCode::Unavailable,
                 fmt::format("the dataplane is not there ({}); try again in a moment, or see its "
                             "log",
                             router_.channel().problem()));
    return false;
}

void NatViews::with_rules(const std::shared_ptr<Answer>& answer,
                          std::function<void(std::vector<api::NatRuleRecord>)> then) {
    if (!reachable(answer)) {
        return;
    }
    router_.channel().query(
        api::QueryKind::NatRules,
        [answer, then = std::move(then)](const net::Result<QueryAnswer, std::string>& rules) {
            if (!rules) {
                answer->fail(AnswerCode::Unavailable, rules.error());
                return;
            }
            then(rules->rows<api::NatRuleRecord>());
        });
}

net::Result<std::vector<api::NatFilter>, std::string> NatViews::filters_of(
    const NatSelection& selection, const std::vector<api::NatRuleRecord>& rules) {
    std::vector<api::NatFilter> filters{selection.filter};
    if (selection.rule) {
        filters.clear();
        for (const auto& [number, name] : names_of(rules)) {
            if (name == *selection.rule) {
                api::NatFilter filter = selection.filter;
                filter.fields |= api::kNatRule;
                filter.rule = number;
                filters.push_back(filter);
            }
        }
        if (filters.empty()) {
            return net::unexpected(
                fmt::format("there is no rule '{}' of NAT; `show nat` names them",
                            printable(selection.rule->data(),
                                      std::min<std::size_t>(selection.rule->size(), 64))));
        }
    }
    if (selection.ages.empty()) {
        return filters;
    }
    std::vector<api::NatFilter> by_age;
    for (const api::NatFilter& filter : filters) {
        for (const api::NatAge age : selection.ages) {
            by_age.push_back(filter);
            by_age.back().fields |= api::kNatAge;
            by_age.back().age = age;
        }
    }
    return by_age;
}

// ---- totals

struct NatViews::Totals {
    std::shared_ptr<Answer> answer;  // shared with the connection that asked, here and below
    api::NatTotalsRecord record;
    std::vector<api::NatRuleRecord> rules;
    std::vector<api::NatPortRecord> ports;
    api::NatAskBody ask;
};

void NatViews::totals(const std::shared_ptr<Answer>& answer) {
    with_rules(answer, [this, answer](std::vector<api::NatRuleRecord> rules) {
        router_.channel().query(
            api::QueryKind::NatTotals, [this, answer, rules = std::move(rules)](
                                           const net::Result<QueryAnswer, std::string>& reply) {
                if (!reply || reply->count() != 1) {
                    answer->fail(AnswerCode::Unavailable,
                                 reply ? "the dataplane gave no totals" : reply.error());
                    return;
                }
                auto totals = std::make_shared<Totals>();
                totals->answer = answer;
                totals->record = reply->rows<api::NatTotalsRecord>().front();
                totals->rules = rules;
                totals->ask.kind = api::NatAskKind::Ports;
                next_ports(totals);
            });
    });
}

void NatViews::next_ports(const std::shared_ptr<Totals>& totals) {
    router_.channel().ask_nat(
        totals->ask, [this, totals](const net::Result<NatAnswer, std::string>& page) {
            if (!page || page->header.outcome != api::NatAskOutcome::Done) {
                totals->answer->fail(AnswerCode::Unavailable, page ? kBusy : page.error());
                return;
            }
            const auto rows = page->rows<api::NatPortRecord>();
            totals->ports.insert(totals->ports.end(), rows.begin(), rows.end());
            totals->ask.cursor = page->header.next_cursor;
            if (totals->ask.cursor != 0) {
                next_ports(totals);
                return;
            }
            const config::Model& model = router_.running().model;
            json::object data = nat_totals_json(totals->record, totals->rules, model.nat);
            json::array addresses = nat_addresses_json(nat_addresses(totals->ports, model));
            const std::size_t all = addresses.size();
            if (all > kMaxAddresses) {
                addresses.resize(kMaxAddresses);
            }
            data["requested"] = requested_json(totals->record);
            data["pcp"] = pcp_json(router_.pcp());
            data["addresses-not-shown"] = all - addresses.size();
            data["addresses"] = std::move(addresses);
            if (router_.nat_journal() != nullptr) {
                data["journal"] = router_.nat_journal()->state_json();
            }
            totals->answer->done(data);
        });
}

// ---- sessions, and mappings that were asked for: lists of any length

struct NatViews::Listing {
    std::shared_ptr<Answer> answer;
    NatRuleNames names;
    std::function<json::array(const NatAnswer& page, const NatRuleNames& names)> items;
    std::vector<api::NatFilter> filters;
    std::size_t at = 0;
    std::uint64_t most = 0;
    std::uint64_t shown = 0;
    api::NatAskBody ask;
};

void NatViews::sessions(const NatSelection& selection, std::uint64_t most,
                        const std::shared_ptr<Answer>& answer) {
    with_rules(answer, [this, selection, most, answer](std::vector<api::NatRuleRecord> rules) {
        const auto filters = filters_of(selection, rules);
        if (!filters) {
            answer->fail(AnswerCode::Refused, filters.error());
            return;
        }
        auto listing = std::make_shared<Listing>();
        listing->answer = answer;
        listing->names = names_of(rules);
        listing->items = items_of<api::NatSessionRecord, nat_session_json>;
        listing->filters = *filters;
        listing->most = most;
        listing->ask.kind = api::NatAskKind::Sessions;
        answer->begin_list();
        list_next(listing);
    });
}

void NatViews::mappings(std::uint64_t most, const std::shared_ptr<Answer>& answer) {
    with_rules(answer, [this, most, answer](const std::vector<api::NatRuleRecord>& rules) {
        auto listing = std::make_shared<Listing>();
        listing->answer = answer;
        listing->names = names_of(rules);
        listing->items = items_of<api::NatMappingRecord, nat_mapping_json>;
        listing->filters = {{}};
        listing->most = most;
        listing->ask.kind = api::NatAskKind::Mappings;
        answer->begin_list();
        list_next(listing);
    });
}

void NatViews::list_next(const std::shared_ptr<Listing>& listing) {
    if (listing->answer->gone()) {
        return;
    }
    if (listing->at == listing->filters.size() ||
        (listing->most != 0 && listing->shown >= listing->most)) {
        listing->answer->end_list();
        return;
    }
    listing->ask.filter = listing->filters[listing->at];
    router_.channel().ask_nat(
        listing->ask, [this, listing](const net::Result<NatAnswer, std::string>& page) {
            if (!page || page->header.outcome != api::NatAskOutcome::Done) {
                listing->answer->break_list(AnswerCode::Unavailable, page ? kBusy : page.error());
                return;
            }
            json::array items = listing->items(*page, listing->names);
            if (listing->most != 0 && items.size() > listing->most - listing->shown) {
                items.resize(listing->most - listing->shown);
            }
            listing->shown += items.size();
            listing->ask.cursor = page->header.next_cursor;
            listing->at += listing->ask.cursor == 0 ? 1 : 0;
            listing->answer->add(items, [this, listing] { list_next(listing); });
        });
}

// ---- subscribers

struct NatViews::Subscribers {
    std::shared_ptr<Answer> answer;
    std::vector<api::NatSubscriberRecord> records;
    std::uint64_t most = 0;
    api::NatAskBody ask;
};

void NatViews::subscribers(std::uint64_t most, const std::shared_ptr<Answer>& answer) {
    if (!reachable(answer)) {
        return;
    }
    auto subscribers = std::make_shared<Subscribers>();
    subscribers->answer = answer;
    subscribers->most = most;
    subscribers->ask.kind = api::NatAskKind::Subscribers;
    next_subscribers(subscribers);
}

void NatViews::next_subscribers(const std::shared_ptr<Subscribers>& subscribers) {
    if (subscribers->answer->gone()) {
        return;
    }
    router_.channel().ask_nat(
        subscribers->ask, [this, subscribers](const net::Result<NatAnswer, std::string>& page) {
            if (!page || page->header.outcome != api::NatAskOutcome::Done) {
                subscribers->answer->fail(AnswerCode::Unavailable, page ? kBusy : page.error());
                return;
            }
            const auto rows = page->rows<api::NatSubscriberRecord>();
            subscribers->records.insert(subscribers->records.end(), rows.begin(), rows.end());
            subscribers->ask.cursor = page->header.next_cursor;
            if (subscribers->ask.cursor != 0 && subscribers->records.size() < kMaxSubscribers) {
                next_subscribers(subscribers);
                return;
            }
            subscribers->answer->done(nat_subscribers_json(
                subscribers->records, static_cast<std::size_t>(subscribers->most)));
        });
}

// ---- clear

struct NatViews::Clearing {
    std::shared_ptr<Answer> answer;
    api::NatAskKind what{};
    std::vector<api::NatFilter> filters;
    std::size_t at = 0;
    std::uint64_t cleared = 0;
};

void NatViews::clear(api::NatAskKind what, const NatSelection& selection,
                     const std::shared_ptr<Answer>& answer) {
    with_rules(answer, [this, what, selection, answer](std::vector<api::NatRuleRecord> rules) {
        const auto filters = filters_of(selection, rules);
        if (!filters) {
            answer->fail(AnswerCode::Refused, filters.error());
            return;
        }
        auto clearing = std::make_shared<Clearing>();
        clearing->answer = answer;
        clearing->what = what;
        clearing->filters = *filters;
        clear_next(clearing);
    });
}

void NatViews::clear_next(const std::shared_ptr<Clearing>& clearing) {
    if (clearing->at == clearing->filters.size()) {
        clearing->answer->done(json::object{{"cleared", clearing->cleared}});
        return;
    }
    api::NatAskBody ask;
    ask.kind = clearing->what;
    ask.filter = clearing->filters[clearing->at++];
    router_.channel().ask_nat(
        ask, [this, clearing](const net::Result<NatAnswer, std::string>& answer) {
            if (answer) {
                clearing->cleared += answer->header.cleared;
            }
            if (!answer || answer->header.outcome != api::NatAskOutcome::Done) {
                clearing->answer->fail(AnswerCode::Failed, {answer ? kBusy : answer.error()},
                                       json::object{{"cleared", clearing->cleared}});
                return;
            }
            clear_next(clearing);
        });
}

}  // namespace godwit::control
