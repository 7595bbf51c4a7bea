#include "tests/unit/controlplane/rip/message_text.hpp"

#include <bit>
#include <sstream>
#include <stdexcept>

#include "tests/support/hex.hpp"

namespace godwit::control::rip {

namespace {

std::string text_of(const Entry& entry, std::uint8_t version) {
    std::string text;
    if (entry.family == kFamilyAny && entry.metric == 16) {
        return "everything";
    }
    if (entry.family != kFamilyIpv4) {
        text = "family " + std::to_string(entry.family) + " ";
    }
    text += entry.address.to_string();
    if (version != 1) {
        text += "/" + std::to_string(std::countl_one(entry.mask.value()));
    }
    text += " metric " + std::to_string(entry.metric);
    if (entry.tag != 0) {
        text += " tag " + std::to_string(entry.tag);
    }
    if (!entry.next_hop.is_unspecified()) {
        text += " next-hop " + entry.next_hop.to_string();
    }
    return text;
}

Entry entry_of(const std::string& text, std::uint8_t version) {
    Entry entry;
    std::istringstream words(text);
    std::string word;
    words >> word;
    if (word == "everything") {
        entry.family = kFamilyAny;
        entry.metric = 16;
        return entry;
    }
    if (word == "family") {
        words >> entry.family >> word;
    }
    const auto slash = word.find('/');
    const auto address = net::Ipv4Address::parse(word.substr(0, slash));
    if (!address) {
        throw std::invalid_argument("no address: " + word);
    }
    entry.address = *address;
    if (version != 1 && slash != std::string::npos) {
        const auto length = static_cast<std::uint8_t>(std::stoul(word.substr(slash + 1)));
        entry.mask = net::Ipv4Address(net::Ipv4Prefix::covering({}, length).mask());
    }
    while (words >> word) {
        std::string value;
        words >> value;
        if (word == "metric") {
            entry.metric = static_cast<std::uint32_t>(std::stoul(value));
        } else if (word == "tag") {
            entry.tag = static_cast<std::uint16_t>(std::stoul(value));
        } else if (word == "next-hop") {
            entry.next_hop = net::Ipv4Address::parse(value).value();
        } else if (word == "mask") {
            entry.mask = net::Ipv4Address::parse(value).value();
        } else {
            throw std::invalid_argument("no attribute of an entry: " + word);
        }
    }
    return entry;
}

}  // namespace

std::string text_of(const Message& message) {
    std::string text = message.command == Command::Request ? "request " : "response ";
    text += std::to_string(message.version) + ":";
    const char* between = " ";
    for (const Entry& entry : message.entries) {
        text += between + text_of(entry, message.version);
        between = ", ";
    }
    return text;
}

std::string text_of_packet(std::span<const std::uint8_t> packet) {
    const auto view = wire::MessageView::parse(packet);
    if (!view) {
        return "unreadable: " + testing::to_hex(packet);
    }
    std::string text = text_of(view->message());
    if (const auto type = view->authentication_type()) {
        if (*type == 3) {
            text += " [key " + std::to_string(view->trailer().key_id) + " sequence " +
                    std::to_string(view->trailer().sequence) + " digest " +
                    testing::to_hex(view->trailer().digest) + "]";
        } else {
            text += " [password]";
        }
    }
    return text;
}

Message message_of(std::string_view text) {
    Message message;
    const auto colon = text.find(':');
    std::istringstream head{std::string(text.substr(0, colon))};
    std::string command;
    unsigned version = 2;
    head >> command >> version;
    if (command != "request" && command != "response") {
        throw std::invalid_argument("no command: " + command);
    }
    message.command = command == "request" ? Command::Request : Command::Response;
    message.version = static_cast<std::uint8_t>(version);
    std::istringstream parts{
        std::string(colon == std::string_view::npos ? "" : text.substr(colon + 1))};
    std::string part;
    while (std::getline(parts, part, ',')) {
        if (part.find_first_not_of(' ') != std::string::npos) {
            message.entries.push_back(entry_of(part, message.version));
        }
    }
    return message;
}

}  // namespace godwit::control::rip
