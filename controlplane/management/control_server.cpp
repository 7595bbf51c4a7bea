#include "controlplane/management/control_server.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace godwit::control {

namespace asio = boost::asio;
namespace json = boost::json;
using Protocol = asio::local::stream_protocol;
using boost::system::error_code;

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::chrono::milliseconds kAcceptPause{
    200};  // after an error, for instance no descriptor

class Connection;

class ConnectionAnswer final : public Answer {
public:
    explicit ConnectionAnswer(std::weak_ptr<Connection> connection)
        : connection_(std::move(connection)) {}
    ~ConnectionAnswer() override { end_if_forgotten(); }

    [[nodiscard]] bool gone() const override;
    void leave() { client_left(); }

protected:
    void send(std::string text, bool last, std::function<void()> taken) override;
    void abandon() override;

private:
    std::weak_ptr<Connection> connection_;
};

}  // namespace

struct ControlServer::State : std::enable_shared_from_this<ControlServer::State> {
    State(asio::io_context& io, std::string where, Handler what, const ControlServerLimits& most)
        : executor(io),
          acceptor(io),
          pause(io),
          path(std::move(where)),
          handler(std::move(what)),
          limits(most) {}

    void accept();
    void close();

    asio::io_context& executor;
    Protocol::acceptor acceptor;
    asio::steady_timer pause;
    std::string path;
    Handler handler;
    ControlServerLimits limits;
    ControlServerCounters counters;
    std::set<std::shared_ptr<Connection>> open_connections;
    std::optional<std::pair<dev_t, ino_t>> own_file;
};

namespace {

// One client. Reads a line, has it answered, sends the answer, reads the next line.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    struct Owner {
        const ControlServerLimits& limits;
        ControlServerCounters& counters;
        const ControlServer::Handler& handler;
        std::function<void(const std::shared_ptr<Connection>&)> forget;
    };

    Connection(Protocol::socket socket, Owner owner)
        : socket_(std::move(socket)), patience_(socket_.get_executor()), owner_(std::move(owner)) {}

    void start() { next_line(); }

    [[nodiscard]] bool is_open() const { return socket_.is_open(); }

    void send(std::string text, bool last, std::function<void()> taken) {
        if (!socket_.is_open()) {
            return;
        }
        if (last) {
            answering_ = false;
        } else if (!taken && waiting_.size() + text.size() > owner_.limits.unsent_bytes) {
            ++owner_.counters.slow_readers;
            close();
            return;
        }
        waiting_ += text;
        if (taken) {
            taken_.push_back(std::move(taken));
        }
        if (!writing_) {
            write();
        }
    }

    void close() {
        if (!socket_.is_open()) {
            return;
        }
        const auto self = shared_from_this();
        error_code ignored;
        socket_.close(ignored);
        patience_.cancel();
        taken_.clear();
        if (const auto answer = current_.lock()) {
            answer->leave();
        }
        owner_.forget(self);
    }

