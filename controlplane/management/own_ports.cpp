#include "controlplane/management/own_ports.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

#include "dataplane/api/messages.hpp"

namespace godwit::control {

OwnPorts::OwnPorts(Host& host, ChannelClient& channel,
                   std::function<void(std::function<void()> work)> later)
    : host_(host),
      channel_(channel),
      later_(std::move(later)),
      session_(std::make_shared<std::uint64_t>(0)) {
    host_.set_ports_changed([this] { tell_later(); });
}

OwnPorts::~OwnPorts() {
    host_.set_ports_changed({});
}

void OwnPorts::session_opened() {
    ++*session_;
    under_way_ = false;
    tell_later();
}

void OwnPorts::try_again() {
    if (std::exchange(failed_, false)) {
        tell_later();
    }
}

void OwnPorts::tell_later() {
    if (under_way_) {
        changed_ = true;
    } else if (channel_.connected() && !std::exchange(due_, true)) {
        later_([this] {
            due_ = false;
            tell();
        });
    }
}

void OwnPorts::tell() {
    if (!channel_.connected()) {
        return;  // the next session begins with it
    }
    const std::vector<LocalPort> ports = host_.ports_in_use();
    std::vector<api::OwnPortRecord> records;
    for (const LocalPort& each : ports) {
        if (records.size() < api::kMaxOwnPorts) {
            records.push_back(
                {each.address.value(), each.port, static_cast<std::uint8_t>(each.protocol), 0});
        }
    }
    left_out_ = ports.size() - records.size();
    if (left_out_ != 0) {
        spdlog::warn("{} ports are in use, and the dataplane takes {}: NAT may give {} away",
                     ports.size(), records.size(), left_out_);
    }
    under_way_ = true;
    changed_ = false;
    channel_.tell_own_ports(records, [this, current = std::weak_ptr(session_), asked = *session_](
                                         const net::Result<ConfigureAnswer, std::string>& answer) {
        const auto session = current.lock();
        if (session && *session == asked) {
            answered(answer);
        }
    });
}

void OwnPorts::answered(const net::Result<ConfigureAnswer, std::string>& answer) {
    under_way_ = false;
    failed_ = !answer;
    if (answer && answer->outcome != api::ConfigureOutcome::Done) {
        spdlog::error("the dataplane does not leave the router's ports to it: {}", answer->text);
    }
    if (changed_) {
        tell_later();
    }
}

}  // namespace godwit::control
