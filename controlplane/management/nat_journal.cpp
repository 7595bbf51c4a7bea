#include "controlplane/management/nat_journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace godwit::control {

NatJournal::NatJournal(std::string directory)
    : path_(std::move(directory) + "/nat-journal.jsonl"), thread_([this] { run(); }) {}

NatJournal::~NatJournal() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    wake_.notify_one();
    thread_.join();
    if (file_ >= 0) {
        ::close(file_);
    }
}

void NatJournal::set_limits(const config::NatLog& log) {
    file_bytes_ = log.file_bytes;
    files_ = log.files;
}

void NatJournal::add(std::string line) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() + line.size() > kMaxWaiting) {
            ++not_written_;
            return;
        }
        waiting_ += line;
        ++waiting_lines_;
    }
    wake_.notify_one();
}

void NatJournal::flush() {
    std::unique_lock lock(mutex_);
    drained_.wait(lock, [this] { return waiting_.empty() && !is_writing_; });
}

boost::json::object NatJournal::state_json() const {
    return {{"file", path_}, {"written", written_.load()}, {"not-written", not_written_.load()}};
}

void NatJournal::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        wake_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
        if (waiting_.empty()) {
            return;
        }
        const std::string lines = std::exchange(waiting_, {});
        const std::uint64_t count = std::exchange(waiting_lines_, 0);
        is_writing_ = true;
        lock.unlock();
        write(lines, count);
        lock.lock();
        is_writing_ = false;
        drained_.notify_all();
    }
}

// Whole lines into a file each: a file ends with a line, whatever its size.
void NatJournal::write(const std::string& lines, std::uint64_t count) {
    std::size_t at = 0;
    while (at < lines.size()) {
        if (file_ >= 0 && std::exchange(is_torn_, false)) {
            in_file_ += ::write(file_, "\n", 1) == 1 ? 1U : 0U;
        }
        if (file_ >= 0 && in_file_ >= file_bytes_) {
            rotate();
        }
        if (file_ < 0 && !open()) {
            break;
        }
        const std::uint64_t room = file_bytes_ > in_file_ ? file_bytes_ - in_file_ : 0;
        std::size_t end = lines.size();
        if (end - at > room) {
            end = lines.find('\n', at + static_cast<std::size_t>(room));
            end = end == std::string::npos ? lines.size() : end + 1;
        }
        const ssize_t done = ::write(file_, lines.data() + at, end - at);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            if (!std::exchange(has_complained_, true)) {
                spdlog::error(
                    "cannot write {}: {}; free some space there. Bindings of NAT are "
                    "not recorded meanwhile, and counted",
                    path_, std::strerror(errno));
            }
            break;
        }
        at += static_cast<std::size_t>(done);
        in_file_ += static_cast<std::uint64_t>(done);
    }
    is_torn_ = at > 0 && at < lines.size() && lines[at - 1] != '\n';
    const std::string_view missing = std::string_view(lines).substr(at);
    const auto lost = static_cast<std::uint64_t>(std::count(missing.begin(), missing.end(), '\n'));
    not_written_ += lost;
    written_ += count - lost;
    if (lost == 0) {
        has_complained_ = false;
    }
}

bool NatJournal::open() {
    // Who had which address is nobody else's business.
    file_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    struct stat status {};
    if (file_ < 0 || fstat(file_, &status) != 0) {
        if (!std::exchange(has_complained_, true)) {
            spdlog::error("cannot open {}: {}; bindings of NAT are not recorded, and counted",
                          path_, std::strerror(errno));
        }
        return false;
    }
    in_file_ = static_cast<std::uint64_t>(status.st_size);
    return true;
}

void NatJournal::rotate() {
    ::close(std::exchange(file_, -1));
    const std::uint32_t keep = files_;
    // One more than are kept, for a limit that was lowered.
    for (std::uint32_t number = keep; ::unlink(path(number).c_str()) == 0; ++number) {
    }
    for (std::uint32_t number = keep; number-- > 1;) {
        ::rename(path(number - 1).c_str(), path(number).c_str());
    }
    if (keep == 1) {
        ::unlink(path_.c_str());
    }
}

std::string NatJournal::path(std::uint32_t number) const {
    return number == 0 ? path_ : fmt::format("{}.{}", path_, number);
}

}  // namespace godwit::control
