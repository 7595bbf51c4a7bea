#include "tests/packet/frame_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <stdexcept>

#include "net/arp.hpp"
#include "net/checksum.hpp"
#include "net/ethernet.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"
#include "net/tcp.hpp"
#include "net/udp.hpp"
#include "net/vlan.hpp"

namespace godwit::packet_test {

namespace {

using net::Big16;
using net::Big32;

[[noreturn]] void refuse(std::string_view what, std::string_view word) {
    throw std::invalid_argument(fmt::format("{} '{}'", what, word));
}

std::vector<std::string> split(std::string_view text, std::string_view separator) {
    std::vector<std::string> parts;
    while (true) {
        const std::size_t end = text.find(separator);
        if (end != 0 && !text.substr(0, end).empty()) {
            parts.emplace_back(text.substr(0, end));
        }
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + separator.size());
    }
}

std::uint32_t number(const std::string& text) {
    std::size_t used = 0;
    const unsigned long value = std::stoul(text, &used, 0);
    if (used != text.size()) {
        refuse("not a number:", text);
    }
    return static_cast<std::uint32_t>(value);
}

Frame bytes_of_hex(const std::string& hex) {
    if (hex.size() % 2 != 0) {
        refuse("an odd number of digits:", hex);
    }
    Frame bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        bytes.push_back(static_cast<std::uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

struct Layer {
    std::string kind;
    std::vector<std::string> words;  // without '='
    std::map<std::string, std::string> fields;

    [[nodiscard]] std::optional<std::string> text(const std::string& key) const {
        const auto found = fields.find(key);
        return found == fields.end() ? std::nullopt : std::optional(found->second);
    }
    template <class Integer = std::uint16_t>
    [[nodiscard]] Integer number_or(const std::string& key, std::uint32_t otherwise) const {
        const auto given = text(key);
        return static_cast<Integer>(given ? number(*given) : otherwise);
    }
    [[nodiscard]] bool says(const std::string& word) const {
        return std::find(words.begin(), words.end(), word) != words.end();
    }
    [[nodiscard]] net::Ipv4Address address(const std::string& key) const {
        const auto given = text(key);
        if (!given) {
            return {};
        }
        const auto parsed = net::Ipv4Address::parse(*given);
        if (!parsed) {
            refuse("not an IPv4 address:", *given);
        }
        return *parsed;
    }
    [[nodiscard]] net::MacAddress mac(const std::string& key, const FrameNames& names) const {
        const auto given = text(key);
        if (!given) {
            return {};
        }
        if (const auto named = names.macs.find(*given); named != names.macs.end()) {
            return named->second;
        }
        const auto parsed = net::MacAddress::parse(*given);
        if (!parsed) {
            refuse("neither a MAC address nor a name of the case:", *given);
        }
        return *parsed;
    }
};

Layer parse_layer(const std::string& text) {
    Layer layer;
    for (const std::string& word : split(text, " ")) {
        const std::size_t equals = word.find('=');
        if (layer.kind.empty()) {
            layer.kind = word;
        } else if (equals == std::string::npos) {
            layer.words.push_back(word);
        } else {
            layer.fields[word.substr(0, equals)] = word.substr(equals + 1);
        }
    }
    return layer;
}

template <class Layout>
Frame bytes_of(const Layout& layout) {
    const auto* begin = reinterpret_cast<const std::uint8_t*>(&layout);
    return {begin, begin + sizeof layout};
}

void append(Frame& to, const Frame& from) {
    to.insert(to.end(), from.begin(), from.end());
}

// A checksum field as the text wants it: computed, a number, or "bad".
Big16 chosen_sum(const Layer& layer, Big16 computed) {
    const auto given = layer.text("sum");
    if (!given) {
        return computed;
    }
    if (*given == "bad") {
        return Big16::from_host(static_cast<std::uint16_t>(computed.host() ^ 0x5555U));
    }
    return Big16::from_host(static_cast<std::uint16_t>(number(*given)));
}

// Built from the innermost layer outwards, so that lengths and checksums are known.
class Builder {
public:
    Builder(std::vector<Layer> layers, const FrameNames& names)
        : layers_(std::move(layers)), names_(names) {}

    Frame build() {
        for (std::size_t i = layers_.size(); i-- > 0;) {
            put_in_front(i);
        }
        if (pad_to_ > bytes_.size()) {
            bytes_.resize(pad_to_);
        }
        if (cut_to_ < bytes_.size()) {
            bytes_.resize(cut_to_);
        }
        return bytes_;
    }

private:
    void put_in_front(std::size_t at) {
        const Layer& layer = layers_[at];
        Frame head;
        if (layer.kind == "eth") {
            net::wire::EthernetLayout eth{layer.mac("dst", names_), layer.mac("src", names_), {}};
            eth.type = Big16::from_host(layer.number_or("type", type_of_next(at)));
            head = bytes_of(eth);
        } else if (layer.kind == "vlan") {
            net::wire::VlanTagLayout tag{};
            tag.control = Big16::from_host(static_cast<std::uint16_t>(
                layer.number_or("id", 0) | layer.number_or("prio", 0) << 13));
            tag.type = Big16::from_host(layer.number_or("type", type_of_next(at)));
            head = bytes_of(tag);
        } else if (layer.kind == "arp") {
            head = arp(layer);
        } else if (layer.kind == "ip") {
            head = ip(layer, at);
        } else if (layer.kind == "udp" || layer.kind == "tcp") {
            transport(layer, at);
        } else if (layer.kind == "icmp") {
            net::wire::IcmpLayout icmp{};
            icmp.type = layer.number_or<std::uint8_t>("type", 8);
            icmp.code = layer.number_or<std::uint8_t>("code", 0);
            icmp.rest = Big32::from_host(layer.number_or<std::uint32_t>("rest", 0));
            Frame message = bytes_of(icmp);
            append(message, bytes_);
            icmp.checksum = chosen_sum(layer, net::internet_checksum(message));
            head = bytes_of(icmp);
        } else {
            put_bytes(layer);
        }
        bytes_.insert(bytes_.begin(), head.begin(), head.end());
    }

    void put_words(const Layer& layer) {
        std::string text;
        for (const std::string& word : layer.words) {
            text += (text.empty() ? "" : " ") + word;
        }
        text += layer.kind == "line" ? "\r\n" : "";
        bytes_.insert(bytes_.begin(), text.begin(), text.end());
    }

    void put_bytes(const Layer& layer) {
        if (layer.kind == "line" || layer.kind == "letters") {
            put_words(layer);
            return;
        }
        const bool is_cut_quote = layer.kind == "quote" && layer.words.size() == 2;
        if (layer.words.size() != 1 && !is_cut_quote) {
            refuse("a layer that nobody knows:", layer.kind);
        }
        const std::string& word = layer.words.front();
        Frame head;
        if (layer.kind == "data") {
            const auto from = layer.number_or<std::uint32_t>("from", 0);
            for (std::uint32_t i = 0; i < number(word); ++i) {
                head.push_back(static_cast<std::uint8_t>(from + i));
            }
        } else if (layer.kind == "raw") {
            head = bytes_of_hex(word);
        } else if (layer.kind == "quote") {
            head = quoted(names_.inputs.at(number(word)));
            if (is_cut_quote) {
                head.resize(number(layer.words.back()));
            }
        } else if (layer.kind == "zeros") {
            head.resize(number(word));
        } else if (layer.kind == "pad") {
            pad_to_ = number(word);
        } else if (layer.kind == "cut") {
            cut_to_ = number(word);
        } else {
            refuse("a layer that nobody knows:", layer.kind);
        }
        bytes_.insert(bytes_.begin(), head.begin(), head.end());
    }

    // From the IPv4 header on, without padding, and no more than an error carries.
    static Frame quoted(const Frame& frame) {
        const std::size_t start = frame.at(12) == 0x81 && frame.at(13) == 0 ? 18 : 14;
        const std::size_t total = std::size_t{frame.at(start + 2)} << 8 | frame.at(start + 3);
        const std::size_t count = std::min(total, net::kIcmpQuoteMaxBytes);
        const auto begin = frame.begin() + static_cast<std::ptrdiff_t>(start);
        return {begin, begin + static_cast<std::ptrdiff_t>(count)};
    }

    [[nodiscard]] std::uint32_t type_of_next(std::size_t at) const {
        const std::string next = at + 1 < layers_.size() ? layers_[at + 1].kind : "";
        const auto type = next == "arp"    ? net::EtherType::Arp
                          : next == "vlan" ? net::EtherType::Vlan
                                           : net::EtherType::Ipv4;
        return static_cast<std::uint32_t>(type);
    }
    [[nodiscard]] std::uint32_t protocol_of_next(std::size_t at) const {
        const std::string next = at + 1 < layers_.size() ? layers_[at + 1].kind : "";
        return next == "udp" ? 17 : next == "tcp" ? 6 : next == "icmp" ? 1 : 253;
    }

    [[nodiscard]] Frame arp(const Layer& layer) const {
        net::wire::ArpLayout arp{};
        arp.hardware_type = Big16::from_host(layer.number_or("hw", 1));
        arp.protocol_type = Big16::from_host(layer.number_or("pro", 0x0800));
        arp.hardware_length = layer.number_or<std::uint8_t>("hlen", 6);
        arp.protocol_length = layer.number_or<std::uint8_t>("plen", 4);
        arp.operation = Big16::from_host(layer.number_or("op", 1));
        arp.sender_mac = layer.mac("smac", names_);
        arp.sender_address = layer.address("sip").to_wire();
        arp.target_mac = layer.mac("tmac", names_);
        arp.target_address = layer.address("tip").to_wire();
        return bytes_of(arp);
    }

    [[nodiscard]] Frame ip(const Layer& layer, std::size_t at) const {
        const Frame options = bytes_of_hex(layer.text("options").value_or(""));
        const std::size_t header_bytes = sizeof(net::wire::Ipv4Layout) + options.size();
        net::wire::Ipv4Layout ip{};
        const auto words = static_cast<std::uint32_t>(header_bytes / 4);
        ip.version_ihl = static_cast<std::uint8_t>(layer.number_or("ver", 4) << 4 |
                                                   layer.number_or("ihl", words));
        ip.type_of_service = layer.number_or<std::uint8_t>("tos", 0);
        ip.total_length = Big16::from_host(
            layer.number_or("len", static_cast<std::uint32_t>(header_bytes + bytes_.size())));
        ip.identification = Big16::from_host(layer.number_or("id", 0));
        ip.fragment = Big16::from_host(static_cast<std::uint16_t>(
            layer.number_or("off", 0) | (layer.says("df") ? net::kIpv4DontFragment : 0U) |
            (layer.says("mf") ? net::kIpv4MoreFragments : 0U)));
        ip.ttl = layer.number_or<std::uint8_t>("ttl", 64);
        ip.protocol = layer.number_or<std::uint8_t>("proto", protocol_of_next(at));
        ip.source = layer.address("src").to_wire();
        ip.destination = layer.address("dst").to_wire();
        Frame header = bytes_of(ip);
        append(header, options);
        const Big16 sum = chosen_sum(layer, net::internet_checksum(header));
        std::copy_n(bytes_of(sum).begin(), 2, header.begin() + 10);
        return header;
    }

    // The addresses of the pseudo header are those of the ip layer before this one.
    void transport(const Layer& layer, std::size_t at) {
        const bool is_udp = layer.kind == "udp";
        if (is_udp) {
            net::wire::UdpLayout udp{};
            udp.source_port = Big16::from_host(layer.number_or("sport", 0));
            udp.destination_port = Big16::from_host(layer.number_or("dport", 0));
            udp.length = Big16::from_host(
                layer.number_or("len", static_cast<std::uint32_t>(sizeof udp + bytes_.size())));
            const Frame head = bytes_of(udp);
            bytes_.insert(bytes_.begin(), head.begin(), head.end());
        } else {
            net::wire::TcpLayout tcp{};
            tcp.source_port = Big16::from_host(layer.number_or("sport", 0));
            tcp.destination_port = Big16::from_host(layer.number_or("dport", 0));
            const Frame options = bytes_of_hex(layer.text("options").value_or(""));
            tcp.data_offset = static_cast<std::uint8_t>((sizeof tcp + options.size()) / 4U << 4U);
            tcp.flags = layer.number_or<std::uint8_t>("flags", 0x10);
            tcp.sequence = Big32::from_host(layer.number_or<std::uint32_t>("seq", 0));
            tcp.acknowledgment = Big32::from_host(layer.number_or<std::uint32_t>("ack", 0));
            tcp.window = Big16::from_host(layer.number_or("win", 0));
            Frame head = bytes_of(tcp);
            append(head, options);
            bytes_.insert(bytes_.begin(), head.begin(), head.end());
        }
        const Big16 sum = transport_sum(layer, at, is_udp);
        std::copy_n(bytes_of(sum).begin(), 2, bytes_.begin() + (is_udp ? 6 : 16));
    }

    [[nodiscard]] Big16 transport_sum(const Layer& layer, std::size_t at, bool is_udp) const {
        const std::string wanted = layer.text("sum").value_or("");
        if (wanted == "none") {
            return {};
        }
        const Layer& ip = layers_.at(at - 1);
        const auto protocol = is_udp ? net::IpProtocol::Udp : net::IpProtocol::Tcp;
        if (wanted == "partial") {
            net::ChecksumSum sum;
            sum.add_pseudo_header(ip.address("src"), ip.address("dst"), protocol,
                                  static_cast<std::uint16_t>(bytes_.size()));
            return Big16::from_host(static_cast<std::uint16_t>(~sum.checksum().host()));
        }
        const Big16 computed =
            net::transport_checksum(ip.address("src"), ip.address("dst"), protocol, bytes_);
        return chosen_sum(layer, is_udp ? net::udp_wire_checksum(computed) : computed);
    }

    std::vector<Layer> layers_;
    const FrameNames& names_;
    Frame bytes_;
    std::size_t pad_to_ = 0;
    std::size_t cut_to_ = SIZE_MAX;
};

}  // namespace

Frame frame_from_text(std::string_view text, const FrameNames& names) {
    std::vector<Layer> layers;
    for (const std::string& part : split(text, " / ")) {
        layers.push_back(parse_layer(part));
    }
    return Builder(std::move(layers), names).build();
}

std::string hex_of(const Frame& frame) {
    std::string text;
    for (std::size_t i = 0; i < frame.size(); ++i) {
        text += fmt::format("{}{:02x}", i > 0 && i % 2 == 0 ? " " : "", frame[i]);
    }
    return text;
}

}  // namespace godwit::packet_test
