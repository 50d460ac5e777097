// "Did you mean": the known word nearest to a mistyped one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace kiln::config {

// The candidate with the smallest edit distance (Levenshtein) to `word`, the first one of equals;
// "" when all are further away than a third of the word's length (at least 1).
std::string nearest(std::string_view word, std::span<const std::string_view> candidates);

// `did you mean "x"? Allowed: a, b, x`, without the question when nothing is near.
std::string allowed_hint(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace kiln::config
