#include "net/icmp_extensions.hpp"

#include <algorithm>

#include "net/byte_reader.hpp"
#include "net/checksum.hpp"

namespace godwit::net {

namespace {

constexpr std::uint8_t kVersion = 2;
constexpr unsigned kRoleShift = 6;
constexpr std::uint8_t kHasIndex = 0x08;
constexpr std::uint8_t kHasAddress = 0x04;
constexpr std::uint8_t kHasName = 0x02;
constexpr std::uint8_t kHasMtu = 0x01;
constexpr std::uint16_t kFamilyIpv4 = 1;  // IANA "Address Family Numbers"
constexpr std::uint16_t kFamilyIpv6 = 2;
constexpr std::size_t kIpv6AddressBytes = 16;
// Where the length of the quoted packet stands in the second word of the message (RFC 4884 4).
constexpr unsigned kLengthShift = 16;

std::string_view name_that_fits(std::string_view name) {
    return name.substr(0, InterfaceInformation::kMaxNameBytes);
}

// With its byte of length, in whole words.
std::size_t name_field_bytes(std::string_view name) {
    return (name_that_fits(name).size() + 1 + 3) / 4 * 4;
}

}  // namespace

std::size_t InterfaceInformation::encoded_size() const {
    return kIcmpExtensionObjectHeadBytes + (index ? 4U : 0U) + (address ? 8U : 0U) +
           (name.empty() ? 0U : name_field_bytes(name)) + (mtu_bytes ? 4U : 0U);
}

void InterfaceInformation::encode(ByteWriter& writer) const {
    writer.u16(static_cast<std::uint16_t>(encoded_size()));
    writer.u8(static_cast<std::uint8_t>(IcmpExtensionClass::Interface));
    writer.u8(static_cast<std::uint8_t>(static_cast<unsigned>(role) << kRoleShift |
                                        (index ? kHasIndex : 0U) | (address ? kHasAddress : 0U) |
                                        (name.empty() ? 0U : kHasName) |
                                        (mtu_bytes ? kHasMtu : 0U)));
    if (index) {
        writer.u32(*index);
    }
    if (address) {
        writer.u16(kFamilyIpv4);
        writer.u16(0);
        writer.ipv4(*address);
    }
    if (!name.empty()) {
        const std::string_view fitting = name_that_fits(name);
        const std::size_t field_bytes = name_field_bytes(name);
        writer.u8(static_cast<std::uint8_t>(field_bytes));
        writer.bytes({reinterpret_cast<const std::uint8_t*>(fitting.data()), fitting.size()});
        writer.zeros(field_bytes - 1 - fitting.size());
    }
    if (mtu_bytes) {
        writer.u32(*mtu_bytes);
    }
}

std::size_t encoded_extensions_size(const InterfaceInformation& interface) {
    return kIcmpExtensionHeadBytes + interface.encoded_size();
}

void encode_extensions(ByteWriter& writer, const InterfaceInformation& interface) {
    const std::size_t start = writer.offset();
    writer.u16(std::uint16_t{kVersion} << 12);
    writer.u16(0);
    interface.encode(writer);
    if (!writer.ok()) {
        return;
    }
    writer.patch(start + 2, internet_checksum(writer.written().subspan(start)));
}

namespace wire {

Result<std::optional<IcmpExtensionsView>, DecodeError> IcmpExtensionsView::of(
    const IcmpView& message) {
    const std::size_t quoted_bytes = (message.message().rest >> kLengthShift & 0xffU) * 4U;
    if (!may_have_extensions(message.type()) || quoted_bytes == 0) {
        return std::optional<IcmpExtensionsView>();
    }
    if (quoted_bytes > message.body().size()) {
        return decode_error(DecodeFault::BadTotalLength, kIcmpHeaderBytes, quoted_bytes);
    }
    auto extensions = parse(message.body().subspan(quoted_bytes));
    if (!extensions) {
        DecodeError error = extensions.error();
        error.offset += static_cast<std::uint32_t>(kIcmpHeaderBytes + quoted_bytes);
        return unexpected<DecodeError>(error);
    }
    return std::optional(*extensions);
}

Result<IcmpExtensionsView, DecodeError> IcmpExtensionsView::parse(
    std::span<const std::uint8_t> bytes) {
    if (bytes.size() < kIcmpExtensionHeadBytes) {
        return decode_error(DecodeFault::Truncated, 0, bytes.size());
    }
    if (bytes[0] >> 4 != kVersion) {
        return decode_error(DecodeFault::BadVersion, 0, bytes[0] >> 4);
    }
    const IcmpExtensionsView view(bytes);
    for (std::size_t offset = kIcmpExtensionHeadBytes; offset < bytes.size();) {
        const std::size_t left = bytes.size() - offset;
        if (left < kIcmpExtensionObjectHeadBytes) {
            return decode_error(DecodeFault::Truncated, offset, left);
        }
        const std::size_t length = std::size_t{bytes[offset]} << 8 | bytes[offset + 1];
        if (length < kIcmpExtensionObjectHeadBytes || length > left) {
            return decode_error(DecodeFault::BadTotalLength, offset, length);
        }
        offset += length;
    }
    return view;
}

bool IcmpExtensionsView::has_valid_checksum() const {
    return (bytes_[2] == 0 && bytes_[3] == 0) || net::has_valid_checksum(bytes_);
}

IcmpExtensionObject IcmpExtensionsView::object_at(std::size_t offset) const {
    const std::size_t length = std::size_t{bytes_[offset]} << 8 | bytes_[offset + 1];
    return {IcmpExtensionClass{bytes_[offset + 2]}, bytes_[offset + 3],
            bytes_.subspan(offset + kIcmpExtensionObjectHeadBytes,
                           length - kIcmpExtensionObjectHeadBytes)};
}

Result<InterfaceInformation, DecodeError> parse_interface_information(
    const IcmpExtensionObject& object) {
    ByteReader reader(object.payload);
    const std::uint8_t type = object.object_type;
    InterfaceInformation information;
    information.role = InterfaceRole{static_cast<std::uint8_t>(type >> kRoleShift)};
    if ((type & kHasIndex) != 0) {
        information.index = reader.u32();
    }
    if ((type & kHasAddress) != 0) {
        const std::uint16_t family = reader.u16();
        reader.skip(2);
        if (family == kFamilyIpv4) {
            information.address = reader.ipv4();
        } else if (family == kFamilyIpv6) {
            reader.skip(kIpv6AddressBytes);
        } else if (reader.ok()) {
            // Nobody can say where what follows begins.
            return decode_error(DecodeFault::BadProtocolType, reader.offset() - 4, family);
        }
    }
    if ((type & kHasName) != 0) {
        const std::size_t offset = reader.offset();
        const std::uint8_t field_bytes = reader.u8();
        if (reader.ok() && (field_bytes % 4 != 0 || field_bytes == 0 ||
                            field_bytes > InterfaceInformation::kMaxNameBytes + 1)) {
            return decode_error(DecodeFault::BadTotalLength, offset, field_bytes);
        }
        const auto name = reader.bytes(reader.ok() ? field_bytes - 1U : 0U);
        information.name = {
            reinterpret_cast<const char*>(name.data()),
            static_cast<std::size_t>(std::find(name.begin(), name.end(), 0) - name.begin())};
    }
    if ((type & kHasMtu) != 0) {
        information.mtu_bytes = reader.u32();
    }
    if (!reader.ok()) {
        return decode_error(DecodeFault::Truncated, 0, object.payload.size());
    }
    return information;
}

}  // namespace wire
}  // namespace godwit::net
