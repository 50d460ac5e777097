// How a program was started that could have been forked from a warm interpreter.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace kiln::model {

#define KILN_WARM_STARTS(X)                                                     \
  X(cold) /* nobody asked */                                                    \
  X(warm)                                                                       \
  X(unavailable) /* no interpreter of its image is ready */                     \
  X(arguments)   /* another command than the image's */                         \
  X(environment) /* variables that an interpreter reads when it starts */       \
  X(shadowed)    /* a file has the name of a module that is imported already */ \
  X(source)      /* not plain UTF-8 */
#define KILN_X(name) name,
enum class WarmStart : uint32_t { KILN_WARM_STARTS(KILN_X) };
#undef KILN_X
inline constexpr size_t kFirstFallback = 2;  // all from here on start cold

#define KILN_X(name) #name,
inline constexpr std::array kWarmStarts =
    std::to_array<std::string_view>({KILN_WARM_STARTS(KILN_X)});
#undef KILN_X

constexpr std::string_view to_string(WarmStart start) {
  return kWarmStarts.at(static_cast<size_t>(start));
}

}  // namespace kiln::model
