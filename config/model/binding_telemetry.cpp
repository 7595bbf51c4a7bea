#include "config/model/binding_telemetry.hpp"

#include <utility>

namespace godwit::config {

Telemetry read_telemetry(const Reader& from) {
    Telemetry telemetry;
    for (const Value& value : from.section("prometheus").list("listen")) {
        if (const auto* text = Reader::get<std::string>(&value)) {
            if (const auto place = ListenPlace::parse(*text)) {
                telemetry.prometheus.listen.push_back(*place);
            }
        }
    }
    return telemetry;
}

Value write_telemetry(const Telemetry& telemetry) {
    Value::List places;
    for (const ListenPlace& place : telemetry.prometheus.listen) {
        places.emplace_back(place.to_string());
    }
    Value prometheus;
    prometheus.add("listen", std::move(places));
    Value to;
    to.add("prometheus", std::move(prometheus));
    return to;
}

}  // namespace godwit::config
