#include "tests/packet/testbed.hpp"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

#include "dataplane/api/decode.hpp"
#include "dataplane/graph/packet.hpp"
#include "net/ethernet.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"
#include "net/vlan.hpp"

namespace godwit::packet_test {

using dataplane::Verdict;

namespace {

constexpr std::size_t kPuntRingBytes = std::size_t{1} << 20;
constexpr std::uint32_t kPoolPackets = 8191;
constexpr std::uint16_t kRoomBytes = RTE_PKTMBUF_HEADROOM + 9728;

// Ring and port names live as long as EAL: each testbed has its own.
std::string device_name(const std::string& port) {
    static unsigned serial = 0;
    return fmt::format("t{}{}", ++serial, port.substr(0, 8));
}

// Time stands still but for pass(), so what a policer lets through is its burst and nothing more;
// or it runs, and passes faster.
std::uint64_t passed_cycles = 0;
std::uint64_t standing_clock() {
    return passed_cycles;
}
std::uint64_t running_clock() {
    return rte_rdtsc() + passed_cycles;
}

// 01:02:03.004 Universal Time: 0x0038cefc milliseconds.
std::uint32_t time_of_day() {
    return ((1 * 60 + 2) * 60 + 3) * 1000 + 4;
}

dataplane::NextHopEntry plain(Verdict verdict, net::InterfaceId interface = {}) {
    return {.verdict = verdict, .of_one = false, .interface = interface, .target = 0};
}

}  // namespace

struct Testbed::PuntMemory {
    static constexpr std::size_t kRegionBytes = api::ring_region_bytes(kPuntRingBytes);

    PuntMemory()
        : bytes(static_cast<std::byte*>(
                    std::aligned_alloc(64, api::kPuntPriorityCount * kRegionBytes)),
                [](std::byte* memory) { std::free(memory); }) {
        for (std::size_t priority = 0; priority < api::kPuntPriorityCount; ++priority) {
            std::byte* const begin = bytes.get() + priority * kRegionBytes;
            new (begin) api::RingHeader();
            rings.producers[priority] = api::RingProducer({begin, kRegionBytes}, kPuntRingBytes);
            consumers[priority] = api::RingConsumer({begin, kRegionBytes}, kPuntRingBytes);
        }
        rings.signal_fd = eventfd(0, EFD_NONBLOCK);
    }
    ~PuntMemory() { close(rings.signal_fd); }
    PuntMemory(const PuntMemory&) = delete;
    PuntMemory& operator=(const PuntMemory&) = delete;

