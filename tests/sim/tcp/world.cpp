#include "tests/sim/tcp/world.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace godwit::sim {

namespace {

constexpr std::size_t kIpHeaderBytes = 20;

std::function<std::uint32_t()> chance(std::uint64_t seed) {
    return
        [engine = std::mt19937_64(seed)]() mutable { return static_cast<std::uint32_t>(engine()); };
}

bool happens(std::mt19937_64& random, double probability) {
    return probability > 0 && std::uniform_real_distribution<double>(0, 1)(random) < probability;
}

}  // namespace

SimHost::SimHost(World& world, unsigned index, net::Ipv4Address own, std::uint64_t seed,
                 const tcp::Limits& limits)
    : endpoint(limits, net::SipKey{seed, seed * 31 + index}, chance(seed + index), *this),
      address(own),
      world_(world),
      index_(index),
      random_(seed * 7919 + index) {}

void SimHost::transmit(const tcp::Flow& flow, const tcp::Segment& segment) {
    ++segments_sent;
    data_bytes_sent += segment.payload_bytes();
    if (world_.check_windows) {
        check(segment);
    }
    std::vector<std::uint8_t> bytes = segment.encode(flow);
    if (bytes.empty()) {
        world_.violated("a segment could not be encoded");
        return;
    }
    if (world_.capture) {
        world_.capture({index_, true, world_.now(), flow.local, flow.remote, segment.marks, bytes});
    }
    world_.send(*this, std::move(bytes), segment.marks);
}

void SimHost::check(const tcp::Segment& segment) {
    if (segment.flags.rst) {
        return;
    }
    if (segment.flags.syn) {
        scaling_ = segment.options.window_scale.has_value();
        offered_scale_ = segment.options.window_scale.value_or(0);
        return;
    }
    const SimHost& other = *world_.hosts_[1 - index_];
    const std::uint8_t scale = scaling_ && other.scaling_ ? offered_scale_ : std::uint8_t{0};
    const net::Sequence edge = segment.acknowledgment + (std::uint32_t{segment.window} << scale);
    if (offered_ && edge + ((1U << scale) - 1) < offered_edge_) {
        world_.violated(
            fmt::format("host {} took back {} bytes of its window", index_, offered_edge_ - edge));
    }
    offered_edge_ = offered_ ? later_of(offered_edge_, edge) : edge;
    offered_ = true;
    const std::uint32_t bytes = segment.payload_bytes();
    if (allowed_ && bytes > 1 && segment.sequence + bytes > allowed_edge_) {
        world_.violated(fmt::format("host {} sent {} bytes beyond the window", index_,
                                    segment.sequence + bytes - allowed_edge_));
    }
}

World::World(std::uint64_t seed, const tcp::Limits& limits) {
    hosts_[0] = std::make_unique<SimHost>(*this, 0, net::Ipv4Address(192, 0, 2, 1), seed, limits);
    hosts_[1] = std::make_unique<SimHost>(*this, 1, net::Ipv4Address(192, 0, 2, 2), seed, limits);
}

void World::violated(std::string what) {
    if (violation_.empty()) {
        violation_ = fmt::format(
            "at {} ms: {}",
            std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()).count(),
            what);
    }
}

void World::call_at(Instant at, std::function<void()> what) {
    arrivals_.push({at, ++order_, 0, {}, {}, std::move(what)});
}

