// Metrics as text, in the two forms that scrapers read: Prometheus's (version 0.0.4) and
// OpenMetrics' (1.0.0).
//
//     Exposition page(Form::Prometheus);
//     page.begin(kMetric);            // once for each metric
//     page.add(17, {"lan0"});         // as many as there are; values of the metric's labels
//     std::string text = page.take();
//
//     # HELP godwit_interface_receive_packets_total Packets that the device delivered.
//     # TYPE godwit_interface_receive_packets_total counter
//     godwit_interface_receive_packets_total{interface="lan0"} 17
//
// A metric without samples leaves nothing behind. The two forms differ in how a family is called
// (OpenMetrics: without "_total" and "_info"), in what is escaped in a help text, in `# UNIT`, and
// in OpenMetrics' end mark.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "controlplane/telemetry/metric.hpp"

namespace godwit::control::telemetry {

enum class Form : std::uint8_t { Prometheus, OpenMetrics };

// What an HTTP request's Accept asks for (RFC 9110 12.5.1): OpenMetrics where it is named and not
// wanted less than plain text.
Form form_for(std::string_view accept);
std::string_view content_type(Form form);

class Exposition {
public:
    explicit Exposition(Form form) : form_(form) {}

    void begin(const Metric& metric);
    void add(std::uint64_t value, std::initializer_list<std::string_view> labels = {});
    void add(double value, std::initializer_list<std::string_view> labels = {});

    [[nodiscard]] std::size_t samples() const { return samples_; }
    // The whole text; nothing more can be added.
    [[nodiscard]] std::string take();

private:
    void head();
    void sample(std::initializer_list<std::string_view> labels);

    Form form_;
    std::string text_;
    Metric metric_;
    bool head_written_ = false;
    std::size_t samples_ = 0;
};

}  // namespace godwit::control::telemetry