    std::unique_ptr<std::byte, void (*)(std::byte*)> bytes;
    dataplane::PuntRings rings;
    std::array<api::RingConsumer, api::kPuntPriorityCount> consumers;
};

Testbed::Testbed(const Topology& topology, rte_mempool* pool)
    : pool_(pool),
      workers_count_(topology.workers),
      owner_answer_(topology.owner_answer),
      control_plane_stalls_(topology.control_plane_stalls),
      counters_(std::make_unique<api::CountersRegion>()),
      reclaimer_(topology.workers),
      fib_(reclaimer_, 1000),
      next_hops_(reclaimer_, 1000, 1000, 100, topology.workers),
      interfaces_(reclaimer_),
      links_(topology.workers),
      nat_(topology.workers, kRandomKey) {
    passed_cycles = 1'000'000;
    open_ports(topology);
    publish_interfaces(topology);
    write_routes(topology);
    start_workers(topology);
    if (topology.nat) {
        want_nat(topology.nat);
        run();
    }
}

Testbed::~Testbed() {
    discard_sent();
}

void Testbed::open_ports(const Topology& topology) {
    for (const TestInterface& interface : topology.interfaces) {
        if (!interface.parent.empty()) {
            continue;
        }
        auto rings = drivers::RingPort::open(device_name(interface.name), 1, interface.tx_queues,
                                             pool_, 1024);
        if (!rings) {
            throw std::runtime_error(rings.error().what);
        }
        ports_.push_back({interface.name, std::move(*rings), interface.tx_queues});
    }
}

const Testbed::PortOfTest& Testbed::port_named(const std::string& name) const {
    for (const PortOfTest& port : ports_) {
        if (port.name == name) {
            return port;
        }
    }
    throw std::invalid_argument("no such port: " + name);
}

void Testbed::publish_interfaces(const Topology& topology) {
    auto snapshot = std::make_unique<dataplane::InterfaceSnapshot>();
    snapshot->entries.resize(1);
    snapshot->icmp_interface_information = topology.icmp_interface_information;
    snapshot->icmp_errors_per_second = topology.icmp_errors_per_second;
    for (const TestInterface& interface : topology.interfaces) {
        const bool is_vlan = !interface.parent.empty();
        const net::InterfaceId id(static_cast<std::uint16_t>(snapshot->entries.size()));
        dataplane::InterfaceEntry entry;
        entry.id = id;
        entry.type = is_vlan ? api::InterfaceType::Vlan : api::InterfaceType::Port;
        entry.up = interface.up;
        entry.promiscuous = interface.promiscuous;
        entry.port = port_named(is_vlan ? interface.parent : interface.name).rings.port_id();
        entry.vlan = interface.vlan;
        entry.mtu = interface.mtu;
        entry.mac = interface.mac;
        entry.partial_checksums = interface.partial_checksums;
        entry.addresses = interface.addresses;
        entry.source_validation = interface.source_validation;
        entry.source_route = interface.source_route;
        entry.directed_broadcast = interface.directed_broadcast;
        entry.tentative = interface.tentative;
        entry.proxy_arp = interface.proxy_arp;
        entry.rarp.assign(interface.rarp.begin(), interface.rarp.end());
        entry.name = interface.name;
        entry.redirects = interface.redirects;
        auto& view = snapshot->ports.at(entry.port);
        if (is_vlan) {
            if (!view.by_vlan) {
                view.by_vlan =
                    std::make_unique<std::array<net::InterfaceId, dataplane::kVlanCount>>();
            }
            view.by_vlan->at(interface.vlan) = id;
        } else {
            view.untagged = id;
            view.tx_queue_count = interface.tx_queues;
            view.software_rss = interface.software_rss;
        }
        snapshot->entries.push_back(entry);
    }
    interfaces_.replace(std::move(snapshot));
    reclaimer_.poll();
}

std::uint32_t Testbed::neighbor_index(net::Ipv4Address address) {
    const auto known = neighbors_.find(address);
    if (known != neighbors_.end()) {
        return known->second;
    }
    // A gateway that nobody resolved: its packets go to the owner.
    for (const auto& entry : interfaces_.current().entries) {
        for (const auto& own : entry.addresses) {
            if (own.subnet().contains(address)) {
                return *next_hops_.allocate(plain(Verdict::Incomplete, entry.id));
            }
        }
    }
    throw std::invalid_argument("no interface leads to " + address.to_string());
}

void Testbed::write_routes(const Topology& topology) {
    for (const auto& entry : interfaces_.current().entries) {
        auto configured = entry.addresses;
        configured.insert(configured.end(), entry.tentative.begin(), entry.tentative.end());
        for (const auto& own : configured) {
            fib_.set(net::Ipv4Prefix::covering(own.address, 32),
                     *next_hops_.allocate(plain(Verdict::Receive, entry.id)));
            if (own.prefix_length == 32) {
                continue;
            }
            fib_.set(own.subnet(), *next_hops_.allocate(plain(Verdict::Glean, entry.id)));
            if (const auto broadcast = own.broadcast()) {
                fib_.set(net::Ipv4Prefix::covering(*broadcast, 32),
                         *next_hops_.allocate(plain(Verdict::Broadcast, entry.id)));
            }
        }
    }
    for (const TestNeighbor& neighbor : topology.neighbors) {
        for (std::size_t i = 0; i < topology.interfaces.size(); ++i) {
            if (topology.interfaces[i].name != neighbor.interface) {
                continue;
            }
            const auto& entry = interfaces_.current().entries[i + 1];
            const net::EthernetHeader link{
                neighbor.mac, entry.mac,
                entry.vlan != 0 ? net::EtherType::Vlan : net::EtherType::Ipv4};
            dataplane::Adjacency adjacency;
            net::ByteWriter writer(adjacency.rewrite);
            link.encode(writer);
            adjacency.rewrite_bytes = 14;
            if (entry.vlan != 0) {
                net::VlanTag{0, false, entry.vlan, net::EtherType::Ipv4}.encode(writer);
                adjacency.rewrite_bytes = 18;
            }
            adjacency.interface = entry.id;
            adjacency.port = entry.port;
            adjacency.mtu = neighbor.mtu != 0 ? neighbor.mtu : entry.mtu;
            adjacency.neighbor = neighbor.address.value();
            const std::uint32_t index = *next_hops_.allocate(plain(Verdict::Incomplete, entry.id));
            next_hops_.set_adjacency(index, adjacency);
            fib_.set(net::Ipv4Prefix::covering(neighbor.address, 32), index);
            neighbors_[neighbor.address] = index;
        }
    }
    for (const TestRoute& route : topology.routes) {
        std::uint32_t index = 0;
        if (route.via.empty()) {
            index = *next_hops_.allocate(plain(Verdict::Blackhole));
        } else if (route.via.size() == 1) {
            index = neighbor_index(route.via.front());
        } else {
            std::vector<std::uint32_t> members;
            for (const net::Ipv4Address via : route.via) {
                members.push_back(neighbor_index(via));
            }
            index = *next_hops_.allocate(plain(Verdict::NoRoute));
            next_hops_.set_group(index, members);
        }
        fib_.set(route.prefix, index);
    }
}

void Testbed::start_workers(const Topology& topology) {
    const dataplane::Shared shared{reclaimer_,
                                   fib_,
                                   next_hops_,
                                   interfaces_,
                                   links_,
                                   pool_,
                                   &nat_,
                                   topology.standing_time ? standing_clock : running_clock,
                                   topology.standing_time ? time_of_day : nullptr,
                                   kRandomKey};
    for (unsigned number = 0; number < workers_count_; ++number) {
        // Ports are dealt out to the workers in turn; each has one receive queue.
        std::vector<dataplane::RxQueue> queues;
        for (std::size_t i = number; i < ports_.size(); i += workers_count_) {
            queues.push_back({ports_[i].rings.port_id(), 0});
        }
        workers_.push_back(std::make_unique<dataplane::Worker>(
            number, shared, counters_->blocks[number], queues, topology.idle));
        punt_.push_back(std::make_unique<PuntMemory>());
        if (topology.control_plane) {
            workers_.back()->set_punt(&punt_.back()->rings);
        }
    }
}

bool Testbed::receive(const std::string& port, const Frame& frame) {
    rte_mbuf* packet = rte_pktmbuf_alloc(pool_);
    if (packet == nullptr) {
        return false;
    }
    // What a packet has from its last life must not matter.
    std::memset(rte_mbuf_to_priv(packet), 0xa5, dataplane::kPacketPrivateBytes);
    char* bytes = rte_pktmbuf_append(packet, static_cast<std::uint16_t>(frame.size()));
    if (bytes == nullptr) {
        rte_pktmbuf_free(packet);
        return false;
    }
    // Before it is in the ring: a worker on a thread of its own takes it at once.
    std::copy(frame.begin(), frame.end(), reinterpret_cast<std::uint8_t*>(bytes));
    if (rte_ring_enqueue(port_named(port).rings.to_port(0), packet) != 0) {
        rte_pktmbuf_free(packet);
        return false;
    }
    return true;
}

bool Testbed::receive_chained(const std::string& port, const Frame& frame,
                              std::size_t segment_bytes) {
    rte_mbuf* head = nullptr;
    for (std::size_t at = 0; at < frame.size(); at += segment_bytes) {
        const auto count = static_cast<std::uint16_t>(std::min(segment_bytes, frame.size() - at));
        rte_mbuf* segment = rte_pktmbuf_alloc(pool_);
        if (segment == nullptr) {
            rte_pktmbuf_free(head);
            return false;
        }
        std::memcpy(rte_pktmbuf_append(segment, count), &frame[at], count);
        if (head == nullptr) {
            head = segment;
        } else if (rte_pktmbuf_chain(head, segment) != 0) {
            rte_pktmbuf_free(segment);
            rte_pktmbuf_free(head);
            return false;
        }
    }
    if (head == nullptr || rte_ring_enqueue(port_named(port).rings.to_port(0), head) != 0) {
        rte_pktmbuf_free(head);
        return false;
    }
    return true;
}

bool Testbed::give_worker(unsigned worker, rte_mbuf* packet) {
    api::CounterBlock& counters = counters_->blocks[workers_count_];
    if (links_.give_worker(worker, {&packet, 1}) == 0) {
        return false;
    }
    counters.injected.add(1);
    counters.handed_out.add(1);
    return true;
}

void Testbed::pass(std::chrono::seconds time) {
    passed_cycles += static_cast<std::uint64_t>(time.count()) * rte_get_tsc_hz();
}

void Testbed::want_nat(const std::optional<TestNat>& nat) {
    std::optional<dataplane::nat::NatTable::Wanted> wanted;
    if (nat) {
        auto rules = dataplane::nat::NatRules::compile(nat->rules);
        if (!rules) {
            throw std::invalid_argument(rules.error());
        }
        wanted = {nat->settings, *rules};
    }
    if (const std::string wrong = nat_.want(wanted); !wrong.empty()) {
        throw std::invalid_argument(wrong);
    }
}

void Testbed::run() {
    unsigned moved = 1;
    while (moved > 0) {
        nat_.poll();
        moved = step_owner() + (control_plane_stalls_ ? 0 : drain_punt_rings());
        for (const auto& worker : workers_) {
            moved += worker->run_once();
        }
    }
    drain_punt_rings();
}

unsigned Testbed::step_owner() {
    std::array<rte_mbuf*, 64> packets;
    const unsigned count = links_.take_for_owner(packets);
    api::CounterBlock& counters = counters_->blocks[workers_count_];
    counters.handed_in.add(count);
    for (rte_mbuf* packet : std::span(packets).first(count)) {
        dataplane::PacketMeta& about = dataplane::meta(packet);
        ++given_to_owner_[std::string(api::name_of(about.resume))];
        if (about.resume == api::NodeId::ArpResolve &&
            owner_answer_ == OwnerAnswer::HostUnreachable) {
            about.resume = api::NodeId::IcmpError;
            about.icmp_type = static_cast<std::uint8_t>(net::IcmpType::DestinationUnreachable);
            about.icmp_code = static_cast<std::uint8_t>(net::UnreachableCode::Host);
            about.drop_reason = api::DropReason::ArpUnresolved;
            counters.handed_out.add(links_.give_worker(0, {&packet, 1}));
            continue;
        }
        finish_at_owner(packet);
    }
    return count;
}

void Testbed::finish_at_owner(rte_mbuf* packet) {
    const dataplane::PacketMeta& about = dataplane::meta(packet);
    api::CounterBlock& counters = counters_->blocks[workers_count_];
    api::InterfaceCounters& ingress = counters.interfaces[about.ingress.value()];
    if (about.resume == api::NodeId::ArpInput) {
        counters.punted.add(1);
        ingress.in_punted.add(1);
    } else {
        counters.dropped.add(1);
        counters.drops[static_cast<std::size_t>(api::DropReason::ArpUnresolved)].add(1);
        ingress.in_dropped.add(1);
    }
    rte_pktmbuf_free(packet);
}

unsigned Testbed::drain_punt_rings() {
    unsigned count = 0;
    for (const auto& memory : punt_) {
        for (std::size_t priority = 0; priority < api::kPuntPriorityCount; ++priority) {
            count += drain_punt_ring(memory->consumers[priority],
                                     static_cast<api::PuntPriority>(priority));
        }
    }
    return count;
}

unsigned Testbed::drain_punt_ring(api::RingConsumer& ring, api::PuntPriority priority) {
    static std::array<std::byte, api::kMaxPuntBody> buffer;
    unsigned count = 0;
    for (;;) {
        api::Record record;
        switch (ring.next(buffer, record)) {
            case api::RingConsumer::Outcome::Empty:
                return count;
            case api::RingConsumer::Outcome::Broken:
                throw std::runtime_error("a punt ring is broken");
            case api::RingConsumer::Outcome::Record:
                break;
        }
        const auto punt = api::read_punt(record);
        if (!punt) {
            throw std::runtime_error(std::string(punt.error()));
        }
        if (api::priority_of(punt->header.punt_class) != priority) {
            throw std::runtime_error("a punt record lies in the ring of another priority");
        }
        ++punted_[std::string(api::text_of(punt->header.punt_class).name)];
        keep_options(punt->packet);
        ++count;
    }
}

void Testbed::keep_options(std::span<const std::byte> packet) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(packet.data());
    const auto ip = net::wire::Ipv4View::parse({bytes, packet.size()});
    if (ip && !ip->options().empty()) {
        punted_options_.emplace_back(ip->options().begin(), ip->options().end());
    }
}