private:
    void next_line() {
        if (answering_ || !socket_.is_open()) {
            return;
        }
        const std::size_t end = incoming_.find('\n', scanned_);
        if (end == std::string::npos) {
            scanned_ = incoming_.size();
            if (incoming_.size() > owner_.limits.line_bytes) {
                refuse_line(fmt::format("a request is longer than {} bytes; send less at once",
                                        owner_.limits.line_bytes));
            } else if (!ended_) {
                read();
            } else {
                close();  // the client has said its last line, and has its last answer
            }
            return;
        }
        if (end > owner_.limits.line_bytes) {
            refuse_line(fmt::format("a request is longer than {} bytes; send less at once",
                                    owner_.limits.line_bytes));
            return;
        }
        const std::string line = incoming_.substr(0, end);
        incoming_.erase(0, end + 1);
        scanned_ = 0;

        error_code error;
        json::value request = json::parse(line, error);
        if (error || !request.is_object()) {
            refuse_line(
                "a request is one JSON object on one line, such as "
                R"({"verb": "show", "subject": "status"}; this line is none)");
            return;
        }
        ++owner_.counters.requests;
        answering_ = true;
        const auto answer = std::make_shared<ConnectionAnswer>(weak_from_this());
        current_ = answer;
        owner_.handler(std::move(request.get_object()), answer);
        watch_for_end();
    }

    void refuse_line(const std::string& why) {
        ++owner_.counters.bad_lines;
        close_when_sent_ = true;
        answering_ = true;
        ConnectionAnswer answer(weak_from_this());
        answer.fail(AnswerCode::BadRequest, why);
    }

    void read() {
        socket_.async_read_some(asio::buffer(buffer_),
                                [self = shared_from_this()](error_code error, std::size_t bytes) {
                                    if (error == asio::error::eof) {
                                        self->ended_ = true;
                                    } else if (error) {
                                        self->close();
                                        return;
                                    }
                                    self->incoming_.append(self->buffer_.data(), bytes);
                                    self->next_line();
                                });
    }

    // While an answer is in the making nothing is read; a client that is gone altogether shows as a
    // hang-up. One that only closed its way out (`echo … | nc`) still gets its answer.
    void watch_for_end() {
        if (!answering_ || watching_ || !socket_.is_open()) {
            return;
        }
        watching_ = true;
        socket_.async_wait(Protocol::socket::wait_error,
                           [self = shared_from_this()](error_code error) {
                               self->watching_ = false;
                               if (!error) {
                                   self->close();
                               }
                           });
    }

    void write() {
        if (waiting_.empty()) {
            written_all();
            return;
        }
        if (sending_.size() == sent_) {
            sending_ = std::exchange(waiting_, {});
            sending_taken_ = std::exchange(taken_, {});
            sent_ = 0;
        }
        writing_ = true;
        be_patient();
        write_some();
    }

    void be_patient() {
        patience_.expires_after(owner_.limits.write_patience);
        patience_.async_wait([self = shared_from_this()](error_code error) {
            // A wait that was over already when it was armed anew comes without an error too.
            const bool over = self->patience_.expiry() <= std::chrono::steady_clock::now();
            if (!error && over && self->writing_) {
                ++self->owner_.counters.slow_readers;
                self->close();
            }
        });
    }

    void write_some() {
        socket_.async_write_some(
            asio::buffer(sending_.data() + sent_, sending_.size() - sent_),
            [self = shared_from_this()](error_code error, std::size_t bytes) {
                if (error) {
                    self->close();
                    return;
                }
                self->sent_ += bytes;
                if (self->sent_ < self->sending_.size()) {
                    self->be_patient();  // anew, with every progress
                    self->write_some();
                    return;
                }
                self->writing_ = false;
                self->patience_.cancel();
                for (const auto& taken : std::exchange(self->sending_taken_, {})) {
                    taken();
                }
                if (!self->writing_) {
                    self->write();
                }
            });
    }

    void written_all() {
        // An empty part has nothing to wait for, but its maker is never called from within.
        for (auto& taken : std::exchange(taken_, {})) {
            asio::post(socket_.get_executor(), std::move(taken));
        }
        if (answering_) {
            return;
        }
        if (close_when_sent_) {
            close();
        } else {
            next_line();
        }
    }

    Protocol::socket socket_;
    asio::steady_timer patience_;
    Owner owner_;
    std::array<char, kReadBytes> buffer_{};
    std::string incoming_;
    std::size_t scanned_ = 0;  // no end of line before here
    std::string waiting_;
    std::vector<std::function<void()>> taken_;  // of what waits
    std::string sending_;
    std::size_t sent_ = 0;
    std::vector<std::function<void()>> sending_taken_;
    std::weak_ptr<ConnectionAnswer> current_;
    bool answering_ = false;
    bool writing_ = false;
    bool watching_ = false;
    bool ended_ = false;
    bool close_when_sent_ = false;
};

bool ConnectionAnswer::gone() const {
    const auto connection = connection_.lock();
    return !connection || !connection->is_open();
}

void ConnectionAnswer::send(std::string text, bool last, std::function<void()> taken) {
    if (const auto connection = connection_.lock()) {
        connection->send(std::move(text), last, std::move(taken));
    }
}

void ConnectionAnswer::abandon() {
    if (const auto connection = connection_.lock()) {
        connection->close();
    }
}

