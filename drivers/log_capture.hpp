// Where DPDK's log goes instead of the terminal: the most recent lines, in bounded memory, so that
// a failure can be told in one sentence with the reason that the driver gave.
//
// Written by any thread through a FILE* (rte_openlog_stream), read by the main thread. At the limit
// the oldest line goes and is counted.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace godwit::drivers {

class LogCapture {
public:
    // `copy_to_stderr`: a person who asked for debug logging sees the lines too.
    explicit LogCapture(bool copy_to_stderr);
    ~LogCapture();
    LogCapture(const LogCapture&) = delete;
    LogCapture& operator=(const LogCapture&) = delete;

    [[nodiscard]] FILE* stream() { return stream_; }
    [[nodiscard]] std::uint64_t position() const;  // lines so far
    // The first error since `position`, which is where a driver names the cause; without one, the
    // first line; empty when there is none.
    [[nodiscard]] std::string reason_since(std::uint64_t position) const;
    [[nodiscard]] std::vector<std::string> recent() const;
    [[nodiscard]] std::uint64_t forgotten() const;

private:
    void take(const char* text, std::size_t length);
    void finish_line(bool error);

    mutable std::mutex mutex_;
    struct Line {
        std::string text;
        bool error = false;
    };
    std::deque<Line> lines_;  // oldest first
    std::string unfinished_;
    std::uint64_t count_ = 0;
    std::uint64_t forgotten_ = 0;
    bool copy_to_stderr_;
    FILE* stream_ = nullptr;
};

// The capture that the running Eal owns, null before and after. A driver's log has one destination
// a process (rte_openlog_stream), so this is one too.
LogCapture* active_log_capture();
void set_active_log_capture(LogCapture* capture);

}  // namespace godwit::drivers
