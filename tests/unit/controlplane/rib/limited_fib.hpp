// A dataplane with little room, as far as the download can tell it from the real one: it refuses
// for want of routes, next hops or groups, shrinks a group that it cannot hold, takes away what a
// refused route was to replace, and says once that there is room again.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "controlplane/rib/rib.hpp"

namespace godwit::control::testing {

struct Room {
    std::size_t routes = std::numeric_limits<std::size_t>::max();
    std::size_t next_hops = std::numeric_limits<std::size_t>::max();  // and groups
    std::size_t groups = std::numeric_limits<std::size_t>::max();
};

class LimitedFib {
public:
    LimitedFib(Rib& rib, Room room) : rib_(rib), room_(room) {}

    // Takes at most `limit` operations from the RIB and carries them out; then its answers.
    void turn(std::size_t limit) {
        for (const DownloadOp& op : rib_.take_download(limit)) {
            ++operations_;
            std::visit([this](const auto& record) { carry_out(record); }, op);
        }
        for (std::size_t i = 0; i < kShortageCount; ++i) {
            const auto shortage = static_cast<Shortage>(i);
            const bool room = shortage == Shortage::Routes ? routes_.size() < room_.routes
                                                           : freed_ != freed_then_.at(i);
            if (short_of_.at(i) && room) {
                short_of_.at(i) = false;
                rib_.room_returned(shortage);
            }
        }
        rib_.acknowledged(operations_);
    }
    // Until nothing moves; false: that does not happen.
    bool settle() {
        for (int turns = 0; turns < 100'000; ++turns) {
            if (!rib_.has_download()) {
                return true;
            }
            turn(1000);
        }
        return false;
    }
    void set_room(Room room) {
        room_ = room;
        ++freed_;
    }

    [[nodiscard]] const std::map<net::Ipv4Prefix, std::uint32_t>& routes() const { return routes_; }
    [[nodiscard]] bool is_installed(const net::Ipv4Prefix& prefix) const {
        const auto route = routes_.find(prefix);
        return route != routes_.end() && !nowhere_.contains(route->second);
    }
    [[nodiscard]] std::uint64_t operations() const { return operations_; }
    [[nodiscard]] std::uint64_t refused() const { return refused_; }
    // All that was carried out wrongly; the records of the real ring must never ask for it.
    [[nodiscard]] const std::string& problem() const { return problem_; }
    [[nodiscard]] std::vector<RibNextHop> leads_to(const net::Ipv4Prefix& prefix) const {
        std::vector<RibNextHop> all;
        const std::uint32_t number = routes_.at(prefix);
        if (const auto group = groups_.find(number); group != groups_.end()) {
            for (const std::uint32_t member : group->second) {
                all.push_back(next_hops_.at(member));
            }
        } else {
            all.push_back(next_hops_.at(number));
        }
        return all;
    }

private:
    void refuse(const net::Ipv4Prefix& prefix, std::uint32_t number,
                std::optional<Shortage> shortage) {
        ++refused_;
        if (shortage) {
            short_of_.at(static_cast<std::size_t>(*shortage)) = true;
            freed_then_.at(static_cast<std::size_t>(*shortage)) = freed_;
        }
        rib_.rejected(operations_, prefix, number, {"refused", shortage, !shortage});
    }
    [[nodiscard]] bool knows(std::uint32_t number) const {
        return next_hops_.contains(number) || groups_.contains(number);
    }
    [[nodiscard]] bool full() const {
        return next_hops_.size() + groups_.size() >= room_.next_hops;
    }

    void carry_out(const SetNextHop& op) {
        if (!knows(op.number) && full()) {
            refuse({}, op.number, Shortage::NextHops);
            return;
        }
        groups_.erase(op.number);
        next_hops_[op.number] = op.next_hop;
    }
    void carry_out(const SetGroup& op) {
        std::vector<std::uint32_t> members;
        for (const std::uint32_t member : op.members) {
            if (next_hops_.contains(member)) {
                members.push_back(member);
            }
        }
        if (members.empty()) {
            if (groups_.erase(op.number) > 0) {
                next_hops_[op.number] = RibNextHop::blackhole();
                nowhere_.insert(op.number);
                ++freed_;
            }
            refuse({}, op.number, std::nullopt);
            return;
        }
        if (!knows(op.number) && full()) {
            refuse({}, op.number, Shortage::NextHops);
            return;
        }
        if (!groups_.contains(op.number) && groups_.size() >= room_.groups) {
            next_hops_[op.number] = next_hops_.at(members.front());
            nowhere_.erase(op.number);
            refuse({}, op.number, Shortage::Groups);
            return;
        }
        next_hops_.erase(op.number);
        nowhere_.erase(op.number);
        groups_[op.number] = members;
        ++freed_;
        if (members.size() < op.members.size()) {
            refuse({}, op.number, std::nullopt);
        }
    }
    void carry_out(const DeleteNextHop& op) {
        for (const auto& [prefix, number] : routes_) {
            if (number == op.number) {
                problem_ = "next hop " + std::to_string(number) + " deleted under a route";
            }
        }
        for (const auto& [number, members] : groups_) {
            if (std::find(members.begin(), members.end(), op.number) != members.end()) {
                problem_ = "next hop " + std::to_string(op.number) + " deleted under a group";
            }
        }
        nowhere_.erase(op.number);
        freed_ += next_hops_.erase(op.number) + groups_.erase(op.number);
    }
    void carry_out(const SetRoute& op) {
        if (!knows(op.number)) {
            freed_ += routes_.erase(op.prefix);
            refuse(op.prefix, op.number, std::nullopt);
        } else if (!routes_.contains(op.prefix) && routes_.size() >= room_.routes) {
            refuse(op.prefix, op.number, Shortage::Routes);
        } else {
            routes_[op.prefix] = op.number;
        }
    }
    void carry_out(const DeleteRoute& op) { freed_ += routes_.erase(op.prefix); }

    Rib& rib_;
    Room room_;
    std::map<net::Ipv4Prefix, std::uint32_t> routes_;
    std::map<std::uint32_t, RibNextHop> next_hops_;
    std::map<std::uint32_t, std::vector<std::uint32_t>> groups_;
    std::set<std::uint32_t> nowhere_;  // groups of which no member is there
    std::array<bool, kShortageCount> short_of_{};
    std::array<std::uint64_t, kShortageCount> freed_then_{};
    std::uint64_t freed_ = 0;
    std::uint64_t operations_ = 0;
    std::uint64_t refused_ = 0;
    std::string problem_;
};

}  // namespace godwit::control::testing
