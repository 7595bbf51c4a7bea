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
    std::string
        source_hash;  // of the person's file when this revision was stored; see resolve_boot_text
};

class RevisionStore {
public:
    // Makes the directory when it is missing. The error is a sentence for a person.
    static net::Result<RevisionStore, std::string> open(const std::string& state_directory,
                                                        unsigned keep = 100);

    [[nodiscard]] std::vector<Revision> history() const;  // oldest first
    [[nodiscard]] std::optional<Revision> newest() const;
    [[nodiscard]] net::Result<std::string, std::string> text_of(std::uint64_t number) const;
    net::Result<Revision, std::string> append(const std::string& yaml, const std::string& message,
                                              const std::string& source_hash,
                                              std::int64_t unix_seconds);
    [[nodiscard]] std::string running_path() const;

private:
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
