#include "tests/sim/tcp/pcapng.hpp"

#include <array>
#include <string_view>

#include "net/byte_writer.hpp"
#include "net/ipv4.hpp"

namespace godwit::sim {

namespace {

constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint16_t kRawIp = 228;  // LINKTYPE_IPV4
constexpr std::uint16_t kNameOption = 2;
constexpr std::uint16_t kResolutionOption = 9;
constexpr std::uint16_t kFlagsOption = 2;  // of a packet

// Blocks are written in the order of this machine; the magic number tells readers which.
class Body {
public:
    void u16(std::uint16_t value) { put(value); }
    void u32(std::uint32_t value) { put(value); }
    void bytes(std::span<const std::uint8_t> some) {
        bytes_.insert(bytes_.end(), some.begin(), some.end());
        bytes_.resize((bytes_.size() + 3) / 4 * 4);
    }
    void option(std::uint16_t code, std::span<const std::uint8_t> value) {
        u16(code);
        u16(static_cast<std::uint16_t>(value.size()));
        bytes(value);
    }
    std::vector<std::uint8_t> take() { return std::move(bytes_); }

private:
    template <typename T>
    void put(T value) {
        const auto* const raw = reinterpret_cast<const std::uint8_t*>(&value);
        bytes_.insert(bytes_.end(), raw, raw + sizeof(value));
    }
    std::vector<std::uint8_t> bytes_;
};

}  // namespace

Pcapng::Pcapng(const std::filesystem::path& file, World& world)
    : file_(file, std::ios::binary | std::ios::trunc) {
    Body section;
    section.u32(0x1a2b3c4d);
    section.u16(1);  // version 1.0
    section.u16(0);
    section.u32(~std::uint32_t{0});  // of unknown length
    section.u32(~std::uint32_t{0});
    block(kSectionHeader, section.take());
    for (const std::string_view name : {"client", "server"}) {
        Body interface;
        interface.u16(kRawIp);
        interface.u16(0);
        interface.u32(0);  // whole packets
        interface.option(kNameOption,
                         {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
        const std::array<std::uint8_t, 1> nanoseconds{9};
        interface.option(kResolutionOption, nanoseconds);
        interface.option(0, {});
        block(kInterfaceDescription, interface.take());
    }
    world.capture = [this](const World::Sighting& seen) { packet(seen); };
}

void Pcapng::packet(const World::Sighting& seen) {
    net::Ipv4Header header;
    header.source = seen.source;
    header.destination = seen.destination;
    header.protocol = net::IpProtocol::Tcp;
    header.dont_fragment = true;
    header.ttl_hops = seen.marks.ttl == 0 ? header.ttl_hops : seen.marks.ttl;
    header.type_of_service = static_cast<std::uint8_t>(unsigned{seen.marks.dscp} << 2 |
                                                       static_cast<unsigned>(seen.marks.ecn));
    header.payload_bytes = static_cast<std::uint16_t>(seen.segment.size());
    std::vector<std::uint8_t> bytes(header.encoded_size() + seen.segment.size());
    net::ByteWriter writer(bytes);
    header.encode(writer);
    writer.bytes(seen.segment);

    const auto time = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(seen.at.time_since_epoch()).count());
    Body body;
    body.u32(seen.host);
    body.u32(static_cast<std::uint32_t>(time >> 32));
    body.u32(static_cast<std::uint32_t>(time));
    body.u32(static_cast<std::uint32_t>(bytes.size()));
    body.u32(static_cast<std::uint32_t>(bytes.size()));
    body.bytes(bytes);
    const std::array<std::uint8_t, 4> direction{static_cast<std::uint8_t>(seen.outgoing ? 2 : 1), 0,
                                                0, 0};
    body.option(kFlagsOption, direction);
    body.option(0, {});
    block(kEnhancedPacket, body.take());
}

void Pcapng::block(std::uint32_t type, std::vector<std::uint8_t> body) {
    const auto total = static_cast<std::uint32_t>(body.size() + 12);
    for (const std::uint32_t word : {type, total}) {
        file_.write(reinterpret_cast<const char*>(&word), sizeof(word));
    }
    file_.write(reinterpret_cast<const char*>(body.data()),
                static_cast<std::streamsize>(body.size()));
    file_.write(reinterpret_cast<const char*>(&total), sizeof(total));
}

}  // namespace godwit::sim
