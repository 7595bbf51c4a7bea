// What the table owner asks of the devices. drivers::Ports does it in the router; tests put a
// device here that refuses.
#pragma once

#include <optional>
#include <string>

#include "drivers/port.hpp"

namespace godwit::dataplane {

class PortControl {
public:
    virtual ~PortControl() = default;

    [[nodiscard]] virtual const drivers::Port* find(const std::string& interface_name) const = 0;
    [[nodiscard]] virtual drivers::LinkState link(const drivers::Port& port) const = 0;
    [[nodiscard]] virtual drivers::PortStatistics statistics(const drivers::Port& port) const = 0;

    virtual std::optional<drivers::Problem> set_mtu(const std::string& interface_name,
                                                    std::uint16_t mtu) = 0;
    virtual std::optional<drivers::Problem> set_mac(const std::string& interface_name,
                                                    const net::MacAddress& mac) = 0;
    virtual std::optional<drivers::Problem> set_promiscuous(const std::string& interface_name,
                                                            bool on) = 0;
    virtual std::optional<drivers::Problem> set_enabled(const std::string& interface_name,
                                                        bool up) = 0;
};

class DriverPorts final : public PortControl {
public:
    explicit DriverPorts(drivers::Ports& ports) : ports_(ports) {}

    [[nodiscard]] const drivers::Port* find(const std::string& interface_name) const override {
        return ports_.find(interface_name);
    }
    [[nodiscard]] drivers::LinkState link(const drivers::Port& port) const override {
        return ports_.link(port);
    }
    [[nodiscard]] drivers::PortStatistics statistics(const drivers::Port& port) const override {
        return ports_.statistics(port);
    }
    std::optional<drivers::Problem> set_mtu(const std::string& interface_name,
                                            std::uint16_t mtu) override {
        return ports_.set_mtu(interface_name, mtu);
    }
    std::optional<drivers::Problem> set_mac(const std::string& interface_name,
                                            const net::MacAddress& mac) override {
        return ports_.set_mac(interface_name, mac);
    }
    std::optional<drivers::Problem> set_promiscuous(const std::string& interface_name,
                                                    bool on) override {
        return ports_.set_promiscuous(interface_name, on);
    }
    std::optional<drivers::Problem> set_enabled(const std::string& interface_name,
                                                bool up) override {
        return ports_.set_enabled(interface_name, up);
    }

private:
    drivers::Ports& ports_;
};

}  // namespace godwit::dataplane
