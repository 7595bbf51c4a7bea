#include "controlplane/rip/packet/message.hpp"

#include "net/byte_reader.hpp"
#include "net/byte_writer.hpp"

namespace godwit::control::rip {

namespace {

net::unexpected<DecodeError> fault(PacketFault what, std::size_t offset, std::size_t value) {
    return net::unexpected<DecodeError>(
        {what, static_cast<std::uint16_t>(offset), static_cast<std::uint32_t>(value)});
}

// Of version 2; RFC 2453 5: a greater version is read as if it were 2.
bool has_authentication(std::span<const std::uint8_t> bytes) {
    return bytes[1] >= 2 && bytes.size() >= kHeaderBytes + 2 && bytes[4] == 0xff &&
           bytes[5] == 0xff;
}

// Finds the trailer and gives what stands before it; RFC 4822 2.1.
net::Result<std::span<const std::uint8_t>, DecodeError> split_trailer(
    std::span<const std::uint8_t> bytes, wire::MessageView::Trailer& trailer) {
    net::ByteReader reader(bytes);
    reader.skip(kHeaderBytes + 4);
    const std::size_t length = reader.u16();
    trailer.key_id = reader.u8();
    const std::size_t data_length = reader.u8();
    trailer.sequence = reader.u32();
    if (length < kHeaderBytes + kEntryBytes || length + kTrailerHeaderBytes > bytes.size()) {
        return fault(PacketFault::BadTrailer, 8, length);
    }
    net::ByteReader tail(bytes.subspan(length));
    if (const std::uint32_t mark = tail.u32(); mark != 0xffff0001U) {
        return fault(PacketFault::BadTrailer, length, mark);
    }
    trailer.sealed = bytes.first(length + kTrailerHeaderBytes);
    trailer.digest = tail.rest();
    if (data_length != trailer.digest.size() &&
        data_length != trailer.digest.size() + kTrailerHeaderBytes) {
        return fault(PacketFault::BadTrailer, 11, data_length);
    }
    return bytes.first(length);
}

}  // namespace

Message request_for_everything(std::uint8_t version) {
    Entry everything;
    everything.family = kFamilyAny;
    everything.metric = 16;
    return {Command::Request, version, {everything}};
}

std::vector<std::uint8_t> encode(const Message& message) {
    std::vector<std::uint8_t> bytes(kHeaderBytes + message.entries.size() * kEntryBytes);
    net::ByteWriter writer(bytes);
    writer.u8(static_cast<std::uint8_t>(message.command));
    writer.u8(message.version);
    writer.u16(0);
    for (const Entry& entry : message.entries) {
        writer.u16(entry.family);
        writer.u16(entry.tag);
        writer.ipv4(entry.address);
        writer.ipv4(entry.mask);
        writer.ipv4(entry.next_hop);
        writer.u32(entry.metric);
    }
    return bytes;
}

namespace wire {

net::Result<MessageView, DecodeError> MessageView::parse(std::span<const std::uint8_t> bytes) {
    if (bytes.size() < kHeaderBytes) {
        return fault(PacketFault::Truncated, 0, bytes.size());
    }
    MessageView view(bytes);
    if (view.version() == 0) {
        return fault(PacketFault::BadVersion, 1, 0);
    }
    if (view.command() != Command::Request && view.command() != Command::Response) {
        return fault(PacketFault::UnknownCommand, 0, bytes[0]);
    }
    if (view.version() == 1 && (bytes[2] != 0 || bytes[3] != 0)) {
        return fault(PacketFault::ReservedNotZero, 2, bytes[2] != 0 ? bytes[2] : bytes[3]);
    }
    std::span<const std::uint8_t> body = bytes;
    std::size_t first = kHeaderBytes;
    if (has_authentication(bytes)) {
        first += kEntryBytes;
        if (bytes.size() < first) {
            return fault(PacketFault::Truncated, 0, bytes.size());
        }
        net::ByteReader type(bytes.subspan(kHeaderBytes + 2));
        view.authentication_type_ = type.u16();
        if (*view.authentication_type_ ==
            static_cast<std::uint16_t>(AuthenticationType::Cryptographic)) {
            const auto before = split_trailer(bytes, view.trailer_);
            if (!before) {
                return net::unexpected(before.error());
            }
            body = *before;
        }
    }
    if ((body.size() - kHeaderBytes) % kEntryBytes != 0) {
        return fault(PacketFault::BadLength, kHeaderBytes, body.size());
    }
    if ((body.size() - kHeaderBytes) / kEntryBytes > kMostEntries) {
        return fault(PacketFault::TooManyEntries, kHeaderBytes,
                     (body.size() - kHeaderBytes) / kEntryBytes);
    }
    view.entries_ = body.subspan(first);
    return view;
}

Entry MessageView::entry(std::size_t index) const {
    net::ByteReader reader(entries_.subspan(index * kEntryBytes, kEntryBytes));
    Entry entry;
    entry.family = reader.u16();
    entry.tag = reader.u16();
    entry.address = reader.ipv4();
    entry.mask = reader.ipv4();
    entry.next_hop = reader.ipv4();
    entry.metric = reader.u32();
    return entry;
}

Message MessageView::message() const {
    Message message{command(), version(), {}};
    for (std::size_t i = 0; i < entry_count(); ++i) {
        message.entries.push_back(entry(i));
    }
    return message;
}

std::span<const std::uint8_t, kPasswordBytes> MessageView::password() const {
    return bytes_.subspan<kHeaderBytes + 4, kPasswordBytes>();
}

}  // namespace wire
}  // namespace godwit::control::rip