std::vector<Frame> Testbed::sent(const std::string& port) {
    std::vector<Frame> frames;
    const PortOfTest& from = port_named(port);
    for (std::uint16_t queue = 0; queue < from.tx_queues; ++queue) {
        void* taken = nullptr;
        while (rte_ring_dequeue(from.rings.from_port(queue), &taken) == 0) {
            auto* packet = static_cast<rte_mbuf*>(taken);
            Frame& frame = frames.emplace_back(packet->pkt_len);
            const void* bytes = rte_pktmbuf_read(packet, 0, packet->pkt_len, frame.data());
            if (bytes != frame.data() && bytes != nullptr) {
                std::memcpy(frame.data(), bytes, frame.size());
            }
            rte_pktmbuf_free(packet);
        }
    }
    return frames;
}

void Testbed::discard_sent() {
    for (const PortOfTest& port : ports_) {
        for (std::uint16_t queue = 0; queue < port.tx_queues; ++queue) {
            void* packet = nullptr;
            while (rte_ring_dequeue(port.rings.from_port(queue), &packet) == 0) {
                rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
            }
        }
    }
}

std::map<std::string, std::uint64_t> Testbed::drops() const {
    std::map<std::string, std::uint64_t> result;
    for (unsigned block = 0; block <= workers_count_; ++block) {
        for (const api::DropReasonText& text : api::kDropReasons) {
            const std::uint64_t count =
                counters_->blocks[block].drops[static_cast<std::size_t>(text.reason)].read();
            if (count > 0) {
                result[std::string(text.name)] += count;
            }
        }
    }
    return result;
}

