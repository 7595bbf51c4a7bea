// Sequences of segments, calls and time against a whole endpoint, in virtual time: whatever comes,
// its tables stay inside their limits, every segment that it sends can be encoded, no window is
// taken back, and when everybody has let go nothing is left.
//
// Input: eight bytes a step: what happens, to whom, flags, two numbers near what is expected, a
// length, and how much time passes.
#include <random>
#include <unordered_map>
#include <vector>

#include "controlplane/host/tcp/endpoint.hpp"
#include "tests/fuzz/fuzz_check.hpp"

using namespace godwit;
namespace tcp = godwit::control::tcp;
using control::Instant;

namespace {

constexpr net::Ipv4Address kRouter(192, 0, 2, 1);
constexpr net::Ipv4Address kStranger(198, 51, 100, 7);

class Watcher final : public tcp::SegmentSink {
public:
    void transmit(const tcp::Flow& flow, const tcp::Segment& segment) override {
        fuzz::check(!segment.encode(flow).empty(), "every segment can be encoded");
        last[flow.remote_port % last.size()] = segment;
        last[flow.remote_port % last.size()].payload = {};
        last[flow.remote_port % last.size()].payload_rest = {};
        ++sent;
    }
    std::array<tcp::Segment, 4> last;
    std::uint64_t sent = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tcp::Limits limits;
    limits.half_open = 2;
    limits.time_wait = 2;
    limits.connections = 4;
    Watcher sink;
    tcp::Endpoint endpoint(
        limits, net::SipKey{3, 4},
        [engine = std::mt19937(5)]() mutable { return static_cast<std::uint32_t>(engine()); },
        sink);
    tcp::Settings settings;
    settings.ecn = settings.user_timeout_option = true;
    settings.receive_buffer = 3000;
    Instant now = Instant() + std::chrono::hours(1);
    const auto listener = endpoint.listen(net::Ipv4Address(), 179, settings, 2);
    std::vector<tcp::ConnectionId> ids;
    const std::vector<std::uint8_t> bytes(2048, 0x61);
    std::vector<std::uint8_t> into(2048);
    for (std::size_t at = 0; at + 8 <= size && at < 8 * 500; at += 8) {
        const std::uint8_t* const step = data + at;
        const std::uint16_t remote_port = static_cast<std::uint16_t>(step[1] % 4);
        const tcp::Segment& seen = sink.last[remote_port];
        const bool to_ours = (step[1] & 0x80U) != 0 && !ids.empty();
        if (step[0] % 4 != 0) {
            tcp::Flow flow{kRouter, kStranger, 179, remote_port};
            if (to_ours) {
                if (const auto* const found = endpoint.find(ids[step[1] % ids.size()])) {
                    flow = found->flow();
                }
            }
            tcp::Segment segment;
            segment.flags = net::TcpFlags::from_bits(step[2]);
            segment.sequence = seen.acknowledgment + step[3] - 4U;
            segment.acknowledgment = seen.end() + step[4] - 4U;
            segment.window = static_cast<std::uint16_t>(step[5] * 17U);
            segment.urgent_pointer = step[3];
            segment.payload = std::span(bytes).first(std::size_t{step[6]} * 8);
            segment.marks.ecn = static_cast<tcp::Ecn>(step[0] >> 6);
            if ((step[0] & 0x20U) != 0) {
                segment.options.add_sack({seen.sequence + step[3], seen.end() + step[4]});
            }
            if ((step[0] & 0x10U) != 0 && seen.options.timestamps) {
                segment.options.timestamps =
                    net::TcpTimestamps{step[4], seen.options.timestamps->value};
            }
            if (segment.flags.syn) {
                segment.options.maximum_segment_size = static_cast<std::uint16_t>(step[5] * 8U);
                segment.options.sack_permitted = (step[6] & 1U) != 0;
                if ((step[6] & 2U) != 0) {
                    segment.options.window_scale = step[6] % 15;
                }
                if ((step[6] & 4U) != 0) {
                    segment.options.timestamps = net::TcpTimestamps{step[4], 0};
                }
            }
            endpoint.input(flow, segment, now);
        } else if (!ids.empty()) {
            const tcp::ConnectionId id = ids[step[1] % ids.size()];
            switch (step[2] % 8) {
                case 0:
                    endpoint.shutdown(id, now);
                    break;
                case 1:
                    endpoint.release(id, now);
                    break;
                case 2:
                    endpoint.set_path_mtu(id, static_cast<std::uint16_t>(step[3] * 40U), now);
                    break;
                case 3:
                    endpoint.set_nagle(id, (step[3] & 1U) != 0, now);
                    break;
                case 4:
                    endpoint.set_keep_alive(id, (step[3] & 1U) != 0, now);
                    break;
                case 5:
                    endpoint.read(id, into, now);
                    break;
                default:
                    endpoint.write(id, std::span(bytes).first(std::size_t{step[3]} * 8), now);
                    break;
            }
            if (const auto* const found = endpoint.find(id)) {
                endpoint.path_error(found->flow(), static_cast<tcp::PathError>(step[4] % 8),
                                    found->last_words().next - step[5],
                                    static_cast<std::uint16_t>(step[6] * 10U), now);
            }
        } else if (const auto id = endpoint.connect({kRouter, kStranger, 0, 180}, settings, now)) {
            ids.push_back(*id);
        }
        if (listener) {
            if (const auto id = endpoint.accept(*listener)) {
                ids.push_back(*id);
            }
        }
        now += std::chrono::milliseconds(step[7] * step[7]);
        endpoint.poll(now);
        static_cast<void>(endpoint.take_ready());
        fuzz::check(endpoint.half_open() <= limits.half_open, "half-open handshakes");
        fuzz::check(endpoint.time_wait() <= limits.time_wait, "TIME-WAIT");
        fuzz::check(endpoint.connections() <= limits.connections, "connections");
    }
    for (const tcp::ConnectionId id : ids) {
        endpoint.release(id, now);
    }
    endpoint.stop_listening(*listener, now);
    const Instant limit = now + std::chrono::hours(10);
    for (int i = 0; i < 10'000 && endpoint.next_deadline() < limit; ++i) {
        now = std::max(now, endpoint.next_deadline());
        endpoint.poll(now);
    }
    fuzz::check(endpoint.connections() == 0, "no connection is left");
    fuzz::check(endpoint.next_deadline() == Instant::max(), "no timer is left");
    return 0;
}
