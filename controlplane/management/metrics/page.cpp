#include "controlplane/management/metrics/page.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace godwit::control {

struct MetricsPage::Rendering {
    Rendering(telemetry::Form form, std::shared_ptr<const Reading> read,
              std::function<void(std::string)> done)
        : reading(std::move(read)), then(std::move(done)), page(form) {}
    std::shared_ptr<const Reading> reading;
    std::function<void(std::string)> then;
    telemetry::Exposition page;
    std::size_t at = 0;  // the next family
};

MetricsPage::MetricsPage(Router& router, Surroundings surroundings)
    : router_(router),
      samples_a_turn_(surroundings.samples_a_turn),
      families_(all_families()),
      http_(router.executor().io_context(), router.stack(),
            telemetry::HttpService{.limits = {},
                                   .counters = {},
                                   .handler =
                                       [this](const telemetry::HttpRequest& request,
                                              std::function<void(telemetry::HttpReply)> reply) {
                                           answer(request, std::move(reply));
                                       },
                                   .timers = router.timers(),
                                   .unix_seconds = std::move(surroundings.unix_seconds)}),
      reader_(router, std::move(surroundings.server),
              [this] {
                  return EndpointReading{http_.connections(), http_.counters()};
              }),
      alive_(std::make_shared<bool>(true)) {}

MetricsPage::~MetricsPage() {
    *alive_ = false;
}

void MetricsPage::adopt(const config::Model& model) {
    std::vector<telemetry::HttpPlace> places;
    for (const config::ListenPlace& place : model.telemetry.prometheus.listen) {
        for (const net::Ipv4Address address : config::addresses_of(model, place)) {
            places.push_back({address, place.port});
        }
    }
    http_.listen(places);
    for (const std::string& problem : http_.problems()) {
        spdlog::warn("metrics: {}", problem);
    }
}

void MetricsPage::answer(const telemetry::HttpRequest& request,
                         std::function<void(telemetry::HttpReply)> reply) {
    if (request.path != "/metrics") {
        reply({.status = telemetry::http::status::not_found});
        return;
    }
    const telemetry::Form form = telemetry::form_for(request.accept);
    render(form, [form, reply = std::move(reply)](std::string text) {
        reply(
            {.content_type = std::string(telemetry::content_type(form)), .body = std::move(text)});
    });
}

void MetricsPage::render(telemetry::Form form, std::function<void(std::string)> then) {
    reader_.read([this, form, then = std::move(then)](std::shared_ptr<const Reading> reading) {
        write_portion(std::make_shared<Rendering>(form, std::move(reading), then));
    });
}

void MetricsPage::write_portion(const std::shared_ptr<Rendering>& rendering) {
    const std::size_t enough = rendering->page.samples() + samples_a_turn_;
    while (rendering->at < families_.size() && rendering->page.samples() < enough) {
        const Family& family = families_[rendering->at++];
        rendering->page.begin(family.metric);
        family.read(*rendering->reading, rendering->page);
    }
    if (rendering->at == families_.size()) {
        rendering->then(rendering->page.take());
        return;
    }
    router_.executor().post([this, alive = alive_, rendering] {
        if (*alive) {
            write_portion(rendering);
        }
    });
}

}  // namespace godwit::control
