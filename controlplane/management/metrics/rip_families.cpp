// RIP: the instance, its interfaces and its neighbours.
#include <chrono>

#include "controlplane/management/metrics/family.hpp"

namespace godwit::control {

namespace {

using rip::InterfaceCounters;
using telemetry::Exposition;

constexpr Column<rip::InstanceView, std::size_t> kInstance[] = {
    {{"godwit_rip_routes", kGauge, "routes", "Routes that RIP has learned."},
     &rip::InstanceView::routes},
    {{"godwit_rip_limit_routes", kGauge, "routes", "How many it takes at most."},
     &rip::InstanceView::max_routes},
    {{"godwit_rip_entries", kGauge, "entries",
      "Entries of its database: learned, local, and being deleted."},
     &rip::InstanceView::entries},
    {{"godwit_rip_neighbors", kGauge, "neighbors", "Neighbours that are heard."},
     &rip::InstanceView::neighbors},
    {{"godwit_rip_refused_routes", kGauge, "routes",
      "Routes that import policies refused and that are remembered to be explained."},
     &rip::InstanceView::refused_routes},
    {{"godwit_rip_refused_over_limit_total", kCounter, "routes",
      "Refused routes that were not remembered, as there were too many."},
     &rip::InstanceView::refused_over_limit},
};

constexpr Column<RipReading> kPackets[] = {
    {{"godwit_rip_unsent_packets_total", kCounter, "packets", "Packets that RIP could not send."},
     &RipReading::packets_not_sent},
    {{"godwit_rip_elsewhere_packets_total", kCounter, "packets",
      "Packets that came in where RIP is not spoken."},
     &RipReading::packets_elsewhere},
};

constexpr Column<InterfaceCounters> kInterface[] = {
    {{"godwit_rip_interface_receive_packets_total",
      kCounter,
      "packets",
      "Good packets that came in.",
      {"interface"}},
     &InterfaceCounters::packets_received},
    {{"godwit_rip_interface_transmit_packets_total",
      kCounter,
      "packets",
      "Packets that were sent.",
      {"interface"}},
     &InterfaceCounters::packets_sent},
    {{"godwit_rip_interface_regular_updates_total",
      kCounter,
      "updates",
      "Regular updates.",
      {"interface"}},
     &InterfaceCounters::regular_updates},
    {{"godwit_rip_interface_triggered_updates_total",
      kCounter,
      "updates",
      "Triggered updates.",
      {"interface"}},
     &InterfaceCounters::triggered_updates},
    {{"godwit_rip_interface_transmit_requests_total",
      kCounter,
      "requests",
      "Requests that were sent.",
      {"interface"}},
     &InterfaceCounters::requests_sent},
    {{"godwit_rip_interface_answered_requests_total",
      kCounter,
      "requests",
      "Requests of others that were answered.",
      {"interface"}},
     &InterfaceCounters::requests_answered},
    {{"godwit_rip_interface_refused_answers_total",
      kCounter,
      "requests",
      "Requests of others that were not answered, because too many were under way.",
      {"interface"}},
     &InterfaceCounters::answers_refused},
    {{"godwit_rip_interface_own_packets_total",
      kCounter,
      "packets",
      "Own packets that were heard back.",
      {"interface"}},
     &InterfaceCounters::own_packets},
    {{"godwit_rip_interface_unsigned_packets_total",
      kCounter,
      "packets",
      "Packets that were not sent for want of a key.",
      {"interface"}},
     &InterfaceCounters::packets_unsigned},
    {{"godwit_rip_interface_foreign_next_hops_total",
      kCounter,
      "routes",
      "Routes with a next hop outside the subnet, which was not used.",
      {"interface"}},
     &InterfaceCounters::foreign_next_hops},
    {{"godwit_rip_interface_rejected_routes_total",
      kCounter,
      "routes",
      "Routes that the import policy did not let in.",
      {"interface"}},
     &InterfaceCounters::routes_rejected},
};

// What a function of each interface adds, and of each neighbour.
Family of_interfaces(const telemetry::Metric& metric,
                     void (*add)(const rip::InterfaceView& view, Exposition& page)) {
    return {metric, "rip interfaces", [add](const Reading& reading, Exposition& page) {
                if (reading.rip) {
                    for (const rip::InterfaceView& view : reading.rip->interfaces) {
                        add(view, page);
                    }
                }
            }};
}

Family of_neighbors(const char* name, telemetry::MetricKind kind, const char* unit,
                    const char* help,
                    void (*add)(const RipReading::Neighbor& neighbor, Exposition& page)) {
    return {{name, kind, unit, help, {"neighbor", "interface"}},
            "rip neighbors",
            [add](const Reading& reading, Exposition& page) {
                if (reading.rip) {
                    for (const RipReading::Neighbor& neighbor : reading.rip->neighbors) {
                        add(neighbor, page);
                    }
                }
            }};
}

void add_instance(Families& families) {
    families.push_back({{"godwit_rip_running", kGauge, "", "1 if RIP is spoken, else 0."},
                        "rip",
                        [](const Reading& reading, Exposition& page) {
                            page.add(std::uint64_t{reading.rip ? 1U : 0U});
                        }});
    families.push_back(
        {{"godwit_rip_converged", kGauge, "", "1 if RIP knows what its neighbours know, else 0."},
         "rip",
         [](const Reading& reading, Exposition& page) {
             if (reading.rip) {
                 page.add(std::uint64_t{reading.rip->instance.converged ? 1U : 0U});
             }
         }});
    for (const auto& column : kInstance) {
        families.push_back({column.metric, "rip",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                if (reading.rip) {
                                    page.add(std::uint64_t{reading.rip->instance.*number});
                                }
                            }});
    }
    for (const auto& column : kPackets) {
        families.push_back({column.metric, "rip",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                if (reading.rip) {
                                    page.add((*reading.rip).*number);
                                }
                            }});
    }
}

