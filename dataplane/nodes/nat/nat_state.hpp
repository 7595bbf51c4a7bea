// What a worker has for NAT44 beside its translator (dataplane/nat): packets that wait, and the
// time. Without a seat there is never a translator, and nothing here is touched.
//
// The clock begins at an hour, so that no time before the beginning is before zero.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <memory>

#include "dataplane/nat/nat_table.hpp"
#include "dataplane/nodes/nat/fragment_ports.hpp"

namespace godwit::dataplane {

class NatState {
public:
    // Of a worker; more are not held whatever the settings say, for each is a buffer of the pool.
    static constexpr std::uint32_t kMaxHeldSyns = 256;

    NatState(nat::Seat* seat_in, std::uint64_t cycles_per_second_in, const net::SipKey& key)
        : seat(seat_in), cycles_per_second(cycles_per_second_in) {
        if (seat != nullptr) {
            fragments = std::make_unique<FragmentPorts>(key, cycles_per_second);
        }
    }
    ~NatState() { rte_pktmbuf_free_bulk(held_syns.data(), kMaxHeldSyns); }
    NatState(const NatState&) = delete;
    NatState& operator=(const NatState&) = delete;

    // At the beginning of each loop.
    void begin(std::uint64_t now_cycles) {
        if (seat == nullptr) {
            return;
        }
        translator = seat->translator();
        if (now_cycles - second_began >= cycles_per_second) [[unlikely]] {
            const std::uint64_t seconds = now_cycles / cycles_per_second;
            second_began = seconds * cycles_per_second;
            now = nat::Instant{nat::Seconds{static_cast<std::uint32_t>(kFirstSecond + seconds)}};
        }
    }

    nat::Seat* const seat;
    const std::uint64_t cycles_per_second;
    nat::Translator* translator = nullptr;  // of this loop; null: no NAT
    nat::Instant now{nat::Seconds{kFirstSecond}};
    std::uint64_t second_began = 0;  // in cycles
    std::uint64_t next_upkeep = 0;
    std::uint64_t next_publication = 0;
    std::uint32_t installation = 0;                   // that the tickets below are of
    std::array<rte_mbuf*, kMaxHeldSyns> held_syns{};  // by ticket
    std::unique_ptr<FragmentPorts> fragments;

private:
    static constexpr std::uint32_t kFirstSecond = 3600;
};

}  // namespace godwit::dataplane
