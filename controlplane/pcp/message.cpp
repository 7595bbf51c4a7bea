#include "controlplane/pcp/message.hpp"

#include <algorithm>

#include "net/byte_reader.hpp"
#include "net/byte_writer.hpp"

namespace godwit::control::pcp {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kAddressBytes = 16;
constexpr std::size_t kMappedBytes = 12;  // of ::ffff:0:0/96, before the address of IPv4
constexpr std::size_t kMappedBits = kMappedBytes * 8;
constexpr std::size_t kFilterBytes = 20;

constexpr std::uint32_t kLongErrorSeconds = 30 * 60;  // RFC 6887 7.4
constexpr std::uint32_t kShortErrorSeconds = 30;

// RFC 6887 5: an address of IPv4 is written as IPv4-mapped.
std::optional<net::Ipv4Address> ipv4_of(Bytes address) {
    net::ByteReader reader(address);
    if (reader.u64() != 0 || reader.u32() != 0xffff) {
        return std::nullopt;
    }
    const net::Ipv4Address ipv4 = reader.ipv4();
    return reader.ok() ? std::optional(ipv4) : std::nullopt;
}

void write_address(net::ByteWriter& writer, net::Ipv4Address address) {
    writer.u64(0);
    writer.u32(0xffff);
    writer.ipv4(address);
}

// The rest of the header is what the caller has of the request.
void write_header(net::ByteWriter& writer, std::uint8_t opcode, ResultCode code,
                  std::uint32_t lifetime_seconds, std::uint32_t epoch_seconds) {
    writer.u8(kVersion);
    writer.u8(opcode | kResponseBit);
    writer.u8(0);
    writer.u8(static_cast<std::uint8_t>(code));
    writer.u32(lifetime_seconds);
    writer.u32(epoch_seconds);
}

// RFC 6887 13.3.
std::optional<ResultCode> add_filter(Bytes data, MapRequest& map) {
    if (data.size() != kFilterBytes) {
        return ResultCode::MalformedOption;
    }
    net::ByteReader reader(data);
    reader.skip(1);
    const std::size_t length = reader.u8();
    const std::uint16_t port = reader.u16();
    const auto remote = ipv4_of(reader.bytes(kAddressBytes));
    if (length == 0) {  // "no filter": what the mapping has so far, and what came before this
        map.clears_filters = true;
        map.filters.clear();
        return std::nullopt;
    }
    // A mapping of IPv4 hears from IPv4 alone: no other prefix would ever match.
    if (!remote || length < kMappedBits || length > kAddressBytes * 8) {
        return ResultCode::MalformedOption;
    }
    const Filter filter{
        net::Ipv4Prefix::covering(*remote, static_cast<std::uint8_t>(length - kMappedBits)), port};
    if (std::find(map.filters.begin(), map.filters.end(), filter) == map.filters.end()) {
        map.filters.push_back(filter);
    }
    return std::nullopt;
}

// In the order that they stand in (RFC 6887 7.3); the first that is wrong decides.
std::optional<ResultCode> read_options(net::ByteReader& reader, Opcode opcode, MapRequest& map,
                                       bool& prefers_failure) {
    const bool of_map = opcode == Opcode::Map;
    while (reader.remaining() > 0) {
        net::ByteReader whole = reader;
        const std::uint8_t code = reader.u8();
        reader.skip(1);
        const std::size_t length = reader.u16();
        const Bytes data = reader.bytes(length);
        reader.skip((4 - length % 4) % 4);
        if (!reader.ok()) {
            return ResultCode::MalformedOption;
        }
        const Bytes option = whole.bytes(reader.offset() - whole.offset());
        if (of_map && code == static_cast<std::uint8_t>(OptionCode::PreferFailure)) {
            if (length != 0 || prefers_failure) {  // 13.2: no data, at most once
                return ResultCode::MalformedOption;
            }
            prefers_failure = true;
        } else if (of_map && code == static_cast<std::uint8_t>(OptionCode::Filter)) {
            if (const auto fault = add_filter(data, map)) {
                return fault;
            }
        } else if (code < kFirstOptionalCode) {
            // Unknown, of another opcode, or THIRD_PARTY (13.1), which subscribers may not use.
            return ResultCode::UnsuppOption;
        } else {
            continue;  // 7.3: ignored, and not in the answer
        }
        map.options.insert(map.options.end(), option.begin(), option.end());
    }
    return std::nullopt;
}

// RFC 6887 11.1, 11.3.
net::Result<Request, ResultCode> decode_map(net::ByteReader& reader, Request request) {
    MapRequest& map = request.map;
    map.nonce = reader.object<Nonce>();
    map.protocol = static_cast<net::IpProtocol>(reader.u8());
    reader.skip(3);
    map.internal_port = reader.u16();
    map.suggested.port = reader.u16();
    const Bytes suggested = reader.bytes(kAddressBytes);
    if (!reader.ok()) {
        return net::unexpected(ResultCode::MalformedRequest);
    }
    const bool all_protocols = map.protocol == net::IpProtocol{0};
    if (all_protocols && map.internal_port != 0) {  // 11.1
        return net::unexpected(ResultCode::MalformedRequest);
    }
    bool prefers_failure = false;
    if (const auto fault = read_options(reader, request.opcode, map, prefers_failure)) {
        return net::unexpected(*fault);
    }
    // DEVIATION(6887, 11.3): all ports and all protocols are not offered: many share an address.
    if (map.internal_port == 0 ||
        (map.protocol != net::IpProtocol::Tcp && map.protocol != net::IpProtocol::Udp)) {
        return net::unexpected(ResultCode::UnsuppProtocol);
    }
    // 11.3: who could map these would hear, and speak, as PCP itself.
    if (map.protocol == net::IpProtocol::Udp &&
        (map.internal_port == kServerPort || map.internal_port == kClientPort)) {
        return net::unexpected(ResultCode::NotAuthorized);
    }
    const auto wanted = ipv4_of(suggested);
    const bool is_none = std::all_of(suggested.begin(), suggested.end(),
                                     [](std::uint8_t byte) { return byte == 0; });
    map.suggested.address = wanted.value_or(net::Ipv4Address());
    if (prefers_failure) {
        // 13.2: it is about what is suggested, of a mapping that is to be.
        if (request.lifetime_seconds == 0 || (map.suggested == Endpoint{} && (is_none || wanted))) {
            return net::unexpected(ResultCode::MalformedOption);
        }
        if (!wanted && !is_none) {  // an address that is none of ours
            return net::unexpected(ResultCode::CannotProvideExternal);
        }
        map.exactly = true;
    }
    if (request.lifetime_seconds == 0) {  // 15.1: there is nothing left to filter
        map.clears_filters = false;
        map.filters.clear();
        map.options.clear();
    }
    if (map.filters.size() > kMaxFilters) {
        return net::unexpected(ResultCode::ExcessiveRemotePeers);
    }
    return request;
}

}  // namespace

