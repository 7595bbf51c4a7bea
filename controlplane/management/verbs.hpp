// From a request on the control socket to what it asks for (docs/control-protocol.md).
#pragma once

#include <boost/json/object.hpp>
#include <memory>

#include "config/store/store.hpp"
#include "controlplane/management/answer.hpp"
#include "controlplane/management/apply.hpp"
#include "controlplane/management/nat_views.hpp"
#include "controlplane/management/request.hpp"
#include "controlplane/management/router.hpp"
#include "controlplane/management/show.hpp"

namespace godwit::control {

class Verbs {
public:
    Verbs(Router& router, Applier& applier, Show& show, const config::RevisionStore& revisions)
        : router_(router), applier_(applier), show_(show), revisions_(revisions), nat_(router) {}

    void handle(boost::json::object keys, const std::shared_ptr<Answer>& answer);

private:
    void configuration(const std::string& verb, Request& request,
                       const std::shared_ptr<Answer>& answer);
    void diff(Request& request, const std::shared_ptr<Answer>& answer);
    void history(Request& request, const std::shared_ptr<Answer>& answer);
    void explain(Request& request, const std::shared_ptr<Answer>& answer);
    void clear(Request& request, const std::shared_ptr<Answer>& answer);
    void clear_rip(Request& request, const std::shared_ptr<Answer>& answer);
    void ping(Request& request, const std::shared_ptr<Answer>& answer);
    void traceroute(Request& request, const std::shared_ptr<Answer>& answer);
    // Else the answer says that it is not.
    [[nodiscard]] bool dataplane_is_there(const std::shared_ptr<Answer>& answer) const;

    Router& router_;
    Applier& applier_;
    Show& show_;
    const config::RevisionStore& revisions_;
    NatViews nat_;
};

}  // namespace godwit::control
