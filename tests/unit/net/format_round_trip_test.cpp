// Every wire format: parse(encode(x)) == x for random values, and every truncation of a valid
// message, in a buffer of exactly its size, is an error or a valid view of what there is (the
// address sanitizer watches the bounds).
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "tests/support/packet_builder.hpp"
#include "tests/support/seeds.hpp"

namespace godwit::net {
namespace {

using testing::encoded;
using testing::Packet;
using testing::seeds;

constexpr std::uint64_t kRuns = 500;

class Values {
public:
    explicit Values(std::uint64_t seed) : random_(seed) {}

    template <class Integer>
    Integer number() {
        return static_cast<Integer>(random_());
    }
    bool coin() { return random_() % 2 == 0; }
    std::size_t below(std::size_t limit) { return random_() % limit; }
    Ipv4Address ipv4() { return Ipv4Address(number<std::uint32_t>()); }
    MacAddress mac() {
        MacAddress::Bytes bytes;
        for (std::uint8_t& byte : bytes) {
            byte = number<std::uint8_t>();
        }
        return MacAddress(bytes);
    }
    Packet bytes(std::size_t limit) {
        Packet all(below(limit));
        for (std::uint8_t& byte : all) {
            byte = number<std::uint8_t>();
        }
        return all;
    }
    // A well-formed list: options of random kinds and lengths, then padding.
    HeaderOptions options() {
        Packet all;
        while (coin()) {
            const std::size_t length = 2 + below(8);
            if (all.size() + length > kMaxOptionBytes) {
                break;
            }
            if (coin()) {
                all.push_back(1);
                continue;
            }
            all.push_back(static_cast<std::uint8_t>(2 + below(254)));
            all.push_back(static_cast<std::uint8_t>(length));
            for (std::size_t at = 2; at < length; ++at) {
                all.push_back(number<std::uint8_t>());
            }
        }
        return HeaderOptions::from(std::span(all).first(std::min(all.size(), kMaxOptionBytes)))
            .value();
    }

private:
    std::mt19937_64 random_;
};

// `look` reads everything that a valid view offers.
template <class Parse, class Look>
void try_every_truncation(const Packet& whole, const Parse& parse, const Look& look) {
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[size]);
        std::copy_n(whole.begin(), size, exact.get());
        const auto view = parse(std::span<const std::uint8_t>(exact.get(), size));
        if (view) {
            look(*view);
        } else {
            EXPECT_FALSE(view.error().to_string().empty());
        }
    }
}

unsigned sum_of(std::span<const std::uint8_t> bytes) {
    unsigned sum = 0;
    for (const std::uint8_t byte : bytes) {
        sum += byte;
    }
    return sum;
}

TEST(RoundTrip, Ethernet) {
    for (const std::uint64_t seed : seeds(kRuns)) {
        Values values(seed);
        const EthernetHeader header{values.mac(), values.mac(),
                                    EtherType{values.number<std::uint16_t>()}};
        const Packet bytes = encoded(header);
        const auto view = wire::EthernetView::parse(bytes);
        ASSERT_TRUE(view && view->header() == header) << "GODWIT_SEED=" << seed;
        try_every_truncation(bytes, wire::EthernetView::parse, [](const auto& part) {
            sum_of(part.payload());
            EXPECT_EQ(part.header().encoded_size(), 14U);
        });
    }
}

TEST(RoundTrip, Vlan) {
    for (const std::uint64_t seed : seeds(kRuns)) {
        Values values(seed);
        const VlanTag tag{static_cast<std::uint8_t>(values.below(8)), values.coin(),
                          static_cast<std::uint16_t>(values.below(4096)),
                          EtherType{values.number<std::uint16_t>()}};
        const Packet bytes = encoded(tag);
        const auto view = wire::VlanTagView::parse(bytes);
        ASSERT_TRUE(view && view->tag() == tag) << "GODWIT_SEED=" << seed;
        try_every_truncation(bytes, wire::VlanTagView::parse,
                             [&](const auto& part) { EXPECT_EQ(part.tag(), tag); });
    }
}

TEST(RoundTrip, Arp) {
    for (const std::uint64_t seed : seeds(kRuns)) {
        Values values(seed);
        const ArpMessage message{ArpOperation{values.number<std::uint16_t>()}, values.mac(),
                                 values.ipv4(), values.mac(), values.ipv4()};
        const Packet bytes = encoded(message);
        const auto view = wire::ArpView::parse(bytes);
        ASSERT_TRUE(view && view->message() == message) << "GODWIT_SEED=" << seed;
        try_every_truncation(bytes, wire::ArpView::parse,
                             [&](const auto& part) { EXPECT_EQ(part.message(), message); });
    }
}

