// Carries out what a person asked for: the request to the router, its answer as text, the exit
// code.
//
// Data goes to `out`, everything else to `err`, so that `-o json` can be piped. With json or yaml a
// refusal is data too: `{"ok": false, "code": ..., "errors": [...]}` on `out`.
#pragma once

#include <iosfwd>
#include <string>

#include "controlplane/ctl/control_client.hpp"
#include "controlplane/ctl/invocation.hpp"

namespace godwit::ctl {

struct Console {
    std::ostream& out;
    std::ostream& err;
    bool clear_screen = false;  // `out` is a terminal: --watch redraws in place
};

class Runner {
public:
    explicit Runner(Console console) : console_(console) {}

    // The exit code. Everything but Prompt and Completion, which belong to the program.
    int run(const Invocation& asked);

private:
    int show(const Invocation& asked);
    int show_once(const Invocation& asked);
    int clear(const Invocation& asked);
    int check(const Invocation& asked);
    int with_file(const Invocation& asked);
    int diff(const Invocation& asked);
    int history(const Invocation& asked);
    int explain(const Invocation& asked);
    int clear_rip(const Invocation& asked);
    int ping(const Invocation& asked);
    int traceroute(const Invocation& asked);

    net::Result<boost::json::value, int> ask(const Invocation& asked,
                                             const boost::json::object& request);
    int refuse(const Invocation& asked, std::string_view code,
               const std::vector<std::string>& errors);
    int report(const ClientError& error);
    void print(const Invocation& asked, const boost::json::value& data, const std::string& table);

    Console console_;
};

// Set by SIGINT; ends --watch, traceroute and ping, which then say what they have. Installed by
// main().
void install_interrupt_handler();

}  // namespace godwit::ctl