std::map<std::string, std::uint64_t> Testbed::icmp_silences() const {
    std::map<std::string, std::uint64_t> result;
    for (unsigned block = 0; block <= workers_count_; ++block) {
        for (const api::IcmpSilenceText& text : api::kIcmpSilences) {
            const auto at = static_cast<std::size_t>(text.silence);
            const std::uint64_t count = counters_->blocks[block].icmp_silences[at].read();
            if (count > 0) {
                result[std::string(text.name)] += count;
            }
        }
    }
    return result;
}

std::uint64_t Testbed::dropped_for(api::DropReason reason) const {
    std::uint64_t sum = 0;
    for (unsigned block = 0; block <= workers_count_; ++block) {
        sum += counters_->blocks[block].drops[static_cast<std::size_t>(reason)].read();
    }
    return sum;
}

std::uint64_t Testbed::total(api::Counter api::CounterBlock::*field) const {
    std::uint64_t sum = 0;
    for (unsigned block = 0; block <= workers_count_; ++block) {
        sum += (counters_->blocks[block].*field).read();
    }
    return sum;
}

std::vector<std::string> Testbed::ledger_faults(unsigned block) const {
    const api::CounterBlock& of = counters_->blocks[block];
    std::vector<std::string> faults;
    const std::uint64_t came =
        of.received.read() + of.handed_in.read() + of.originated.read() + of.injected.read();
    const std::uint64_t went =
        of.sent.read() + of.punted.read() + of.dropped.read() + of.handed_out.read();
    if (came != went) {
        faults.push_back(fmt::format("block {}: {} packets came in, {} went", block, came, went));
    }
    std::uint64_t by_reason = 0;
    for (const api::Counter& reason : of.drops) {
        by_reason += reason.read();
    }
    if (by_reason != of.dropped.read()) {
        faults.push_back(
            fmt::format("block {}: {} dropped, {} by reason", block, of.dropped.read(), by_reason));
    }
    return faults;
}

