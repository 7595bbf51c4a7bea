// Options of sockets that Asio has no class for, in the form of Asio's own, so that the same line
// sets one on our sockets and, where the kernel has it, on a kernel's:
//
//     socket.set_option(io::Dscp(48));
//     acceptor.set_option(io::Md5Key(*net::Ipv4Prefix::parse("192.0.2.2/32"), key));
//
// Keys, and the least TTL, are of a peer (an address or a prefix; the longest wins) and of the
// service that the socket speaks: the port that it connects to, or listens on. They are known
// before the first SYN, hold for every socket of that peer and service, and stay until they are
// replaced, or taken away by an empty key, for a connection's last words are signed when its socket
// is gone. The kernel's die with a socket; whoever sets keys here takes them away.
#pragma once

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "controlplane/host/tcp/peer_security.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::control::io {

// An option that is a number, as setsockopt() and getsockopt() want it.
template <int Level, int Name>
class IntegerOption {
public:
    template <class Protocol>
    [[nodiscard]] int level(const Protocol&) const {
        return Level;
    }
    template <class Protocol>
    [[nodiscard]] int name(const Protocol&) const {
        return Name;
    }
    template <class Protocol>
    [[nodiscard]] const void* data(const Protocol&) const {
        return &number_;
    }
    template <class Protocol>
    [[nodiscard]] void* data(const Protocol&) {
        return &number_;
    }
    template <class Protocol>
    [[nodiscard]] std::size_t size(const Protocol&) const {
        return sizeof(number_);
    }
    template <class Protocol>
    void resize(const Protocol&, std::size_t) {}

protected:
    IntegerOption() = default;
    explicit IntegerOption(int number) : number_(number) {}
    int number_ = 0;
};

// The differentiated services code point (RFC 2474), 0 to 63, of what is sent.
class Dscp : public IntegerOption<IPPROTO_IP, IP_TOS> {
public:
    Dscp() = default;
    explicit Dscp(int code_point) : IntegerOption(code_point << 2) {
        if (code_point < 0 || code_point > 63) {
            throw std::out_of_range("a DSCP is 0 to 63");
        }
    }
    [[nodiscard]] int value() const { return number_ >> 2; }
};

// The largest segment that is sent, and asked for in the SYN (MSS, RFC 9293 3.7.1): less than the
// MTU has room for. Zero: as the MTU has it. Before a connection; get_option tells what holds.
class MaximumSegment : public IntegerOption<IPPROTO_TCP, TCP_MAXSEG> {
public:
    MaximumSegment() = default;
    explicit MaximumSegment(int bytes) : IntegerOption(bytes) {}
    [[nodiscard]] int value() const { return number_; }
};

// RFC 2385: what `peers` and we sign by. An empty key: no signatures.
class Md5Key {
public:
    static constexpr std::size_t kMostBytes = TCP_MD5SIG_MAXKEYLEN;

    Md5Key(const net::Ipv4Prefix& peers, std::vector<std::uint8_t> key);
    [[nodiscard]] const net::Ipv4Prefix& peers() const { return peers_; }
    [[nodiscard]] const std::vector<std::uint8_t>& key() const { return key_; }

    // As Linux has it.
    template <class Protocol>
    [[nodiscard]] int level(const Protocol&) const {
        return IPPROTO_TCP;
    }
    template <class Protocol>
    [[nodiscard]] int name(const Protocol&) const {
        return TCP_MD5SIG_EXT;
    }
    template <class Protocol>
    [[nodiscard]] const void* data(const Protocol&) const {
        return &for_the_kernel_;
    }
    template <class Protocol>
    [[nodiscard]] std::size_t size(const Protocol&) const {
        return sizeof(for_the_kernel_);
    }

private:
    net::Ipv4Prefix peers_;
    std::vector<std::uint8_t> key_;
    tcp_md5sig for_the_kernel_{};
};

// RFC 5925: the keys of `peers`; connections begin with the first. On a connection that stands keys
// may be added, and those taken away that it does not use (3.1); it goes over to another by
// AoNextKey. Whether it signs at all is settled by its SYN.
class AoKeys {
public:
    AoKeys(const net::Ipv4Prefix& peers, std::vector<tcp::AoKey> keys)
        : peers_(peers), keys_(std::move(keys)) {}
    [[nodiscard]] const net::Ipv4Prefix& peers() const { return peers_; }
    [[nodiscard]] const std::vector<tcp::AoKey>& keys() const { return keys_; }

private:
    net::Ipv4Prefix peers_;
    std::vector<tcp::AoKey> keys_;
};

// RNextKeyID: the key, by its receive_id, that the peer is asked to sign by from now on.
class AoNextKey {
public:
    AoNextKey() = default;
    explicit AoNextKey(std::uint8_t receive_id) : receive_id_(receive_id) {}
    [[nodiscard]] std::uint8_t value() const { return receive_id_; }

private:
    std::uint8_t receive_id_ = 0;
};

// RFC 5082: what comes from `peers` with a lower TTL was not sent by a neighbour. Zero: any.
class LeastTtl {
public:
    LeastTtl(const net::Ipv4Prefix& peers, std::uint8_t hops) : peers_(peers), hops_(hops) {}
    [[nodiscard]] const net::Ipv4Prefix& peers() const { return peers_; }
    [[nodiscard]] std::uint8_t value() const { return hops_; }

private:
    net::Ipv4Prefix peers_;
    std::uint8_t hops_;
};

}  // namespace godwit::control::io
