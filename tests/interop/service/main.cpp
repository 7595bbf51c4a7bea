// A control plane as godwit-controlplane is, with the service of service.hpp on its own TCP.
// Started by the supervisor in its place (`godwit run --controlplane`).
#include <fmt/format.h>

#include <boost/json.hpp>
#include <csignal>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>

#include "config/load/load.hpp"
#include "config/store/store.hpp"
#include "controlplane/management/apply.hpp"
#include "controlplane/management/control_server.hpp"
#include "controlplane/management/router.hpp"
#include "controlplane/management/show.hpp"
#include "controlplane/management/verbs.hpp"
#include "controlplane/runtime/executor.hpp"
#include "controlplane/runtime/logging.hpp"
#include "tests/interop/service/service.hpp"

namespace {

namespace config = godwit::config;
namespace control = godwit::control;

int complain(const std::string& sentence) {
    fmt::print(stderr, "stranger-service: error: {}\n", sentence);
    return 1;
}

}  // namespace

// FILE --state-dir DIRECTORY, as the supervisor has it.
int main(int argc, char** argv) {
    if (argc != 4 || std::string(argv[2]) != "--state-dir") {
        return complain("give FILE --state-dir DIRECTORY");
    }
    std::ifstream stream(argv[1], std::ios::binary);
    const std::string yaml{std::istreambuf_iterator<char>(stream),
                           std::istreambuf_iterator<char>()};
    const auto loaded = config::load_text(yaml, argv[1]);
    auto revisions = config::RevisionStore::open(argv[3]);
    if (!loaded || !revisions) {
        return complain(loaded ? revisions.error() : config::render(loaded.error()));
    }
    const auto newest = revisions->newest();
    if (!newest || newest->sha256 != config::sha256_hex(yaml)) {
        return complain("the file is not the newest revision");
    }
    (void)control::set_up_logging("info");

    control::Executor executor;
    control::AsioTimers timers(executor);
    std::random_device random;
    control::Router router(
        executor, timers, [&random] { return random(); },
        control::RunningConfiguration{*newest, yaml, loaded->model});
    control::Applier applier(router, *revisions,
                             {[] { return std::int64_t{0}; }, [&executor] { executor.stop(); }});
    control::Show show(router, [] { return nullptr; });
    control::Verbs verbs(router, applier, show, *revisions);
    auto server = control::ControlServer::open(
        executor.io_context(), loaded->model.management.control_socket,
        [&verbs](boost::json::object request, const std::shared_ptr<control::Answer>& answer) {
            verbs.handle(std::move(request), answer);
        });
    if (!server) {
        return complain(server.error());
    }
    const control::Signals signals(executor, {SIGINT, SIGTERM}, [&](int) { executor.stop(); });
    std::signal(SIGPIPE, SIG_IGN);
    router.start();
    godwit::interop::serve(router.stack(), executor.io_context());
    executor.run();
    server->reset();
    router.stop();
    return 0;
}
