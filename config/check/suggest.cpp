#include "config/check/suggest.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace godwit::config {

namespace {

constexpr std::size_t kLongestCompared = 64;

char folded(char c) {
    return c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// Optimal string alignment distance, letters compared without case, '_' equal to '-'.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> two_back(b.size() + 1);
    std::vector<std::size_t> back(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        back[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = folded(a[i - 1]) == folded(b[j - 1]);
            row[j] = std::min({back[j] + 1, row[j - 1] + 1, back[j - 1] + (same ? 0U : 1U)});
            const bool swapped = i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                                 folded(a[i - 2]) == folded(b[j - 1]);
            if (swapped) {
                row[j] = std::min(row[j], two_back[j - 2] + 1);
            }
        }
        std::swap(two_back, back);
        std::swap(back, row);
    }
    return back[b.size()];
}

}  // namespace

std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates) {
    if (word.empty() || word.size() > kLongestCompared) {
        return "";
    }
    // A third of the letters may be wrong: "adresses" is meant, "dns" for "mtu" is not.
    const std::size_t tolerance = std::max<std::size_t>(1, word.size() / 3);
    std::string nearest;
    std::size_t least = tolerance + 1;
    for (const std::string& candidate : candidates) {
        if (candidate.size() > kLongestCompared) {
            continue;
        }
        const std::size_t found = distance(word, candidate);
        // A distance that replaces every letter of a short word says nothing.
        if (found < least && found < std::max(word.size(), candidate.size())) {
            least = found;
            nearest = candidate;
        }
    }
    return nearest;
}

}  // namespace godwit::config
