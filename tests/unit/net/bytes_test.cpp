// The bounded reader and writer.
#include <gtest/gtest.h>

#include "net/byte_reader.hpp"
#include "net/byte_writer.hpp"
#include "tests/support/hex.hpp"

namespace godwit::net {
namespace {

using testing::from_hex;
using testing::to_hex;

TEST(ByteReader, Reads_big_endian_values_in_order) {
    const auto bytes = from_hex("01 0203 04050607 08090a0b0c0d0e0f c0000201 02005e100001 aa bb");
    ByteReader reader(bytes);
    EXPECT_EQ(reader.u8(), 0x01);
    EXPECT_EQ(reader.u16(), 0x0203);
    EXPECT_EQ(reader.u32(), 0x04050607U);
    EXPECT_EQ(reader.u64(), 0x08090a0b0c0d0e0fU);
    EXPECT_EQ(reader.ipv4(), Ipv4Address(192, 0, 2, 1));
    EXPECT_EQ(reader.mac().to_string(), "02:00:5e:10:00:01");
    EXPECT_EQ(to_hex(reader.rest()), "aa bb");
    EXPECT_EQ(reader.remaining(), 0U);
    EXPECT_TRUE(reader.ok());
}

TEST(ByteReader, A_read_beyond_the_end_gives_zero_and_fails_for_good) {
    const auto bytes = from_hex("01 02 03");
    ByteReader reader(bytes);
    EXPECT_EQ(reader.u32(), 0U);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.u8(), 0U) << "a byte is there, but the reader has failed";
    EXPECT_EQ(reader.remaining(), 0U);
}

TEST(ByteReader, A_length_near_the_top_of_its_type_does_not_wrap) {
    const auto bytes = from_hex("01 02 03");
    ByteReader reader(bytes);
    reader.u8();
    EXPECT_TRUE(reader.bytes(static_cast<std::size_t>(-1)).empty());
    EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, Reading_nothing_at_the_end_is_no_failure) {
    ByteReader reader(std::span<const std::uint8_t>{});
    EXPECT_TRUE(reader.bytes(0).empty());
    EXPECT_TRUE(reader.ok());
    EXPECT_TRUE(reader.rest().empty());
    EXPECT_TRUE(reader.ok());
}

TEST(ByteWriter, Writes_what_the_reader_reads) {
    std::vector<std::uint8_t> buffer(28);
    ByteWriter writer(buffer);
    writer.u8(0x01);
    writer.u16(0x0203);
    writer.u32(0x04050607);
    writer.u64(0x08090a0b0c0d0e0f);
    writer.ipv4(Ipv4Address(192, 0, 2, 1));
    writer.mac(MacAddress::broadcast());
    writer.bytes(from_hex("aa"));
    writer.zeros(2);
    EXPECT_TRUE(writer.ok());
    EXPECT_EQ(writer.remaining(), 0U);
    EXPECT_EQ(
        to_hex(writer.written()),
        "01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f c0 00 02 01 ff ff ff ff ff ff aa 00 00");
}

TEST(ByteWriter, A_write_that_does_not_fit_writes_nothing_and_fails_for_good) {
    std::vector<std::uint8_t> buffer(3, 0xee);
    ByteWriter writer(buffer);
    writer.u32(0x01020304);
    writer.u8(0x05);
    EXPECT_FALSE(writer.ok());
    EXPECT_EQ(to_hex(buffer), "ee ee ee");
}

TEST(ByteWriter, A_patch_goes_into_written_bytes_only) {
    std::vector<std::uint8_t> buffer(4);
    ByteWriter writer(buffer);
    writer.zeros(3);
    writer.patch(1, Big16::from_host(0xabcd));
    EXPECT_EQ(to_hex(writer.written()), "00 ab cd");
    EXPECT_TRUE(writer.ok());
    writer.patch(2, Big16::from_host(0xffff));
    EXPECT_FALSE(writer.ok());
    EXPECT_EQ(to_hex(buffer), "00 ab cd 00");
}

}  // namespace
}  // namespace godwit::net
