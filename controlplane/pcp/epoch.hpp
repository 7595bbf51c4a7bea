// How old the mappings are, by which clients see that they are lost (RFC 6887 8.5): a count of
// seconds that goes on with the clock, and starts anew with them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "controlplane/pcp/types.hpp"

namespace godwit::control::pcp {

class Epoch {
public:
    // Which one it is, and how old, is what the keeper of the mappings says. True: it is another
    // than was known, and the mappings before it are lost. Of the same one the age that was said
    // first holds: clients are told what goes on from what they were told before.
    bool learn(std::uint64_t number, Duration age, Instant now) {
        if (began_ && number == number_) {
            return false;
        }
        number_ = number;
        began_ = now - std::max(age, Duration::zero());
        return true;
    }

    [[nodiscard]] bool known() const { return began_.has_value(); }
    [[nodiscard]] Duration age(Instant now) const {
        return began_ && now > *began_ ? now - *began_ : Duration::zero();
    }
    [[nodiscard]] std::uint32_t seconds(Instant now) const {
        return static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::seconds>(age(now)).count());
    }

private:
    std::uint64_t number_ = 0;
    std::optional<Instant> began_;
};

}  // namespace godwit::control::pcp
