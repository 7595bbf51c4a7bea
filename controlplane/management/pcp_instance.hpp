// The PCP server inside the running router (RFC 6887): between the hosts that ask for mappings and
// the workers of NAT that have them.
//
//   adopt(model)  → where clients are, and for how long a mapping may live
//   a wish        → the dataplane → what came of it
//   look()        → how old the dataplane's mappings are (the epoch, RFC 6887 8.5)
//   events        → those of the router (event_log.hpp)
#pragma once

#include <memory>
#include <string>

#include "config/model/model.hpp"
#include "controlplane/channel/channel_client.hpp"
#include "controlplane/host/io/stack.hpp"
#include "controlplane/management/event_log.hpp"
#include "controlplane/management/interface_directory.hpp"
#include "controlplane/pcp/io/service.hpp"

namespace godwit::control {

class PcpInstance {
public:
    // All outlive this.
    struct Surroundings {
        Stack& stack;
        Timers& timers;
        ChannelClient& channel;
        InterfaceDirectory& interfaces;
        EventLog& events;
    };
    explicit PcpInstance(Surroundings surroundings);
    PcpInstance(const PcpInstance&) = delete;
    PcpInstance& operator=(const PcpInstance&) = delete;

    // The configuration that runs now, and the interfaces that there are.
    void adopt(const config::Model& model);
    // Asks the dataplane how old its mappings are: after adopt(), at a new session, and now and
    // then, for the dataplane alone knows when it had to end some.
    void look();

    [[nodiscard]] bool is_on() const { return is_on_; }
    [[nodiscard]] const pcp::Service& service() const { return service_; }
    // Why it does not serve all that it should; empty when it does.
    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    void ask(const pcp::MapWish& wish, pcp::OutcomeTeller answered);
    // What the dataplane said, of a question that was asked then.
    void learn_epoch(const api::NatEpoch& epoch, Instant asked);

    Surroundings surroundings_;
    pcp::Service service_;
    bool is_on_ = false;
    bool is_looking_ = false;
    std::string problem_;
    std::shared_ptr<bool> alive_;  // what answers look at: expired when this is gone
};

}  // namespace godwit::control
