#include "tests/bench/churn/ground.hpp"

namespace godwit::bench {

namespace {

using net::Ipv4Address;
using net::Ipv4Prefix;

// Next hops by kind: the one of the route that stays or was first, and the one of the change.
constexpr ValidAnswers answers_of(ChangeKind kind) {
    const std::uint32_t first = kStableNextHops + 1 + 2 * static_cast<std::uint32_t>(kind);
    return {first, first + 1};
}

constexpr unsigned kPlaces = 256;  // of flap-24 and long-28
constexpr unsigned kSwapped = 8;

Ipv4Prefix flap_cover() {
    return Ipv4Prefix::covering(Ipv4Address(100, 64, 0, 0), 16);
}
Ipv4Prefix flap_place(unsigned i) {
    return Ipv4Prefix::covering(Ipv4Address(100, 64, static_cast<std::uint8_t>(i), 0), 24);
}
Ipv4Prefix swap_place(unsigned i) {
    return Ipv4Prefix::covering(Ipv4Address(100, static_cast<std::uint8_t>(72 + i), 0, 0), 16);
}
Ipv4Prefix long_cover(unsigned i) {
    return Ipv4Prefix::covering(Ipv4Address(100, 80, static_cast<std::uint8_t>(i), 0), 24);
}
Ipv4Prefix long_place(unsigned i) {
    return Ipv4Prefix::covering(
        Ipv4Address(100, 80, static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i % 16 * 16)),
        28);
}
// No route but the default one reaches into it.
Ipv4Prefix empty_corner() {
    return Ipv4Prefix::covering(Ipv4Address(100, 96, 0, 0), 12);
}

// What changes of a kind are made to, by number.
std::vector<Ipv4Prefix> places_of(ChangeKind kind) {
    std::vector<Ipv4Prefix> places;
    switch (kind) {
        case ChangeKind::Flap24:
            for (unsigned i = 0; i < kPlaces; ++i) {
                places.push_back(flap_place(i));
            }
            break;
        case ChangeKind::Swap16:
            for (unsigned i = 0; i < kSwapped; ++i) {
                places.push_back(swap_place(i));
            }
            break;
        case ChangeKind::Long28:
            for (unsigned i = 0; i < kPlaces; ++i) {
                places.push_back(long_place(i));
            }
            break;
        case ChangeKind::Default:
            places.emplace_back();
            break;
    }
    return places;
}

// Whether a change adds and removes a route, or moves one to another next hop.
constexpr bool comes_and_goes(ChangeKind kind) {
    return kind == ChangeKind::Flap24 || kind == ChangeKind::Long28;
}

Ipv4Prefix any_area_of(ChangeKind kind, std::mt19937_64& random) {
    switch (kind) {
        case ChangeKind::Flap24:
            return flap_cover();
        case ChangeKind::Swap16:
            return swap_place(static_cast<unsigned>(random() % kSwapped));
        case ChangeKind::Long28:
            return long_cover(static_cast<unsigned>(random() % kPlaces));
        case ChangeKind::Default:
            break;
    }
    return empty_corner();
}

}  // namespace

std::string_view name_of(ChangeKind kind) {
    constexpr std::array<std::string_view, kAllChangeKinds.size()> kNames{"flap-24", "swap-16",
                                                                          "long-28", "default"};
    return kNames[static_cast<std::size_t>(kind)];
}

std::vector<RouteOfTable> ground_routes() {
    std::vector<RouteOfTable> routes;
    routes.push_back({flap_cover(), answers_of(ChangeKind::Flap24).one});
    for (unsigned i = 0; i < kSwapped; ++i) {
        routes.push_back({swap_place(i), answers_of(ChangeKind::Swap16).one});
    }
    for (unsigned i = 0; i < kPlaces; ++i) {
        routes.push_back({long_cover(i), answers_of(ChangeKind::Long28).one});
    }
    routes.push_back({Ipv4Prefix(), answers_of(ChangeKind::Default).one});
    return routes;
}

Destination ground_destination(ChangeKind kind, std::mt19937_64& random) {
    const Ipv4Prefix area = any_area_of(kind, random);
    const auto host = static_cast<std::uint32_t>(random()) & ~area.mask();
    return {area.address().value() | host, answers_of(kind)};
}

RouteChanger::RouteChanger(Router& router, std::span<const ChangeKind> kinds, std::uint64_t seed)
    : router_(router), random_(seed) {
    for (const ChangeKind kind : kinds) {
        std::vector<Place> places;
        for (const Ipv4Prefix& prefix : places_of(kind)) {
            places.push_back({kind, prefix});
        }
        places_.push_back(std::move(places));
    }
}

bool RouteChanger::change() {
    std::vector<Place>& places = places_[random_() % places_.size()];
    Place& place = places[random_() % places.size()];
    const ValidAnswers answers = answers_of(place.kind);
    bool done = false;
    if (!comes_and_goes(place.kind)) {
        done = router_.set_route(place.prefix, place.moved ? answers.one : answers.other);
    } else if (place.moved) {
        done = router_.remove_route(place.prefix);
    } else {
        done = router_.set_route(place.prefix, answers.other);
    }
    if (done) {
        place.moved = !place.moved;
        ++changes_[static_cast<std::size_t>(place.kind)];
    }
    return done;
}

}  // namespace godwit::bench
