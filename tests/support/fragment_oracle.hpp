// What a reassembler must make of fragments of one datagram, said as plainly as it can be: a byte
// map, with none of the reassembler's own ways. It is asked with fragments in the order in which
// they come.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace godwit::test {

struct PlainFragment {
    std::uint32_t begin = 0;  // bytes
    std::vector<std::uint8_t> payload;
    bool more = false;
    friend bool operator==(const PlainFragment&, const PlainFragment&) = default;
};

class FragmentOracle {
public:
    explicit FragmentOracle(std::size_t most_fragments) : most_fragments_(most_fragments) {}

    // The payload of the datagram when this fragment completes it; then all begins anew.
    std::optional<std::vector<std::uint8_t>> add(const PlainFragment& fragment) {
        if (!hold(fragment) || end_ == 0 || bytes_ != end_) {
            return std::nullopt;
        }
        std::vector<std::uint8_t> payload(end_);
        for (const PlainFragment& held : held_) {
            std::copy(held.payload.begin(), held.payload.end(),
                      payload.begin() + static_cast<std::ptrdiff_t>(held.begin));
        }
        *this = FragmentOracle(most_fragments_);
        return payload;
    }
    // The same without an end: false when it was not taken.
    bool hold(const PlainFragment& fragment) {
        const std::size_t size = fragment.payload.size();
        const std::size_t end = fragment.begin + size;
        if (size == 0 || (fragment.more && size % 8 != 0) || 20 + end > 65535 ||
            (fragment.begin == 0 && size < 8)) {
            return false;  // wrong by itself
        }
        if (refused_ || std::find(held_.begin(), held_.end(), fragment) != held_.end()) {
            return false;
        }
        held_.push_back(fragment);
        refused_ = held_.size() > most_fragments_ || contradicts(fragment, end);
        return !refused_;
    }
    [[nodiscard]] bool refused() const { return refused_; }

private:
    bool contradicts(const PlainFragment& fragment, std::size_t end) {
        for (std::size_t at = fragment.begin; at < end; ++at) {
            if (taken_[at]) {
                return true;
            }
            taken_[at] = true;
        }
        if (!fragment.more && end_ != 0) {
            return true;
        }
        end_ = fragment.more ? end_ : end;
        bytes_ += fragment.payload.size();
        highest_ = std::max(highest_, end);
        return end_ != 0 && highest_ > end_;
    }

    std::size_t most_fragments_;
    std::vector<PlainFragment> held_;
    std::vector<bool> taken_ = std::vector<bool>(65536);
    std::size_t end_ = 0;  // 0: not known
    std::size_t bytes_ = 0;
    std::size_t highest_ = 0;
    bool refused_ = false;
};

}  // namespace godwit::test
