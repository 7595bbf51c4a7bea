// The client on Asio: connecting, waiting on four descriptors, and telling the owner.
//
// A wait holds a weak reference to the State and a shared one to the Link (one connection with its
// rings) it belongs to; what completes for a Link that is no longer the current one is ignored.
#include "controlplane/channel/channel_client.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "controlplane/channel/channel_rings.hpp"
#include "controlplane/runtime/executor.hpp"
#include "dataplane/api/control_socket.hpp"
#include "dataplane/api/wake.hpp"

namespace godwit::control {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;

namespace {

constexpr int kMessagesAWake = 16;

net::Result<api::Descriptor, std::string> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return net::unexpected("the socket path " + path + " is too long; give another");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    api::Descriptor connection(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!connection || connect(connection.get(), reinterpret_cast<const sockaddr*>(&address),
                               sizeof(address)) != 0) {
        return net::unexpected("no dataplane answers at " + path + ": " + std::strerror(errno) +
                               "; is godwit-dataplane running?");
    }
    return connection;
}

// Hands a descriptor to Asio; false when it cannot be polled.
bool assign(stream_descriptor& to, api::Descriptor descriptor) {
    boost::system::error_code error;
    to.assign(descriptor.get(), error);
    if (!error) {
        (void)descriptor.release();
    }
    return !error;
}

// One connection: greeting until it has rings, open after that.
struct Link {
    explicit Link(asio::io_context& context)
        : connection(context), punts(context), events(context) {}

    stream_descriptor connection;
    stream_descriptor punts;   // sleeps on the punt rings
    stream_descriptor events;  // sleeps on the event ring and acknowledgements
    std::unique_ptr<ChannelRings> rings;
    struct Outgoing {
        std::vector<std::byte> message;
        api::Descriptor descriptor;
    };
    std::deque<Outgoing> outgoing;  // bounded by Requests::kMaxWaiting and one restart
    bool writing = false;
    bool restart_asked = false;
};
using LinkPointer = std::shared_ptr<Link>;  // shared with the waits that are under way

}  // namespace

struct ChannelClient::State : std::enable_shared_from_this<ChannelClient::State> {
    State(Executor& on, Timers& with, std::string to, ChannelCallbacks tell)
        : executor(on),
          timers(with),
          path(std::move(to)),
          callbacks(std::move(tell)),
          timer(with.make_timer()),
          routes([this] { later(link, &State::serve_writers); }),
          requests(with,
                   [this](std::vector<std::byte> message, api::Descriptor descriptor) {
                       send(std::move(message), std::move(descriptor));
                   }),
          buffer(api::kMaxControlMessageBytes) {}

    // ---- connecting

    void start();
    void stop();
    void attempt();
    void retry_later();
    void greeted(const api::ControlMessage& message, std::vector<api::Descriptor> descriptors);
    void lose(const LinkPointer& lost, const std::string& reason);
    std::vector<std::function<void()>> drop_link(const std::string& reason);

    // ---- one turn each; the Link is checked to be the current one by wait() and later()

    void serve_connection(const LinkPointer& current);
    void serve_punts(const LinkPointer& current);
    void serve_events(const LinkPointer& current);
    void serve_writers(const LinkPointer& current);
    void send_outgoing(const LinkPointer& current);

    // ---- asynchrony

    using Step = void (State::*)(const LinkPointer&);
    void wait(stream_descriptor& descriptor, stream_descriptor::wait_type what,
              const LinkPointer& of, Step step);
    void later(const LinkPointer& of, Step step);
    void post(std::function<void()> call);
    // Tells `handler` why its question was not even asked, in a turn of its own.
    template <class Handler>
    void refuse_later(Handler handler, std::string reason) {
        post([handler = std::move(handler), reason = std::move(reason)] {
            if (handler) {
                handler(net::unexpected(reason));
            }
        });
    }
    [[nodiscard]] std::string why_not() const;
    void send(std::vector<std::byte> message, api::Descriptor descriptor);

    [[nodiscard]] bool open() const { return link && link->rings; }
    [[nodiscard]] bool is_current(const LinkPointer& one) const { return link == one; }

    Executor& executor;
    Timers& timers;
    std::string path;
    ChannelCallbacks callbacks;
    std::unique_ptr<Timer> timer;  // the next attempt, or the end of a greeting's patience
    RouteWriter routes;
    Requests requests;
    std::vector<std::byte> buffer;
    LinkPointer link;
    std::optional<api::WelcomeBody> welcome;
    std::string problem = "not started";
    bool running = false;
    ChannelClientStatistics statistics;
};

// ---- asynchrony

