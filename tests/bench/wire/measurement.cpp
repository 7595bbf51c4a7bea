#include "tests/bench/wire/measurement.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace godwit::bench::wire {
namespace {

// One burst in a hundred that waits is more than a hiccup of the host; so is one frame in a
// thousand that is lost.
constexpr double kBlockedWhenSaturated = 0.01;
constexpr double kLossWhenSaturated = 0.001;

double share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double Measurement::packets_a_second() const {
    return seconds > 0 ? static_cast<double>(received) / seconds : 0;
}

double Measurement::cycles_a_packet() const {
    return received == 0 ? 0 : tsc_hz * seconds / static_cast<double>(received);
}

double Measurement::loss() const {
    return share(lost, sent);
}

bool Measurement::saturated() const {
    return share(blocked, bursts) >= kBlockedWhenSaturated || loss() >= kLossWhenSaturated;
}

net::Result<Measurement, std::string> parse_measurement(const std::string& line) {
    const auto fail = [&line] {
        return net::unexpected(fmt::format("the generator's result is not understood: {}", line));
    };
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(line, error);
    if (error || !value.is_object()) {
        return fail();
    }
    const auto& object = value.get_object();
    bool whole = true;
    const auto number = [&](const char* key) {
        const auto* const found = object.if_contains(key);
        whole = whole && found != nullptr && found->is_number();
        return whole ? found->to_number<double>() : 0;
    };
    const auto count = [&](const char* key) { return static_cast<std::uint64_t>(number(key)); };
    Measurement result;
    result.tsc_hz = number("tsc_hz");
    result.seconds = number("seconds");
    result.sent = count("sent");
    result.received = count("received");
    result.lost = count("lost");
    result.bursts = count("bursts");
    result.blocked = count("blocked");
    result.checked = count("checked");
    result.wrong = count("wrong");
    const auto* const text = object.if_contains("first_wrong");
    if (!whole || text == nullptr || !text->is_string()) {
        return fail();
    }
    result.first_wrong = text->get_string().c_str();
    return result;
}

}  // namespace godwit::bench::wire
