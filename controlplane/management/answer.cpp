#include "controlplane/management/answer.hpp"

#include <boost/json.hpp>
#include <string_view>
#include <utility>

namespace godwit::control {

namespace json = boost::json;

namespace {

std::string_view word(AnswerCode code) {
    switch (code) {
        case AnswerCode::BadRequest:
            return "bad-request";
        case AnswerCode::Refused:
            return "refused";
        case AnswerCode::Failed:
            return "failed";
        case AnswerCode::Unavailable:
            return "unavailable";
    }
    return "failed";
}

std::string line_of(const json::object& object) {
    return json::serialize(object) + "\n";
}

}  // namespace

void Answer::done(const json::value& data) {
    if (!std::exchange(ended_, true)) {
        send(line_of({{"ok", true}, {"data", data}}), true, {});
    }
}

void Answer::fail(AnswerCode code, const std::string& error) {
    fail(code, std::vector<std::string>{error});
}

void Answer::fail(AnswerCode code, const std::vector<std::string>& errors) {
    fail(code, errors, json::value());
}

void Answer::fail(AnswerCode code, const std::vector<std::string>& errors,
                  const json::value& data) {
    if (std::exchange(ended_, true)) {
        return;
    }
    json::object object{
        {"ok", false}, {"code", word(code)}, {"errors", json::array(errors.begin(), errors.end())}};
    if (!data.is_null()) {
        object["data"] = data;
    }
    send(line_of(object), true, {});
}

void Answer::more(const json::value& data) {
    if (!ended_) {
        send(line_of({{"ok", true}, {"more", true}, {"data", data}}), false, {});
    }
}

void Answer::begin_list() {
    list_ = List::Begun;
}

void Answer::add(const json::array& items, std::function<void()> ready) {
    std::string text;
    if (list_ == List::Begun) {
        text = R"({"ok":true,"data":[)";
    }
    for (const json::value& item : items) {
        if (list_ == List::Flowing) {
            text += ',';
        }
        text += json::serialize(item);
        list_ = List::Flowing;
    }
    if (items.empty()) {
        text.clear();  // the head goes out with the first item, or with the end
    }
    send(std::move(text), false, std::move(ready));
}

void Answer::end_list() {
    if (std::exchange(ended_, true)) {
        return;
    }
    send(list_ == List::Flowing ? "]}\n" : "{\"ok\":true,\"data\":[]}\n", true, {});
}

void Answer::break_list(AnswerCode code, const std::string& error) {
    if (list_ != List::Flowing) {
        fail(code, error);
        return;
    }
    if (!std::exchange(ended_, true)) {
        abandon();
    }
}

void Answer::client_left() {
    if (!ended_ && when_gone_) {
        std::exchange(when_gone_, nullptr)();
    }
}

void Answer::end_if_forgotten() {
    if (!ended_) {
        break_list(AnswerCode::Failed,
                   "the router gave up on this request without an answer; try again");
    }
}

}  // namespace godwit::control
