// Tells the dataplane which ports are the router's own (controlplane/host/ports_in_use.hpp), so
// that NAT neither gives them away nor keeps from the router what comes to them.
//
// All of them are told, at the begin of a session and after changes, those of one turn together;
// one message is under way at a time, and what changes meanwhile is told after its answer. Between
// the sessions of two control planes the dataplane goes by what it was told last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "controlplane/channel/channel_client.hpp"
#include "controlplane/host/host.hpp"

namespace godwit::control {

class OwnPorts {
public:
    // All outlive this. `later` runs something in a turn of its own, unless this is gone by then.
    OwnPorts(Host& host, ChannelClient& channel,
             std::function<void(std::function<void()> work)> later);
    ~OwnPorts();
    OwnPorts(const OwnPorts&) = delete;
    OwnPorts& operator=(const OwnPorts&) = delete;

    void session_opened();
    // Once a second: what could not be asked (too many questions waited) is asked again.
    void try_again();

    // Beyond api::kMaxOwnPorts, at the last message.
    [[nodiscard]] std::size_t left_out() const { return left_out_; }

private:
    void tell_later();
    void tell();
    void answered(const net::Result<ConfigureAnswer, std::string>& answer);

    Host& host_;
    ChannelClient& channel_;
    std::function<void(std::function<void()>)> later_;
    std::shared_ptr<std::uint64_t> session_;  // its number; answers look whether this is there
    std::size_t left_out_ = 0;
    bool due_ = false;
    bool under_way_ = false;
    bool changed_ = false;  // since the message that is under way
    bool failed_ = false;
};

}  // namespace godwit::control
