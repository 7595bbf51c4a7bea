// Questions to the dataplane that wait for their answers: queries and configuration.
//
// Every handler is called once, in a turn of the executor and never inside the call that asked:
// with the answer, or with a sentence why there is none (no session, session lost, no answer in
// time, too many at once). At most kMaxWaiting wait; one that is late is forgotten, and its answer
// ignored.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/runtime/clock.hpp"
#include "dataplane/api/decode.hpp"
#include "dataplane/api/descriptor.hpp"
#include "dataplane/api/messages.hpp"
#include "net/result.hpp"

namespace godwit::control {

struct QueryAnswer {
    api::QueryKind kind{};
    std::vector<std::byte> records;
    std::uint64_t next_cursor = 0;  // of a single page; 0: it was the last

    [[nodiscard]] std::size_t count() const { return records.size() / api::record_bytes_of(kind); }
    // The rows, checked already; Row is the structure of the kind (api::FibRecord, ...).
    template <class Row>
    [[nodiscard]] std::vector<Row> rows() const {
        std::vector<Row> rows(records.size() / sizeof(Row));
        if (!rows.empty()) {
            std::memcpy(rows.data(), records.data(), rows.size() * sizeof(Row));
        }
        return rows;
    }
};
using QueryHandler = std::function<void(net::Result<QueryAnswer, std::string>)>;

struct NatAnswer {
    api::NatAnswerBody header;
    std::vector<std::byte> records;

    template <class Row>
    [[nodiscard]] std::vector<Row> rows() const {
        std::vector<Row> rows(records.size() / sizeof(Row));
        if (!rows.empty()) {
            std::memcpy(rows.data(), records.data(), rows.size() * sizeof(Row));
        }
        return rows;
    }
};
using NatHandler = std::function<void(net::Result<NatAnswer, std::string>)>;

struct ConfigureAnswer {
    api::ConfigureOutcome outcome{};
    std::string text;  // sentences for a person, one a line
};
using ConfigureHandler = std::function<void(net::Result<ConfigureAnswer, std::string>)>;

constexpr Duration kQueryTimeout = std::chrono::seconds(5);
constexpr Duration kNatMapTimeout = std::chrono::seconds(10);  // more than PCP waits
constexpr Duration kNatTimeout = std::chrono::seconds(30);     // of 16 million sessions to be ended
constexpr Duration kConfigureTimeout = std::chrono::seconds(30);  // devices take their time

class Requests {
public:
    // `send` takes a whole message and a descriptor that may be none.
    using Send = std::function<void(std::vector<std::byte> message, api::Descriptor descriptor)>;
    Requests(Timers& timers, Send send) : timers_(timers), send_(std::move(send)) {}

    // These are for an open session; false: too many wait, the handler was not taken.
    [[nodiscard]] bool query_all(api::QueryKind kind, QueryHandler& handler);
    [[nodiscard]] bool query_page(const api::QueryBody& query, QueryHandler& handler);
    [[nodiscard]] bool configure(api::ConfigurePhase phase, std::uint64_t revision,
                                 api::Descriptor yaml, ConfigureHandler& handler);

    // Answered as configure() is.
    [[nodiscard]] bool own_ports(std::span<const api::OwnPortRecord> ports,
                                 ConfigureHandler& handler);
    [[nodiscard]] bool ask_nat(const api::NatAskBody& ask, NatHandler& handler);

    // An answer came in. The error is the dataplane's fault, and ends the session.
    net::Result<void, api::Fault> answered(const api::ControlMessage& message);

    // The session is over: what waits, each bound to its refusal, to be called by the caller.
    std::vector<std::function<void()>> abandon(const std::string& reason);

    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
    [[nodiscard]] std::uint64_t timeouts() const { return timeouts_; }

    static constexpr std::size_t kMaxWaiting = 64;
    static constexpr std::size_t kMaxAnswerBytes = std::size_t{256} << 20U;

private:
    struct Waiting {
        api::ControlType reply{};
        QueryHandler on_query;
        ConfigureHandler on_configure;
        NatHandler on_nat;
        bool all_pages = false;
        api::QueryBody query;
        QueryAnswer collected;
        api::NatAskKind nat{};
        Duration timeout{};
        std::unique_ptr<Timer> timer;
    };
    using Number = std::uint32_t;

    void ask(Waiting waiting, api::ControlType type, std::span<const std::byte> body,
             api::Descriptor descriptor, Duration timeout);
    void too_late(Number number);
    static void refuse(const Waiting& waiting, const std::string& reason);
    net::Result<void, api::Fault> page_came(Waiting waiting, std::span<const std::byte> body);
    static net::Result<void, api::Fault> nat_came(const Waiting& waiting,
                                                  std::span<const std::byte> body);
    static net::Result<void, api::Fault> configuration_came(const Waiting& waiting,
                                                            std::span<const std::byte> body);

    Timers& timers_;
    Send send_;
    std::map<Number, Waiting> waiting_;
    Number last_number_ = 0;
    std::uint64_t timeouts_ = 0;
};

}  // namespace godwit::control
