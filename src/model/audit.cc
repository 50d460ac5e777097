#include "model/audit.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "model/transitions.h"

namespace kiln::model {
namespace {

std::string word(TaskState state) { return std::string(to_string(state)); }
std::string number(uint64_t value) { return std::to_string(value); }

class TaskAudit {
 public:
  explicit TaskAudit(const StoredTask& task) : task_(task), row_(task.row) {}

  std::vector<Finding> run() {
    check_steps();
    check_end();
    check_attempts();
    check_retries();
    check_place();
    if (task_.missing_blobs > 0) {
      found(FindingKind::no_blob,
            "it refers to " + number(task_.missing_blobs) + " blobs that are not stored");
    }
    if (row_.result_of) {
      check_shared_result();
    } else {
      check_own_result();
    }
    return std::move(out_);
  }

 private:
  void found(FindingKind kind, std::string text) {
    out_.push_back(Finding{kind, row_.id, std::move(text)});
  }
  std::optional<TaskState> last() const {
    return task_.events.empty() ? std::nullopt : std::optional(task_.events.back().state);
  }

  // From each line of the history to the next.
  void check_steps() {
    std::optional<TaskState> before;
    for (const TaskEvent& event : task_.events) {
      if (before && is_terminal(*before) && is_terminal(event.state)) {
        found(FindingKind::doubled,
              "its history has two ends: " + word(*before) + ", then " + word(event.state));
      } else if (!may_follow(before, event.state)) {
        found(FindingKind::impossible, "its history goes from " +
                                           (before ? word(*before) : "its submission") + " to " +
                                           word(event.state));
      }
      before = event.state;
    }
  }

  // From the history's last line to the row.
  void check_end() {
    const auto end = last();
    if (end && is_terminal(*end)) {
      if (row_.state != *end) {
        found(FindingKind::doubled,
              "it ended as " + word(*end) + " by its history, but is " + word(row_.state));
      } else if (row_.verdict != task_.events.back().verdict) {
        found(FindingKind::doubled,
              "it ended with " + std::string(to_string(task_.events.back().verdict)) +
                  " by its history, but has " + std::string(to_string(row_.verdict)));
      }
    } else if (!may_be_in(end, row_.state)) {
      found(FindingKind::impossible, "it is " + word(row_.state) + ", but its history ends with " +
                                         (end ? word(*end) : "its submission"));
    }
  }

  // Every attempt but the present one was retried or lost; one given back does not count.
  void check_attempts() {
    const uint64_t ended = uint64_t{row_.retries_used} + row_.losses;
    const bool one_more = row_.attempt == ended + 1;
    const bool none_more = row_.attempt == ended;
    const bool good = [&] {
      switch (row_.state) {
        case TaskState::scheduled:
        case TaskState::joined:
        case TaskState::expired:
          return row_.attempt == 0 && none_more;
        case TaskState::queued:
        case TaskState::retrying:
          return none_more;
        case TaskState::running:
          return one_more;
        case TaskState::succeeded:
        case TaskState::failed:  // without an attempt: with another task's result
          return one_more || (row_.attempt == 0 && none_more);
        case TaskState::dead:  // of its losses: the last attempt is one of them
        case TaskState::cancelled:
          return one_more || none_more;
      }
      return false;
    }();
    if (!good) {
      found(FindingKind::impossible, "it is " + word(row_.state) + " with attempt " +
                                         number(row_.attempt) + ", " + number(row_.retries_used) +
                                         " retries used and " + number(row_.losses) + " losses");
    }
  }

  void check_retries() {
    const auto told = static_cast<uint64_t>(
        std::ranges::count(task_.events, TaskState::retrying, &TaskEvent::state));
    if (told != row_.retries_used) {
      found(FindingKind::impossible, "it has used " + number(row_.retries_used) +
                                         " retries, but its history has " + number(told));
    }
    if (row_.retries_used > row_.max_retries) {
      found(FindingKind::impossible,
            "it has used " + number(row_.retries_used) + " retries of " + number(row_.max_retries));
    }
    uint32_t highest = 0;
    for (const TaskEvent& event : task_.events) {
      if (event.attempt < highest) {
        found(FindingKind::impossible, "its history goes back from attempt " + number(highest) +
                                           " to " + number(event.attempt));
      }
      highest = std::max(highest, event.attempt);
    }
    if (highest > row_.attempt) {
      found(FindingKind::impossible,
            "its history has attempt " + number(highest) + ", but its row " + number(row_.attempt));
    }
  }

