// The text of metrics in both forms, and which of the two is asked for.
#include "controlplane/telemetry/exposition.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace godwit::control::telemetry {
namespace {

constexpr Metric kPackets{"godwit_interface_receive_packets_total",
                          MetricKind::Counter,
                          "packets",
                          "What came.",
                          {"interface"}};
constexpr Metric kRatio{"godwit_worker_busy_ratio", MetricKind::Gauge, "ratio", "How busy."};
constexpr Metric kBuild{
    "godwit_build_info", MetricKind::Info, "", "What runs.", {"version", "compiler"}};

TEST(Exposition, has_help_and_type_once_and_then_the_samples) {
    Exposition page(Form::Prometheus);
    page.begin(kPackets);
    page.add(std::uint64_t{17}, {"lan0"});
    page.add(std::numeric_limits<std::uint64_t>::max(), {"wan0"});
    page.begin(kRatio);
    page.add(0.25);
    EXPECT_EQ(page.samples(), 3U);
    EXPECT_EQ(page.take(),
              "# HELP godwit_interface_receive_packets_total What came.\n"
              "# TYPE godwit_interface_receive_packets_total counter\n"
              "godwit_interface_receive_packets_total{interface=\"lan0\"} 17\n"
              "godwit_interface_receive_packets_total{interface=\"wan0\"} 18446744073709551615\n"
              "# HELP godwit_worker_busy_ratio How busy.\n"
              "# TYPE godwit_worker_busy_ratio gauge\n"
              "godwit_worker_busy_ratio 0.25\n");
}

TEST(Exposition, names_families_as_openmetrics_does_and_ends_with_its_mark) {
    Exposition page(Form::OpenMetrics);
    page.begin(kPackets);
    page.add(std::uint64_t{17}, {"lan0"});
    page.begin(kBuild);
    page.add(std::uint64_t{1}, {"1.2", "x"});
    page.begin(kRatio);
    page.add(1.0);
    EXPECT_EQ(page.take(),
              "# HELP godwit_interface_receive_packets What came.\n"
              "# TYPE godwit_interface_receive_packets counter\n"
              "# UNIT godwit_interface_receive_packets packets\n"
              "godwit_interface_receive_packets_total{interface=\"lan0\"} 17\n"
              "# HELP godwit_build What runs.\n"
              "# TYPE godwit_build info\n"
              "godwit_build_info{version=\"1.2\",compiler=\"x\"} 1\n"
              "# HELP godwit_worker_busy_ratio How busy.\n"
              "# TYPE godwit_worker_busy_ratio gauge\n"
              "# UNIT godwit_worker_busy_ratio ratio\n"
              "godwit_worker_busy_ratio 1\n"
              "# EOF\n");
}

TEST(Exposition, an_info_is_a_gauge_to_who_knows_no_infos) {
    Exposition page(Form::Prometheus);
    page.begin(kBuild);
    page.add(std::uint64_t{1}, {"1.2", "x"});
    EXPECT_EQ(page.take(),
              "# HELP godwit_build_info What runs.\n"
              "# TYPE godwit_build_info gauge\n"
              "godwit_build_info{version=\"1.2\",compiler=\"x\"} 1\n");
}

TEST(Exposition, escapes_what_would_end_a_label_or_a_line) {
    constexpr Metric kNasty{
        "godwit_nasty_count", MetricKind::Gauge, "", "a \"b\" \\ c\nd", {"name"}};
    Exposition older(Form::Prometheus);
    older.begin(kNasty);
    older.add(std::uint64_t{1}, {"a\"b\\c\nd"});
    EXPECT_EQ(older.take(),
              "# HELP godwit_nasty_count a \"b\" \\\\ c\\nd\n"
              "# TYPE godwit_nasty_count gauge\n"
              "godwit_nasty_count{name=\"a\\\"b\\\\c\\nd\"} 1\n");
    Exposition open(Form::OpenMetrics);
    open.begin(kNasty);
    open.add(std::uint64_t{1}, {"x"});
    EXPECT_EQ(open.take(),
              "# HELP godwit_nasty_count a \\\"b\\\" \\\\ c\\nd\n"
              "# TYPE godwit_nasty_count gauge\n"
              "godwit_nasty_count{name=\"x\"} 1\n"
              "# EOF\n");
}

TEST(Exposition, a_metric_without_samples_leaves_nothing) {
    Exposition page(Form::Prometheus);
    page.begin(kPackets);
    page.begin(kRatio);
    EXPECT_EQ(page.take(), "");
    EXPECT_EQ(Exposition(Form::OpenMetrics).take(), "# EOF\n");
}

TEST(Exposition, writes_numbers_that_are_none_as_the_forms_have_them) {
    Exposition page(Form::Prometheus);
    page.begin(kRatio);
    page.add(std::nan(""));
    page.add(std::numeric_limits<double>::infinity());
    page.add(-std::numeric_limits<double>::infinity());
    page.add(1e300);
    const std::string text = page.take();
    EXPECT_NE(text.find("ratio NaN\n"), std::string::npos);
    EXPECT_NE(text.find("ratio +Inf\n"), std::string::npos);
    EXPECT_NE(text.find("ratio -Inf\n"), std::string::npos);
    EXPECT_NE(text.find("ratio 1e+300\n"), std::string::npos);
}

TEST(Accept, gives_openmetrics_to_who_wants_it_as_much_as_text) {
    EXPECT_EQ(form_for("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"),
              Form::OpenMetrics);
    // Prometheus 2.42 as it is.
    EXPECT_EQ(form_for("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                       "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
              Form::OpenMetrics);
    EXPECT_EQ(form_for("Application/OpenMetrics-Text ; Version=1.0.0 ; Q=0.3, */*;q=0.1"),
              Form::OpenMetrics);
    EXPECT_EQ(form_for("application/openmetrics-text"), Form::OpenMetrics);
}

TEST(Accept, gives_the_older_form_to_everybody_else) {
    for (const char* const accept :
         {"", "*/*", "text/plain", "text/html, */*;q=0.8", "application/json",
          "application/openmetrics-text;q=0", "application/openmetrics-text;version=2.0.0",
          "application/openmetrics-text;q=0.4, text/plain;q=0.5",
          "application/openmetrics-text;q=0.4, text/*", "application/openmetrics-text;q=x",
          "application/openmetrics-text;q=0.12345",
          ",,;;==,;q=", "application/openmetrics-textual"}) {
        EXPECT_EQ(form_for(accept), Form::Prometheus) << accept;
    }
}

TEST(Accept, the_most_specific_range_says_how_much_text_is_wanted) {
    EXPECT_EQ(form_for("*/*;q=1.0, text/plain;q=0.2, application/openmetrics-text;q=0.5"),
              Form::OpenMetrics);
}

TEST(ContentType, says_form_and_version) {
    EXPECT_EQ(content_type(Form::Prometheus), "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_EQ(content_type(Form::OpenMetrics),
              "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

}  // namespace
}  // namespace godwit::control::telemetry
