// `show nat`, `show nat-sessions`, `show nat-mappings`, `show nat-subscribers` and `clear nat`:
// asking the dataplane, page after page, as fast as the client takes the parts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/management/answer.hpp"
#include "controlplane/management/nat_view.hpp"
#include "controlplane/management/request.hpp"
#include "controlplane/management/router.hpp"

namespace godwit::control {

// Which sessions are meant; what is not said is any.
struct NatSelection {
    api::NatFilter filter;
    std::optional<std::string> rule;
    std::vector<api::NatAge> ages;  // any one of them; empty: all

    [[nodiscard]] bool is_all() const { return filter.fields == 0 && !rule && ages.empty(); }
};

class NatViews {
public:
    // Subscribers that are looked at for one answer.
    static constexpr std::size_t kMaxSubscribers = 65536;
    // Outside addresses that one answer shows.
    static constexpr std::size_t kMaxAddresses = 1024;

    explicit NatViews(Router& router) : router_(router) {}

    // The keys of a selection; what is wrong goes to `errors`.
    static NatSelection read_selection(Request& request, std::vector<std::string>& errors);

    void totals(const std::shared_ptr<Answer>& answer);
    // At most `most` of them; 0: all.
    void sessions(const NatSelection& selection, std::uint64_t most,
                  const std::shared_ptr<Answer>& answer);
    // Those that hosts asked for.
    void mappings(std::uint64_t most, const std::shared_ptr<Answer>& answer);
    void subscribers(std::uint64_t most, const std::shared_ptr<Answer>& answer);
    // Sessions, or mappings that hosts asked for (api::NatAskKind::ClearMappings).
    void clear(api::NatAskKind what, const NatSelection& selection,
               const std::shared_ptr<Answer>& answer);

private:
    struct Totals;
    struct Listing;
    struct Subscribers;
    struct Clearing;

    [[nodiscard]] bool reachable(const std::shared_ptr<Answer>& answer) const;
    void with_rules(const std::shared_ptr<Answer>& answer,
                    std::function<void(std::vector<api::NatRuleRecord>)> then);
    // The selection as what the dataplane understands, one after the other. An error when there is
    // no such rule.
    static net::Result<std::vector<api::NatFilter>, std::string> filters_of(
        const NatSelection& selection, const std::vector<api::NatRuleRecord>& rules);
    void next_ports(const std::shared_ptr<Totals>& totals);
    void list_next(const std::shared_ptr<Listing>& listing);
    void next_subscribers(const std::shared_ptr<Subscribers>& subscribers);
    void clear_next(const std::shared_ptr<Clearing>& clearing);

    Router& router_;
};

}  // namespace godwit::control
