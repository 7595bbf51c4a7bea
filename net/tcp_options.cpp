#include "net/tcp_options.hpp"

#include <algorithm>

#include "net/byte_reader.hpp"
#include "net/byte_writer.hpp"
#include "net/tcp.hpp"

namespace godwit::net {

namespace {

constexpr std::uint8_t kUserTimeoutKind = 28;
constexpr std::size_t kSackHeadBytes = 4;  // two no-operations, kind and length
constexpr std::size_t kSackBlockBytes = 8;

void pad(ByteWriter& writer, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) {
        writer.u8(static_cast<std::uint8_t>(TcpOptionKind::NoOperation));
    }
}

void head(ByteWriter& writer, TcpOptionKind kind, std::size_t data_bytes) {
    writer.u8(static_cast<std::uint8_t>(kind));
    writer.u8(static_cast<std::uint8_t>(2 + data_bytes));
}

}  // namespace

TcpOptions TcpOptions::parse(std::span<const std::uint8_t> options) {
    TcpOptions result;
    OptionWalker walker(options);
    while (const auto option = walker.next()) {
        ByteReader reader(option->data);
        const std::size_t bytes = option->data.size();
        if (option->kind == kUserTimeoutKind) {
            if (bytes == 2) {
                const std::uint16_t field = reader.u16();
                result.user_timeout = TcpUserTimeout{(field & 0x8000U) != 0,
                                                     static_cast<std::uint16_t>(field & 0x7fffU)};
            }
            continue;
        }
        switch (static_cast<TcpOptionKind>(option->kind)) {
            case TcpOptionKind::MaximumSegmentSize:
                if (bytes == 2) {
                    result.maximum_segment_size = reader.u16();
                }
                break;
            case TcpOptionKind::WindowScale:
                if (bytes == 1) {
                    result.window_scale = std::min(reader.u8(), kMaxWindowScale);
                }
                break;
            case TcpOptionKind::SackPermitted:
                result.sack_permitted = result.sack_permitted || bytes == 0;
                break;
            case TcpOptionKind::Sack:
                if (bytes % kSackBlockBytes == 0) {
                    while (reader.remaining() != 0) {
                        const Sequence begin(reader.u32());
                        const Sequence end(reader.u32());
                        result.add_sack({begin, end});
                    }
                }
                break;
            case TcpOptionKind::Timestamps:
                if (bytes == 8) {
                    const std::uint32_t value = reader.u32();
                    result.timestamps = TcpTimestamps{value, reader.u32()};
                }
                break;
            case TcpOptionKind::Md5Signature:
                if (bytes == kMd5SignatureBytes) {
                    result.md5_signature = option->data;
                }
                break;
            case TcpOptionKind::Authentication:
                if (bytes >= 2) {
                    result.authentication = option->data;
                }
                break;
            case TcpOptionKind::End:
            case TcpOptionKind::NoOperation:
            case TcpOptionKind::FastOpen:
                break;
        }
    }
    return result;
}

std::optional<HeaderOptions> TcpOptions::encode() const {
    std::array<std::uint8_t, kMaxOptionBytes> room{};
    ByteWriter writer(room);
    if (!md5_signature.empty()) {
        pad(writer, 2);
        head(writer, TcpOptionKind::Md5Signature, md5_signature.size());
        writer.bytes(md5_signature);
    }
    if (!authentication.empty()) {
        head(writer, TcpOptionKind::Authentication, authentication.size());
        writer.bytes(authentication);
        pad(writer, (4 - writer.offset() % 4) % 4);
    }
    if (maximum_segment_size) {
        head(writer, TcpOptionKind::MaximumSegmentSize, 2);
        writer.u16(*maximum_segment_size);
    }
    if (sack_permitted) {
        if (!timestamps) {
            pad(writer, 2);
        }
        head(writer, TcpOptionKind::SackPermitted, 0);
    }
    if (timestamps) {
        if (!sack_permitted) {
            pad(writer, 2);
        }
        head(writer, TcpOptionKind::Timestamps, 8);
        writer.u32(timestamps->value);
        writer.u32(timestamps->echo);
    }
    if (window_scale) {
        pad(writer, 1);
        head(writer, TcpOptionKind::WindowScale, 1);
        writer.u8(*window_scale);
    }
    if (user_timeout) {
        writer.u8(kUserTimeoutKind);
        writer.u8(4);
        writer.u16(static_cast<std::uint16_t>(unsigned{user_timeout->minutes} << 15 |
                                              (user_timeout->amount & 0x7fffU)));
    }
    if (sack_count_ != 0 && writer.remaining() >= kSackHeadBytes + kSackBlockBytes) {
        const std::size_t blocks = std::min<std::size_t>(
            sack_count_, (writer.remaining() - kSackHeadBytes) / kSackBlockBytes);
        pad(writer, 2);
        head(writer, TcpOptionKind::Sack, blocks * kSackBlockBytes);
        for (std::size_t i = 0; i < blocks; ++i) {
            writer.u32(sack_[i].begin.value());
            writer.u32(sack_[i].end.value());
        }
    }
    return writer.ok() ? HeaderOptions::from(writer.written()) : std::nullopt;
}

}  // namespace godwit::net
