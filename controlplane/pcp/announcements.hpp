// When clients are told, unasked, that mappings are lost (RFC 6887 14.1): ten times, the second
// after 250 ms, and each interval twice the one before, so that it is over after two minutes.
#pragma once

#include <chrono>
#include <optional>

#include "controlplane/pcp/types.hpp"

namespace godwit::control::pcp {

class Announcements {
public:
    static constexpr unsigned kCount = 10;
    static constexpr std::chrono::milliseconds kFirstInterval{250};

    // The first is due at once; a series under way gives way.
    void begin(Instant now) {
        left_ = kCount;
        due_ = now;
        interval_ = kFirstInterval;
    }
    // True: one is to be sent now. One that is late does not hurry the next.
    bool take(Instant now) {
        if (left_ == 0 || now < due_) {
            return false;
        }
        --left_;
        due_ = now + interval_;
        interval_ *= 2;
        return true;
    }

    [[nodiscard]] unsigned left() const { return left_; }
    [[nodiscard]] std::optional<Instant> next() const {
        return left_ == 0 ? std::nullopt : std::optional(due_);
    }

private:
    unsigned left_ = 0;
    Instant due_{};
    Duration interval_{};
};

}  // namespace godwit::control::pcp
