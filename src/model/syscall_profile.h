// The system calls that a language's programs may make: the base list, or that list with a few
// calls more. config/seccomp has a file for each.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

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
  for (size_t i = 0; i < kSyscallProfiles.size(); ++i) {
    if (kSyscallProfiles[i] == name) return static_cast<SyscallProfile>(i);
  }
  return std::nullopt;
}

}  // namespace kiln::model
