#include "net/icmp_extensions.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/hex.hpp"

namespace godwit::net {
namespace {

using wire::IcmpExtensionObject;
using wire::IcmpExtensionsView;

InterfaceInformation lan0() {
    InterfaceInformation interface;
    interface.index = 7;
    interface.address = Ipv4Address(10, 0, 0, 1);
    interface.name = "lan0";
    interface.mtu_bytes = 1500;
    return interface;
}

std::vector<std::uint8_t> encoded(const InterfaceInformation& interface) {
    std::vector<std::uint8_t> bytes(encoded_extensions_size(interface));
    ByteWriter writer(bytes);
    encode_extensions(writer, interface);
    EXPECT_TRUE(writer.ok());
    EXPECT_EQ(writer.remaining(), 0U);
    return bytes;
}

std::vector<InterfaceInformation> interfaces_in(const IcmpExtensionsView& view) {
    std::vector<InterfaceInformation> found;
    view.for_each([&found](const IcmpExtensionObject& object) {
        EXPECT_EQ(object.object_class, IcmpExtensionClass::Interface);
        const auto interface = wire::parse_interface_information(object);
        ASSERT_TRUE(interface) << interface.error().to_string();
        found.push_back(*interface);
    });
    return found;
}

// rfc4884: 7
// rfc5837: 4.1, 4.2, 4.3, 4.4
TEST(IcmpExtensions, an_interface_lies_on_the_wire_as_its_rfc_draws_it) {
    const auto bytes = encoded(lan0());
    const std::vector<std::uint8_t> drawn{
        0x20, 0x00, bytes[2], bytes[3],                // version 2, checksum
        0x00, 0x1c, 0x02,     0x0f,                    // 28 bytes, class 2, all four, arrival
        0x00, 0x00, 0x00,     0x07,                    // ifIndex
        0x00, 0x01, 0x00,     0x00,     10,  0, 0, 1,  // IPv4, 10.0.0.1
        0x08, 'l',  'a',      'n',      '0', 0, 0, 0,  // the name, in two words
        0x00, 0x00, 0x05,     0xdc};                   // MTU
    EXPECT_EQ(bytes, drawn);
    EXPECT_TRUE(has_valid_checksum(bytes));
}

TEST(IcmpExtensions, what_was_encoded_is_parsed) {
    InterfaceInformation only_mtu;
    only_mtu.mtu_bytes = 68;
    only_mtu.role = InterfaceRole::Departure;
    InterfaceInformation only_name;
    only_name.name = "a";
    for (const InterfaceInformation& interface : {lan0(), only_mtu, only_name}) {
        const auto bytes = encoded(interface);
        const auto view = IcmpExtensionsView::parse(bytes);
        ASSERT_TRUE(view);
        EXPECT_TRUE(view->has_valid_checksum());
        EXPECT_EQ(interfaces_in(*view), std::vector{interface});
    }
}

// rfc5837: 4.3
TEST(IcmpExtensions, a_long_name_is_cut_to_63_bytes) {
    const std::string name(100, 'x');
    InterfaceInformation interface;
    interface.name = name;
    const auto bytes = encoded(interface);
    EXPECT_EQ(bytes.size(), 4U + 4U + 64U);
    const auto view = IcmpExtensionsView::parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(interfaces_in(*view).at(0).name, std::string(63, 'x'));
}

// rfc4884: 4, 5.1
TEST(IcmpExtensions, they_are_found_behind_the_quoted_packet_by_its_length) {
    std::vector<std::uint8_t> body(kIcmpExtendedQuoteMinBytes);
    const auto extensions = encoded(lan0());
    body.insert(body.end(), extensions.begin(), extensions.end());
    std::vector<std::uint8_t> bytes(IcmpMessage::encoded_size(body.size()));
    ByteWriter writer(bytes);
    const IcmpMessage message{IcmpType::TimeExceeded, 0, (kIcmpExtendedQuoteMinBytes / 4) << 16};
    message.encode(writer, body);

    const auto view = IcmpExtensionsView::of(*wire::IcmpView::parse(bytes));
    ASSERT_TRUE(view && view->has_value());
    EXPECT_EQ(interfaces_in(**view), std::vector{lan0()});

    bytes[5] = 0;
    EXPECT_EQ(*IcmpExtensionsView::of(*wire::IcmpView::parse(bytes)), std::nullopt) << "no length";
    bytes[5] = 255;
    EXPECT_FALSE(IcmpExtensionsView::of(*wire::IcmpView::parse(bytes))) << "beyond the message";
    bytes[5] = kIcmpExtendedQuoteMinBytes / 4;
    bytes[0] = static_cast<std::uint8_t>(IcmpType::Echo);
    EXPECT_EQ(*IcmpExtensionsView::of(*wire::IcmpView::parse(bytes)), std::nullopt) << "an echo";
}

TEST(IcmpExtensions, what_does_not_fit_is_refused_at_its_place) {
    auto bytes = encoded(lan0());
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        // Head alone is no object: valid, and empty.
        EXPECT_EQ(IcmpExtensionsView::parse(std::span(bytes).first(length)).has_value(),
                  length == kIcmpExtensionHeadBytes)
            << length;
    }
    bytes[0] = 0x10;
    EXPECT_EQ(IcmpExtensionsView::parse(bytes).error().fault, DecodeFault::BadVersion);
    bytes[0] = 0x20;
    bytes[5] = 3;
    EXPECT_EQ(IcmpExtensionsView::parse(bytes).error(),
              (DecodeError{DecodeFault::BadTotalLength, 4, 3}));
}

TEST(IcmpExtensions, a_checksum_of_zero_was_not_made_and_another_is_checked) {
    auto bytes = encoded(lan0());
    bytes[2] ^= 1U;
    EXPECT_FALSE(IcmpExtensionsView::parse(bytes)->has_valid_checksum());
    bytes[2] = 0;
    bytes[3] = 0;
    EXPECT_TRUE(IcmpExtensionsView::parse(bytes)->has_valid_checksum());
}

TEST(IcmpExtensions, an_interface_that_ends_early_or_has_a_bad_name_is_refused) {
    const auto bytes = encoded(lan0());
    const std::span<const std::uint8_t> payload = std::span(bytes).subspan(8);
    for (std::size_t length = 0; length < payload.size(); ++length) {
        EXPECT_FALSE(wire::parse_interface_information(
            {IcmpExtensionClass::Interface, 0x0f, payload.first(length)}))
            << length;
    }
    for (const unsigned bad : {0U, 3U, 68U, 255U}) {
        auto changed = bytes;
        changed[8 + 12] = static_cast<std::uint8_t>(bad);
        EXPECT_FALSE(wire::parse_interface_information(
            {IcmpExtensionClass::Interface, 0x0f, std::span(changed).subspan(8)}))
            << bad;
    }
}

}  // namespace
}  // namespace godwit::net
