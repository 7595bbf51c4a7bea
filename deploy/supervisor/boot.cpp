#include "deploy/supervisor/boot.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "config/diff/diff.hpp"

namespace godwit::supervisor {
namespace {

// The last change of the file, in seconds since 1970; 0 when it is gone.
std::int64_t changed_at(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mtim.tv_sec : 0;
}

// Whether FILE is what it was when the newest revision was stored. `source_hash` is FILE as the
// supervisor saw it last; revisions stored since then keep it, and one of them may be an edit of
// FILE that was applied at once. Who edits FILE back to an older text has edited it, too, which
// only its time shows.
bool is_unedited(const std::string& text, std::int64_t text_changed_at,
                 const config::Revision& newest, const std::vector<config::Revision>& history) {
    const std::string hash = config::sha256_hex(text);
    if (hash == newest.sha256) {
        return true;
    }
    const bool known = std::any_of(history.begin(), history.end(), [&](const auto& revision) {
        return revision.source_hash == newest.source_hash &&
               (revision.sha256 == hash || revision.source_hash == hash);
    });
    return known && text_changed_at <= newest.unix_seconds;
}

}  // namespace

net::Result<std::string, std::string> read_whole_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (file) {
        text << file.rdbuf();
    }
    if (!file || file.bad()) {
        return net::unexpected(
            fmt::format("cannot read {}: {}; name your configuration, as in "
                        "`godwit run my-router.yaml`",
                        path, std::strerror(errno)));
    }
    return text.str();
}

Boot::Boot(std::string file, std::string state_directory, std::optional<Account> account,
           std::function<std::int64_t()> now)
    : file_(std::move(file)),
      state_directory_(std::move(state_directory)),
      account_(std::move(account)),
      now_(std::move(now)) {}

net::Result<Boot::Checked, std::string> Boot::check() {
    // load_file says what is wrong with a file that cannot be read; the text is read again below,
    // and what runs is that text, loaded.
    config::LoadResult loaded = config::load_file(file_);
    if (!loaded) {
        return net::unexpected(config::render(loaded.error()));
    }
    auto text = read_whole_file(file_);
    if (!text) {
        return net::unexpected(text.error() + "\n");
    }
    loaded = config::load_text(*text, file_);
    if (!loaded) {
        return net::unexpected(config::render(loaded.error()));
    }
    file_text_ = std::move(*text);
    return Checked{std::move(loaded->model), config::render(loaded->warnings)};
}

net::Result<Running, std::string> Boot::begin() {
    std::optional<config::Revision> newest;
    std::optional<std::string> revision_text;
    std::string note;
    std::vector<std::string> problems;
    {
        const ActingAs acting(account_);
        // Opening also mends running.yaml when it is not the newest revision.
        auto opened = config::RevisionStore::open(state_directory_);
        if (!opened) {
            return net::unexpected(opened.error());
        }
        newest = opened->newest();
        problems = opened->problems();
        if (newest && is_unedited(file_text_, changed_at(file_), *newest, opened->history())) {
            if (auto text = opened->text_of(newest->number)) {
                revision_text = std::move(*text);
            } else {
                note =
                    fmt::format("revision {} cannot be read ({}); ", newest->number, text.error());
            }
        }
    }
    if (revision_text) {
        const std::string name = fmt::format("revision {}", newest->number);
        config::LoadResult loaded = config::load_text(*revision_text, name);
        if (loaded) {
            const bool same = *revision_text == file_text_;
            note = fmt::format("revision {} runs{}", newest->number,
                               same ? ""
                                    : fmt::format(" ('{}'), not {}, which was not edited since; "
                                                  "`godwitctl apply {}` returns to it",
                                                  newest->message, file_, file_));
            remember();
            return Running{std::move(loaded->model), std::move(note), std::move(problems)};
        }
        note = fmt::format("revision {} is not a good configuration for this version; ",
                           newest->number);
    }

    // The text that check() has validated.
    config::LoadResult loaded = config::load_text(file_text_, file_);
    if (!loaded) {
        return net::unexpected(config::render(loaded.error()));
    }
    if (newest && newest->sha256 == config::sha256_hex(file_text_)) {
        note += fmt::format("revision {} runs, which is {} as it stands", newest->number, file_);
    } else {
        const auto stored = store(file_text_, "start");
        if (!stored) {
            return net::unexpected(stored.error());
        }
        note += fmt::format("{} runs as revision {}", file_, stored->number);
    }
    remember();
    return Running{std::move(loaded->model), std::move(note), std::move(problems)};
}

std::optional<Boot::Edited> Boot::look_again() {
    auto text = read_whole_file(file_);
    if (!text || *text == file_text_) {
        return std::nullopt;  // gone or as it was: what runs goes on
    }
    std::vector<config::Revision> history;
    {
        const ActingAs acting(account_);
        const auto opened = config::RevisionStore::open(state_directory_);
        if (!opened) {
            return Edited{true, opened.error()};
        }
        history = opened->history();
    }
    // An edit that was applied while the control plane lived is no news, even when another file was
    // applied after it.
    const std::string hash = config::sha256_hex(*text);
    const bool applied =
        std::any_of(history.begin(), history.end(), [&](const config::Revision& revision) {
            return revision.number > revision_at_look_ && revision.sha256 == hash;
        });
    file_text_ = *text;
    if (applied) {
        remember();
        return std::nullopt;
    }

    const config::LoadResult edited = config::load_text(file_text_, file_);
    if (!edited) {
        return Edited{true, fmt::format("{} was edited and has errors; the last good configuration "
                                        "stays:\n{}",
                                        file_, config::render(edited.error()))};
    }
    const config::LoadResult current = config::load_file(running_path());
    if (!current) {
        return Edited{true, fmt::format("cannot compare {} with what runs:\n{}", file_,
                                        config::render(current.error()))};
    }
    const std::vector<config::Change> changes = config::diff(current->model, edited->model);
    if (config::dearest(changes) == config::ChangeCost::Restart) {
        std::string text_of_changes;
        for (const config::Change& change : changes) {
            if (change.cost == config::ChangeCost::Restart) {
                text_of_changes += fmt::format("\n  {}: {}", change.path, change.effect);
            }
        }
        return Edited{true, fmt::format("{} was edited, and what changed needs a restart of the "
                                        "dataplane; the last good configuration stays. To take it: "
                                        "godwitctl apply --allow-restart {}{}",
                                        file_, file_, text_of_changes)};
    }
    const auto stored = store(file_text_, "edited while the control plane was down");
    if (!stored) {
        return Edited{true, stored.error()};
    }
    remember();
    return Edited{false, fmt::format("{} was edited meanwhile; it runs as revision {} ({} changes)",
                                     file_, stored->number, changes.size())};
}

net::Result<config::Revision, std::string> Boot::store(const std::string& text,
                                                       const std::string& message) {
    const ActingAs acting(account_);
    auto opened = config::RevisionStore::open(state_directory_);
    if (!opened) {
        return net::unexpected(opened.error());
    }
    return opened->append(text, message, config::sha256_hex(file_text_), now_());
}

void Boot::remember() {
    const ActingAs acting(account_);
    if (const auto opened = config::RevisionStore::open(state_directory_)) {
        const std::optional<config::Revision> newest = opened->newest();
        revision_at_look_ = newest ? newest->number : 0;
    }
}

}  // namespace godwit::supervisor