void add_interfaces(Families& families) {
    for (const auto& column : kInterface) {
        families.push_back({column.metric, "rip interfaces",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                if (reading.rip) {
                                    for (const auto& view : reading.rip->interfaces) {
                                        page.add(view.counters.*number, {view.name});
                                    }
                                }
                            }});
    }
    families.push_back(of_interfaces({"godwit_rip_interface_neighbors",
                                      kGauge,
                                      "neighbors",
                                      "Neighbours that are heard here.",
                                      {"interface"}},
                                     [](const rip::InterfaceView& view, Exposition& page) {
                                         page.add(std::uint64_t{view.neighbors}, {view.name});
                                     }));
    families.push_back(
        of_interfaces({"godwit_rip_interface_state",
                       kGauge,
                       "",
                       "1 for the state that the interface is in, 0 for the others.",
                       {"interface", "state"}},
                      [](const rip::InterfaceView& view, Exposition& page) {
                          for (const std::string_view state : rip::kInterfaceStateNames) {
                              page.add(std::uint64_t{state == rip::name_of(view.state) ? 1U : 0U},
                                       {view.name, state});
                          }
                      }));
    families.push_back(of_interfaces({"godwit_rip_interface_bad_packets_total",
                                      kCounter,
                                      "packets",
                                      "Packets that were dropped, by reason.",
                                      {"interface", "reason"}},
                                     [](const rip::InterfaceView& view, Exposition& page) {
                                         for (std::size_t fault = 0; fault < rip::kPacketFaultCount;
                                              ++fault) {
                                             page.add(view.counters.faults.packets[fault],
                                                      {view.name, rip::kPacketFaultNames[fault]});
                                         }
                                     }));
    families.push_back(of_interfaces({"godwit_rip_interface_bad_routes_total",
                                      kCounter,
                                      "routes",
                                      "Routes of good packets that were ignored, by reason.",
                                      {"interface", "reason"}},
                                     [](const rip::InterfaceView& view, Exposition& page) {
                                         for (std::size_t fault = 0; fault < rip::kRouteFaultCount;
                                              ++fault) {
                                             page.add(view.counters.faults.routes[fault],
                                                      {view.name, rip::kRouteFaultNames[fault]});
                                         }
                                     }));
}

void add_neighbors(Families& families) {
    using Neighbor = RipReading::Neighbor;
    families.push_back(of_neighbors("godwit_rip_neighbor_up", kGauge, "",
                                    "1 if the neighbour is heard, 0 if it is lost.",
                                    [](const Neighbor& neighbor, Exposition& page) {
                                        page.add(std::uint64_t{neighbor.view.up ? 1U : 0U},
                                                 {neighbor.address, neighbor.interface});
                                    }));
    families.push_back(of_neighbors(
        "godwit_rip_neighbor_routes", kGauge, "routes", "Routes that were learned from it.",
        [](const Neighbor& neighbor, Exposition& page) {
            page.add(std::uint64_t{neighbor.view.routes}, {neighbor.address, neighbor.interface});
        }));
    families.push_back(
        of_neighbors("godwit_rip_neighbor_silence_seconds", kGauge, "seconds",
                     "Since it was last heard.", [](const Neighbor& neighbor, Exposition& page) {
                         if (neighbor.view.heard) {
                             page.add(std::chrono::duration<double>(*neighbor.view.heard).count(),
                                      {neighbor.address, neighbor.interface});
                         }
                     }));
    families.push_back(
        of_neighbors("godwit_rip_neighbor_receive_packets_total", kCounter, "packets",
                     "Good packets from it.", [](const Neighbor& neighbor, Exposition& page) {
                         page.add(neighbor.view.packets, {neighbor.address, neighbor.interface});
                     }));
    families.push_back(of_neighbors(
        "godwit_rip_neighbor_bad_packets_total", kCounter, "packets",
        "Packets from it that were dropped.", [](const Neighbor& neighbor, Exposition& page) {
            page.add(neighbor.view.faults.bad_packets(), {neighbor.address, neighbor.interface});
        }));
    families.push_back(of_neighbors(
        "godwit_rip_neighbor_bad_routes_total", kCounter, "routes",
        "Routes from it that were ignored.", [](const Neighbor& neighbor, Exposition& page) {
            page.add(neighbor.view.faults.bad_routes(), {neighbor.address, neighbor.interface});
        }));
    families.push_back({{"godwit_rip_untold_neighbors", kGauge, "neighbors",
                         "Neighbours beyond the first 1024, which have no metrics of their own."},
                        "",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.rip) {
                                page.add(std::uint64_t{reading.rip->neighbors_not_shown});
                            }
                        }});
}

}  // namespace

void add_rip_families(Families& families) {
    add_instance(families);
    add_interfaces(families);
    add_neighbors(families);
}

}  // namespace godwit::control
