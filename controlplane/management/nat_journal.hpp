// The journal of NAT: who had which outside address and port when (RFC 6888 4, RFC 8158), as lines
// of JSON in a local file, for as many files of a size as are kept.
//
//   nat-journal.jsonl      the one that is written; nat-journal.jsonl.1 the one before, …
//
// A thread of its own writes, so that a slow disk holds up nothing. Lines wait for it in a queue of
// bounded size; what finds no room there, or cannot be written, is counted. A file that says which
// lines are missing is worth more than one that stops: writing goes on when it can.
#pragma once

#include <atomic>
#include <boost/json/fwd.hpp>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "config/model/nat.hpp"

namespace godwit::control {

class NatJournal {
public:
    // Bytes of lines that wait to be written.
    static constexpr std::size_t kMaxWaiting = std::size_t{4} << 20U;

    // Files are made in `directory`, from the first line on.
    explicit NatJournal(std::string directory);
    ~NatJournal();  // writes what waits
    NatJournal(const NatJournal&) = delete;
    NatJournal& operator=(const NatJournal&) = delete;

    void set_limits(const config::NatLog& log);
    void add(std::string line);
    // Waits until everything so far is in the file.
    void flush();

    // For `show nat`.
    [[nodiscard]] boost::json::object state_json() const;
    [[nodiscard]] std::uint64_t written() const { return written_; }
    [[nodiscard]] std::uint64_t not_written() const { return not_written_; }

private:
    void run();
    void write(const std::string& lines, std::uint64_t count);
    bool open();
    void rotate();
    [[nodiscard]] std::string path(std::uint32_t number) const;

    std::string path_;
    std::atomic<std::uint64_t> file_bytes_{16U << 20U};
    std::atomic<std::uint32_t> files_{8};
    std::atomic<std::uint64_t> written_{0};
    std::atomic<std::uint64_t> not_written_{0};

    mutable std::mutex mutex_;  // of the next five
    std::condition_variable wake_;
    std::condition_variable drained_;
    std::string waiting_;
    std::uint64_t waiting_lines_ = 0;
    bool is_writing_ = false;
    bool ends_ = false;

    int file_ = -1;              // of the thread
    std::uint64_t in_file_ = 0;  // bytes
    bool has_complained_ = false;
    bool is_torn_ = false;  // the last line in the file is not whole
    std::thread thread_;
};

}  // namespace godwit::control
