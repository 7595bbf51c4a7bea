// Numbering, waiting and collecting; see requests.hpp.
#include "controlplane/channel/requests.hpp"

#include <utility>

#include "dataplane/api/control_socket.hpp"

namespace godwit::control {

bool Requests::query_all(api::QueryKind kind, QueryHandler& handler) {
    if (waiting_.size() >= kMaxWaiting) {
        return false;
    }
    Waiting waiting;
    waiting.reply = api::ControlType::QueryReply;
    waiting.on_query = std::move(handler);
    waiting.all_pages = true;
    waiting.query.kind = kind;
    waiting.collected.kind = kind;
    const api::QueryBody query = waiting.query;
    ask(std::move(waiting), api::ControlType::Query, api::bytes_of(query), {}, kQueryTimeout);
    return true;
}

bool Requests::query_page(const api::QueryBody& query, QueryHandler& handler) {
    if (waiting_.size() >= kMaxWaiting) {
        return false;
    }
    Waiting waiting;
    waiting.reply = api::ControlType::QueryReply;
    waiting.on_query = std::move(handler);
    waiting.query = query;
    waiting.collected.kind = query.kind;
    ask(std::move(waiting), api::ControlType::Query, api::bytes_of(query), {}, kQueryTimeout);
    return true;
}

bool Requests::configure(api::ConfigurePhase phase, std::uint64_t revision, api::Descriptor yaml,
                         ConfigureHandler& handler) {
    if (waiting_.size() >= kMaxWaiting) {
        return false;
    }
    Waiting waiting;
    waiting.reply = api::ControlType::ConfigureReply;
    waiting.on_configure = std::move(handler);
    api::ConfigureBody body;
    body.phase = phase;
    body.revision = revision;
    ask(std::move(waiting), api::ControlType::Configure, api::bytes_of(body), std::move(yaml),
        kConfigureTimeout);
    return true;
}

bool Requests::own_ports(std::span<const api::OwnPortRecord> ports, ConfigureHandler& handler) {
    if (waiting_.size() >= kMaxWaiting) {
        return false;
    }
    Waiting waiting;
    waiting.reply = api::ControlType::ConfigureReply;
    waiting.on_configure = std::move(handler);
    ask(std::move(waiting), api::ControlType::OwnPorts, std::as_bytes(ports), {},
        kConfigureTimeout);
    return true;
}

bool Requests::ask_nat(const api::NatAskBody& asked, NatHandler& handler) {
    if (waiting_.size() >= kMaxWaiting) {
        return false;
    }
    Waiting waiting;
    waiting.reply = api::ControlType::NatAnswer;
    waiting.on_nat = std::move(handler);
    waiting.nat = asked.kind;
    const bool is_quick = asked.kind == api::NatAskKind::Map;
    ask(std::move(waiting), api::ControlType::NatAsk, api::bytes_of(asked), {},
        is_quick ? kNatMapTimeout : kNatTimeout);
    return true;
}

void Requests::ask(Waiting waiting, api::ControlType type, std::span<const std::byte> body,
                   api::Descriptor descriptor, Duration timeout) {
    const Number number = ++last_number_;
    waiting.timeout = timeout;
    waiting.timer = timers_.make_timer();
    waiting.timer->arm(timers_.now() + timeout, [this, number] { too_late(number); });
    waiting_.insert_or_assign(number, std::move(waiting));
    send_(api::encode_control(type, number, body), std::move(descriptor));
}

void Requests::refuse(const Waiting& waiting, const std::string& reason) {
    if (waiting.on_query) {
        waiting.on_query(net::unexpected(reason));
    }
    if (waiting.on_nat) {
        waiting.on_nat(net::unexpected(reason));
    }
    if (waiting.on_configure) {
        waiting.on_configure(net::unexpected(reason));
    }
}

void Requests::too_late(Number number) {
    auto node = waiting_.extract(number);
    if (node.empty()) {
        return;
    }
    ++timeouts_;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(node.mapped().timeout);
    refuse(node.mapped(), "the dataplane did not answer within " + std::to_string(seconds.count()) +
                              " s; see its log");
}

net::Result<void, api::Fault> Requests::answered(const api::ControlMessage& message) {
    if (message.header.request == 0 || message.header.request > last_number_) {
        return net::unexpected<api::Fault>("an answer came to a question that was never asked");
    }
    auto node = waiting_.extract(message.header.request);
    if (node.empty()) {
        return {};  // too late, told so already
    }
    if (message.header.type != node.mapped().reply) {
        waiting_.insert(std::move(node));  // abandon() tells it
        return net::unexpected<api::Fault>("an answer is not of its question's kind");
    }
    if (message.header.type == api::ControlType::QueryReply) {
        return page_came(std::move(node.mapped()), message.body);
    }
    if (message.header.type == api::ControlType::NatAnswer) {
        return nat_came(node.mapped(), message.body);
    }
    return configuration_came(node.mapped(), message.body);
}

net::Result<void, api::Fault> Requests::page_came(Waiting waiting,
                                                  std::span<const std::byte> body) {
    const auto fail = [&](api::Fault fault) -> net::Result<void, api::Fault> {
        refuse(waiting, std::string(fault));
        return net::unexpected<api::Fault>(fault);
    };
    const auto page = api::read_query_reply(body);
    if (!page) {
        return fail(page.error());
    }
    if (page->header.kind != waiting.query.kind) {
        return fail("a query's answer is about another table");
    }
    QueryAnswer& collected = waiting.collected;
    if (collected.records.size() + page->records.size() > kMaxAnswerBytes) {
        refuse(waiting, "the answer is too long to be collected; ask for single pages");
        return {};
    }
    collected.records.insert(collected.records.end(), page->records.begin(), page->records.end());
    collected.next_cursor = page->header.next_cursor;
    if (!waiting.all_pages || page->header.next_cursor == 0) {
        waiting.on_query(std::move(collected));
        return {};
    }
    if (page->records.empty() || page->header.next_cursor == waiting.query.cursor) {
        return fail("a query's answer does not advance");  // it would never end
    }
    waiting.query.cursor = page->header.next_cursor;
    const api::QueryBody next = waiting.query;
    ask(std::move(waiting), api::ControlType::Query, api::bytes_of(next), {}, kQueryTimeout);
    return {};
}

net::Result<void, api::Fault> Requests::nat_came(const Waiting& waiting,
                                                 std::span<const std::byte> body) {
    const auto answer = api::read_nat_answer(body);
    if (!answer) {
        refuse(waiting, std::string(answer.error()));
        return net::unexpected<api::Fault>(answer.error());
    }
    if (answer->header.kind != waiting.nat) {
        constexpr api::Fault kOther = "an answer about NAT is about something else";
        refuse(waiting, std::string(kOther));
        return net::unexpected<api::Fault>(kOther);
    }
    waiting.on_nat(NatAnswer{answer->header, {answer->records.begin(), answer->records.end()}});
    return {};
}

net::Result<void, api::Fault> Requests::configuration_came(const Waiting& waiting,
                                                           std::span<const std::byte> body) {
    const auto reply = api::read_configure_reply(body);
    if (!reply) {
        refuse(waiting, std::string(reply.error()));
        return net::unexpected<api::Fault>(reply.error());
    }
    waiting.on_configure(ConfigureAnswer{reply->outcome, std::string(reply->text)});
    return {};
}

std::vector<std::function<void()>> Requests::abandon(const std::string& reason) {
    std::vector<std::function<void()>> refusals;
    for (auto& [number, waiting] : waiting_) {
        waiting.timer.reset();
        // std::function wants to be copied, a Timer does not: it is gone by now, share the rest.
        auto kept = std::make_shared<Waiting>(std::move(waiting));
        refusals.emplace_back([kept, reason] { refuse(*kept, reason); });
    }
    waiting_.clear();
    return refusals;
}

}  // namespace godwit::control
