// The system calls that a language's programs may make: the base list, or that list with a few
// calls more. config/seccomp has a file for each.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/words.h"

namespace kiln::model {

#define KILN_SYSCALL_PROFILES(X)                                                   \
  X(base)                                                                          \
  X(personality) /* run-times and sanitizers that start anew at fixed addresses */ \
  X(inotify)     /* programs that watch files */

#define KILN_X(name) name,
enum class SyscallProfile : uint32_t { KILN_SYSCALL_PROFILES(KILN_X) };
#undef KILN_X

#define KILN_X(name) #name,
inline constexpr std::array kSyscallProfiles =
    std::to_array<std::string_view>({KILN_SYSCALL_PROFILES(KILN_X)});
#undef KILN_X

constexpr std::string_view to_string(SyscallProfile profile) {
  return kSyscallProfiles.at(static_cast<size_t>(profile));
}

constexpr std::optional<SyscallProfile> parse_syscall_profile(std::string_view name) {
  return find_word<SyscallProfile>(kSyscallProfiles, name);
}

}  // namespace kiln::model
