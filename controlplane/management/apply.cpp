#include "controlplane/management/apply.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/json.hpp>
#include <string_view>
#include <utility>

#include "controlplane/management/rip_settings.hpp"
#include "controlplane/management/route_view.hpp"
#include "controlplane/runtime/logging.hpp"

namespace godwit::control {

namespace json = boost::json;

namespace {

json::object plan_json(const std::vector<config::Change>& changes, config::ChangeCost cost,
                       const std::vector<config::Diagnostic>& warnings) {
    return json::object{{"changes", changes_json(changes)},
                        {"cost", word(cost)},
                        {"warnings", texts_json(rendered(warnings))}};
}

std::string_view level_word(config::LogLevel level) {
    switch (level) {
        case config::LogLevel::Error:
            return "error";
        case config::LogLevel::Warning:
            return "warning";
        case config::LogLevel::Info:
            return "info";
        case config::LogLevel::Debug:
            return "debug";
        case config::LogLevel::Trace:
            return "trace";
    }
    return "info";
}

}  // namespace

Applier::Applier(Router& router, config::RevisionStore& revisions, Surroundings surroundings)
    : router_(router),
      revisions_(revisions),
      surroundings_(std::move(surroundings)),
      self_(std::make_shared<Applier*>(this)) {}

Applier::~Applier() {
    *self_ = nullptr;
}

void Applier::check(const ApplyRequest& request, const std::shared_ptr<Answer>& answer) const {
    const config::LoadResult loaded = config::load_text(request.yaml, request.file);
    if (!loaded) {
        answer->fail(AnswerCode::Refused, rendered(loaded.error()));
        return;
    }
    answer->done(json::object{{"warnings", texts_json(rendered(loaded->warnings))}});
}

void Applier::plan(const ApplyRequest& request, const std::shared_ptr<Answer>& answer) const {
    const config::LoadResult loaded = config::load_text(request.yaml, request.file);
    if (!loaded) {
        answer->fail(AnswerCode::Refused, rendered(loaded.error()));
        return;
    }
    const auto changes = config::diff(router_.running().model, loaded->model);
    answer->done(plan_json(changes, config::dearest(changes), loaded->warnings));
}

void Applier::apply(ApplyRequest request, std::shared_ptr<Answer> answer) {
    config::LoadResult loaded = config::load_text(request.yaml, request.file);
    if (!loaded) {
        answer->fail(AnswerCode::Refused, rendered(loaded.error()));
        return;
    }
    auto attempt = std::make_shared<Attempt>();
    attempt->request = std::move(request);
    attempt->answer = std::move(answer);
    attempt->loaded = std::move(*loaded);
    attempt->changes = config::diff(router_.running().model, attempt->loaded.model);
    attempt->cost = config::dearest(attempt->changes);
    attempt->revision = router_.running().revision.number;
    if (attempt->changes.empty()) {
        succeed(*attempt);
        return;
    }
    if (!under_way_.expired()) {
        fail(*attempt, AnswerCode::Refused,
             {"another apply is under way; try again when it has ended"});
        return;
    }
    if (auto problems = rip_secret_problems(attempt->loaded.model.rip); !problems.empty()) {
        problems.emplace_back("nothing was changed");
        fail(*attempt, AnswerCode::Refused, problems);
        return;
    }
    if (attempt->cost == config::ChangeCost::Restart && !attempt->request.allow_restart) {
        std::vector<std::string> errors;
        for (const config::Change& change : attempt->changes) {
            if (change.cost == config::ChangeCost::Restart) {
                errors.push_back(fmt::format("{} needs a restart: {}", change.path, change.effect));
            }
        }
        errors.emplace_back("nothing was changed; apply with --allow-restart to restart for it");
        fail(*attempt, AnswerCode::Refused, errors);
        return;
    }
    if (!router_.channel().connected()) {
        fail(*attempt, AnswerCode::Unavailable,
             {fmt::format("the dataplane is not there ({}); nothing was changed; try again when "
                          "`show status` says that it is connected",
                          router_.channel().problem())});
        return;
    }
    const auto newest = revisions_.newest();
    attempt->revision = (newest ? newest->number : 0) + 1;
    under_way_ = attempt;
    ask(attempt, api::ConfigurePhase::Prepare, &Applier::prepared);
}

void Applier::ask(const std::shared_ptr<Attempt>& attempt, api::ConfigurePhase phase,
                  void (Applier::*then)(const std::shared_ptr<Attempt>&, const Reply&)) {
    router_.channel().configure(phase, attempt->revision, attempt->request.yaml,
                                [self = self_, attempt, then](const Reply& reply) {
                                    if (*self != nullptr) {
                                        ((*self)->*then)(attempt, reply);
                                    }
                                });
}

void Applier::prepared(const std::shared_ptr<Attempt>& attempt, const Reply& reply) {
    if (!reply) {
        fail(*attempt, router_.channel().connected() ? AnswerCode::Failed : AnswerCode::Unavailable,
             {fmt::format("{}; nothing was changed", reply.error())});
        return;
    }
    switch (reply->outcome) {
        case api::ConfigureOutcome::Done:
            if (attempt->cost == config::ChangeCost::Restart) {
                restart(attempt);
            } else {
                commit(attempt);
            }
            return;
        case api::ConfigureOutcome::NeedsRestart: {
            // What the schema calls live may be too much for a device as it runs.
            attempt->cost = config::ChangeCost::Restart;
            if (attempt->request.allow_restart) {
                restart(attempt);
                return;
            }
            std::vector<std::string> errors = sentences_of(reply->text);
            errors.emplace_back(
                "nothing was changed; apply with --allow-restart to restart for it");
            fail(*attempt, AnswerCode::Refused, errors);
            return;
        }
        case api::ConfigureOutcome::Refused:
        case api::ConfigureOutcome::Failed:
            break;
    }
    std::vector<std::string> errors = sentences_of(reply->text);
    errors.emplace_back("the dataplane refuses this configuration; nothing was changed");
    fail(*attempt,
         reply->outcome == api::ConfigureOutcome::Failed ? AnswerCode::Failed : AnswerCode::Refused,
         errors);
}

void Applier::commit(const std::shared_ptr<Attempt>& attempt) {
    ask(attempt, api::ConfigurePhase::Commit, &Applier::committed);
}

void Applier::committed(const std::shared_ptr<Attempt>& attempt, const Reply& reply) {
    if (!reply || reply->outcome != api::ConfigureOutcome::Done) {
        std::vector<std::string> errors =
            reply ? sentences_of(reply->text) : std::vector<std::string>{reply.error()};
        errors.emplace_back("the dataplane did not take the change; the old configuration stays");
        // It may have taken it after all, only too late to say so.
        router_.dataplane_runs("");
        router_.reconcile_configuration();
        fail(*attempt, AnswerCode::Failed, errors);
        return;
    }
    router_.dataplane_runs(config::sha256_hex(attempt->request.yaml));
    if (const auto stored = store_and_adopt(attempt); !stored) {
        router_.reconcile_configuration();
        fail(*attempt, AnswerCode::Failed,
             {stored.error(), "the old configuration stays; apply again when that is mended"});
        return;
    }
    succeed(*attempt);
}

void Applier::restart(const std::shared_ptr<Attempt>& attempt) {
    const bool own = router_.running().model.management != attempt->loaded.model.management;
    if (const auto stored = store_and_adopt(attempt); !stored) {
        fail(*attempt, AnswerCode::Failed,
             {stored.error(), "nothing was changed; apply again when that is mended"});
        return;
    }
    spdlog::info("revision {} needs a restart of the dataplane{}", attempt->revision,
                 own ? " and of the control plane" : "");
    if (!router_.channel().restart()) {
        spdlog::warn("the dataplane left by itself; it comes back with revision {}",
                     attempt->revision);
    }
    succeed(*attempt);
    if (own) {
        surroundings_.restart_self();
    }
}

net::Result<void, std::string> Applier::store_and_adopt(const std::shared_ptr<Attempt>& attempt) {
    auto stored =
        revisions_.append(attempt->request.yaml, attempt->request.message,
                          router_.running().revision.source_hash, surroundings_.unix_seconds());
    if (!stored) {
        return net::unexpected(
            fmt::format("the revision cannot be stored: {}", std::move(stored.error())));
    }
    attempt->revision = stored->number;
    const config::LogLevel level = attempt->loaded.model.system.log_level;
    if (level != router_.running().model.system.log_level) {
        if (const auto set = set_up_logging(level_word(level)); !set) {
            spdlog::warn("the log level stays as it is: {}", set.error());
        }
    }
    router_.adopt(
        RunningConfiguration{std::move(*stored), attempt->request.yaml, attempt->loaded.model});
    spdlog::info("revision {} runs: {} changes", attempt->revision, attempt->changes.size());
    return {};
}

void Applier::succeed(const Attempt& attempt) {
    json::object data{{"revision", attempt.revision}};
    json::object plan = plan_json(attempt.changes, attempt.cost, attempt.loaded.warnings);
    for (auto& [key, value] : plan) {
        data[key] = std::move(value);
    }
    attempt.answer->done(data);
}

void Applier::fail(const Attempt& attempt, AnswerCode code,
                   const std::vector<std::string>& errors) {
    attempt.answer->fail(code, errors,
                         plan_json(attempt.changes, attempt.cost, attempt.loaded.warnings));
}

}  // namespace godwit::control
