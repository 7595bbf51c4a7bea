// The answer to one request on the control socket, as a verb gives it (docs/control-protocol.md).
//
// A verb keeps the Answer as long as it works and ends it exactly once: with done(), fail(), or
// end_list(). Long lists go out in parts: the next part is made when the one before has been taken,
// so a table of any size costs the memory of one part, and other work runs in between. An Answer
// that is let go without an end ends itself with `failed`: no client waits for ever.
//
// What carries the bytes is behind send(): a connection of ControlServer, or a test.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace godwit::control {

enum class AnswerCode : std::uint8_t {
    BadRequest,   // what was asked makes no sense
    Refused,      // understood, and not done
    Failed,       // tried, and did not work
    Unavailable,  // the dataplane is not there now
};

class Answer {
public:
    Answer() = default;
    virtual ~Answer() = default;
    Answer(const Answer&) = delete;
    Answer& operator=(const Answer&) = delete;

    void done(const boost::json::value& data);
    void fail(AnswerCode code, const std::vector<std::string>& errors);
    void fail(AnswerCode code, const std::string& error);
    void fail(AnswerCode code, const std::vector<std::string>& errors,
              const boost::json::value& data);

    // A line of its own before the last one.
    void more(const boost::json::value& data);

    // A list as `data`. `ready` is called, later and never from within, when there is room for the
    // next part.
    void begin_list();
    void add(const boost::json::array& items, std::function<void()> ready);
    void end_list();
    // The list cannot be completed: an error when nothing of it is on its way yet, else the
    // connection closes in the middle of the line.
    void break_list(AnswerCode code, const std::string& error);

    [[nodiscard]] bool ended() const { return ended_; }
    // The client has left: nobody reads what would come.
    [[nodiscard]] virtual bool gone() const = 0;
    // Called once when the client leaves before the end.
    void when_gone(std::function<void()> action) { when_gone_ = std::move(action); }

protected:
    // Takes `text`; calls `taken` (which may be empty) when it has gone out. `last`: the answer
    // ends.
    virtual void send(std::string text, bool last, std::function<void()> taken) = 0;
    virtual void abandon() = 0;
    void client_left();
    // For the destructor of what derives.
    void end_if_forgotten();

private:
    enum class List : std::uint8_t { None, Begun, Flowing };

    bool ended_ = false;
    List list_ = List::None;
    std::function<void()> when_gone_;
};

}  // namespace godwit::control
