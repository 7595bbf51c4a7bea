// A session's work: draining rings, answering messages, emitting events.
#include "dataplane/channel/session.hpp"

#include <poll.h>

#include <cstring>
#include <utility>

#include "dataplane/api/control_socket.hpp"
#include "dataplane/api/wake.hpp"

namespace godwit::dataplane {

namespace {

constexpr int kMessagesAPoll = 4;  // a peer that asks without end does not hold up the owner

template <class Body>
std::vector<std::byte> encode(api::ControlType type, std::uint32_t request, const Body& body,
                              std::span<const std::byte> more) {
    return api::encode_control(type, request, api::bytes_of(body), more);
}

}  // namespace

Session::Session(std::uint64_t number, api::Descriptor connection,
                 std::shared_ptr<SessionMemory> memory, const ChannelSizes& sizes,
                 ChannelHandler& handler)
    : number_(number),
      connection_(std::move(connection)),
      memory_(std::move(memory)),
      handler_(handler),
      punt_ring_bytes_(sizes.punt_ring_bytes),
      worker_count_(sizes.worker_count),
      inject_(memory_->inject(), sizes.inject_ring_bytes),
      routes_(memory_->route(), sizes.route_ring_bytes),
      events_(memory_->event(), sizes.event_ring_bytes),
      message_buffer_(api::kMaxControlMessageBytes) {}

SessionRings Session::rings() const {
    SessionRings rings;
    rings.session = number_;
    for (std::uint32_t worker = 0; worker < worker_count_; ++worker) {
        PuntProducers& punts = rings.punt.emplace_back();
        for (std::size_t priority = 0; priority < punts.size(); ++priority) {
            punts[priority] = api::RingProducer(
                memory_->punt(worker, static_cast<api::PuntPriority>(priority)), punt_ring_bytes_);
        }
    }
    rings.punt_signal_fd = memory_->punt_wake().waker.get();
    rings.memory = memory_;
    return rings;
}

bool Session::peer_gone() const {
    pollfd look{connection_.get(), POLLRDHUP, 0};
    return poll(&look, 1, 0) > 0 && (look.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
}

void Session::end(SessionEnd why, std::string_view detail) {
    if (!over_) {
        over_ = true;
        why_ = why;
        detail_ = detail;
    }
}

bool Session::one_route() {
    api::Record record;
    switch (routes_.next(route_buffer_, record)) {
        case api::RingConsumer::Outcome::Empty:
            return false;
        case api::RingConsumer::Outcome::Broken:
            end(SessionEnd::RingBroken, "the route ring is broken");
            return false;
        case api::RingConsumer::Outcome::Record:
            break;
    }
    if (const auto sequence = api::check_route(record); !sequence) {
        end(SessionEnd::BadRecord, sequence.error());
        return false;
    }
    wake_due_ = true;  // there is room again
    handler_.route_record(record);
    return true;
}

bool Session::one_inject() {
    api::Record record;
    switch (inject_.next(inject_buffer_, record)) {
        case api::RingConsumer::Outcome::Empty:
            return false;
        case api::RingConsumer::Outcome::Broken:
            end(SessionEnd::RingBroken, "the inject ring is broken");
            return false;
        case api::RingConsumer::Outcome::Record:
            break;
    }
    const auto inject = api::read_inject(record);
    if (!inject) {
        end(SessionEnd::BadRecord, inject.error());
        return false;
    }
    handler_.injected(inject->header, inject->packet);
    return true;
}

Session::Drained Session::drain(std::size_t budget) {
    Drained drained;
    bool routes = true;
    bool injects = true;
    while (!over_ && (routes || injects)) {
        if (drained.routes + drained.injected >= budget) {
            drained.more = true;
            break;
        }
        injects = one_inject();
        drained.injected += injects ? 1 : 0;
        if (over_ || drained.routes + drained.injected >= budget) {
            continue;
        }
        routes = one_route();
        drained.routes += routes ? 1 : 0;
    }
    return drained;
}

bool Session::prepare_to_wait() {
    // Both are marked even if the first is not empty: a flag too many costs one wake-up.
    const bool inject_empty = inject_.prepare_to_wait();
    const bool routes_empty = routes_.prepare_to_wait();
    return inject_empty && routes_empty;
}

bool Session::emit(api::EventType type, std::span<const std::byte> body) {
    if (over_) {
        return false;
    }
    const auto place = events_.reserve(static_cast<std::uint32_t>(type), body.size());
    if (place.empty()) {
        if (events_.broken()) {
            end(SessionEnd::RingBroken, "the event ring is broken");
        }
        return false;
    }
    std::memcpy(place.data(), body.data(), body.size());
    if (events_.publish()) {
        api::wake(memory_->event_wake().waker.get());
    }
    return true;
}

void Session::acknowledge(std::uint64_t sequence) {
    routes_.acknowledge(sequence);
    wake_due_ = true;
}

void Session::flush_wakes() {
    if (wake_due_) {
        wake_due_ = false;
        api::wake(memory_->event_wake().waker.get());
    }
}

void Session::serve_connection() {
    while (!answers_.empty() && !over_) {
        std::vector<std::byte> first = std::move(answers_.front());
        answers_.pop_front();
        const std::size_t others = answers_.size();
        send(std::move(first));
        if (answers_.size() > others) {
            break;  // it is first again
        }
    }
    for (int i = 0; i < kMessagesAPoll && !over_ && answers_.empty(); ++i) {
        api::ReceivedControl received;
        switch (api::receive_control(connection_.get(), message_buffer_, received)) {
            case api::ReceiveOutcome::Nothing:
                return;
            case api::ReceiveOutcome::Closed:
                end(SessionEnd::PeerLeft, "the control plane has left");
                return;
            case api::ReceiveOutcome::Malformed:
                end(SessionEnd::BadMessage, "a control message is too long");
                return;
            case api::ReceiveOutcome::Message:
                break;
        }
        const auto message = api::read_control(received.message);
        if (!message) {
            end(SessionEnd::BadMessage, message.error());
            return;
        }
        handle(*message, received.descriptors);
    }
}

void Session::handle(const api::ControlMessage& message,
                     std::vector<api::Descriptor>& descriptors) {
    const std::size_t expected = message.header.type == api::ControlType::Configure ? 1 : 0;
    if (descriptors.size() != expected) {
        end(SessionEnd::BadMessage, "a control message has the wrong number of descriptors");
        return;
    }
    switch (message.header.type) {
        case api::ControlType::Query:
            answer_query(message.header.request, message.body);
            return;
        case api::ControlType::Configure:
            answer_configure(message.header.request, message.body, descriptors[0].get());
            return;
        case api::ControlType::NatAsk:
            ask_nat(message.header.request, message.body);
            return;
        case api::ControlType::OwnPorts:
            take_own_ports(message.header.request, message.body);
            return;
        case api::ControlType::Restart:
            if (!message.body.empty()) {
                end(SessionEnd::BadMessage, "a restart message has the wrong length");
                return;
            }
            handler_.restart_requested();
            return;
        case api::ControlType::Hello:
        case api::ControlType::Welcome:
        case api::ControlType::Refused:
        case api::ControlType::QueryReply:
        case api::ControlType::ConfigureReply:
        case api::ControlType::NatAnswer:
            break;
    }
    end(SessionEnd::BadMessage, "a control message came that is not for now");
}

void Session::answer_query(std::uint32_t request, std::span<const std::byte> body) {
    const auto query = api::read_query(body);
    if (!query) {
        end(SessionEnd::BadMessage, query.error());
        return;
    }
    std::vector<std::byte> room(api::kMaxControlMessageBytes - sizeof(api::ControlHeader) -
                                sizeof(api::QueryReplyBody));
    QueryPage page(*query, room);
    handler_.query(*query, page);
    api::QueryReplyBody reply;
    reply.kind = query->kind;
    reply.record_count = static_cast<std::uint32_t>(page.count());
    reply.record_bytes = static_cast<std::uint32_t>(page.record_bytes());
    reply.next_cursor = page.next_cursor;
    send(encode(api::ControlType::QueryReply, request, reply,
                std::span(room).first(page.count() * page.record_bytes())));
}

void Session::ask_nat(std::uint32_t request, std::span<const std::byte> body) {
    const auto ask = api::read_nat_ask(body);
    if (!ask) {
        end(SessionEnd::BadMessage, ask.error());
        return;
    }
    handler_.nat_asked(number_, request, *ask);
}

void Session::send_later(std::vector<std::byte> answer) {
    if (over_) {
        return;
    }
    if (answers_.empty()) {
        send(std::move(answer));
    } else {
        answers_.push_back(std::move(answer));  // bounded by the questions that may wait
    }
}

void Session::answer_configure(std::uint32_t request, std::span<const std::byte> body, int yaml) {
    const auto configure = api::read_configure(body);
    if (!configure) {
        end(SessionEnd::BadMessage, configure.error());
        return;
    }
    const auto text = api::read_sealed_text(yaml);
    if (!text) {
        end(SessionEnd::BadDescriptor, "a configuration came that is not sealed, or too long");
        return;
    }
    std::string sentences;
    const auto outcome =
        handler_.configure(configure->phase, configure->revision, *text, sentences);
    answer_outcome(request, outcome, std::move(sentences));
}

void Session::take_own_ports(std::uint32_t request, std::span<const std::byte> body) {
    const auto ports = api::read_own_ports(body);
    if (!ports) {
        end(SessionEnd::BadMessage, ports.error());
        return;
    }
    std::string sentences;
    const auto outcome = handler_.own_ports(*ports, sentences);
    answer_outcome(request, outcome, std::move(sentences));
}

void Session::answer_outcome(std::uint32_t request, api::ConfigureOutcome outcome,
                             std::string sentences) {
    api::ConfigureReplyBody reply;
    reply.outcome = outcome;
    constexpr std::size_t kRoom =
        api::kMaxControlMessageBytes - sizeof(api::ControlHeader) - sizeof(api::ConfigureReplyBody);
    if (sentences.size() > kRoom) {
        sentences.resize(kRoom);
    }
    reply.text_bytes = static_cast<std::uint32_t>(sentences.size());
    send(encode(api::ControlType::ConfigureReply, request, reply,
                std::as_bytes(std::span(sentences))));
}

void Session::send(std::vector<std::byte> answer) {
    switch (api::send_control(connection_.get(), answer)) {
        case api::SendOutcome::Sent:
            return;
        case api::SendOutcome::WouldBlock:
            answers_.push_front(std::move(answer));
            return;
        case api::SendOutcome::Failed:
            end(SessionEnd::SendFailed, "the control plane does not take its answers");
            return;
    }
}

}  // namespace godwit::dataplane
