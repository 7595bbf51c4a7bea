#include "dataplane/tables/interface_table.hpp"

#include <algorithm>
#include <utility>

namespace godwit::dataplane {

void ImpossibleSources::rebuild(const std::vector<InterfaceEntry>& entries) {
    sorted_.clear();
    bitmap_.fill(0);
    filter_.fill(0);
    for (const InterfaceEntry& entry : entries) {
        for (const net::Ipv4InterfaceAddress& own : entry.addresses) {
            sorted_.push_back(own.address);
            // A /31 (RFC 3021) and a /32 have neither a broadcast nor a network address.
            if (const auto broadcast = own.broadcast()) {
                sorted_.push_back(*broadcast);
                sorted_.push_back(own.subnet().address());
            }
        }
    }
    std::sort(sorted_.begin(), sorted_.end());
    for (const net::Ipv4Address address : sorted_) {
        const std::uint32_t bit = hash(address);
        bitmap_[bit / 64] |= std::uint64_t{1} << (bit % 64);
        const std::uint32_t coarse = (address.value() * kMultiplier) >> kFilterShift;
        filter_[coarse / 16] = static_cast<std::uint16_t>(filter_[coarse / 16] | 1U << coarse % 16);
    }
}

bool ImpossibleSources::contains_exactly(net::Ipv4Address address) const {
    return std::binary_search(sorted_.begin(), sorted_.end(), address);
}

namespace {

void make_views(InterfaceSnapshot& snapshot) {
    for (auto& port : snapshot.ports) {
        const InterfaceEntry* untagged = snapshot.find(port.untagged);
        port.straight = untagged != nullptr && untagged->up && !untagged->partial_checksums &&
                        !port.software_rss && untagged->source_validation == SourceValidation::Off;
        port.own_mac = untagged != nullptr ? mac_bits(untagged->mac) : 0;
    }
    for (const InterfaceEntry& entry : snapshot.entries) {
        for (const net::Ipv4InterfaceAddress& own : entry.tentative) {
            snapshot.tentative.push_back(own.address);
        }
    }
    std::sort(snapshot.tentative.begin(), snapshot.tentative.end());
    snapshot.egress.fill({});
    for (const InterfaceEntry& entry : snapshot.entries) {
        if (!entry.id.is_none() && entry.up && entry.type != api::InterfaceType::Loopback &&
            entry.port < kMaxPorts && entry.id.value() < snapshot.egress.size()) {
            snapshot.egress[entry.id.value()] = {entry.port, entry.mtu,
                                                 snapshot.ports[entry.port].tx_queue_count};
        }
    }
}

}  // namespace

void InterfaceTable::replace(std::unique_ptr<InterfaceSnapshot> next) {
    next->impossible_sources.rebuild(next->entries);
    make_views(*next);
    const InterfaceSnapshot* old = current_.exchange(next.release(), std::memory_order_acq_rel);
    reclaimer_.defer([old] { delete old; });
}

}  // namespace godwit::dataplane
