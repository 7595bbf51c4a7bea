#include "net/ipv4_options.hpp"

#include <cstring>

#include "net/byte_order.hpp"
#include "net/header_options.hpp"
#include "net/ipv4.hpp"

namespace godwit::net {

namespace {

constexpr std::size_t kAddressBytes = 4;
constexpr std::size_t kRouteHeadBytes = 3;      // kind, length, pointer
constexpr std::size_t kTimestampHeadBytes = 4;  // and overflow, flag
constexpr std::size_t kRouterAlertBytes = 4;
constexpr std::uint8_t kMostOverflow = 15;

enum class TimestampFlag : std::uint8_t { StampsOnly = 0, Addresses = 1, GivenAddresses = 3 };

// The parts of an option that stands at `at`.
std::size_t length_of(std::span<const std::uint8_t> header, std::size_t at) {
    return header[at + 1];
}
std::size_t pointer_of(std::span<const std::uint8_t> header, std::size_t at) {
    return header[at + 2];
}
bool is_full(std::span<const std::uint8_t> header, std::size_t at) {
    return pointer_of(header, at) > length_of(header, at);
}
TimestampFlag flag_of(std::span<const std::uint8_t> header, std::size_t at) {
    return TimestampFlag{static_cast<std::uint8_t>(header[at + 3] & 0xfU)};
}

// A pointer counts from 1.
std::size_t place_of(std::span<const std::uint8_t> header, std::size_t at) {
    return at + pointer_of(header, at) - 1;
}
void advance(std::span<std::uint8_t> header, std::size_t at, std::size_t bytes) {
    header[at + 2] = static_cast<std::uint8_t>(header[at + 2] + bytes);
}

Ipv4Address address_at(std::span<const std::uint8_t> header, std::size_t place) {
    Big32 address;
    std::memcpy(&address, &header[place], sizeof address);
    return Ipv4Address::from_wire(address);
}
void put(std::span<std::uint8_t> header, std::size_t place, Big32 value) {
    std::memcpy(&header[place], &value, sizeof value);
}

// Bytes of one entry; 0: a flag that nobody knows, so the option is none of ours.
std::size_t stamp_bytes(TimestampFlag flag) {
    switch (flag) {
        case TimestampFlag::StampsOnly:
            return 4;
        case TimestampFlag::Addresses:
        case TimestampFlag::GivenAddresses:
            return 8;
    }
    return 0;
}

class Reader {
public:
    explicit Reader(std::span<const std::uint8_t> header) : header_(header) {}

    Ipv4Options read() {
        OptionWalker walker(header_.subspan(kIpv4MinHeaderBytes));
        while (found_.fault == Ipv4Options::Fault::None) {
            const auto option = walker.next();
            if (!option) {
                break;
            }
            take(Ipv4OptionKind{option->kind}, kIpv4MinHeaderBytes + option->offset);
        }
        if (walker.malformed()) {
            // Its length lies, where there is one.
            const std::size_t at = kIpv4MinHeaderBytes + walker.offset();
            fail(Ipv4Options::Fault::Malformed, at + 1 < header_.size() ? at + 1 : at);
        }
        return found_;
    }

private:
    void take(Ipv4OptionKind kind, std::size_t at) {
        switch (kind) {
            case Ipv4OptionKind::RecordRoute:
                take_once(found_.record_route, at);
                judge_pointer(at, kRouteHeadBytes, kAddressBytes, Ipv4Options::Fault::NoRoom);
                return;
            case Ipv4OptionKind::LooseSourceRoute:
            case Ipv4OptionKind::StrictSourceRoute:
                // RFC 1812 5.2.4.1: more than one of either kind is an error, at the second.
                take_once(found_.source_route, at);
                found_.is_strict = kind == Ipv4OptionKind::StrictSourceRoute;
                judge_pointer(at, kRouteHeadBytes, kAddressBytes, Ipv4Options::Fault::Malformed);
                judge_stops(at);
                return;
            case Ipv4OptionKind::Timestamp:
                take_once(found_.timestamp, at);
                judge_timestamp(at);
                return;
            case Ipv4OptionKind::RouterAlert:
                take_router_alert(at);
                return;
            case Ipv4OptionKind::End:
            case Ipv4OptionKind::NoOperation:
                return;
        }
        // RFC 1812 4.2.2.6, 5.3.13.1: unknown ones are nobody's here. So are the security options
        // (RFC 1108) and the stream identifier (5.3.13.2, 5.3.13.3).
    }

    // RFC 791 3.1: each of them appears at most once in a datagram.
    void take_once(std::uint8_t& place, std::size_t at) {
        if (place != 0) {
            fail(Ipv4Options::Fault::Malformed, at);
            return;
        }
        place = static_cast<std::uint8_t>(at);
    }

