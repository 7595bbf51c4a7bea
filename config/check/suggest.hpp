// "Did you mean": the known word nearest to one that is not known.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace godwit::config {

// The candidate with the least edit distance (a letter inserted, left out, changed, or two
// neighbours swapped), when it is near enough to be meant; otherwise empty. Words longer than any
// key of ours are not compared at all, so the cost is bounded whatever the input.
std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace godwit::config
