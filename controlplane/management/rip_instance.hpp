// RIP inside the running router: made when the configuration asks for it, given new settings when
// they change, ended when it asks for it no more.
//
//   adopt(model)        → settings → core            (live; unrelated routes stay)
//   links_changed()     → which interfaces are there
//   RIB redistribution  → what RIP tells of others    (pulled in portions, routes_changed())
//   RIP's own routes    → the RIB
//   events              → those of the router (event_log.hpp)
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/model/model.hpp"
#include "controlplane/host/io/stack.hpp"
#include "controlplane/management/event_log.hpp"
#include "controlplane/management/interface_directory.hpp"
#include "controlplane/policy/policy_table.hpp"
#include "controlplane/rib/rib.hpp"
#include "controlplane/rip/io/service.hpp"

namespace godwit::control {

class RipInstance {
public:
    struct Surroundings {
        Stack& stack;
        Timers& timers;
        Rib& rib;
        InterfaceDirectory& interfaces;
        const PolicyTable& policies;
        EventLog& events;
        std::function<std::uint32_t()> random;
        std::function<void()> routes_changed;              // the RIB has something to download
        std::function<void(std::function<void()>)> later;  // in a turn of its own
        // RIP begins, and knows after at most so long what its neighbours know; it does, or ends.
        std::function<void(Duration)> begins;
        std::function<void()> converged;
    };
    explicit RipInstance(Surroundings surroundings);
    ~RipInstance();
    RipInstance(const RipInstance&) = delete;
    RipInstance& operator=(const RipInstance&) = delete;

    // The configuration that runs now, its policies being those of the table, and the interfaces
    // that are up.
    void adopt(const config::Model& model);
    // The RIB may have something new to redistribute.
    void pull_redistribution();

    // Null: RIP does not run.
    [[nodiscard]] const rip::Service* service() const { return service_.get(); }
    void clear(const std::optional<rip::NeighborId>& neighbor);
    void clear_counters();
    [[nodiscard]] const std::deque<RouterEvent>& events() const {
        return surroundings_.events.of(EventTopic::Rip);
    }
    // Why it does not do all that it should; empty when it does.
    [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }
    [[nodiscard]] Instant now() const { return surroundings_.timers.now(); }

private:
    void start(const config::Model& model, rip::Settings settings);
    void stop();
    void request_redistribution(const config::Rip& rip);
    [[nodiscard]] std::vector<rip::Link> links_of(const config::Model& model) const;
    void take_routes(const std::vector<rip::RouteUpdate>& updates);
    void take_event(const rip::Event& event);
    [[nodiscard]] std::string text_of(const rip::Event& event) const;

    Surroundings surroundings_;
    std::unique_ptr<rip::Service> service_;
    config::Rip running_;
    std::optional<SubscriptionId> subscription_;
    std::vector<std::string> problems_;
    bool pull_due_ = false;
};

}  // namespace godwit::control