void ChannelClient::State::wait(stream_descriptor& descriptor, stream_descriptor::wait_type what,
                                const LinkPointer& of, Step step) {
    descriptor.async_wait(
        what, [weak = weak_from_this(), of, step](const boost::system::error_code& error) {
            const auto self = weak.lock();
            if (!error && self && self->is_current(of)) {
                ((*self).*step)(of);
            }
        });
}

void ChannelClient::State::later(const LinkPointer& of, Step step) {
    asio::post(executor.io_context(), [weak = weak_from_this(), of, step] {
        const auto self = weak.lock();
        if (self && self->is_current(of)) {
            ((*self).*step)(of);
        }
    });
}

void ChannelClient::State::post(std::function<void()> call) {
    asio::post(executor.io_context(), [weak = weak_from_this(), call = std::move(call)] {
        if (const auto self = weak.lock()) {
            call();
        }
    });
}

std::string ChannelClient::State::why_not() const {
    return open() ? "too many questions to the dataplane wait already; ask again later"
                  : "the dataplane is not connected: " + problem;
}

// ---- connecting

void ChannelClient::State::start() {
    if (running) {
        return;
    }
    running = true;
    problem = "not tried yet";
    asio::post(executor.io_context(), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->running && !self->link) {
            self->attempt();
        }
    });
}

void ChannelClient::State::stop() {
    running = false;
    timer->cancel();
    for (auto& refusal : drop_link("the channel was stopped")) {
        post(std::move(refusal));  // not from inside the caller's call
    }
}

void ChannelClient::State::attempt() {
    ++statistics.attempts;
    auto connection = connect_to(path);
    if (!connection) {
        problem = connection.error();
        retry_later();
        return;
    }
    auto made = std::make_shared<Link>(executor.io_context());
    if (!assign(made->connection, std::move(*connection))) {
        problem = "the connection to the dataplane cannot be waited for";
        retry_later();
        return;
    }
    link = std::move(made);
    problem = "the dataplane has not answered the greeting";
    const LinkPointer current = link;
    timer->arm(timers.now() + kGreetingTimeout, [weak = weak_from_this(), current] {
        const auto self = weak.lock();
        if (self && self->is_current(current) && !current->rings) {
            self->lose(current, "the dataplane did not answer the greeting within 5 s");
        }
    });
    wait(current->connection, stream_descriptor::wait_read, current, &State::serve_connection);
    send(api::encode_control(api::ControlType::Hello, 0, api::bytes_of(api::HelloBody{})), {});
}

void ChannelClient::State::retry_later() {
    timer->arm(timers.now() + kRetryInterval, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->running && !self->link) {
            self->attempt();
        }
    });
}

std::vector<std::function<void()>> ChannelClient::State::drop_link(const std::string& reason) {
    routes.attach(nullptr);
    welcome.reset();
    problem = reason;
    if (const LinkPointer dropped = std::move(link)) {
        link.reset();
        boost::system::error_code ignored;
        dropped->connection.close(ignored);  // ends the waits
        dropped->punts.close(ignored);
        dropped->events.close(ignored);
    }
    return requests.abandon(reason);
}

void ChannelClient::State::lose(const LinkPointer& lost, const std::string& reason) {
    // `lost` keeps the mappings until the callback has returned.
    const bool was_open = lost->rings != nullptr;
    auto refusals = drop_link(reason);
    retry_later();
    if (was_open && callbacks.session_lost) {
        callbacks.session_lost(reason);
    }
    for (const auto& refusal : refusals) {
        refusal();
    }
}

void ChannelClient::State::greeted(const api::ControlMessage& message,
                                   std::vector<api::Descriptor> descriptors) {
    const LinkPointer current = link;
    if (message.header.type == api::ControlType::Refused) {
        const auto refused = api::read_exact<api::RefusedBody>(message.body);
        std::string reason = "the dataplane refuses the channel";
        if (refused) {
            reason += ": " + std::string(api::bounded_text(refused->reason));
            if (refused->version != api::kChannelVersion) {
                reason += " (it speaks version " + std::to_string(refused->version) + ", we " +
                          std::to_string(api::kChannelVersion) + ")";
            }
        }
        lose(current, reason);
        return;
    }
    if (message.header.type != api::ControlType::Welcome) {
        lose(current, "the dataplane's first message is no welcome");
        return;
    }
    const auto body = api::read_welcome(message.body);
    if (!body) {
        lose(current, std::string(body.error()));
        return;
    }
    auto rings = ChannelRings::attach(*body, std::move(descriptors));
    if (!rings) {
        lose(current, "the dataplane's memory cannot be used: " + rings.error());
        return;
    }
    timer->cancel();
    if (!assign(current->punts, (*rings)->take_punt_sleeper()) ||
        !assign(current->events, (*rings)->take_event_sleeper())) {
        lose(current, "the dataplane's wake-ups cannot be waited for");
        return;
    }
    current->rings = std::move(*rings);
    routes.attach(current->rings.get());
    welcome = *body;
    problem.clear();
    ++statistics.sessions;
    later(current, &State::serve_punts);  // looks once, then sleeps
    later(current, &State::serve_events);
    if (callbacks.session_opened) {
        callbacks.session_opened(*body);
    }
}

