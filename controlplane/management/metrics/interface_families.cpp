// Interfaces, and the neighbours on them.
#include "controlplane/management/interface_directory.hpp"
#include "controlplane/management/metrics/family.hpp"
#include "controlplane/management/record_text.hpp"
#include "net/mac_address.hpp"

namespace godwit::control {

namespace {

using telemetry::Exposition;
using telemetry::MetricKind;

constexpr std::uint64_t kBitsPerByte = 8;
constexpr std::uint64_t kBitsPerMegabit = 1'000'000;

// Counted by the workers.
constexpr Column<InterfaceTotals> kTotals[] = {
    {{"godwit_interface_receive_packets_total",
      kCounter,
      "packets",
      "Packets that the device delivered.",
      {"interface"}},
     &InterfaceTotals::rx_packets},
    {{"godwit_interface_receive_bytes_total",
      kCounter,
      "bytes",
      "Bytes of these, Ethernet header included, frame check sequence not.",
      {"interface"}},
     &InterfaceTotals::rx_bytes},
    {{"godwit_interface_forwarded_packets_total",
      kCounter,
      "packets",
      "Packets that came in here and were sent: as they were, or turned into their answer.",
      {"interface"}},
     &InterfaceTotals::in_sent},
    {{"godwit_interface_punted_packets_total",
      kCounter,
      "packets",
      "Packets that came in here and were taken by the router itself.",
      {"interface"}},
     &InterfaceTotals::in_punted},
    {{"godwit_interface_dropped_packets_total",
      kCounter,
      "packets",
      "Packets that came in here and were dropped, for whatever reason.",
      {"interface"}},
     &InterfaceTotals::in_dropped},
    {{"godwit_interface_transmit_packets_total",
      kCounter,
      "packets",
      "Packets that the device took.",
      {"interface"}},
     &InterfaceTotals::tx_packets},
    {{"godwit_interface_transmit_bytes_total",
      kCounter,
      "bytes",
      "Bytes of these, Ethernet header included, frame check sequence not.",
      {"interface"}},
     &InterfaceTotals::tx_bytes},
    {{"godwit_interface_transmit_dropped_packets_total",
      kCounter,
      "packets",
      "Packets that were to leave here and were dropped at the interface.",
      {"interface"}},
     &InterfaceTotals::tx_dropped},
};

// Counted by the device, or by who owns it.
constexpr Column<api::InterfaceRecord> kDevice[] = {
    {{"godwit_interface_device_receive_missed_packets_total",
      kCounter,
      "packets",
      "Packets that the device had no room for, because they were not fetched in time.",
      {"interface"}},
     &api::InterfaceRecord::device_rx_missed},
    {{"godwit_interface_device_receive_no_buffer_packets_total",
      kCounter,
      "packets",
      "Packets that the device had no buffer for.",
      {"interface"}},
     &api::InterfaceRecord::device_rx_no_buffer},
    {{"godwit_interface_device_receive_error_packets_total",
      kCounter,
      "packets",
      "Packets that the device received with an error.",
      {"interface"}},
     &api::InterfaceRecord::device_rx_errors},
    {{"godwit_interface_device_transmit_error_packets_total",
      kCounter,
      "packets",
      "Packets that the device could not send.",
      {"interface"}},
     &api::InterfaceRecord::device_tx_errors},
    {{"godwit_interface_link_changes_total",
      kCounter,
      "changes",
      "Times that the link came or went.",
      {"interface"}},
     &api::InterfaceRecord::link_changes},
};

// A gauge of each interface.
Family gauge(const char* name, const char* unit, const char* help,
             std::uint64_t (*number)(const api::InterfaceRecord& record)) {
    return {{name, kGauge, unit, help, {"interface"}},
            "interfaces",
            [number](const Reading& reading, Exposition& page) {
                for (const auto& [interface, each] : reading.interfaces) {
                    page.add(number(each.record), {interface});
                }
            }};
}

}  // namespace

void add_interface_families(Families& families) {
    for (const auto& column : kTotals) {
        families.push_back({column.metric, "interfaces",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                if (!reading.dataplane) {
                                    return;
                                }
                                for (const auto& [name, interface] : reading.interfaces) {
                                    page.add(interface.totals.*number, {name});
                                }
                            }});
    }
    for (const auto& column : kDevice) {
        families.push_back({column.metric, "interfaces",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                for (const auto& [name, interface] : reading.interfaces) {
                                    page.add(interface.record.*number, {name});
                                }
                            }});
    }
    families.push_back(gauge("godwit_interface_link_up", "", "1 if there is a link, else 0.",
                             [](const api::InterfaceRecord& record) {
                                 return std::uint64_t{has_link(record) ? 1U : 0U};
                             }));
    families.push_back(
        gauge("godwit_interface_enabled", "", "1 if the interface sends and receives, else 0.",
              [](const api::InterfaceRecord& record) {
                  return std::uint64_t{(record.flags & api::kInterfaceEnabled) != 0 ? 1U : 0U};
              }));
    families.push_back(
        gauge("godwit_interface_mtu_bytes", "bytes",
              "The largest IPv4 packet, without the Ethernet header.",
              [](const api::InterfaceRecord& record) { return std::uint64_t{record.mtu}; }));
    families.push_back(gauge("godwit_interface_speed_bytes_per_second", "bytes_per_second",
                             "What the link can carry; 0 if that is not known.",
                             [](const api::InterfaceRecord& record) {
                                 return record.speed_mbps * kBitsPerMegabit / kBitsPerByte;
                             }));
    families.push_back({{"godwit_interface_info",
                         MetricKind::Info,
                         "",
                         "What an interface is.",
                         {"interface", "type", "device", "mac"}},
                        "interfaces",
                        [](const Reading& reading, Exposition& page) {
                            for (const auto& [name, interface] : reading.interfaces) {
                                const api::InterfaceRecord& record = interface.record;
                                page.add(std::uint64_t{1},
                                         {name, word(record.type), text_in(record.device),
                                          net::MacAddress(record.mac).to_string()});
                            }
                        }});
    families.push_back({{"godwit_neighbors",
                         kGauge,
                         "neighbours",
                         "Neighbours, by the state of their resolution.",
                         {"interface", "state"}},
                        "neighbors",
                        [](const Reading& reading, Exposition& page) {
                            for (const auto& [key, count] : reading.neighbors) {
                                page.add(count, {key.first, key.second});
                            }
                        }});
}

}  // namespace godwit::control
