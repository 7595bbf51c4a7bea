#include "dataplane/nodes/fragment/fragment_plan.hpp"

#include <algorithm>
#include <cstring>

#include "net/checksum.hpp"

namespace godwit::dataplane {

namespace {

using net::wire::Ipv4Layout;

constexpr std::uint32_t kUnitBytes = 8;
constexpr std::uint8_t kCopyBit = 0x80;  // RFC 791 3.1: "copied" into all fragments

constexpr std::uint32_t rounded_up(std::uint32_t bytes) {
    return (bytes + kUnitBytes - 1) & ~(kUnitBytes - 1);
}

}  // namespace

std::optional<FragmentPlan> FragmentPlan::make(std::span<const std::uint8_t> header,
                                               std::uint16_t mtu_bytes) {
    if (mtu_bytes < header.size() + kUnitBytes) {
        return std::nullopt;
    }
    FragmentPlan plan;
    plan.mtu_bytes_ = mtu_bytes;
    plan.first_.size = static_cast<std::uint16_t>(header.size());
    std::copy(header.begin(), header.end(), plan.first_.bytes.begin());

    Ipv4Layout fixed;
    std::memcpy(&fixed, header.data(), sizeof fixed);
    const std::uint16_t fragment = fixed.fragment.host();
    plan.payload_bytes_ = fixed.total_length.host() - static_cast<std::uint32_t>(header.size());
    plan.fragment_units_ = static_cast<std::uint16_t>(fragment & net::kIpv4OffsetMask);
    if (plan.fragment_units_ * kUnitBytes + header.size() + plan.payload_bytes_ >
        net::kIpv4MaxTotalBytes) {
        return std::nullopt;
    }
    plan.reserved_flag_ = static_cast<std::uint16_t>(fragment & net::kIpv4ReservedFlag);
    plan.more_fragments_ = (fragment & net::kIpv4MoreFragments) != 0;

    std::size_t later_bytes = sizeof fixed;
    const auto options = header.subspan(sizeof fixed);
    net::OptionWalker walker(options);
    while (const auto option = walker.next()) {
        if ((option->kind & kCopyBit) == 0) {
            continue;
        }
        const auto whole = options.subspan(option->offset, option->data.size() + 2);
        std::copy(whole.begin(), whole.end(),
                  plan.later_.bytes.begin() + static_cast<std::ptrdiff_t>(later_bytes));
        later_bytes += whole.size();
    }
    later_bytes = (later_bytes + 3) / 4 * 4;  // the rest is zero: end of list
    plan.later_.size = static_cast<std::uint16_t>(later_bytes);
    fixed.version_ihl = static_cast<std::uint8_t>(0x40U | later_bytes / 4);
    std::memcpy(plan.later_.bytes.data(), &fixed, sizeof fixed);

    // The last one may end anywhere, so it has room for what the others must round away.
    const std::uint32_t last_room = mtu_bytes - std::uint32_t{plan.later_.size};
    const std::uint32_t ends = plan.room(plan.first_) + last_room;
    const std::uint32_t between = plan.payload_bytes_ > ends ? plan.payload_bytes_ - ends : 0;
    const std::uint32_t each = plan.room(plan.later_);
    plan.count_ = 2 + (between + each - 1) / each;
    plan.left_ = plan.count_;
    return plan;
}

FragmentPlan::Part FragmentPlan::next(std::span<std::uint8_t, net::kIpv4MaxHeaderBytes> into) {
    const Header& from = left_ == count_ ? first_ : later_;
    const std::uint32_t rest = payload_bytes_ - done_bytes_;
    const bool last = left_ == 1;
    const std::uint32_t payload =
        last ? rest : std::min(rounded_up((rest + left_ - 1) / left_), room(from));

    std::copy_n(from.bytes.begin(), from.size, into.begin());
    Ipv4Layout fixed;
    std::memcpy(&fixed, into.data(), sizeof fixed);
    fixed.total_length = net::Big16::from_host(static_cast<std::uint16_t>(from.size + payload));
    const std::uint32_t units = fragment_units_ + done_bytes_ / kUnitBytes;
    const std::uint32_t more = !last || more_fragments_ ? net::kIpv4MoreFragments : 0U;
    fixed.fragment =
        net::Big16::from_host(static_cast<std::uint16_t>(units | more | reserved_flag_));
    fixed.checksum = {};
    std::memcpy(into.data(), &fixed, sizeof fixed);
    fixed.checksum = net::internet_checksum(into.first(from.size));
    std::memcpy(into.data(), &fixed, sizeof fixed);

    done_bytes_ += payload;
    --left_;
    return {from.size, static_cast<std::uint16_t>(payload)};
}

}  // namespace godwit::dataplane
