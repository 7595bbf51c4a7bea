// godwitctl: the command line of a running router, over its control socket. See
// docs/godwitctl.md for people and docs/control-protocol.md for the socket.
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "controlplane/ctl/command_line.hpp"
#include "controlplane/ctl/prompt.hpp"
#include "controlplane/ctl/runner.hpp"

int main(int argc, char** argv) {
    namespace ctl = godwit::ctl;
    std::signal(SIGPIPE, SIG_IGN);
    const ctl::Console console{std::cout, std::cerr, ::isatty(STDOUT_FILENO) == 1};
    ctl::CommandLine command_line(GODWIT_VERSION);
    const auto asked = command_line.parse(std::vector<std::string>(argv + 1, argv + argc));
    if (!asked) {
        (asked.error().exit_code == ctl::kExitDone ? console.out : console.err)
            << asked.error().text;
        return asked.error().exit_code;
    }
    if (asked->verb == ctl::Verb::Completion) {
        console.out << command_line.bash_completion();
        return ctl::kExitDone;
    }
    ctl::Runner runner(console);
    ctl::install_interrupt_handler();
    if (asked->verb != ctl::Verb::Prompt) {
        return runner.run(*asked);
    }
    if (::isatty(STDIN_FILENO) != 1) {
        console.err << "godwitctl: no verb is given, and this is no terminal for a prompt\n"
                       "Run godwitctl --help.\n";
        return ctl::kExitUsage;
    }
    return ctl::run_prompt(command_line, runner, console, *asked);
}
