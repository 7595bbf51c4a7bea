// The PCP server under strangers: the input is cut into datagrams from a few clients, outcomes of
// what was asked, ages of the mappings, and time in between. Whatever comes, every answer is
// well-formed and goes to who sent something, limits hold, and every datagram is counted once.
#include <algorithm>
#include <deque>
#include <numeric>
#include <set>

#include "controlplane/pcp/server.hpp"
#include "net/byte_reader.hpp"
#include "tests/fuzz/fuzz_check.hpp"

using namespace godwit;
using namespace godwit::control;
using namespace godwit::control::pcp;

namespace {

constexpr std::size_t kMaxAsks = 3;
constexpr std::size_t kMaxWaiting = 5;

class World {
public:
    World() {
        server_.configure({{net::InterfaceId(1), net::InterfaceId(2)}, 120, 86'400});
        look_at(server_.set_epoch(1, std::chrono::hours(1), now_));
    }

    void step(net::ByteReader& reader) {
        const std::uint8_t how = reader.u8();
        switch (how % 8U) {
            case 0:
                outcome(how / 8U, reader);
                break;
            case 1:
                now_ += std::chrono::milliseconds(reader.u16());
                look_at(server_.advance(now_));
                break;
            case 2:
                look_at(server_.set_epoch(how / 8U, std::chrono::seconds(reader.u16()), now_));
                break;
            default:
                datagram(how, reader);
        }
        check_balance();
    }

private:
    void datagram(std::uint8_t how, net::ByteReader& reader) {
        const std::size_t length =
            std::min<std::size_t>(reader.u8() * (how >= 128 ? 8U : 1U), reader.remaining());
        const auto given = reader.bytes(length);
        std::vector<std::uint8_t> bytes(given.begin(), given.end());
        const net::Ipv4Address client(10, 0, 0, how / 8U % 4U);
        // Otherwise nearly all would end at the check of the address.
        if (how % 8U != 3 && bytes.size() >= kHeaderBytes) {
            std::fill_n(bytes.begin() + 8, 10, std::uint8_t{0});
            std::fill_n(bytes.begin() + 18, 2, std::uint8_t{0xff});
            std::copy_n(reinterpret_cast<const std::uint8_t*>("\x0a\0\0"), 3, bytes.begin() + 20);
            bytes[23] = static_cast<std::uint8_t>(client.value());
        }
        const Endpoint from{client, 6000};
        senders_.insert(from);
        look_at(
            server_.receive({net::InterfaceId(1 + how % 3U), from, net::Ipv4Address(10, 0, 0, 254),
                             how % 64U == 63, how % 32U != 30, bytes},
                            now_));
    }
    void outcome(std::size_t which, net::ByteReader& reader) {
        MapOutcome outcome;
        outcome.result = static_cast<MapResult>(reader.u8() % 8U);
        outcome.outside = {reader.ipv4(), reader.u16()};
        outcome.lifetime_seconds = reader.u32();
        // One that was asked, perhaps long ago, or a tag that was never given out.
        const AskTag tag = which < asked_.size() ? asked_[which] : AskTag{which + 1'000'000'000};
        look_at(server_.answered(tag, outcome, now_));
    }
    void look_at(const Actions& actions) {
        for (const Transmit& packet : actions.transmit) {
            const auto& bytes = packet.payload;
            fuzz::check(bytes.size() % 4 == 0 && bytes.size() >= 24 && bytes.size() <= 1100,
                        "an answer has a length that a message may have");
            fuzz::check(bytes[0] == 2 && (bytes[1] & 0x80U) != 0, "it is a response of version 2");
            fuzz::check(bytes[3] <= 13, "its result is one of the RFC's");
            fuzz::check(
                packet.interface == net::InterfaceId(1) || packet.interface == net::InterfaceId(2),
                "it leaves where clients are");
            const bool announcement = packet.to == Endpoint{net::Ipv4Address(224, 0, 0, 1), 5350};
            fuzz::check(announcement || senders_.contains(packet.to),
                        "nothing is sent but to who sent something");
        }
        for (const Ask& ask : actions.asks) {
            const MapWish& wish = ask.wish;
            fuzz::check(
                wish.protocol == net::IpProtocol::Tcp || wish.protocol == net::IpProtocol::Udp,
                "only what can be mapped is asked for");
            fuzz::check(wish.inside.port != 0 && senders_.contains({wish.inside.address, 6000}),
                        "and only for who asked");
            fuzz::check(wish.lifetime_seconds == 0 ||
                            (wish.lifetime_seconds >= 120 && wish.lifetime_seconds <= 86'400),
                        "and for as long as the settings say");
            fuzz::check(wish.filters.size() <= kMaxFilters, "and with so many filters");
            asked_.push_front(ask.tag);
            asked_.resize(std::min<std::size_t>(asked_.size(), 8));
        }
    }
    void check_balance() {
        const auto sum = [](const auto& of) {
            return std::accumulate(of.begin(), of.end(), std::uint64_t{0});
        };
        const Counters& counters = server_.counters();
        fuzz::check(server_.asks_under_way() <= kMaxAsks, "the limit of asks holds");
        fuzz::check(server_.requests_waiting() <= kMaxWaiting, "the limit of those waiting holds");
        fuzz::check(counters.received == sum(counters.drops) + sum(counters.answers) +
                                             server_.asks_under_way() + server_.requests_waiting(),
                    "every datagram is counted once");
        fuzz::check(server_.requests_waiting() == 0 || server_.asks_under_way() > 0,
                    "nobody waits for nothing");
    }

    Instant now_{std::chrono::hours(1)};
    Server server_{{kMaxAsks, kMaxWaiting, 20, 20, std::chrono::seconds(5)}};
    std::set<Endpoint> senders_;
    std::deque<AskTag> asked_;  // the newest first
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    World world;
    net::ByteReader reader({data, size});
    while (reader.remaining() > 0) {
        world.step(reader);
    }
    return 0;
}