// ---- the session's turns

void ChannelClient::State::serve_connection(const LinkPointer& current) {
    for (int i = 0; i < kMessagesAWake; ++i) {
        api::ReceivedControl received;
        const auto outcome =
            api::receive_control(current->connection.native_handle(), buffer, received);
        if (outcome == api::ReceiveOutcome::Nothing) {
            break;
        }
        if (outcome == api::ReceiveOutcome::Closed) {
            lose(current, "the dataplane has left");
            return;
        }
        if (outcome == api::ReceiveOutcome::Malformed) {
            lose(current, "a control message of the dataplane is too long");
            return;
        }
        const auto message = api::read_control(received.message);
        if (!message) {
            lose(current, std::string(message.error()));
            return;
        }
        if (!current->rings) {
            greeted(*message, std::move(received.descriptors));
        } else if (!received.descriptors.empty()) {
            lose(current, "a control message of the dataplane has uninvited descriptors");
        } else if (const auto taken = requests.answered(*message); !taken && is_current(current)) {
            lose(current, std::string(taken.error()));
        }
        if (!is_current(current)) {
            return;  // lost, or stopped by a callback
        }
    }
    wait(current->connection, stream_descriptor::wait_read, current, &State::serve_connection);
}

void ChannelClient::State::serve_punts(const LinkPointer& current) {
    api::drain_wakes(current->punts.native_handle());
    for (std::size_t i = 0; i < kRecordsAWake; ++i) {
        api::PuntView punt;
        switch (current->rings->next_punt(punt)) {
            case ChannelRings::Outcome::Fault:
                lose(current, std::string(current->rings->fault()));
                return;
            case ChannelRings::Outcome::Empty:
                if (current->rings->prepare_punts_to_wait()) {
                    wait(current->punts, stream_descriptor::wait_read, current,
                         &State::serve_punts);
                } else {
                    later(current, &State::serve_punts);
                }
                return;
            case ChannelRings::Outcome::Record:
                break;
        }
        ++statistics.punted;
        if (callbacks.punted) {
            callbacks.punted(punt.header, punt.packet);
            if (!is_current(current)) {
                return;
            }
        }
    }
    later(current, &State::serve_punts);
}

void ChannelClient::State::serve_events(const LinkPointer& current) {
    api::drain_wakes(current->events.native_handle());
    // Read before the events: what was emitted before this acknowledgement is then in the ring.
    const std::uint64_t claimed = current->rings->routes().acknowledged();
    for (std::size_t i = 0;; ++i) {
        if (i == kRecordsAWake) {
            later(current, &State::serve_events);
            return;
        }
        api::EventType type{};
        std::span<const std::byte> body;
        const auto outcome = current->rings->next_event(type, body);
        if (outcome == ChannelRings::Outcome::Fault) {
            lose(current, std::string(current->rings->fault()));
            return;
        }
        if (outcome == ChannelRings::Outcome::Empty) {
            break;
        }
        ++statistics.events;
        if (callbacks.event) {
            callbacks.event(type, body);
            if (!is_current(current)) {
                return;
            }
        }
    }
    switch (routes.look_at_acknowledged(claimed)) {
        case RouteWriter::Progress::Impossible:
            lose(current, "the dataplane acknowledges what was never sent");
            return;
        case RouteWriter::Progress::Acknowledged:
            if (callbacks.routes_acknowledged) {
                callbacks.routes_acknowledged(claimed);
            }
            break;
        case RouteWriter::Progress::None:
            break;
    }
    if (is_current(current) && routes.take_room() && callbacks.routes_have_room) {
        callbacks.routes_have_room();
    }
    if (!is_current(current)) {
        return;
    }
    if (current->rings->prepare_events_to_wait()) {
        wait(current->events, stream_descriptor::wait_read, current, &State::serve_events);
    } else {
        later(current, &State::serve_events);
    }
}