  void check_place() {
    if (is_terminal(row_.state)) return;
    if (!task_.has_program) found(FindingKind::stuck, "it has no program");
    if (row_.state == TaskState::running && row_.epoch == Epoch{}) {
      found(FindingKind::stuck, "it is running, but under no lease");
    }
    if (row_.state == TaskState::joined) check_leader();
  }

  void check_leader() {
    if (!row_.leader) return found(FindingKind::stuck, "it is joined, but has no leader");
    const std::string leader = "its leader " + to_string(*row_.leader);
    if (!task_.leader_state) return found(FindingKind::stuck, leader + " is not stored");
    if (is_terminal(*task_.leader_state) || *task_.leader_state == TaskState::joined) {
      found(FindingKind::stuck, leader + " is " + word(*task_.leader_state));
    }
  }

  void check_shared_result() {
    const std::string holder = "its result is that of " + to_string(*row_.result_of);
    if (!task_.holder_has_result) {
      found(FindingKind::no_result, holder + ", which is not stored");
    } else if (!*task_.holder_has_result) {
      found(FindingKind::no_result, holder + ", which has none of its own");
    }
  }

  void check_own_result() {
    if (!task_.result_bytes) {
      if (row_.result_bytes > 0) {
        found(FindingKind::no_result,
              "its result of " + number(row_.result_bytes) + " bytes is not stored");
      } else if (row_.state == TaskState::succeeded) {
        found(FindingKind::no_result, "it succeeded, but has no result");
      }
    } else if (*task_.result_bytes != row_.result_bytes) {
      found(FindingKind::no_result, "its result has " + number(*task_.result_bytes) +
                                        " bytes, but its row says " + number(row_.result_bytes));
    }
  }

  const StoredTask& task_;
  const TaskRow& row_;
  std::vector<Finding> out_;
};

bool same(const SeenEnd& a, const SeenEnd& b) {
  return a.state == b.state && (!a.verdict || !b.verdict || a.verdict == b.verdict);
}

std::string show(const SeenEnd& end) {
  std::string text = word(end.state);
  if (end.verdict) text += " (" + std::string(to_string(*end.verdict)) + ")";
  return text;
}

}  // namespace

std::string_view to_string(FindingKind kind) {
  switch (kind) {
#define KILN_X(name)      \
  case FindingKind::name: \
    return #name;
    KILN_FINDING_KINDS(KILN_X)
#undef KILN_X
  }
  return "";
}

std::vector<Finding> audit(const StoredTask& task) { return TaskAudit(task).run(); }

void Ledger::ended(const TaskId& id, SeenEnd end) {
  Told& told = tasks_[id];
  if (!told.end) {
    told.end = end;
  } else if (!told.other_end && !same(*told.end, end)) {
    told.other_end = end;
  }
}

uint64_t AuditReport::found() const {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

Audit::Audit(Ledger ledger, bool all_ended) : ledger_(std::move(ledger)), all_ended_(all_ended) {
  report_.ledger = ledger_.size();
}

void Audit::add(Finding finding) {
  ++report_.counts.at(static_cast<size_t>(finding.kind));
  if (report_.findings.size() < kMaxFindings) report_.findings.push_back(std::move(finding));
}

void Audit::damaged(std::string text) {
  add(Finding{FindingKind::damaged, std::nullopt, std::move(text)});
}

void Audit::add(const StoredTask& task) {
  ++report_.tasks;
  report_.events += task.events.size();
  for (Finding& finding : audit(task)) add(std::move(finding));
  if (all_ended_ && !is_terminal(task.row.state)) {
    add(Finding{FindingKind::stuck, task.row.id, "it is still " + word(task.row.state)});
  }
  compare(task.row);
}

// With what clients were told of it.
void Audit::compare(const TaskRow& row) {
  const auto found = ledger_.tasks_.find(row.id);
  if (found == ledger_.tasks_.end()) return;
  Ledger::Told& told = found->second;
  told.stored = true;
  for (const auto& seen : {told.end, told.other_end}) {
    if (!seen || same(*seen, SeenEnd{row.state, row.verdict})) continue;
    add(Finding{FindingKind::doubled, row.id,
                "a client saw it end as " + show(*seen) + ", but it is " +
                    show(SeenEnd{row.state, row.verdict})});
  }
}

AuditReport Audit::finish(bool complete) {
  for (const auto& [id, told] : ledger_.tasks_) {
    if (told.end && told.other_end) {
      add(Finding{FindingKind::doubled, id,
                  "clients saw two ends: " + show(*told.end) + " and " + show(*told.other_end)});
    }
    if (!complete || told.stored) continue;
    add(Finding{FindingKind::lost, id,
                told.end ? "its end was seen, but it is not stored"
                         : "it was acknowledged, but is not stored"});
  }
  return std::move(report_);
}

}  // namespace kiln::model
