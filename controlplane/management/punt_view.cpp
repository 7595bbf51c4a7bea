#include "controlplane/management/punt_view.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstddef>

namespace godwit::control {

namespace json = boost::json;

namespace {

struct PuntTotals {
    std::uint64_t punted = 0;
    std::uint64_t policed = 0;
    std::uint64_t ring_full = 0;
    std::uint64_t no_control_plane = 0;
};

PuntTotals totals_of(const api::CountersRegion& region, std::uint32_t worker_count,
                     api::PuntClass punt_class) {
    PuntTotals totals;
    const std::size_t workers = std::min<std::size_t>(worker_count, api::kMaxWorkers);
    for (std::size_t worker = 0; worker < workers; ++worker) {
        const api::PuntCounters& of =
            region.blocks[worker].punts[static_cast<std::size_t>(punt_class)];
        totals.punted += of.punted.read();
        totals.policed += of.policed.read();
        totals.ring_full += of.ring_full.read();
        totals.no_control_plane += of.no_control_plane.read();
    }
    return totals;
}

}  // namespace

json::array punts_json(const api::CountersRegion& region, std::uint32_t worker_count) {
    json::array rows;
    for (std::size_t priority = 0; priority < api::kPuntPriorityCount; ++priority) {
        for (const api::PuntClassText& text : api::kPuntClasses) {
            if (static_cast<std::size_t>(text.priority) != priority) {
                continue;
            }
            const PuntTotals totals = totals_of(region, worker_count, text.punt_class);
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
