// Devices that only remember what they were told, and refuse on demand.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/owner/port_control.hpp"

namespace godwit::dataplane {

class FakePorts final : public PortControl {
public:
    drivers::Port& add(const std::string& name) {
        drivers::Port port;
        port.interface_name = name;
        port.device = "net_fake" + std::to_string(ports.size());
        port.port_id = static_cast<std::uint16_t>(ports.size());
        port.mac = net::MacAddress({2, 0, 0, 0, 1, static_cast<std::uint8_t>(port.port_id)});
        port.mtu = 1500;
        port.max_mtu = 9000;
        port.rx_queues = 1;
        port.tx_queues = 1;
        links[name].up = true;
        return ports[name] = port;
    }

    const drivers::Port* find(const std::string& name) const override {
        const auto position = ports.find(name);
        return position == ports.end() ? nullptr : &position->second;
    }
    drivers::LinkState link(const drivers::Port& port) const override {
        return links.at(port.interface_name);
    }
    drivers::PortStatistics statistics(const drivers::Port&) const override { return {}; }

    std::optional<drivers::Problem> set_mtu(const std::string& name, std::uint16_t mtu) override {
        if (const auto refused = refusal("mtu " + name)) {
            return refused;
        }
        ports.at(name).mtu = mtu;
        return std::nullopt;
    }
    std::optional<drivers::Problem> set_mac(const std::string& name,
                                            const net::MacAddress& mac) override {
        if (const auto refused = refusal("mac " + name)) {
            return refused;
        }
        ports.at(name).mac = mac;
        return std::nullopt;
    }
    std::optional<drivers::Problem> set_promiscuous(const std::string& name, bool on) override {
        if (const auto refused = refusal("promiscuous " + name)) {
            return refused;
        }
        promiscuous[name] = on;
        return std::nullopt;
    }
    std::optional<drivers::Problem> set_enabled(const std::string& name, bool up) override {
        if (const auto refused = refusal("enabled " + name)) {
            return refused;
        }
        enabled[name] = up;
        links[name].up = up;
        return std::nullopt;
    }

    std::map<std::string, drivers::Port> ports;
    std::map<std::string, drivers::LinkState> links;
    std::map<std::string, bool> promiscuous;
    std::map<std::string, bool> enabled;
    std::string refuses;             // "mtu lan0"
    std::vector<std::string> asked;  // every change that was asked for, in order

private:
    std::optional<drivers::Problem> refusal(const std::string& change) {
        asked.push_back(change);
        if (change == refuses) {
            return drivers::Problem{"refused", "the device said no", "ask another"};
        }
        return std::nullopt;
    }
};

}  // namespace godwit::dataplane