// At the end of a turn that wrote: shows the dataplane all of it at once, and looks whether the
// writing has found a ring broken.
void ChannelClient::State::serve_writers(const LinkPointer& current) {
    routes.flush();
    if (current->rings->routes().broken()) {
        lose(current, "the route ring is broken");
    } else if (current->rings->inject_broken()) {
        lose(current, "the inject ring is broken");
    }
}

void ChannelClient::State::send(std::vector<std::byte> message, api::Descriptor descriptor) {
    link->outgoing.push_back({std::move(message), std::move(descriptor)});
    if (!link->writing) {
        send_outgoing(link);
    }
}

void ChannelClient::State::send_outgoing(const LinkPointer& current) {
    current->writing = false;
    while (!current->outgoing.empty()) {
        const Link::Outgoing& first = current->outgoing.front();
        const std::array<int, 1> descriptor{first.descriptor.get()};
        const auto outcome =
            api::send_control(current->connection.native_handle(), first.message,
                              std::span(descriptor).first(first.descriptor ? 1 : 0));
        if (outcome == api::SendOutcome::WouldBlock) {
            current->writing = true;
            wait(current->connection, stream_descriptor::wait_write, current,
                 &State::send_outgoing);
            return;
        }
        // A connection that takes nothing any more is noticed by its reader, in a turn of its own.
        current->outgoing.pop_front();
    }
}

// ---- what the owner calls

ChannelClient::ChannelClient(Executor& executor, Timers& timers, std::string path,
                             ChannelCallbacks callbacks)
    : state_(std::make_shared<State>(executor, timers, std::move(path), std::move(callbacks))) {}

ChannelClient::~ChannelClient() {
    state_->running = false;
    state_->timer->cancel();
    state_->drop_link("the channel has ended");
}

void ChannelClient::start() {
    state_->start();
}
void ChannelClient::stop() {
    state_->stop();
}

bool ChannelClient::connected() const {
    return state_->open();
}
const std::string& ChannelClient::problem() const {
    return state_->problem;
}
const std::optional<api::WelcomeBody>& ChannelClient::welcome() const {
    return state_->welcome;
}
RouteWriter& ChannelClient::routes() {
    return state_->routes;
}

bool ChannelClient::inject(const api::InjectRecord& header, std::span<const std::byte> packet) {
    if (!state_->open() || !state_->link->rings->inject(header, packet)) {
        ++state_->statistics.inject_refused;
        if (state_->open() && state_->link->rings->inject_broken()) {
            state_->later(state_->link, &State::serve_writers);
        }
        return false;
    }
    ++state_->statistics.injected;
    return true;
}

void ChannelClient::query(api::QueryKind kind, QueryHandler handler) {
    if (!state_->open() || !state_->requests.query_all(kind, handler)) {
        state_->refuse_later(std::move(handler), state_->why_not());
    }
}

void ChannelClient::query_page(const api::QueryBody& query, QueryHandler handler) {
    if (!state_->open() || !state_->requests.query_page(query, handler)) {
        state_->refuse_later(std::move(handler), state_->why_not());
    }
}

void ChannelClient::ask_nat(const api::NatAskBody& ask, NatHandler handler) {
    if (!state_->open() || !state_->requests.ask_nat(ask, handler)) {
        state_->refuse_later(std::move(handler), state_->why_not());
    }
}

void ChannelClient::configure(api::ConfigurePhase phase, std::uint64_t revision,
                              std::string_view yaml, ConfigureHandler handler) {
    auto text = api::make_sealed_text("godwit-configuration", yaml);
    if (!text) {
        state_->refuse_later(std::move(handler),
                             "the configuration cannot be handed over: " + text.error());
    } else if (!state_->open() ||
               !state_->requests.configure(phase, revision, std::move(*text), handler)) {
        state_->refuse_later(std::move(handler), state_->why_not());
    }
}

void ChannelClient::tell_own_ports(std::span<const api::OwnPortRecord> ports,
                                   ConfigureHandler handler) {
    if (!state_->open() || !state_->requests.own_ports(ports, handler)) {
        state_->refuse_later(std::move(handler), state_->why_not());
    }
}

bool ChannelClient::restart() {
    if (!state_->open()) {
        return false;
    }
    if (!state_->link->restart_asked) {
        state_->link->restart_asked = true;
        state_->send(api::encode_control(api::ControlType::Restart, 0, {}), {});
    }
    return true;
}

const api::CountersRegion* ChannelClient::counters() const {
    return state_->open() ? state_->link->rings->counters() : nullptr;
}

const ChannelClientStatistics& ChannelClient::statistics() const {
    return state_->statistics;
}

}  // namespace godwit::control
