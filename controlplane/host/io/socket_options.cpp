#include "controlplane/host/io/socket_options.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "net/byte_order.hpp"

namespace godwit::control::io {

Md5Key::Md5Key(const net::Ipv4Prefix& peers, std::vector<std::uint8_t> key)
    : peers_(peers), key_(std::move(key)) {
    if (key_.size() > kMostBytes) {
        throw std::out_of_range("a key of TCP MD5 has at most 80 bytes");
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr =
        std::bit_cast<std::uint32_t>(net::Big32::from_host(peers_.address().value()));
    std::memcpy(&for_the_kernel_.tcpm_addr, &address, sizeof(address));
    for_the_kernel_.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX;
    for_the_kernel_.tcpm_prefixlen = peers_.length();
    for_the_kernel_.tcpm_keylen = static_cast<std::uint16_t>(key_.size());
    std::copy(key_.begin(), key_.end(), std::begin(for_the_kernel_.tcpm_key));
}

}  // namespace godwit::control::io