    void judge_pointer(std::size_t at, std::size_t head_bytes, std::size_t entry_bytes,
                       Ipv4Options::Fault without_room) {
        if (length_of(header_, at) < head_bytes) {
            fail(Ipv4Options::Fault::Malformed, at + 1);
        } else if (pointer_of(header_, at) <= head_bytes) {
            fail(Ipv4Options::Fault::Malformed, at + 2);
        } else if (!is_full(header_, at) &&
                   pointer_of(header_, at) + entry_bytes - 1 > length_of(header_, at)) {
            fail(without_room, at + 2);  // RFC 791 3.1: some room, and not enough
        }
    }

    // A series of addresses to the end: one visit may take several of them.
    void judge_stops(std::size_t at) {
        if (length_of(header_, at) >= kRouteHeadBytes && !is_full(header_, at) &&
            (length_of(header_, at) + 1 - pointer_of(header_, at)) % kAddressBytes != 0) {
            fail(Ipv4Options::Fault::Malformed, at + 2);
        }
    }

    void judge_timestamp(std::size_t at) {
        if (length_of(header_, at) < kTimestampHeadBytes) {
            fail(Ipv4Options::Fault::Malformed, at + 1);
            return;
        }
        const TimestampFlag flag = flag_of(header_, at);
        const std::size_t entry_bytes = stamp_bytes(flag);
        if (entry_bytes == 0) {
            return;
        }
        judge_pointer(at, kTimestampHeadBytes, entry_bytes, Ipv4Options::Fault::NoRoom);
        // RFC 791 3.1: the overflow count itself overflows.
        if (is_full(header_, at) && flag != TimestampFlag::GivenAddresses &&
            header_[at + 3] >> 4 == kMostOverflow) {
            fail(Ipv4Options::Fault::NoRoom, at + 3);
        }
    }

    // RFC 2113 2.1: value 0 is "examine packet"; who does not know another one ignores it.
    void take_router_alert(std::size_t at) {
        if (length_of(header_, at) < kRouterAlertBytes) {
            fail(Ipv4Options::Fault::Malformed, at + 1);
        } else if (header_[at + 2] == 0 && header_[at + 3] == 0) {
            found_.router_alert = static_cast<std::uint8_t>(at);
        }
    }

    void fail(Ipv4Options::Fault fault, std::size_t at) {
        if (found_.fault == Ipv4Options::Fault::None) {
            found_.fault = fault;
            found_.fault_at = static_cast<std::uint8_t>(at);
        }
    }

    std::span<const std::uint8_t> header_;
    Ipv4Options found_;
};

}  // namespace

Ipv4Options read_ipv4_options(std::span<const std::uint8_t> header) {
    return Reader(header).read();
}

void record_route(std::span<std::uint8_t> header, std::size_t option, Ipv4Address own) {
    if (!is_full(header, option)) {
        put(header, place_of(header, option), own.to_wire());
        advance(header, option, kAddressBytes);
    }
}

std::optional<Ipv4Address> timestamp_asks(std::span<const std::uint8_t> header,
                                          std::size_t option) {
    if (flag_of(header, option) != TimestampFlag::GivenAddresses || is_full(header, option)) {
        return std::nullopt;
    }
    return address_at(header, place_of(header, option));
}

void add_timestamp(std::span<std::uint8_t> header, std::size_t option, Ipv4Address own,
                   std::uint32_t milliseconds) {
    const TimestampFlag flag = flag_of(header, option);
    const std::size_t entry_bytes = stamp_bytes(flag);
    if (entry_bytes == 0) {
        return;
    }
    if (is_full(header, option)) {
        if (flag != TimestampFlag::GivenAddresses && header[option + 3] >> 4 < kMostOverflow) {
            header[option + 3] = static_cast<std::uint8_t>(header[option + 3] + 0x10U);
        }
        return;
    }
    std::size_t place = place_of(header, option);
    if (entry_bytes > kAddressBytes) {
        put(header, place, own.to_wire());
        place += kAddressBytes;
    }
    put(header, place, Big32::from_host(milliseconds));
    advance(header, option, entry_bytes);
}

bool is_unexpired_source_route(std::span<const std::uint8_t> header, std::size_t option) {
    return !is_full(header, option);
}

Ipv4Address take_source_route_hop(std::span<std::uint8_t> header, std::size_t option,
                                  Ipv4Address reached) {
    const std::size_t place = place_of(header, option);
    const Ipv4Address next = address_at(header, place);
    put(header, place, reached.to_wire());
    advance(header, option, kAddressBytes);
    return next;
}

void record_source_route(std::span<std::uint8_t> header, std::size_t option, unsigned hops,
                         Ipv4Address own) {
    for (unsigned hop = 1; hop <= hops; ++hop) {
        put(header, place_of(header, option) - hop * kAddressBytes, own.to_wire());
    }
}

}  // namespace godwit::net
