// A dataplane in a few lines: carries out download operations as the real one must, refuses what it
// would refuse, and says what each prefix leads to.
#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "controlplane/rib/download_op.hpp"

namespace godwit::control::testing {

class ModelFib {
public:
    using Hops = std::set<RibNextHop>;

    // Empty, or what is wrong with the operation.
    std::string apply(const DownloadOp& op) {
        return std::visit([this](const auto& record) { return carry_out(record); }, op);
    }
    std::string apply(const std::vector<DownloadOp>& ops) {
        for (const DownloadOp& op : ops) {
            if (std::string problem = apply(op); !problem.empty()) {
                return problem;
            }
        }
        return {};
    }

    [[nodiscard]] std::map<net::Ipv4Prefix, Hops> expanded() const {
        std::map<net::Ipv4Prefix, Hops> all;
        for (const auto& [prefix, number] : routes_) {
            all[prefix] = hops_of(number);
        }
        return all;
    }
    [[nodiscard]] const std::map<net::Ipv4Prefix, std::uint32_t>& routes() const { return routes_; }
    [[nodiscard]] std::size_t object_count() const { return next_hops_.size() + groups_.size(); }

private:
    [[nodiscard]] bool known(std::uint32_t number) const {
        return next_hops_.contains(number) || groups_.contains(number);
    }
    [[nodiscard]] Hops hops_of(std::uint32_t number) const {
        if (const auto found = next_hops_.find(number); found != next_hops_.end()) {
            return {found->second};
        }
        Hops hops;
        for (const std::uint32_t member : groups_.at(number)) {
            hops.insert(next_hops_.at(member));
        }
        return hops;
    }

    std::string carry_out(const SetNextHop& op) {
        if (op.number == 0 || known(op.number)) {
            return "next hop " + std::to_string(op.number) + " is there already";
        }
        if (op.next_hop.is_recursive()) {
            return "next hop " + std::to_string(op.number) + " is not resolved";
        }
        for (const auto& [number, next_hop] : next_hops_) {
            if (next_hop == op.next_hop) {
                return "next hop " + std::to_string(number) + " is the same already";
            }
        }
        next_hops_[op.number] = op.next_hop;
        return {};
    }
    std::string carry_out(const SetGroup& op) {
        if (op.number == 0 || next_hops_.contains(op.number)) {
            return "group " + std::to_string(op.number) + " is a next hop";
        }
        if (op.members.empty() || op.members.size() > kMaxGroupMembers) {
            return "group " + std::to_string(op.number) + " has an impossible size";
        }
        for (const std::uint32_t member : op.members) {
            if (!next_hops_.contains(member)) {
                return "group " + std::to_string(op.number) + " has an unknown member";
            }
        }
        groups_[op.number] = op.members;
        return {};
    }
    std::string carry_out(const DeleteNextHop& op) {
        if (!known(op.number)) {
            return "number " + std::to_string(op.number) + " is not there to delete";
        }
        for (const auto& [prefix, number] : routes_) {
            if (number == op.number) {
                return "number " + std::to_string(op.number) + " is used by " + prefix.to_string();
            }
        }
        for (const auto& [number, members] : groups_) {
            for (const std::uint32_t member : members) {
                if (member == op.number) {
                    return "number " + std::to_string(op.number) + " is used by a group";
                }
            }
        }
        next_hops_.erase(op.number);
        groups_.erase(op.number);
        return {};
    }
    std::string carry_out(const SetRoute& op) {
        if (!known(op.number)) {
            return "route " + op.prefix.to_string() + " has an unknown number";
        }
        routes_[op.prefix] = op.number;
        return {};
    }
    std::string carry_out(const DeleteRoute& op) {
        return routes_.erase(op.prefix) == 1 ? "" : op.prefix.to_string() + " is not there";
    }

    std::map<std::uint32_t, RibNextHop> next_hops_;
    std::map<std::uint32_t, std::vector<std::uint32_t>> groups_;
    std::map<net::Ipv4Prefix, std::uint32_t> routes_;
};

}  // namespace godwit::control::testing
