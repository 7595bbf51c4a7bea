#include "drivers/log_capture.hpp"

#include <rte_log.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <utility>

namespace godwit::drivers {
namespace {

constexpr std::size_t kMaxLines = 128;
constexpr std::size_t kMaxLineBytes = 400;

std::atomic<LogCapture*> active{nullptr};

}  // namespace

LogCapture* active_log_capture() {
    return active.load();
}

void set_active_log_capture(LogCapture* capture) {
    active.store(capture);
}

LogCapture::LogCapture(bool copy_to_stderr) : copy_to_stderr_(copy_to_stderr) {
    cookie_io_functions_t functions{};
    functions.write = [](void* cookie, const char* text, std::size_t length) -> ssize_t {
        static_cast<LogCapture*>(cookie)->take(text, length);
        return static_cast<ssize_t>(length);
    };
    stream_ = fopencookie(this, "w", functions);
    if (stream_ == nullptr) {
        throw std::runtime_error("no memory for the log stream");
    }
    setvbuf(stream_, nullptr, _IOLBF, 0);
}

LogCapture::~LogCapture() {
    fclose(stream_);
}

std::uint64_t LogCapture::position() const {
    const std::lock_guard lock(mutex_);
    return count_;
}

std::string LogCapture::reason_since(std::uint64_t position) const {
    const std::lock_guard lock(mutex_);
    const std::uint64_t fresh = std::min<std::uint64_t>(count_ - position, lines_.size());
    const auto begin = lines_.end() - static_cast<std::ptrdiff_t>(fresh);
    // What follows the first error is the same failure told by each caller.
    auto cause = std::find_if(begin, lines_.end(), [](const Line& line) { return line.error; });
    if (cause == lines_.end()) {
        cause = begin;
    }
    return cause == lines_.end() ? std::string() : cause->text;
}

std::vector<std::string> LogCapture::recent() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> texts;
    for (const Line& line : lines_) {
        texts.push_back(line.text);
    }
    return texts;
}

std::uint64_t LogCapture::forgotten() const {
    const std::lock_guard lock(mutex_);
    return forgotten_;
}

void LogCapture::take(const char* text, std::size_t length) {
    // Of the message that this thread is logging; the stream is flushed within it.
    const bool error = rte_log_cur_msg_loglevel() <= static_cast<int>(RTE_LOG_ERR);
    const std::lock_guard lock(mutex_);
    if (copy_to_stderr_) {
        fwrite(text, 1, length, stderr);
    }
    for (std::size_t i = 0; i < length; ++i) {
        if (text[i] == '\n') {
            finish_line(error);
        } else if (unfinished_.size() < kMaxLineBytes) {
            unfinished_.push_back(text[i]);
        }
    }
}

void LogCapture::finish_line(bool error) {
    if (unfinished_.empty()) {
        return;
    }
    lines_.push_back({std::move(unfinished_), error});
    unfinished_.clear();
    ++count_;
    if (lines_.size() > kMaxLines) {
        lines_.pop_front();
        ++forgotten_;
    }
}

}  // namespace godwit::drivers
