// The shared object's table, driven as packetdrill drives it: packets by hand, calls from two
// threads, and time that passes only when somebody waits.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "controlplane/host/tcp/segment.hpp"
#include "net/byte_writer.hpp"
#include "net/ipv4.hpp"
#include "tests/packetdrill/interface.hpp"

namespace godwit::drill {
namespace {

constexpr net::Ipv4Address kLocal(192, 168, 0, 1);
constexpr net::Ipv4Address kRemote(192, 0, 2, 1);
constexpr std::uint16_t kPort = 8080;
constexpr std::uint16_t kRemotePort = 40'000;

using control::tcp::Segment;

class Packetdrill_library : public ::testing::Test {
protected:
    void SetUp() override { packetdrill_interface_init("192.168.0.1", &table); }
    void TearDown() override { table.free(table.userdata); }

    void give(const Segment& segment) {
        const auto bytes = segment.encode({kRemote, kLocal, kRemotePort, kPort});
        net::Ipv4Header header;
        header.source = kRemote;
        header.destination = kLocal;
        header.protocol = net::IpProtocol::Tcp;
        header.payload_bytes = static_cast<std::uint16_t>(bytes.size());
        std::vector<std::uint8_t> whole(header.encoded_size() + bytes.size());
        net::ByteWriter writer(whole);
        header.encode(writer);
        writer.bytes(bytes);
        EXPECT_EQ(table.netdev_send(table.userdata, whole.data(), whole.size()), 0);
    }
    // The next packet, and when it left.
    Segment take() {
        std::size_t count = packet.size();
        EXPECT_EQ(table.netdev_receive(table.userdata, packet.data(), &count, &left_at), 0);
        EXPECT_NE(count, 0U);
        const auto ip = net::wire::Ipv4View::parse(std::span(packet).first(count));
        const auto view = net::wire::TcpView::parse(ip->payload());
        return Segment::from(*view);
    }
    std::int64_t now() {
        timeval time{};
        table.gettimeofday(table.userdata, &time, nullptr);
        return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
    }
    int listener() {
        const int fd = table.socket(table.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(kPort);
        address.sin_addr.s_addr = htonl(kLocal.value());
        EXPECT_EQ(
            table.bind(table.userdata, fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
            0);
        EXPECT_EQ(table.listen(table.userdata, fd, 1), 0);
        return fd;
    }
    static Segment syn() {
        Segment segment;
        segment.flags.syn = true;
        segment.sequence = net::Sequence(1000);
        segment.window = 32792;
        segment.options.maximum_segment_size = 1000;
        return segment;
    }
    static Segment behind(const Segment& answer, std::uint32_t offset) {
        Segment segment;
        segment.flags.ack = true;
        segment.sequence = net::Sequence(1001 + offset);
        segment.acknowledgment = answer.sequence + 1;
        segment.window = 32792;
        return segment;
    }

    packetdrill_interface table{};
    std::array<std::uint8_t, 2000> packet{};
    long long left_at = 0;
};

TEST_F(Packetdrill_library, accepts_reads_writes_and_closes) {
    const int fd = listener();
    give(syn());
    const Segment answer = take();
    EXPECT_TRUE(answer.flags.syn && answer.flags.ack);
    give(behind(answer, 0));
    const int connection = table.accept(table.userdata, fd, nullptr, nullptr);
    ASSERT_GE(connection, 0);
    const std::array<std::uint8_t, 5> words{'h', 'e', 'l', 'l', 'o'};
    Segment data = behind(answer, 0);
    data.payload = words;
    give(data);
    std::array<char, 100> into{};
    ASSERT_EQ(table.read(table.userdata, connection, into.data(), into.size()), 5);
    EXPECT_EQ(std::memcmp(into.data(), "hello", 5), 0);
    EXPECT_EQ(take().acknowledgment, net::Sequence(1006));
    EXPECT_EQ(table.write(table.userdata, connection, "godwit", 6), 6);
    EXPECT_EQ(take().payload.size(), 6U);
    EXPECT_EQ(table.close(table.userdata, connection), 0);
    EXPECT_TRUE(take().flags.fin);
}

TEST_F(Packetdrill_library, lets_time_pass_only_while_somebody_waits) {
    listener();
    const std::int64_t begin = now();
    table.usleep(table.userdata, 5'000);
    EXPECT_LT(now() - begin - 5'000, 10);
    give(syn());
    const Segment first = take();
    const long long first_at = left_at;
    const Segment again = take();  // nobody answers: a second later, at once
    EXPECT_EQ(again.sequence, first.sequence);
    EXPECT_NEAR(static_cast<double>(left_at - first_at), 1e6, 1e3);
}

TEST_F(Packetdrill_library, blocks_a_call_until_it_can_be_answered) {
    const int fd = listener();
    int connection = -1;
    std::thread caller([&] { connection = table.accept(table.userdata, fd, nullptr, nullptr); });
    give(syn());
    const Segment answer = take();
    give(behind(answer, 0));
    caller.join();
    EXPECT_GE(connection, 0);
    EXPECT_EQ(table.fcntl(table.userdata, connection, F_SETFL, O_NONBLOCK), 0);
    std::array<char, 10> into{};
    EXPECT_EQ(table.read(table.userdata, connection, into.data(), into.size()), -1);
    EXPECT_EQ(errno, EAGAIN);
}

}  // namespace
}  // namespace godwit::drill
