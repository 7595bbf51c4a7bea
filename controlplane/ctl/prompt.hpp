// The interactive prompt: libedit with history and TAB completion from the same tree of words that
// the shell's completion uses. Each line is one godwitctl command; `exit`, `quit` or Ctrl-D end it.
#pragma once

#include "controlplane/ctl/command_line.hpp"
#include "controlplane/ctl/runner.hpp"

namespace godwit::ctl {

// Options of the program's own command line (socket, output form) hold for every line. The exit
// code of the last command.
int run_prompt(CommandLine& command_line, Runner& runner, const Console& console,
               const Invocation& defaults);

// What TAB inserts at the end of `line`: the rest of the only candidate and a blank, or of what all
// candidates have in common; `listing` are the candidates when there are several.
struct TabOutcome {
    std::string insert;
    std::vector<std::string> listing;
};
TabOutcome complete_line(const CommandLine& command_line, const std::string& line);

}  // namespace godwit::ctl
