#include "drivers/log_capture.hpp"

#include <atomic>
#include <stdexcept>

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
    // Drivers name the cause first; what follows is the same failure told by each caller.
    for (std::size_t i = lines_.size() - fresh; i < lines_.size(); ++i) {
        if (!lines_[i].empty()) {
            return lines_[i];
        }
    }
    return {};
}

std::vector<std::string> LogCapture::recent() const {
    const std::lock_guard lock(mutex_);
    return {lines_.begin(), lines_.end()};
}

std::uint64_t LogCapture::forgotten() const {
    const std::lock_guard lock(mutex_);
    return forgotten_;
}

void LogCapture::take(const char* text, std::size_t length) {
    const std::lock_guard lock(mutex_);
    if (copy_to_stderr_) {
        fwrite(text, 1, length, stderr);
    }
    for (std::size_t i = 0; i < length; ++i) {
        if (text[i] == '\n') {
            finish_line();
        } else if (unfinished_.size() < kMaxLineBytes) {
            unfinished_.push_back(text[i]);
        }
    }
}

void LogCapture::finish_line() {
    lines_.push_back(std::move(unfinished_));
    unfinished_.clear();
    ++count_;
    if (lines_.size() > kMaxLines) {
        lines_.pop_front();
        ++forgotten_;
    }
}

}  // namespace godwit::drivers
