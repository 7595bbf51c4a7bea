// The ports and identifiers of one outside address that one worker owns, and port blocks of them.
//
// What is preferred, in this order (RFC 4787 4.2): the inside port itself; a random port of the
// same parity on the same side of 1024; of either parity there; then the same on the other side. A
// port is random where it must differ (RFC 6056, RFC 7857 9), and one is never shared (REQ-3).
//
// Owned ports come in pairs 2n, 2n+1 with n = workers * k + worker. A pair is known by its k; the
// two parities are two sets of bits over k. A block is a run of pairs: its ports lie `2 * workers`
// apart in pairs, and the blocks of different workers never meet.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/nat/ageing_bits.hpp"
#include "dataplane/nat/flow.hpp"

namespace godwit::dataplane::nat {

class PortPool {
public:
    // `block_ports`: how many of this worker's ports make a block, even; 0 where there are none.
    // `most_resting`: of each protocol, how many ports of all workers may rest at a time.
    PortPool(WorkerPlace place, Seconds quarantine, std::uint32_t block_ports = 0,
             std::uint32_t most_resting = 65536);

    // From now on.
    void set_rest(Seconds quarantine, std::uint32_t most_resting);

    // For the inside port `wanted`, if it lies in `range`: itself, or nothing.
    [[nodiscard]] std::optional<std::uint16_t> take_same(net::IpProtocol protocol,
                                                         std::uint16_t wanted, PortRange range,
                                                         Instant now);
    // Another one in `range`.
    [[nodiscard]] std::optional<std::uint16_t> take_other(net::IpProtocol protocol,
                                                          std::uint16_t wanted, PortRange range,
                                                          std::uint64_t random, Instant now);
    // Whether take_same() would have it now, and what take_other() would most likely answer with,
    // from the first word of bits alone. Nothing is taken.
    [[nodiscard]] bool is_same_free(net::IpProtocol protocol, std::uint16_t wanted, PortRange range,
                                    Instant now);
    [[nodiscard]] std::optional<std::uint16_t> probable_other(net::IpProtocol protocol,
                                                              std::uint16_t wanted, PortRange range,
                                                              std::uint64_t random, Instant now);
    void give_back(net::IpProtocol protocol, std::uint16_t port, Instant now);

    // Ports that rules have given away for good, until the next clear_reserved().
    void clear_reserved();
    void reserve(net::IpProtocol protocol, PortRange range);

    // A block wholly in `range`.
    [[nodiscard]] std::optional<std::uint16_t> take_block(PortRange range, std::uint64_t random,
                                                          Instant now);
    void give_back_block(std::uint16_t block, Instant now);
    // From the first port to the last one; of those between, this worker's only.
    [[nodiscard]] PortRange ports_of_block(std::uint16_t block) const;
    [[nodiscard]] std::uint32_t block_ports() const { return block_ports_; }

    // Where it stands whether the port is free, if it is one of this worker's.
    void prefetch(net::IpProtocol protocol, std::uint16_t port_number) const {
        if (owner_of_port(port_number, place_.workers) == place_.worker) {
            bits(protocol, port_number & 1U).prefetch(pair_of(port_number));
        }
    }
    // Where take_other() will begin to look.
    void prefetch_other(net::IpProtocol protocol, std::uint16_t wanted, PortRange range,
                        std::uint64_t random) const;
    [[nodiscard]] std::uint32_t ports_out(net::IpProtocol protocol) const;
    [[nodiscard]] std::uint32_t ports_owned() const { return 2U * pairs_; }
    [[nodiscard]] std::size_t bytes() const;

    // The revision of the rules that the reserved ports are of.
    std::uint32_t reserved_revision = 0;

private:
    struct Span {
        std::uint32_t begin;
        std::uint32_t end;
        [[nodiscard]] std::uint32_t at(std::uint64_t random) const {
            return begin +
                   static_cast<std::uint32_t>((random & 0xffffffffU) * (end - begin) >> 32U);
        }
    };
    [[nodiscard]] std::uint16_t port(std::uint32_t pair, unsigned parity) const {
        return static_cast<std::uint16_t>(2U * (place_.workers * pair + place_.worker) + parity);
    }
    [[nodiscard]] std::uint32_t pair_of(std::uint16_t port_number) const {
        return ((port_number >> 1U) - place_.worker) / place_.workers;
    }
    // The pairs whose port of this parity lies in the range.
    [[nodiscard]] Span pairs_in(PortRange range, unsigned parity) const;
    [[nodiscard]] AgeingBits& bits(net::IpProtocol protocol, unsigned parity);
    [[nodiscard]] const AgeingBits& bits(net::IpProtocol protocol, unsigned parity) const;
    // Those of the wanted port's own kind, the first choice.
    [[nodiscard]] Span pairs_like(std::uint16_t wanted, PortRange range) const;
    std::optional<std::uint16_t> take_random(net::IpProtocol protocol, unsigned parity,
                                             PortRange range, std::uint64_t random, Instant now);

    WorkerPlace place_;
    std::uint32_t pairs_;
    std::uint32_t block_ports_;
    std::vector<AgeingBits> bits_;  // by protocol and parity
    AgeingBits blocks_;             // by the number of the block; all blocks are of one size
};

}  // namespace godwit::dataplane::nat
