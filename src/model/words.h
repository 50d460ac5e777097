// Enumerations whose values have names: the names in an array, in the order of the values.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace kiln::model {

template <class Enum, size_t N>
constexpr std::optional<Enum> find_word(const std::array<std::string_view, N>& words,
                                        std::string_view word) {
  for (size_t i = 0; i < N; ++i) {
    if (words[i] == word) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace kiln::model