void World::send(SimHost& from, std::vector<std::uint8_t> segment, tcp::IpMarks marks) {
    const LinkModel& link = from.out;
    std::mt19937_64& random = from.random_;
    const std::size_t bytes = segment.size() + kIpHeaderBytes;
    if (now_ >= link.dark_from && now_ < link.dark_until) {
        return;
    }
    if (bytes > link.mtu) {
        if (link.tells_mtu) {
            const auto view = net::wire::TcpView::parse(segment);
            const tcp::Flow flow{from.address, hosts_[1 - from.index_]->address,
                                 view->source_port(), view->destination_port()};
            const net::Sequence sequence(view->sequence());
            const std::uint16_t mtu = link.mtu;
            call_at(now_ + link.delay, [&from, this, flow, sequence, mtu] {
                from.endpoint.path_error(flow, tcp::PathError::PacketTooBig, sequence, mtu, now_);
            });
        }
        return;
    }
    from.in_burst_ =
        from.in_burst_ ? !happens(random, link.burst_end) : happens(random, link.burst_begin);
    if (from.in_burst_ || happens(random, link.loss)) {
        return;
    }
    Instant leaves = now_;
    if (link.bits_per_second != 0) {
        const Duration wait = std::max(from.busy_until_ - now_, Duration::zero());
        const auto queued = static_cast<std::uint64_t>(std::chrono::duration<double>(wait).count() *
                                                       double(link.bits_per_second) / 8);
        if (queued + bytes > link.queue_bytes) {
            return;
        }
        leaves = now_ + wait +
                 std::chrono::nanoseconds(bytes * 8 * 1'000'000'000ULL / link.bits_per_second);
        from.busy_until_ = leaves;
    }
    Instant arrives = leaves + link.delay;
    if (link.jitter > Duration::zero()) {
        arrives +=
            Duration(std::uniform_int_distribution<Duration::rep>(0, link.jitter.count())(random));
    }
    if (happens(random, link.reorder)) {
        arrives += link.reorder_by;
    } else {
        arrives = std::max(arrives, from.last_arrival_);
        from.last_arrival_ = arrives;
    }
    if (happens(random, link.corrupt)) {
        const std::size_t bit = random() % (segment.size() * 8);
        segment[bit / 8] = static_cast<std::uint8_t>(segment[bit / 8] ^ 1U << bit % 8);
    }
    if (marks.ecn != tcp::Ecn::NotCapable && happens(random, link.congested)) {
        marks.ecn = tcp::Ecn::Congested;
    }
    if (happens(random, link.duplicate)) {
        arrivals_.push({arrives, ++order_, 1 - from.index_, segment, marks, {}});
    }
    arrivals_.push({arrives, ++order_, 1 - from.index_, std::move(segment), marks, {}});
}

void World::deliver(const Arrival& arrival) {
    if (arrival.call) {
        arrival.call();
        return;
    }
    SimHost& host = *hosts_[arrival.to];
    SimHost& from = *hosts_[1 - arrival.to];
    if (capture) {
        capture(
            {arrival.to, false, now_, from.address, host.address, arrival.marks, arrival.segment});
    }
    const auto view = net::wire::TcpView::parse(arrival.segment);
    if (!view || !view->has_valid_checksum(from.address, host.address)) {
        return;
    }
    const tcp::Segment segment = tcp::Segment::from(*view, arrival.marks);
    if (segment.flags.ack && !segment.flags.rst) {
        const std::uint8_t scale = !segment.flags.syn && host.scaling_ && from.scaling_
                                       ? from.offered_scale_
                                       : std::uint8_t{0};
        const net::Sequence edge =
            segment.acknowledgment + (std::uint32_t{segment.window} << scale);
        host.allowed_edge_ = host.allowed_ ? later_of(host.allowed_edge_, edge) : edge;
        host.allowed_ = true;
    }
    host.endpoint.input({host.address, from.address, view->destination_port(), view->source_port()},
                        segment, now_);
}

bool World::step() {
    const Instant deadline =
        std::min(hosts_[0]->endpoint.next_deadline(), hosts_[1]->endpoint.next_deadline());
    const Instant arrival = arrivals_.empty() ? Instant::max() : arrivals_.top().at;
    if (deadline == Instant::max() && arrival == Instant::max()) {
        return false;
    }
    now_ = std::max(now_, std::min(deadline, arrival));
    if (arrival <= deadline) {
        const Arrival first = arrivals_.top();
        arrivals_.pop();
        deliver(first);
    } else {
        hosts_[0]->endpoint.poll(now_);
        hosts_[1]->endpoint.poll(now_);
    }
    if (after_step) {
        after_step();
    }
    return true;
}

void World::run(Instant limit, const std::function<bool()>& done) {
    while (now_ < limit && (!done || !done()) && step()) {
    }
}

}  // namespace godwit::sim
