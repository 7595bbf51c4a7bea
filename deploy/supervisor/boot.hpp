// Which configuration runs: the person's FILE and the stored revisions, brought together.
//
// At start FILE wins when it was edited since the last revision was stored, else the last revision
// does, which may have come from `godwitctl apply` of another file. This refines
// config::resolve_boot_source, which compares FILE with one hash only, by what was applied since.
// While the control plane is down nobody can apply, so an edit of FILE meanwhile is taken up before
// it is started again: only a good one, and only when all that changes is live, because the
// dataplane is forwarding and goes on.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/load/load.hpp"
#include "config/store/store.hpp"
#include "deploy/supervisor/account.hpp"
#include "net/result.hpp"

namespace godwit::supervisor {

// A configuration that runs, or why not: rendered findings, or a sentence.
struct Running {
    config::Model model;
    std::string note;                   // for the log: which revision, and why
    std::vector<std::string> problems;  // of the store: revisions that are damaged
};

class Boot {
public:
    // `now` gives seconds since 1970.
    Boot(std::string file, std::string state_directory, std::optional<Account> account,
         std::function<std::int64_t()> now);

    // Validates FILE and nothing else, before anything is made or started. Warnings are rendered.
    struct Checked {
        config::Model model;
        std::string warnings;
    };
    net::Result<Checked, std::string> check();

    // After check() and when the state directory is there: decides, stores, leaves running.yaml.
    net::Result<Running, std::string> begin();

    // Before the control plane is started again. Nothing: FILE is as it was, or was applied.
    // Otherwise what happened, for the log; `refused` when the last good one stays.
    struct Edited {
        bool refused = false;
        std::string text;
    };
    std::optional<Edited> look_again();

    [[nodiscard]] std::string running_path() const { return state_directory_ + "/running.yaml"; }

private:
    net::Result<config::Revision, std::string> store(const std::string& text,
                                                     const std::string& message);
    void remember();

    std::string file_;
    std::string state_directory_;
    std::optional<Account> account_;
    std::function<std::int64_t()> now_;
    std::string file_text_;               // as it was when last looked at
    std::uint64_t revision_at_look_ = 0;  // the newest one then
};

// The whole file. The error is a sentence with its mend.
net::Result<std::string, std::string> read_whole_file(const std::string& path);

}  // namespace godwit::supervisor
