#include "sandbox/isolation.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

namespace kiln::sandbox {
namespace {

// The canary's checks, by their place in self_test.cc.
enum SelfTest : int32_t {
  kNamespaces,
  kIds,
  kReadOnlyRoot,
  kHostOutOfSight,
  kBox,
  kDescriptors,
  kHostName,
  kNetwork,
  kFilter
};

constexpr int32_t kNoCheck = -1;

// It holds when its step was done and its check of the canary passed.
struct Source {
  std::string_view name;
  std::string_view why;
  Step step;
  int32_t check = kNoCheck;
};

constexpr std::array kSources = {
    Source{"own user ids", "a cell shares no user, and so no file, signal or quota, with another",
           Step::uid_range},
    Source{"control group", "memory, CPU and processes end at their limits, and are counted",
           Step::cgroup_limits},
    Source{"pid namespace", "no process outside can be seen, signalled or outlive the cell",
           Step::clone, kNamespaces},
    Source{"mount namespace", "no mount of the host can be seen or changed", Step::clone,
           kNamespaces},
    Source{"network namespace", "no network can be reached, the machine itself included",
           Step::clone, kNetwork},
    Source{"ipc namespace", "no shared memory or queue of others can be seen", Step::clone,
           kNamespaces},
    Source{"uts namespace", "the host's name stays unknown", Step::host_name, kHostName},
    Source{"cgroup namespace", "the host's control groups stay unknown", Step::cgroup_namespace,
           kNamespaces},
    Source{"private /proc", "no process, setting or memory of the host can be read",
           Step::mount_proc, kHostOutOfSight},
    Source{"bounded /box, /tmp, /dev/shm", "a full disk is the cell's own, and nothing stays",
           Step::mount_shm, kBox},
    Source{"read-only root", "no file of the host can be changed, no set-user-id program helps",
           Step::detach_root, kReadOnlyRoot},
    Source{"user namespace", "a capability gained inside is worth nothing outside",
           Step::user_namespace, kIds},
    Source{"three descriptors", "nothing of the launcher or of others was left open", Step::streams,
           kDescriptors},
    Source{"no capabilities", "the program is an ordinary user and stays one", Step::capabilities},
    Source{"no_new_privs", "no program that is started can gain more rights", Step::no_new_privs},
    Source{"syscall filter", "the kernel is reached through few, known calls", Step::filter,
           kFilter},
    Source{"read back", "what was set was asked of the kernel again", Step::read_back},
};

// How far a cell got is not known then.
bool says_nothing(Step step) {
  return step == Step::init_lost || step == Step::teardown || step == Step::launcher_lost ||
         step == Step::launcher_start;
}

Holds judge(const Source& source, const StepFailure& failure) {
  if (says_nothing(failure.step)) return Holds::unknown;
  if (failure.step == Step::self_test) {
    if (source.check == kNoCheck || failure.index < 0) return Holds::yes;
    if (source.check == failure.index) return Holds::no;
    return source.check < failure.index ? Holds::yes : Holds::unknown;
  }
  if (failure.step == source.step) return Holds::no;
  return failure.step > source.step ? Holds::yes : Holds::unknown;
}

std::optional<Step> step_named(std::string_view name) {
  for (uint32_t i = 1; is_step(i); ++i) {
    if (step_name(static_cast<Step>(i)) == name) return static_cast<Step>(i);
  }
  return std::nullopt;
}

}  // namespace

std::vector<Property> judge_isolation(const std::optional<StepFailure>& failure) {
  std::vector<Property> properties;
  for (const Source& source : kSources) {
    // Without a canary that passed nothing of a cell was seen as a whole.
    const Holds holds = failure ? judge(source, *failure) : Holds::yes;
    properties.push_back({source.name, source.why, holds});
  }
  return properties;
}

std::optional<StepFailure> failure_in(const Error& error) {
  if (error.code != ErrorCode::sandbox) return std::nullopt;
  const std::string_view field = error.field;
  const size_t dot = field.find('.');
  const auto step = step_named(field.substr(0, dot));
  if (!step) return std::nullopt;
  StepFailure failure{*step, 0, -1};
  if (dot != std::string_view::npos) {
    std::from_chars(field.data() + dot + 1, field.data() + field.size(), failure.index);
  }
  return failure;
}

}  // namespace kiln::sandbox