std::optional<Silence> silence_on(Bytes bytes) {
    if (bytes.size() < 2) {
        return Silence::TooShort;
    }
    if ((bytes[1] & kResponseBit) != 0) {
        return Silence::IsResponse;
    }
    // A message of another version may well be shorter: it is told which one to speak.
    if (bytes[0] == kVersion && bytes.size() < kHeaderBytes) {
        return Silence::TooShort;
    }
    return std::nullopt;
}

net::Result<Request, ResultCode> decode(Bytes bytes, net::Ipv4Address source) {
    net::ByteReader reader(bytes);
    if (reader.u8() != kVersion) {  // RFC 6887 9
        return net::unexpected(ResultCode::UnsuppVersion);
    }
    // 8.2. What is too short for a header is silenced before; here it is wrong like any other.
    if (bytes.size() < kHeaderBytes || bytes.size() > kMostBytes || bytes.size() % 4 != 0) {
        return net::unexpected(ResultCode::MalformedRequest);
    }
    Request request;
    request.opcode = static_cast<Opcode>(reader.u8());
    reader.skip(2);
    request.lifetime_seconds = reader.u32();
    const auto client = ipv4_of(reader.bytes(kAddressBytes));
    if (request.opcode != Opcode::Announce && request.opcode != Opcode::Map) {
        return net::unexpected(ResultCode::UnsuppOpcode);
    }
    if (client != source) {  // 8.2: there is a NAT on the way that the client does not know of
        return net::unexpected(ResultCode::AddressMismatch);
    }
    if (request.opcode == Opcode::Map) {
        return decode_map(reader, std::move(request));
    }
    bool prefers_failure = false;
    if (const auto fault = read_options(reader, request.opcode, request.map, prefers_failure)) {
        return net::unexpected(*fault);
    }
    return request;
}

