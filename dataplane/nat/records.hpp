// What a worker remembers: sessions, mappings, subscribers, in slabs of fixed size.
//
//   Subscriber   an inside address at one outside address; counts against its limits, its blocks
//   Mapping      (protocol, inside endpoint) <-> outside endpoint, for all remotes (RFC 4787 REQ-1)
//   Session      one remote of it: state, time, and all that a packet needs, in one cache line
//
// Records refer to each other by index. A mapping lives as long as one session of it does.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/nat/bucket_table.hpp"
#include "dataplane/nat/flow.hpp"
#include "dataplane/nat/large_memory.hpp"
#include "dataplane/nat/rules.hpp"
#include "dataplane/nat/tcp_state.hpp"

namespace godwit::dataplane::nat {

// Sessions that live equally long without traffic: one list in order of time each.
enum class AgeClass : std::uint8_t {
    Free,              // the record is not in use
    TcpOpening,        // the inside began
    TcpOpeningInward,  // the outside began: limited in number, for anyone can send a SYN
    TcpEstablished,
    TcpClosing,
    Udp,
    Icmp,
};
constexpr std::size_t kAgeClasses = 7;

struct alignas(64) Session {
    net::Ipv4Address inside_address;
    net::Ipv4Address outside_address;
    net::Ipv4Address remote_address;
    std::uint16_t inside_port = 0;
    std::uint16_t outside_port = 0;
    std::uint16_t remote_port = 0;
    net::IpProtocol protocol{};
    TcpState tcp = TcpState::None;
    ChecksumDifference ip_difference;         // of the way out; the way in has the inverse
    ChecksumDifference transport_difference;  // ICMP has no pseudo header: the identifier only
    std::uint32_t mapping = kNone;            // kNone: made by a forward
    std::uint32_t subscriber = kNone;
    std::uint32_t listed = 0;    // the second since when it stands where it stands in its age list
    std::uint32_t next = kNone;  // in the age list, or of free records
    std::uint32_t previous = kNone;
    std::uint32_t peer_next = 0;  // ring of sessions of one mapping and one remote address
    std::uint32_t peer_previous = 0;
    RuleId rule{};
    AgeClass age : 4 = AgeClass::Free;
    bool is_hairpin : 1 = false;   // the remote is an outside address of ours
    bool is_followed : 1 = false;  // an FTP control connection (ftp_gateway.hpp)
    bool inside_acked : 1 = false;
    bool outside_acked : 1 = false;
    std::uint8_t revision = 0;     // of the rules that last allowed it
    std::uint32_t inside_ack = 0;  // the last acknowledgment from inside: what outside sends next
    std::uint32_t outside_ack = 0;

    [[nodiscard]] Endpoint inside() const { return {inside_address, inside_port}; }
    [[nodiscard]] Endpoint outside() const { return {outside_address, outside_port}; }
    [[nodiscard]] Endpoint remote() const { return {remote_address, remote_port}; }
    // As packets in this direction have it.
    [[nodiscard]] Flow flow(Direction direction) const {
        return direction == Direction::Outbound ? Flow{protocol, inside(), remote()}
                                                : Flow{protocol, remote(), outside()};
    }
};
static_assert(sizeof(Session) == 64);

struct Mapping {
    net::Ipv4Address inside_address;
    net::Ipv4Address outside_address;
    std::uint16_t inside_port = 0;
    std::uint16_t outside_port = 0;
    net::IpProtocol protocol{};    // 0: the record is not in use
    bool is_detached : 1 = false;  // its rule is gone, its sessions are not yet
    // Made for a data connection of FTP: only who is expected enters.
    bool is_announced : 1 = false;
    bool is_requested : 1 = false;  // by its host (requested_mappings.hpp)
    // The request is over: nobody new enters, until the host itself sends to somebody new.
    bool is_closed : 1 = false;
    RuleId rule{};
    // And one each for who is expected and for the request; or the next free record.
    std::uint32_t sessions = 0;
    std::uint32_t subscriber = kNone;

    [[nodiscard]] Endpoint inside() const { return {inside_address, inside_port}; }
    [[nodiscard]] Endpoint outside() const { return {outside_address, outside_port}; }
};
static_assert(sizeof(Mapping) == 24);

struct Subscriber {
    net::Ipv4Address inside;
    net::Ipv4Address outside;
    std::uint32_t ports = 0;  // or the next free record
    std::uint32_t sessions = 0;
    std::uint32_t second = 0;  // in which `made` sessions were made
    std::uint16_t made = 0;
    std::uint16_t requested = 0;  // of its ports, by itself
    std::uint8_t blocks = 0;
    bool is_used = false;
    std::array<std::uint16_t, 4> block{};
    std::array<std::uint16_t, 4> block_ports_out{};  // over all protocols
};
static_assert(sizeof(Subscriber) == 44);

// Records of one kind in one piece of memory that never moves or grows.
template <class Record, std::uint32_t Record::*kNextFree>
class Slab {
public:
    explicit Slab(std::size_t count) : records_(count) {}

    // kNone when all are in use. The record is as new.
    [[nodiscard]] std::uint32_t take() {
        std::uint32_t index = free_;
        if (index != kNone) {
            free_ = records_[index].*kNextFree;
        } else if (touched_ < records_.size()) {
            index = touched_++;
        } else {
            return kNone;
        }
        records_[index] = Record{};
        ++used_;
        return index;
    }
    void give_back(std::uint32_t index) {
        records_[index] = Record{};
        records_[index].*kNextFree = free_;
        free_ = index;
        --used_;
    }
    [[nodiscard]] Record& operator[](std::uint32_t index) { return records_[index]; }
    [[nodiscard]] const Record& operator[](std::uint32_t index) const { return records_[index]; }
    [[nodiscard]] std::uint32_t capacity() const {
        return static_cast<std::uint32_t>(records_.size());
    }
    [[nodiscard]] std::uint32_t used() const { return used_; }
    // Records from here on were never in use.
    [[nodiscard]] std::uint32_t touched() const { return touched_; }
    [[nodiscard]] std::size_t bytes() const { return records_.size() * sizeof(Record); }

private:
    std::vector<Record, LargeMemory<Record>> records_;
    std::uint32_t free_ = kNone;
    std::uint32_t touched_ = 0;  // records before this one were in use once
    std::uint32_t used_ = 0;
};

}  // namespace godwit::dataplane::nat
