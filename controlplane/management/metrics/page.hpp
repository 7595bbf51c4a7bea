// GET /metrics: reads, writes the page a portion a turn, and listens where the configuration says.
//
// A scrape takes as many turns as it needs, so that no Hello waits for it: each question to the
// dataplane is one, and then each portion of kSamplesATurn samples or a little more.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "controlplane/management/metrics/family.hpp"
#include "controlplane/management/metrics/reading.hpp"
#include "controlplane/telemetry/http_server.hpp"

namespace godwit::control {

class MetricsPage {
public:
    static constexpr std::size_t kSamplesATurn = 1024;

    struct Surroundings {
        std::function<const ControlServerCounters*()> server;  // may be empty
        std::function<std::int64_t()> unix_seconds;
        std::size_t samples_a_turn = kSamplesATurn;
    };
    // `router` outlives this.
    MetricsPage(Router& router, Surroundings surroundings);
    ~MetricsPage();
    MetricsPage(const MetricsPage&) = delete;
    MetricsPage& operator=(const MetricsPage&) = delete;

    // Listens where `model` says, and nowhere else.
    void adopt(const config::Model& model);
    // The text, in a later turn; not at all when this is gone by then.
    void render(telemetry::Form form, std::function<void(std::string)> then);

    [[nodiscard]] const telemetry::HttpServer& server() const { return http_; }

private:
    struct Rendering;
    void answer(const telemetry::HttpRequest& request,
                std::function<void(telemetry::HttpReply)> reply);
    void write_portion(const std::shared_ptr<Rendering>& rendering);

    Router& router_;
    std::size_t samples_a_turn_;
    Families families_;
    telemetry::HttpServer http_;
    MetricsReader reader_;
    std::shared_ptr<bool> alive_;  // what later turns look at
};

}  // namespace godwit::control
