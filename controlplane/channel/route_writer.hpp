// Writes next hops and routes into the route ring, numbered, with back-pressure.
//
// Records collect until flush(), which the channel client calls at the end of the executor's turn;
// a full ring is flushed at once. Every method gives the record's sequence number (from 1, in steps
// of 1, in every session anew), or nothing: then there is no session, or the ring is full, and
// ChannelCallbacks::routes_have_room tells when to go on with the record that was refused.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "dataplane/api/messages.hpp"

namespace godwit::control {

class ChannelRings;

class RouteWriter {
public:
    using Written = std::optional<std::uint64_t>;

    // `schedule_flush` is called at the first record after a flush, and at a refused one (which may
    // mean that the ring is broken).
    explicit RouteWriter(std::function<void()> schedule_flush)
        : schedule_flush_(std::move(schedule_flush)) {}

    Written sync_begin(std::uint64_t generation);
    Written sync_end(std::uint64_t generation);
    // `sequence` of a record that is passed is filled in here.
    Written next_hop_set(api::NextHopSetRecord record);
    // 1 to api::kMaxGroupMembers members.
    Written group_set(std::uint32_t number, std::span<const std::uint32_t> members);
    Written next_hop_delete(std::uint32_t number);
    Written route_set(api::RouteSetRecord record);
    Written route_delete(api::RouteDeleteRecord record);

    void flush();

    [[nodiscard]] bool open() const { return rings_ != nullptr; }
    // True: a record was refused since the last routes_have_room.
    [[nodiscard]] bool full() const { return full_; }
    [[nodiscard]] std::uint64_t last_sequence() const { return sequence_; }
    [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
    [[nodiscard]] std::uint64_t times_full() const { return times_full_; }

    // ---- for the channel client
    void attach(ChannelRings* rings);  // null: the session is over
    enum class Progress : std::uint8_t { None, Acknowledged, Impossible };
    // Takes over what the dataplane has acknowledged, if that can be.
    Progress look_at_acknowledged(std::uint64_t claimed);
    // True once after a refusal, when a quarter of the ring is free again.
    [[nodiscard]] bool take_room();

private:
    template <class Message>
    Written write(api::RouteType type, Message& record, std::span<const std::byte> more = {});

    std::function<void()> schedule_flush_;
    ChannelRings* rings_ = nullptr;
    std::uint64_t sequence_ = 0;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t times_full_ = 0;
    bool flush_due_ = false;
    bool full_ = false;
};

}  // namespace godwit::control
