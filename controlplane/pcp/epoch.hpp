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
    // `age` is what the keeper of the mappings says. True: it is learned for the first time, or the
    // mappings are younger than was thought, and those before them are lost. What is older, or
    // younger by no more than a second, is how the clocks differ: clients are told what they were
    // told before.
    bool learn(Duration age, Instant now) {
        const Instant began = now - std::max(age, Duration::zero());
        if (began_ && began <= *began_ + std::chrono::seconds(1)) {
            return false;
        }
        began_ = began;
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
    std::optional<Instant> began_;
};

}  // namespace godwit::control::pcp