// Nothing when the path is free for us; else why not.
std::optional<std::string> make_room(const std::string& path, const sockaddr_un& address) {
    struct stat file {};
    if (::lstat(path.c_str(), &file) != 0) {
        return std::nullopt;  // bind() says what else may be wrong
    }
    if (!S_ISSOCK(file.st_mode)) {
        return fmt::format(
            "{} is there and is no socket; remove it, or name another path in "
            "management.control-socket",
            path);
    }
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return fmt::format("no socket can be made: {}; free some file descriptors",
                           std::strerror(errno));
    }
    const int answered =
        ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0
                                                                                           : errno;
    ::close(probe);
    if (answered == ECONNREFUSED) {
        ::unlink(path.c_str());  // left by a router that is gone
        return std::nullopt;
    }
    if (answered == EACCES || answered == EPERM) {
        return fmt::format(
            "{} belongs to somebody else; name another path in management.control-socket", path);
    }
    // Connected, or its queue of connections is full (EAGAIN): somebody lives there.
    return fmt::format(
        "a router already answers at {}; stop it, or name another path in "
        "management.control-socket",
        path);
}

}  // namespace

void ControlServer::State::accept() {
    acceptor.async_accept([self = shared_from_this()](error_code error, Protocol::socket socket) {
        if (!self->acceptor.is_open()) {
            return;
        }
        if (error) {
            self->pause.expires_after(kAcceptPause);
            self->pause.async_wait([self](error_code cancelled) {
                if (!cancelled && self->acceptor.is_open()) {
                    self->accept();
                }
            });
            return;
        }
        if (self->open_connections.size() >= self->limits.connections) {
            ++self->counters.connections_refused;
            const std::string line =
                json::serialize(json::object{
                    {"ok", false},
                    {"code", "refused"},
                    {"errors",
                     {fmt::format("{} connections are open, and no more are allowed; close one",
                                  self->limits.connections)}}}) +
                "\n";
            error_code ignored;
            socket.non_blocking(true, ignored);
            socket.write_some(asio::buffer(line), ignored);
        } else {
            ++self->counters.connections;
            const auto connection = std::make_shared<Connection>(
                std::move(socket),
                Connection::Owner{self->limits, self->counters, self->handler,
                                  [state = self](const std::shared_ptr<Connection>& ended) {
                                      state->open_connections.erase(ended);
                                  }});
            self->open_connections.insert(connection);
            connection->start();
        }
        self->accept();
    });
}

void ControlServer::State::close() {
    error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
    while (!open_connections.empty()) {
        const auto connection = *open_connections.begin();
        connection->close();
        open_connections.erase(connection);
    }
    struct stat file {};
    if (own_file && ::lstat(path.c_str(), &file) == 0 && file.st_dev == own_file->first &&
        file.st_ino == own_file->second) {
        ::unlink(path.c_str());
    }
}

net::Result<std::unique_ptr<ControlServer>, std::string> ControlServer::open(
    asio::io_context& executor, const std::string& path, Handler handler,
    const ControlServerLimits& limits) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return net::unexpected(
            fmt::format("'{}' cannot be a socket's path; give one of 1 to {} "
                        "bytes in management.control-socket",
                        path, sizeof(address.sun_path) - 1));
    }
    std::memcpy(address.sun_path, path.data(), path.size());

    std::error_code no_directory;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), no_directory);
    if (auto problem = make_room(path, address)) {
        return net::unexpected(std::move(*problem));
    }

    auto state = std::make_shared<State>(executor, path, std::move(handler), limits);
    error_code error;
    state->acceptor.open(Protocol(), error);
    if (!error) {
        // The mode is right from the first moment on: nobody can slip in before a chmod.
        const mode_t before = ::umask(0117);
        state->acceptor.bind(Protocol::endpoint(path), error);
        ::umask(before);
    }
    if (!error) {
        state->acceptor.listen(16, error);
    }
    if (error) {
        return net::unexpected(fmt::format(
            "the control socket {} cannot be made: {}; make its directory writable for this user, "
            "or name another path in management.control-socket",
            path, error.message()));
    }
    struct stat file {};
    if (::lstat(path.c_str(), &file) == 0) {
        state->own_file.emplace(file.st_dev, file.st_ino);
    }
    state->accept();
    return std::unique_ptr<ControlServer>(new ControlServer(std::move(state)));
}

ControlServer::~ControlServer() {
    state_->close();
}

std::size_t ControlServer::connections() const {
    return state_->open_connections.size();
}

const ControlServerCounters& ControlServer::counters() const {
    return state_->counters;
}

}  // namespace godwit::control
