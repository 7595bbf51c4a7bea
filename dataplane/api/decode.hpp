// Reading what the peer wrote: records of the rings and messages of the control connection.
//
// Every reader takes bytes that were copied out of the peer's reach, checks type, length and every
// number that is used as an index or a code, and gives a value or the reason why there is none. The
// reason is a fixed sentence, for the log and for the closed session. What needs a table to judge
// (an interface that does not exist, a next hop nobody made) is the handler's business.
#pragma once

#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "dataplane/api/messages.hpp"
#include "dataplane/api/nat_messages.hpp"
#include "dataplane/api/ring.hpp"
#include "net/result.hpp"

namespace godwit::api {

using Fault = std::string_view;  // static text

// A structure out of bytes of exactly its size.
template <class Message>
std::optional<Message> read_exact(std::span<const std::byte> bytes) {
    static_assert(std::is_trivially_copyable_v<Message>);
    if (bytes.size() != sizeof(Message)) {
        return std::nullopt;
    }
    Message message;
    std::memcpy(&message, bytes.data(), sizeof(Message));
    return message;
}

// A structure with something behind it.
template <class Message>
std::optional<Message> read_front(std::span<const std::byte> bytes) {
    if (bytes.size() < sizeof(Message)) {
        return std::nullopt;
    }
    return read_exact<Message>(bytes.first(sizeof(Message)));
}

template <class Message>
std::span<const std::byte> bytes_of(const Message& message) {
    static_assert(std::has_unique_object_representations_v<Message>);
    return std::as_bytes(std::span(&message, 1));
}

// Zero-terminated text in a fixed array; the end of the array ends it too.
template <std::size_t kBytes>
std::string_view bounded_text(const std::array<char, kBytes>& text) {
    return {text.data(), strnlen(text.data(), kBytes)};
}
template <std::size_t kBytes>
void set_bounded_text(std::array<char, kBytes>& into, std::string_view text) {
    into.fill('\0');
    const std::size_t count = text.size() < kBytes - 1 ? text.size() : kBytes - 1;
    std::memcpy(into.data(), text.data(), count);
}

// ---- rings

struct PuntView {
    PuntRecord header;
    std::span<const std::byte> packet;
};
net::Result<PuntView, Fault> read_punt(const Record& record);

struct InjectView {
    InjectRecord header;
    std::span<const std::byte> packet;
};
net::Result<InjectView, Fault> read_inject(const Record& record);

// The sequence number of a route record whose length is right for its type.
net::Result<std::uint64_t, Fault> check_route(const Record& record);
net::Result<EventType, Fault> check_event(const Record& record);

// The longest body of each ring's records: how large a reader's buffer must be.
constexpr std::size_t kMaxPuntBody = sizeof(PuntRecord) + kMaxPacketBytes;
constexpr std::size_t kMaxInjectBody = sizeof(InjectRecord) + kMaxPacketBytes;
constexpr std::size_t kMaxRouteBody =
    sizeof(GroupSetRecord) + kMaxGroupMembers * sizeof(std::uint32_t);
constexpr std::size_t kMaxEventBody = sizeof(InterfaceRecord);

// ---- control connection

struct ControlMessage {
    ControlHeader header;
    std::span<const std::byte> body;
};
net::Result<ControlMessage, Fault> read_control(std::span<const std::byte> bytes);

net::Result<QueryBody, Fault> read_query(std::span<const std::byte> body);
net::Result<ConfigureBody, Fault> read_configure(std::span<const std::byte> body);
net::Result<WelcomeBody, Fault> read_welcome(std::span<const std::byte> body);

struct QueryReplyView {
    QueryReplyBody header;
    std::span<const std::byte> records;  // record_count of record_bytes each
};
net::Result<QueryReplyView, Fault> read_query_reply(std::span<const std::byte> body);

struct ConfigureReplyView {
    ConfigureOutcome outcome{};
    std::string_view text;
};
net::Result<ConfigureReplyView, Fault> read_configure_reply(std::span<const std::byte> body);

// At most kMaxOwnPorts.
net::Result<std::vector<OwnPortRecord>, Fault> read_own_ports(std::span<const std::byte> body);

net::Result<NatAskBody, Fault> read_nat_ask(std::span<const std::byte> body);

struct NatAnswerView {
    NatAnswerBody header;
    std::span<const std::byte> records;
};
net::Result<NatAnswerView, Fault> read_nat_answer(std::span<const std::byte> body);

// Size of the records that answer a question; 0 for Clear, which has none.
std::size_t record_bytes_of(NatAskKind kind);

// Size of the records that answer a query; 0 for no such query.
std::size_t record_bytes_of(QueryKind kind);

}  // namespace godwit::api
