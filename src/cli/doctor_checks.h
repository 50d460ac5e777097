// What kiln doctor looks at beside a cell: the kernel, control groups, users, files. Each check is
// a function that reads and changes nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/isolation.h"

namespace kiln::cli {

// The one list of what a check can say.
#define KILN_CHECK_STATES(X)                                         \
  X(ok)                                                              \
  X(degraded) /* programs run; something is less than it could be */ \
  X(missing)                                                         \
  X(unchecked) /* something before it is missing */
enum class CheckState : uint8_t {
#define KILN_X(name) name,
  KILN_CHECK_STATES(KILN_X)
#undef KILN_X
};
std::string_view to_string(CheckState state);

struct Check {
  std::string name;
  std::string group;
  CheckState state = CheckState::ok;
  std::string finding;    // what was found
  std::string why;        // what it is for
  std::string mend;       // a command, or what to do; "": nothing
  bool required = false;  // programs cannot be run in full isolation without it
};

// --- parts, pure

// The ids that `user` (a name or a number) has in the text of /etc/subuid or subgid, all lines
// together; lines that are none are passed over.
uint64_t subordinate_ids(std::string_view text, std::string_view user, std::string_view uid);
// From the isolation of the canary, and why it failed, if it did.
std::vector<Check> isolation_checks(const std::optional<Error>& failure);

// --- reading the machine

std::vector<Check> kernel_checks();
std::vector<Check> cgroup_checks();
std::vector<Check> user_checks(uint32_t cells);
// `directory`, an absolute path, as whoever asks may use it: as root where it is still to be made,
// as the service's user where it is there.
std::vector<Check> data_checks(const std::string& directory, const std::string& user);

}  // namespace kiln::cli