TEST(RoundTrip, Ipv4) {
    for (const std::uint64_t seed : seeds(kRuns)) {
        Values values(seed);
        const Packet payload = values.bytes(60);
        Ipv4Header header;
        header.type_of_service = values.number<std::uint8_t>();
        header.payload_bytes = static_cast<std::uint16_t>(payload.size());
        header.identification = values.number<std::uint16_t>();
        header.dont_fragment = values.coin();
        header.more_fragments = values.coin();
        header.fragment_units = static_cast<std::uint16_t>(values.below(8192));
        header.ttl_hops = values.number<std::uint8_t>();
        header.protocol = IpProtocol{values.number<std::uint8_t>()};
        header.source = values.ipv4();
        header.destination = values.ipv4();
        header.options = values.options();
        const Packet bytes = testing::ipv4_packet(header, payload);
        const auto view = wire::Ipv4View::parse(bytes);
        ASSERT_TRUE(view && view->header() == header) << "GODWIT_SEED=" << seed;
        ASSERT_TRUE(view->has_valid_checksum()) << "GODWIT_SEED=" << seed;
        ASSERT_TRUE(std::ranges::equal(view->payload(), payload)) << "GODWIT_SEED=" << seed;
        const auto look = [](const wire::Ipv4View& part) {
            sum_of(part.options());
            sum_of(part.payload());
            EXPECT_TRUE(part.has_valid_checksum());
            EXPECT_EQ(part.header().encoded_size(), part.header_bytes());
        };
        try_every_truncation(bytes, wire::Ipv4View::parse, look);
        try_every_truncation(bytes, wire::Ipv4View::parse_quoted, look);
        // Link padding behind the packet is not part of it.
        Packet padded = bytes;
        padded.resize(padded.size() + 7, 0xee);
        ASSERT_EQ(wire::Ipv4View::parse(padded)->packet().size(), bytes.size());
    }
}

TEST(RoundTrip, Icmp) {
    for (const std::uint64_t seed : seeds(kRuns)) {
        Values values(seed);
        const IcmpMessage message{IcmpType{values.number<std::uint8_t>()},
                                  values.number<std::uint8_t>(), values.number<std::uint32_t>()};
        const Packet body = values.bytes(40);
        Packet bytes(IcmpMessage::encoded_size(body.size()));
        ByteWriter writer(bytes);
        message.encode(writer, body);
        const auto view = wire::IcmpView::parse(bytes);
        ASSERT_TRUE(view && view->message() == message) << "GODWIT_SEED=" << seed;
        ASSERT_TRUE(view->has_valid_checksum() && std::ranges::equal(view->body(), body))
            << "GODWIT_SEED=" << seed;
        try_every_truncation(bytes, wire::IcmpView::parse, [&](const auto& part) {
            sum_of(part.body());
            EXPECT_EQ(part.message(), message);
        });
    }
}

TEST(RoundTrip, Udp) {
    for (const std::uint64_t seed : seeds(kRuns)) {
        Values values(seed);
        const Packet payload = values.bytes(40);
        const UdpHeader header{values.number<std::uint16_t>(), values.number<std::uint16_t>(),
                               static_cast<std::uint16_t>(payload.size())};
        const Ipv4Address source = values.ipv4();
        const Ipv4Address destination = values.ipv4();
        Packet bytes(header.encoded_size() + payload.size());
        ByteWriter writer(bytes);
        header.encode_datagram(writer, source, destination, payload);
        const auto view = wire::UdpView::parse(bytes);
        ASSERT_TRUE(view && view->header() == header) << "GODWIT_SEED=" << seed;
        ASSERT_TRUE(view->has_checksum() && view->has_valid_checksum(source, destination))
            << "GODWIT_SEED=" << seed;
        ASSERT_TRUE(std::ranges::equal(view->payload(), payload)) << "GODWIT_SEED=" << seed;
        try_every_truncation(bytes, wire::UdpView::parse,
                             [](const auto& part) { sum_of(part.payload()); });
    }
}

TEST(RoundTrip, Tcp) {
    for (const std::uint64_t seed : seeds(kRuns)) {
        Values values(seed);
        TcpHeader header;
        header.source_port = values.number<std::uint16_t>();
        header.destination_port = values.number<std::uint16_t>();
        header.sequence = values.number<std::uint32_t>();
        header.acknowledgment = values.number<std::uint32_t>();
        header.flags = TcpFlags::from_bits(values.number<std::uint8_t>());
        header.window = values.number<std::uint16_t>();
        header.urgent_pointer = values.number<std::uint16_t>();
        header.options = values.options();
        const Packet payload = values.bytes(40);
        const Ipv4Address source = values.ipv4();
        const Ipv4Address destination = values.ipv4();
        Packet bytes(header.encoded_size() + payload.size());
        ByteWriter writer(bytes);
        header.encode_segment(writer, source, destination, payload);
        const auto view = wire::TcpView::parse(bytes);
        ASSERT_TRUE(view && view->header() == header) << "GODWIT_SEED=" << seed;
        ASSERT_TRUE(view->has_valid_checksum(source, destination)) << "GODWIT_SEED=" << seed;
        ASSERT_TRUE(std::ranges::equal(view->payload(), payload)) << "GODWIT_SEED=" << seed;
        try_every_truncation(bytes, wire::TcpView::parse, [](const auto& part) {
            sum_of(part.options());
            sum_of(part.payload());
            EXPECT_EQ(part.header().encoded_size(), part.header_bytes());
        });
    }
}

}  // namespace
}  // namespace godwit::net