std::uint32_t error_lifetime_seconds(ResultCode code) {
    switch (code) {
        case ResultCode::NetworkFailure:
        case ResultCode::NoResources:
        case ResultCode::UserExQuota:
        case ResultCode::CannotProvideExternal:
            return kShortErrorSeconds;
        case ResultCode::Success:
        case ResultCode::UnsuppVersion:
        case ResultCode::NotAuthorized:
        case ResultCode::MalformedRequest:
        case ResultCode::UnsuppOpcode:
        case ResultCode::UnsuppOption:
        case ResultCode::MalformedOption:
        case ResultCode::UnsuppProtocol:
        case ResultCode::AddressMismatch:
        case ResultCode::ExcessiveRemotePeers:
            break;
    }
    return kLongErrorSeconds;
}

std::vector<std::uint8_t> encode_error(Bytes request, ResultCode code, std::uint32_t epoch_seconds,
                                       std::optional<std::uint32_t> lifetime_seconds) {
    // RFC 6887 8.2: all of it, up to the most that a message may have, padded.
    const std::size_t copied = std::min(request.size(), kMostBytes);
    std::vector<std::uint8_t> bytes(std::max((copied + 3) / 4 * 4, kHeaderBytes));
    std::copy_n(request.begin(), copied, bytes.begin());
    net::ByteWriter writer(bytes);
    write_header(writer, bytes[1], code, lifetime_seconds.value_or(error_lifetime_seconds(code)),
                 epoch_seconds);
    // 7.2: the last 96 bits of the client's address stand where they stood when the request could
    // not be parsed, and are zero when it could.
    if (code != ResultCode::UnsuppVersion && code != ResultCode::MalformedRequest) {
        writer.zeros(kHeaderBytes - writer.offset());
    }
    return bytes;
}

std::vector<std::uint8_t> encode_announcement(std::uint32_t epoch_seconds) {
    std::vector<std::uint8_t> bytes(kHeaderBytes);
    net::ByteWriter writer(bytes);
    write_header(writer, static_cast<std::uint8_t>(Opcode::Announce), ResultCode::Success, 0,
                 epoch_seconds);
    return bytes;
}

std::vector<std::uint8_t> encode_mapping(const MapRequest& request, const Endpoint& outside,
                                         std::uint32_t lifetime_seconds,
                                         std::uint32_t epoch_seconds) {
    std::vector<std::uint8_t> bytes(kHeaderBytes + kMapBytes + request.options.size());
    net::ByteWriter writer(bytes);
    write_header(writer, static_cast<std::uint8_t>(Opcode::Map), ResultCode::Success,
                 lifetime_seconds, epoch_seconds);
    writer.zeros(kHeaderBytes - writer.offset());
    writer.object(request.nonce);
    writer.u8(static_cast<std::uint8_t>(request.protocol));
    writer.zeros(3);
    writer.u16(request.internal_port);
    writer.u16(outside.port);
    write_address(writer, outside.address);
    writer.bytes(request.options);
    return bytes;
}

}  // namespace godwit::control::pcp
