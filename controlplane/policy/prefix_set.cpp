#include "controlplane/policy/prefix_set.hpp"

#include <algorithm>

namespace godwit::control {

namespace {

std::uint64_t bits_of(const net::Ipv4PrefixRange& entry) {
    const std::uint64_t up_to_most = (std::uint64_t{2} << entry.most_length) - 1;
    const std::uint64_t below_least = (std::uint64_t{1} << entry.least_length) - 1;
    return up_to_most & ~below_least;
}

}  // namespace

PrefixSet::PrefixSet(std::span<const net::Ipv4PrefixRange> entries) {
    // By address, the wider first: each entry is met inside those that contain it.
    std::vector<net::Ipv4PrefixRange> sorted(entries.begin(), entries.end());
    std::sort(sorted.begin(), sorted.end());

    struct Open {
        std::uint32_t last = 0;
        std::uint64_t lengths = 0;  // with those of everything around it
    };
    std::vector<Open> around;
    const auto begin_segment = [this](std::uint32_t first, std::uint64_t lengths) {
        if (!segments_.empty() && segments_.back().first == first) {
            segments_.back().lengths = lengths;
        } else if (segments_.empty() || segments_.back().lengths != lengths) {
            segments_.push_back({first, lengths});
        }
    };
    const auto close = [&] {
        const std::uint32_t last = around.back().last;
        around.pop_back();
        // What ends with the address space needs no segment behind it.
        if (last != ~std::uint32_t{0}) {
            begin_segment(last + 1, around.empty() ? 0 : around.back().lengths);
        }
    };
    for (const net::Ipv4PrefixRange& entry : sorted) {
        const std::uint32_t first = entry.prefix.address().value();
        while (!around.empty() && around.back().last < first) {
            close();
        }
        const std::uint64_t outer = around.empty() ? 0 : around.back().lengths;
        around.push_back({entry.prefix.last_address().value(), outer | bits_of(entry)});
        begin_segment(first, around.back().lengths);
    }
    while (!around.empty()) {
        close();
    }
}

std::uint64_t PrefixSet::lengths_at(net::Ipv4Address address) const {
    const auto behind = std::upper_bound(
        segments_.begin(), segments_.end(), address.value(),
        [](std::uint32_t value, const Segment& segment) { return value < segment.first; });
    return behind == segments_.begin() ? 0 : std::prev(behind)->lengths;
}

bool PrefixSet::contains(const net::Ipv4Prefix& prefix) const {
    return (lengths_at(prefix.address()) >> prefix.length() & 1U) != 0;
}

bool PrefixSet::covers(net::Ipv4Address address) const {
    return lengths_at(address) != 0;
}

}  // namespace godwit::control
