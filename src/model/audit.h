// What must hold of stored tasks, checked one task at a time; and of what clients were told of
// them. Pure: rows, histories and the clients' ledger come in, findings go out. store/scan.h reads
// them.
//
// Memory: the ledger, and the first kMaxFindings findings. A task is not kept.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/records.h"

namespace kiln::model {

#define KILN_FINDING_KINDS(X)                                                             \
  X(lost)       /* a client was told of the task, and it is not stored */                 \
  X(doubled)    /* more than one end of it can be seen */                                 \
  X(stuck)      /* nothing will end it */                                                 \
  X(impossible) /* a step or a count that the life of a task does not allow */            \
  X(no_result)  /* the result that it should have is not there, or not the one written */ \
  X(no_blob)    /* a blob that its program or result refers to is not there */            \
  X(damaged)    /* the file itself */

#define KILN_X(name) name,
enum class FindingKind : uint8_t { KILN_FINDING_KINDS(KILN_X) };
#undef KILN_X
#define KILN_X(name) +1
inline constexpr size_t kFindingKindCount = 0 KILN_FINDING_KINDS(KILN_X);
#undef KILN_X
std::string_view to_string(FindingKind kind);

inline constexpr size_t kMaxFindings = 100;  // kept and shown; all are counted

struct Finding {
  FindingKind kind = FindingKind::lost;
  std::optional<TaskId> id;  // nothing: of the file
  std::string text;
  bool operator==(const Finding&) const = default;
};

// A task with all that is stored of it or that it refers to.
struct StoredTask {
  TaskRow row;
  std::vector<TaskEvent> events;  // oldest first
  bool has_program = false;
  std::optional<uint64_t> result_bytes;   // of its own result; nothing: none is stored
  std::optional<TaskState> leader_state;  // of the task row.leader names; nothing: not stored
  std::optional<bool> holder_has_result;  // the task row.result_of names; nothing: not stored
  uint64_t missing_blobs = 0;             // of those it refers to, not stored whole
};

// What is wrong with it, whatever clients were told.
std::vector<Finding> audit(const StoredTask& task);

struct SeenEnd {
  TaskState state = TaskState::succeeded;
  std::optional<Verdict> verdict;  // nothing: not noted
};

// What clients were told.
class Ledger {
 public:
  void acknowledged(const TaskId& id) { tasks_[id]; }
  // Precondition: a terminal state.
  void ended(const TaskId& id, SeenEnd end);
  size_t size() const { return tasks_.size(); }

 private:
  friend class Audit;
  struct Told {
    std::optional<SeenEnd> end;        // the first one seen
    std::optional<SeenEnd> other_end;  // the first one unlike it
    bool stored = false;
  };
  std::unordered_map<TaskId, Told> tasks_;
};

struct AuditReport {
  uint64_t tasks = 0;
  uint64_t events = 0;
  uint64_t ledger = 0;  // tasks in it
  std::array<uint64_t, kFindingKindCount> counts{};
  std::vector<Finding> findings;  // the first kMaxFindings
  uint64_t found() const;
};

class Audit {
 public:
  // With `all_ended` a task that has not ended counts as stuck.
  Audit(Ledger ledger, bool all_ended);

  void add(const StoredTask& task);
  void damaged(std::string text);
  // After all tasks were added. With `complete` false, some could not be read: what is missing is
  // not taken for lost.
  AuditReport finish(bool complete);

 private:
  void add(Finding finding);
  void compare(const TaskRow& row);

  Ledger ledger_;
  bool all_ended_;
  AuditReport report_;
};

}  // namespace kiln::model
