// Changing the configuration that runs: all of it, or nothing.
//
//   load     every error is shown, and nothing happens
//   diff     no change: done. A change that needs a restart is refused unless it was asked for
//   prepare  the dataplane says whether its devices can; it changes nothing
//   commit   the dataplane changes
//   store    the text becomes a revision
//   adopt    the RIB and the rest of this program change
//
// A step that fails undoes the ones before it: when the revision cannot be stored, or the dataplane
// fails half-way, the dataplane is given the old text again. Should this program die between commit
// and store, the next one finds the dataplane with a text that is no revision, and does the same.
//
// One apply at a time; a second one is refused, not queued.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/diff/diff.hpp"
#include "config/load/load.hpp"
#include "config/store/store.hpp"
#include "controlplane/management/answer.hpp"
#include "controlplane/management/router.hpp"

namespace godwit::control {

struct ApplyRequest {
    std::string yaml;
    std::string file;  // its name, for messages
    std::string message;
    bool allow_restart = false;
};

class Applier {
public:
    struct Surroundings {
        std::function<std::int64_t()> unix_seconds;
        // Ends this program with api::kRestartExitCode when answers have gone out.
        std::function<void()> restart_self;
    };

    Applier(Router& router, config::RevisionStore& revisions, Surroundings surroundings);
    ~Applier();
    Applier(const Applier&) = delete;
    Applier& operator=(const Applier&) = delete;

    void check(const ApplyRequest& request, const std::shared_ptr<Answer>& answer) const;
    void plan(const ApplyRequest& request, const std::shared_ptr<Answer>& answer) const;
    void apply(ApplyRequest request, std::shared_ptr<Answer> answer);

private:
    struct Attempt {
        ApplyRequest request;
        std::shared_ptr<Answer> answer;  // shared with the connection that asked
        config::Loaded loaded;
        std::vector<config::Change> changes;
        config::ChangeCost cost = config::ChangeCost::Live;
        std::uint64_t revision = 0;  // that it becomes
    };
    using Reply = net::Result<ConfigureAnswer, std::string>;

    void prepared(const std::shared_ptr<Attempt>& attempt, const Reply& reply);
    void commit(const std::shared_ptr<Attempt>& attempt);
    void committed(const std::shared_ptr<Attempt>& attempt, const Reply& reply);
    void restart(const std::shared_ptr<Attempt>& attempt);
    // Makes the attempt a revision and what runs here. The error is a sentence; nothing changed.
    net::Result<void, std::string> store_and_adopt(const std::shared_ptr<Attempt>& attempt);
    static void succeed(const Attempt& attempt);
    static void fail(const Attempt& attempt, AnswerCode code,
                     const std::vector<std::string>& errors);
    void ask(const std::shared_ptr<Attempt>& attempt, api::ConfigurePhase phase,
             void (Applier::*then)(const std::shared_ptr<Attempt>&, const Reply&));

    Router& router_;
    config::RevisionStore& revisions_;
    Surroundings surroundings_;
    std::weak_ptr<Attempt> under_way_;
    // What a reply of the dataplane looks at: it may come when this is gone.
    std::shared_ptr<Applier*> self_;
};

}  // namespace godwit::control
