// Revisions on disk: every configuration that has run, in order, each a whole YAML file with who,
// when and why.
//
// Layout of the state directory: `revisions/<number>.yaml`, `revisions/<number>.json` (time,
// message, hash), `running.yaml` (a copy of the newest). All writes are to a new file, fsync,
// rename: a crash leaves the old or the new revision, never half of one. One writer (the control
// plane, or the supervisor before it starts it).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/result.hpp"

namespace godwit::config {

struct Revision {
    std::uint64_t number = 0;
    std::int64_t unix_seconds = 0;
    std::string message;  // "apply -m" text, "start", "edited while stopped"
    std::string sha256;   // of the YAML text
    // Of the person's file when this revision was stored; see resolve_boot_source.
    std::string source_hash;
};

class RevisionStore {
public:
    // Makes the directory when it is missing. The error is a sentence for a person.
    static net::Result<RevisionStore, std::string> open(const std::string& state_directory,
                                                        unsigned keep = 100);

    // Oldest first; without those whose description cannot be read, see problems().
    [[nodiscard]] std::vector<Revision> history() const;
    // The newest whose text is what was stored: a damaged file costs its revision, not the start.
    [[nodiscard]] std::optional<Revision> newest() const;
    // The text, proved by its hash; the error is a sentence for a person.
    [[nodiscard]] net::Result<std::string, std::string> text_of(std::uint64_t number) const;
    // A sentence for every revision on disk that is damaged or not whole.
    [[nodiscard]] std::vector<std::string> problems() const;
    // Stores, makes it what running.yaml holds, and drops the oldest beyond `keep`. `message` is
    // one line; what cannot be shown in it is escaped, what is longer than 1000 characters cut.
    net::Result<Revision, std::string> append(const std::string& yaml, const std::string& message,
                                              const std::string& source_hash,
                                              std::int64_t unix_seconds);
    [[nodiscard]] std::string running_path() const;

private:
    RevisionStore(std::string directory, unsigned keep);

    // The numbers that any file of the store carries, ascending, damaged ones too.
    [[nodiscard]] std::vector<std::uint64_t> numbers() const;
    [[nodiscard]] std::string path_of(std::uint64_t number, const char* ending) const;
    [[nodiscard]] net::Result<Revision, std::string> describe(std::uint64_t number) const;
    [[nodiscard]] net::Result<std::string, std::string> text_of(const Revision& revision) const;
    net::Result<void, std::string> mend_running() const;
    void drop_oldest() const;

    std::string directory_;
    unsigned keep_ = 100;
};

std::string sha256_hex(const std::string& text);

// Which text a router starts with, given its person's FILE and its store. FILE wins when it was
// edited since the last revision was stored; otherwise the last revision wins, which may have come
// from `apply` of another file.
enum class BootSource : std::uint8_t { File, Revision };
BootSource resolve_boot_source(const std::string& file_text, const std::optional<Revision>& newest);

}  // namespace godwit::config
