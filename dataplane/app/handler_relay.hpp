// Stands in for the table owner while the dataplane starts.
//
// The channel's socket is claimed first of all, because it tells whether a dataplane runs already;
// the owner can be made only when the ports are open. Nobody polls the server before connect(), so
// no call comes in too early.
#pragma once

#include <cassert>
#include <utility>

#include "dataplane/channel/handler.hpp"

namespace godwit::dataplane {

class HandlerRelay final : public ChannelHandler {
public:
    void connect(ChannelHandler& handler) { handler_ = &handler; }

    void session_opened(SessionRings rings) override { target().session_opened(std::move(rings)); }
    void session_closed() override { target().session_closed(); }
    void route_record(const api::Record& record) override { target().route_record(record); }
    void injected(const api::InjectRecord& header, std::span<const std::byte> packet) override {
        target().injected(header, packet);
    }
    void query(const api::QueryBody& query, QueryPage& page) override {
        target().query(query, page);
    }
    void nat_asked(std::uint64_t session, std::uint32_t request,
                   const api::NatAskBody& ask) override {
        target().nat_asked(session, request, ask);
    }
    api::ConfigureOutcome configure(api::ConfigurePhase phase, std::uint64_t revision,
                                    std::string_view yaml, std::string& text) override {
        return target().configure(phase, revision, yaml, text);
    }
    api::ConfigureOutcome own_ports(std::span<const api::OwnPortRecord> ports,
                                    std::string& text) override {
        return target().own_ports(ports, text);
    }
    void restart_requested() override { target().restart_requested(); }

private:
    ChannelHandler& target() {
        assert(handler_ != nullptr);
        return *handler_;
    }
    ChannelHandler* handler_ = nullptr;
};

}  // namespace godwit::dataplane
