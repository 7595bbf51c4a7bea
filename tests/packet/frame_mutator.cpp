#include "tests/packet/frame_mutator.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "net/checksum.hpp"

namespace godwit::packet_test {

namespace {

// One valid frame for each way through the graph: what a mutation leaves untouched keeps it on it.
std::vector<Frame> forwarding_corpus() {
    FrameNames names;
    std::vector<Frame> frames;
    for (const char* link : {"eth dst=02:00:00:00:01:01 src=02:00:00:00:01:02",
                             "eth dst=02:00:00:00:01:01 src=02:00:00:00:01:02 / vlan id=20",
                             "eth dst=02:00:00:00:02:01 src=02:00:00:00:02:02",
                             "eth dst=ff:ff:ff:ff:ff:ff src=02:00:00:00:01:02"}) {
        for (const char* rest :
             {"ip src=10.0.0.2 dst=10.1.0.9 / udp sport=1 dport=2 / data 40",
              "ip src=10.0.0.2 dst=10.1.0.9 / udp sport=1 dport=2 sum=partial / data 41",
              "ip src=10.0.0.2 dst=10.2.0.9 / tcp sport=1 dport=2 sum=partial / data 200",
              "ip src=10.0.0.2 dst=10.1.0.9 ttl=1 / udp sport=1 dport=2",
              "ip src=10.0.0.2 dst=10.1.0.9 df / data 900",
              "ip src=10.0.0.2 dst=10.1.0.9 options=0707040000000001 / data 8",
              "ip src=10.0.0.2 dst=10.1.0.9 options=94040000 / data 8",
              "ip src=10.0.0.2 dst=10.1.0.9 options=830704c000020100 / data 8",
              "ip src=10.0.0.2 dst=10.3.0.9 / data 8",
              "ip src=10.0.0.2 dst=10.4.0.9 / udp sport=1 dport=2 / data 8",
              "ip src=172.16.0.9 dst=10.4.0.9 / udp sport=1 dport=2 / data 8",
              "ip src=169.254.7.9 dst=10.1.0.9 / udp sport=1 dport=2",
              "ip src=10.0.0.2 dst=10.1.0.9 / udp sport=1 dport=2 / data 40",
              "ip src=192.0.0.9 dst=10.1.0.9 / data 8",
              "ip src=10.0.0.2 dst=169.254.7.9 / data 8",
              "ip src=10.0.0.2 dst=192.0.0.9 / data 8",
              "ip src=10.0.0.2 dst=10.0.1.77 / data 8",
              "ip src=10.0.0.2 dst=172.16.0.1 / data 700",
              "ip src=10.0.0.2 dst=10.99.0.1 / data 8",
              "ip src=10.0.0.2 dst=10.0.0.1 / icmp rest=0x00010002 / data 56",
              "ip src=10.0.0.2 dst=10.0.0.1 / icmp type=3 / data 28",
              "ip src=10.0.0.2 dst=10.0.0.1 / tcp sport=9 dport=179",
              "ip src=10.0.0.2 dst=10.0.0.255 / udp sport=9 dport=520 / data 24",
              "ip src=10.0.0.2 dst=224.0.0.5 proto=89 ttl=1 / data 44",
              "ip src=0.0.0.0 dst=255.255.255.255 / udp sport=68 dport=67 / data 300",
              "arp op=1 smac=02:00:00:00:01:02 sip=10.0.0.2 tip=10.0.0.1",
              "arp op=1 smac=02:00:00:00:01:02 sip=0.0.0.0 tip=10.0.0.1",
              "arp op=2 smac=02:00:00:00:01:02 sip=10.0.0.2 tmac=02:00:00:00:01:01 tip=10.0.0.1"}) {
            frames.push_back(frame_from_text(std::string(link) + " / " + rest, names));
        }
    }
    return frames;
}

// Flows out and in, errors about them from both sides, fragments, hairpin; few flows, so that most
// frames are of one that is there.
std::vector<Frame> nat_corpus() {
    FrameNames names;
    std::vector<Frame> frames;
    const auto add = [&](const char* link, const char* rest) {
        frames.push_back(frame_from_text(std::string(link) + " / " + rest, names));
    };
    for (const char* rest :
         {"ip src=10.0.0.2 dst=198.51.100.5 / udp sport=5000 dport=53 / data 40",
          "ip src=10.0.0.2 dst=198.51.100.5 / udp sport=5000 dport=53 sum=none / data 40",
          "ip src=10.0.0.3 dst=198.51.100.5 / udp sport=5000 dport=53 / data 40",
          "ip src=10.0.0.2 dst=198.51.100.5 / tcp sport=40000 dport=80 flags=2",
          "ip src=10.0.0.2 dst=198.51.100.5 / tcp sport=40000 dport=80 flags=16 / data 100",
          "ip src=10.0.0.2 dst=198.51.100.5 / tcp sport=40000 dport=80 flags=17",
          "ip src=10.0.0.2 dst=198.51.100.5 ttl=1 / udp sport=5000 dport=53 / data 40",
          "ip src=10.0.0.2 dst=198.51.100.5 / udp sport=5000 dport=53 / data 700",
          "ip src=10.0.0.2 dst=198.51.100.5 df / udp sport=5000 dport=53 / data 700",
          "ip src=10.0.0.2 dst=198.51.100.5 id=7 mf / udp sport=5000 dport=53 len=48 / data 16",
          "ip src=10.0.0.2 dst=198.51.100.5 id=7 off=3 proto=17 / data 24",
          "ip src=10.0.0.2 dst=198.51.100.5 / icmp rest=0x00070001 / data 8",
          "ip src=10.0.0.2 dst=198.51.100.5 proto=47 / data 20",
          "ip src=10.0.0.2 dst=10.0.1.1 / udp sport=5000 dport=5000 / data 20",
          "ip src=10.0.0.2 dst=10.0.1.1 / tcp sport=40000 dport=443 flags=2",
          "ip src=10.0.0.3 dst=10.0.1.1 / icmp type=3 code=3 / ip src=10.0.1.1 dst=10.0.0.3 / udp "
          "sport=5000 dport=5000 / data 20",
          "ip src=10.0.0.2 dst=198.51.100.5 / icmp type=3 code=3 / ip src=198.51.100.5 "
          "dst=10.0.0.2 "
          "/ udp sport=53 dport=5000 / data 9",
          "ip src=10.0.0.3 dst=198.51.100.5 / tcp sport=8443 dport=50000 flags=18"}) {
        add("eth dst=02:00:00:00:01:01 src=02:00:00:00:01:02", rest);
        add("eth dst=02:00:00:00:01:01 src=02:00:00:00:01:02 / vlan id=20", rest);
    }
    for (const char* rest :
         {"ip src=198.51.100.5 dst=10.0.1.1 / udp sport=53 dport=5000 / data 40",
          "ip src=198.51.100.6 dst=10.0.1.1 / udp sport=53 dport=5000 / data 40",
          "ip src=198.51.100.5 dst=10.0.1.1 / tcp sport=80 dport=40000 flags=18",
          "ip src=198.51.100.5 dst=10.0.1.1 / tcp sport=80 dport=40000 flags=16 / data 200",
          "ip src=198.51.100.5 dst=10.0.1.1 / tcp sport=80 dport=40000 flags=4",
          "ip src=198.51.100.5 dst=10.0.1.1 / tcp sport=50000 dport=443 flags=2",
          "ip src=198.51.100.5 dst=10.0.1.1 / tcp sport=50000 dport=6000 flags=2",
          "ip src=198.51.100.5 dst=10.0.1.1 ttl=1 / udp sport=53 dport=5000 / data 40",
          "ip src=198.51.100.5 dst=10.0.1.1 / icmp type=0 rest=0x00070001 / data 8",
          "ip src=198.51.100.5 dst=10.0.1.1 id=7 mf / udp sport=53 dport=5000 len=48 / data 16",
          "ip src=198.51.100.5 dst=10.0.1.1 id=7 off=3 proto=17 / data 24",
          "ip src=198.51.100.5 dst=10.0.1.8 proto=47 / data 20",
          "ip src=192.0.2.1 dst=10.0.1.1 / icmp type=11 / ip src=10.0.1.1 dst=198.51.100.5 ttl=1 / "
          "udp sport=5000 dport=53 / data 40",
          "ip src=192.0.2.1 dst=10.0.1.1 / icmp type=3 code=4 rest=1400 / ip src=10.0.1.1 "
          "dst=198.51.100.5 / tcp sport=40000 dport=80 flags=16 / data 8",
          "ip src=192.0.2.1 dst=10.0.1.1 / icmp type=11 / ip src=10.0.1.1 dst=198.51.100.5 / icmp "
          "rest=0x00070001 / data 8"}) {
        add("eth dst=02:00:00:00:02:01 src=02:00:00:00:02:02", rest);
    }
    return frames;
}

void mend_header_checksum(Frame& frame) {
    const std::size_t start = frame.size() > 14 && frame[12] == 0x81 ? 18 : 14;
    if (frame.size() < start + 20) {
        return;
    }
    const std::size_t header_bytes = std::max<std::size_t>((frame[start] & 0xfU) * 4U, 20);
    if (frame.size() < start + header_bytes) {
        return;
    }
    frame[start + 10] = 0;
    frame[start + 11] = 0;
    const auto header = std::span(frame).subspan(start, header_bytes);
    const net::Big16 sum = net::internet_checksum(header);
    frame[start + 10] = static_cast<std::uint8_t>(sum.host() >> 8);
    frame[start + 11] = static_cast<std::uint8_t>(sum.host());
}

}  // namespace

Topology fuzzed_topology() {
    const auto mac = [](const char* text) { return *net::MacAddress::parse(text); };
    const auto own = [](const char* text) { return *net::Ipv4InterfaceAddress::parse(text); };
    const auto address = [](const char* text) { return *net::Ipv4Address::parse(text); };
    const auto prefix = [](const char* text) { return *net::Ipv4Prefix::parse(text); };

    Topology topology;
    topology.workers = 2;
    topology.owner_answer = OwnerAnswer::HostUnreachable;
    topology.standing_time = false;
    TestInterface lan{
        .name = "lan0", .parent = {}, .mac = mac("02:00:00:00:01:01"), .addresses = {}};
    lan.software_rss = true;
    lan.partial_checksums = true;
    lan.addresses = {own("10.0.0.1/24")};
    TestInterface wan{
        .name = "wan0", .parent = {}, .mac = mac("02:00:00:00:02:01"), .addresses = {}};
    wan.mtu = 600;
    wan.tx_queues = 2;
    wan.addresses = {own("10.0.1.1/24")};
    TestInterface vlan{.name = "lan0.20", .parent = "lan0", .mac = lan.mac, .addresses = {}};
    vlan.vlan = 20;
    vlan.addresses = {own("10.0.20.1/24")};
    topology.interfaces = {lan, wan, vlan};
    topology.neighbors = {{address("10.0.0.2"), "lan0", mac("02:00:00:00:01:02")},
                          {address("10.0.0.3"), "lan0", mac("02:00:00:00:01:03")},
                          {address("10.0.1.2"), "wan0", mac("02:00:00:00:02:02")},
                          {address("10.0.1.3"), "wan0", mac("02:00:00:00:02:03")},
                          {address("10.0.20.2"), "lan0.20", mac("02:00:00:00:14:02")}};
    topology.routes = {{prefix("10.1.0.0/16"), {address("10.0.1.2")}},
                       {prefix("10.2.0.0/16"), {address("10.0.1.2"), address("10.0.1.3")}},
                       {prefix("10.3.0.0/16"), {address("10.0.1.9")}},
                       {prefix("10.4.0.0/16"), {address("10.0.0.3")}},
                       {prefix("169.254.0.0/16"), {address("10.0.1.2")}},
                       {prefix("192.0.0.0/24"), {address("10.0.1.2")}},
                       {prefix("10.99.0.0/16"), {}}};
    return topology;
}

Topology translated_topology() {
    const auto prefix = [](const char* text) { return *net::Ipv4Prefix::parse(text); };
    constexpr net::InterfaceId kWan{2};  // the second of the topology
    Topology topology = fuzzed_topology();
    for (const char* remotes : {"198.51.100.0/24", "192.0.2.0/24"}) {
        topology.routes.push_back({prefix(remotes), {*net::Ipv4Address::parse("10.0.1.2")}});
    }
    TestNat nat;
    nat.settings.max_sessions = 256;
    nat.settings.max_subscribers = 256;
    dataplane::nat::SourceRule rule;
    rule.id = dataplane::nat::RuleId{1};
    rule.name = "lan";
    rule.from = {prefix("10.0.0.0/24"), prefix("10.0.20.0/24")};
    rule.out = kWan;
    rule.pool = {prefix("10.0.1.1/32")};
    nat.rules.source = {rule};
    dataplane::nat::ForwardRule forward;
    forward.id = dataplane::nat::RuleId{2};
    forward.name = "web";
    forward.outside = *net::Ipv4Address::parse("10.0.1.1");
    forward.ports = {443, 443};
    forward.inside = *net::Ipv4Address::parse("10.0.0.3");
    forward.first_inside_port = 8443;
    forward.out = kWan;
    nat.rules.forward = {forward};
    nat.rules.one_to_one = {
        {dataplane::nat::RuleId{3}, "server", prefix("10.0.0.9/32"), prefix("10.0.1.8/32"), kWan}};
    topology.nat = nat;
    return topology;
}

FrameMutator::FrameMutator(std::uint64_t seed, Subject subject)
    : random_(seed), corpus_(subject == Subject::Nat ? nat_corpus() : forwarding_corpus()) {}

Frame FrameMutator::next() {
    Frame frame = corpus_[below(corpus_.size())];
    for (std::size_t rounds = below(4); rounds > 0; --rounds) {
        mutate(frame);
    }
    // A wrong header checksum would stop most of what was changed behind it.
    if (below(4) != 0) {
        mend_header_checksum(frame);
    }
    return frame;
}
void FrameMutator::mutate(Frame& frame) {
    static constexpr std::array<std::uint8_t, 12> kEdges{0,    1,    4,    5,    0x0f, 0x40,
                                                         0x45, 0x7f, 0x80, 0xe0, 0xfe, 0xff};
    if (frame.empty()) {
        frame.resize(1 + below(64));
    }
    // Headers are where decisions are taken.
    const std::size_t at = below(std::min<std::size_t>(frame.size(), below(3) == 0 ? 1500 : 60));
    switch (below(6)) {
        case 0:
            frame[at] = static_cast<std::uint8_t>(random_());
            break;
        case 1:
            frame[at] = kEdges[below(kEdges.size())];
            break;
        case 2:
            frame[at] = static_cast<std::uint8_t>(frame[at] ^ 1U << below(8));
            break;
        case 3:
            frame.resize(at);
            break;
        case 4:
            frame.insert(frame.begin() + static_cast<std::ptrdiff_t>(at), 1 + below(64),
                         static_cast<std::uint8_t>(random_()));
            break;
        case 5: {
            const Frame& other = corpus_[below(corpus_.size())];
            const std::size_t count = std::min(other.size(), frame.size() - at);
            std::copy_n(other.begin(), count / (1 + below(3)),
                        frame.begin() + static_cast<std::ptrdiff_t>(at));
            break;
        }
    }
    if (frame.size() > 9000) {
        frame.resize(9000);
    }
}

}  // namespace godwit::packet_test
