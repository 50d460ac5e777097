// The words for where a task is, how an attempt ended, which limit was hit and why a retry happens.
// Each list stands here once; the same words are used on the wire, in the store, in JSON, in
// metrics and in the docs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace kiln::model {

// The states of a task (docs/task_lifecycle.md has the diagram).
#define KILN_TASK_STATES(X)                                                 \
  X(scheduled) /* waits for its due time */                                 \
  X(queued)    /* ready to run */                                           \
  X(joined)    /* the same work is under way; will share that task's end */ \
  X(running)   /* assigned to a worker under a lease */                     \
  X(retrying)  /* waits out its backoff */                                  \
  X(succeeded) /* terminal from here on */                                  \
  X(failed)    /* the program's verdict allows no retry */                  \
  X(dead)      /* retries used up, or poison: kept as a dead letter */      \
  X(cancelled)                                                              \
  X(expired) /* not started before its expiry */

// The verdicts of an attempt.
#define KILN_VERDICTS(X)                                         \
  X(ok)                                                          \
  X(nonzero_exit)                                                \
  X(signaled)                                                    \
  X(wall_timeout)                                                \
  X(cpu_timeout)                                                 \
  X(soft_timeout)                                                \
  X(memory_limit)                                                \
  X(output_limit)                                                \
  X(compile_error)                                               \
  X(wrong_answer)                                                \
  X(checker_error)                                               \
  X(infrastructure_error) /* our failure, never the program's */ \
  X(cancelled)                                                   \
  X(none) /* never ran */

#define KILN_LIMITS_HIT(X) \
  X(memory)                \
  X(processes)             \
  X(disk)                  \
  X(inodes)                \
  X(output)                \
  X(file_size)             \
  X(cpu)                   \
  X(wall)

// Why another attempt is made.
#define KILN_RETRY_REASONS(X)                                     \
  X(timeout)      /* wall_, cpu_ and soft_timeout */              \
  X(memory)       /* memory_limit */                              \
  X(os_error)     /* infrastructure_error */                      \
  X(worker_lost)  /* no verdict: the lease was lost */            \
  X(nonzero_exit) /* these four only when the task asks for it */ \
  X(signaled)                                                     \
  X(output_limit)                                                 \
  X(compile_error)

#define KILN_X(name) name,
enum class TaskState : uint8_t { KILN_TASK_STATES(KILN_X) };
enum class Verdict : uint8_t { KILN_VERDICTS(KILN_X) };
enum class LimitHit : uint8_t { KILN_LIMITS_HIT(KILN_X) };
enum class RetryReason : uint8_t { KILN_RETRY_REASONS(KILN_X) };
#undef KILN_X

#define KILN_X(name) +1
inline constexpr size_t kTaskStateCount = 0 KILN_TASK_STATES(KILN_X);
inline constexpr size_t kVerdictCount = 0 KILN_VERDICTS(KILN_X);
inline constexpr size_t kLimitHitCount = 0 KILN_LIMITS_HIT(KILN_X);
inline constexpr size_t kRetryReasonCount = 0 KILN_RETRY_REASONS(KILN_X);
#undef KILN_X

std::string_view to_string(TaskState state);
std::string_view to_string(Verdict verdict);
std::string_view to_string(LimitHit hit);
std::string_view to_string(RetryReason reason);

std::optional<TaskState> parse_task_state(std::string_view name);
std::optional<Verdict> parse_verdict(std::string_view name);
std::optional<LimitHit> parse_limit_hit(std::string_view name);
std::optional<RetryReason> parse_retry_reason(std::string_view name);

// Terminal states never change again.
constexpr bool is_terminal(TaskState state) { return state >= TaskState::succeeded; }

// The reason under which this verdict may be retried; none for ok, cancelled, none, wrong_answer
// and checker_error.
std::optional<RetryReason> retry_reason_of(Verdict verdict);

}  // namespace kiln::model
