#include "controlplane/management/punt_view.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstddef>

namespace godwit::control {

namespace json = boost::json;

std::array<PuntTotals, api::kPuntClassCount> read_punts(const api::CountersRegion& region,
                                                        std::uint32_t worker_count) {
    std::array<PuntTotals, api::kPuntClassCount> punts{};
    const std::size_t workers = std::min<std::size_t>(worker_count, api::kMaxWorkers);
    for (std::size_t worker = 0; worker < workers; ++worker) {
        for (std::size_t punt_class = 0; punt_class < api::kPuntClassCount; ++punt_class) {
            const api::PuntCounters& of = region.blocks[worker].punts[punt_class];
            PuntTotals& totals = punts[punt_class];
            totals.punted += of.punted.read();
            totals.policed += of.policed.read();
            totals.ring_full += of.ring_full.read();
            totals.no_control_plane += of.no_control_plane.read();
        }
    }
    return punts;
}

json::array punts_json(const api::CountersRegion& region, std::uint32_t worker_count) {
    json::array rows;
    const auto punts = read_punts(region, worker_count);
    for (std::size_t priority = 0; priority < api::kPuntPriorityCount; ++priority) {
        for (const api::PuntClassText& text : api::kPuntClasses) {
            if (static_cast<std::size_t>(text.priority) != priority) {
                continue;
            }
            const PuntTotals& totals = punts[static_cast<std::size_t>(text.punt_class)];
            rows.push_back(json::object{
                {"class", text.name},
                {"priority", api::kPuntPriorityNames[priority]},
                {"punted", totals.punted},
                {"policed", totals.policed},
                {"ring-full", totals.ring_full},
                {"no-control-plane", totals.no_control_plane},
            });
        }
    }
    return rows;
}

}  // namespace godwit::control
