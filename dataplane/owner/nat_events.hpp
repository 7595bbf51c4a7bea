// Bindings that came and went, on their way from the workers to the control plane's journal.
//
// They wait in the workers' rings until a control plane takes them, and are lost there, counted,
// when none does. `nat.log.rate` of them go on in a second, the rest is counted and left out; and
// never so many that other events find the event ring full.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "dataplane/channel/server.hpp"
#include "dataplane/nat/nat_table.hpp"
#include "dataplane/owner/instant.hpp"
#include "dataplane/owner/nat_configure.hpp"

namespace godwit::dataplane {

class NatEvents {
public:
    static constexpr std::size_t kEventsATurn = 512;
    // What is kept free of the event ring for everything else.
    static constexpr std::size_t kRoomOfOthers = std::size_t{1} << 19U;

    explicit NatEvents(nat::NatTable& table) : table_(table) {}

    void set_rate(std::uint32_t records_per_second) { rate_ = records_per_second; }
    // Tells what there is and may be told. `unix_ms` is now by the time of day. True: more waits.
    bool tell(ChannelServer* server, const NatRuleNumbers& rules, Instant now,
              std::uint64_t unix_ms);

    [[nodiscard]] std::uint64_t told() const { return told_; }
    [[nodiscard]] std::uint64_t suppressed() const { return suppressed_; }

private:
    [[nodiscard]] bool may_tell(Instant now);

    nat::NatTable& table_;
    std::array<nat::BindingEvent, kEventsATurn> events_;
    std::uint32_t rate_ = 1000;
    Instant second_{};  // in which `in_second_` were told
    std::uint32_t in_second_ = 0;
    std::uint64_t told_ = 0;
    std::uint64_t suppressed_ = 0;
};

}  // namespace godwit::dataplane