std::vector<std::string> Testbed::faults() const {
    std::vector<std::string> faults;
    for (unsigned block = 0; block <= workers_count_; ++block) {
        const auto found = ledger_faults(block);
        faults.insert(faults.end(), found.begin(), found.end());
    }
    for (const auto& entry : interfaces_.current().entries) {
        if (entry.id.is_none()) {
            continue;  // what was made here has no ingress
        }
        std::uint64_t received = 0;
        std::uint64_t accounted = 0;
        for (unsigned block = 0; block <= workers_count_; ++block) {
            const auto& of = counters_->blocks[block].interfaces[entry.id.value()];
            received += of.rx_packets.read();
            accounted += of.in_sent.read() + of.in_punted.read() + of.in_dropped.read();
        }
        if (received != accounted) {
            faults.push_back(fmt::format("interface {}: received {}, accounted for {}",
                                         entry.id.value(), received, accounted));
        }
    }
    if (total(&api::CounterBlock::handed_in) != total(&api::CounterBlock::handed_out)) {
        faults.emplace_back("what was handed out is not what was handed in");
    }
    return faults;
}

TestEal::TestEal() {
    config::Model model;
    model.workers.memory = {256ULL << 20};
    drivers::EalOptions options;
    options.in_process_test = true;
    auto started = drivers::Eal::start(model, options);
    if (!started) {
        throw std::runtime_error(started.error().what + "; " + started.error().mend);
    }
    eal_ = std::move(*started);
    pool_ = rte_pktmbuf_pool_create("packet-test", kPoolPackets, 256,
                                    dataplane::kPacketPrivateBytes, kRoomBytes, SOCKET_ID_ANY);
    if (pool_ == nullptr) {
        throw std::runtime_error("no memory for the packet pool");
    }
}

TestEal::~TestEal() {
    rte_mempool_free(pool_);
}

unsigned TestEal::packets_in_use() const {
    return rte_mempool_in_use_count(pool_);
}

}  // namespace godwit::packet_test
