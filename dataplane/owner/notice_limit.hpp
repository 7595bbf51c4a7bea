// Lines in the log that the network can cause: at most so many in an interval; how many were left
// out is said with the next one that is let through.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/owner/instant.hpp"

namespace godwit::dataplane {

class NoticeLimit {
public:
    NoticeLimit(unsigned lines, Duration interval) : lines_(lines), interval_(interval) {}

    // Nothing: keep silent. Else write the line, and that `*result` were left out before it.
    std::optional<std::uint64_t> admit(Instant now) {
        if (now - begin_ >= interval_) {
            begin_ = now;
            used_ = 0;
        }
        if (used_ >= lines_) {
            ++left_out_;
            return std::nullopt;
        }
        ++used_;
        const std::uint64_t before = left_out_;
        left_out_ = 0;
        return before;
    }

private:
    unsigned lines_;
    Duration interval_;
    Instant begin_{};
    unsigned used_ = 0;
    std::uint64_t left_out_ = 0;
};

}  // namespace godwit::dataplane
