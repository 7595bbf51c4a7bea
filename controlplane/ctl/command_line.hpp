// The words of godwitctl: verbs, options, help. One CLI11 tree is the only place that names them;
// the parser, `--help`, the prompt's TAB and the shell's completion are all read from it.
//
// Parsing prints nothing and ends nothing, so tests and the prompt use it like the shell does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controlplane/ctl/invocation.hpp"
#include "net/result.hpp"

namespace CLI {
class App;
}

namespace godwit::ctl {

// Why there is nothing to run: help was asked for (exit code 0), or the words make no sense (2).
struct NotRun {
    int exit_code = kExitUsage;
    std::string text;
};

class CommandLine {
public:
    explicit CommandLine(std::string version);
    ~CommandLine();
    CommandLine(const CommandLine&) = delete;
    CommandLine& operator=(const CommandLine&) = delete;

    // `words` without the program's name. Options given once in `defaults` (the socket, the form)
    // hold for later lines of the prompt unless a line says otherwise.
    net::Result<Invocation, NotRun> parse(const std::vector<std::string>& words,
                                          const Invocation& defaults = {});

    // What may stand next, after these words, beginning with `partial`: sorted. Where a file is
    // meant, `wants_file` is set and the shell or the prompt looks for files.
    struct Candidates {
        std::vector<std::string> words;
        bool wants_file = false;
    };
    [[nodiscard]] Candidates complete(const std::vector<std::string>& before,
                                      const std::string& partial) const;

    // A script for `source <(godwitctl completion bash)`.
    [[nodiscard]] std::string bash_completion() const;

private:
    void add_verbs();
    void add_nat_subjects(CLI::App& nat);
    void add_nat_selection(CLI::App& verb);

    std::unique_ptr<CLI::App> app_;
    Invocation invocation_;  // where the tree's options write to
    std::string version_;
    std::string output_;
    std::string watch_;
    std::string interval_;
    std::string timeout_;
    std::vector<std::uint64_t> revisions_;
};

// "1s", "500ms", "2m": 1 ms to 1 day. The error says what is wrong, for a person.
net::Result<std::chrono::milliseconds, std::string> parse_duration(const std::string& text);

// A line of the prompt as words: blanks separate, quotes and backslashes keep. Nothing when a quote
// is left open.
std::optional<std::vector<std::string>> split_words(const std::string& line);

}  // namespace godwit::ctl
