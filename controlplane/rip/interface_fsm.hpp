// What RIP does on an interface, as a machine of three states.
//
//            LinkUp, and active             MadePassive
//   Down ──────────────────────► Speaking ───────────────► Listening
//    ▲ ▲                           │   ▲                     │
//    │ └───────── LinkDown ────────┘   └──── MadeActive ─────┘
//    └────────────────────────────── LinkDown ───────────────┘
//
// An interface is up when its link is and it has an address: without one nobody could answer
// (RFC 2453 5.4: addressless links are not supported).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace godwit::control::rip {

enum class InterfaceState : std::uint8_t {
    Down,
    Listening,  // learns, and tells nobody but configured neighbours
    Speaking,
};

enum class InterfaceEvent : std::uint8_t { LinkUp, LinkDown, MadePassive, MadeActive };

constexpr std::array<std::string_view, 3> kInterfaceStateNames{"down", "listening", "speaking"};
constexpr std::string_view name_of(InterfaceState state) {
    return kInterfaceStateNames[static_cast<std::size_t>(state)];
}

// `passive`: as the interface is configured.
constexpr InterfaceState transition(InterfaceState state, InterfaceEvent event, bool passive) {
    switch (event) {
        case InterfaceEvent::LinkUp:
            return passive ? InterfaceState::Listening : InterfaceState::Speaking;
        case InterfaceEvent::LinkDown:
            return InterfaceState::Down;
        case InterfaceEvent::MadePassive:
            return state == InterfaceState::Speaking ? InterfaceState::Listening : state;
        case InterfaceEvent::MadeActive:
            return state == InterfaceState::Listening ? InterfaceState::Speaking : state;
    }
    return state;
}

}  // namespace godwit::control::rip
