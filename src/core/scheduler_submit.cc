// Submissions: all or none of them, one commit, one answer. A submission whose id was chosen by the
// client can be sent again after any doubt: the same body is the same task, another is a conflict.
#include "core/scheduler_impl.h"

namespace kiln::core {
namespace {

using model::TaskState;

// What is known of an id that exists, and what is asked for under it.
struct Same {
  const std::string& tenant;
  const Sha256& body;
};

bool same(const Same& known, const model::TaskRow& asked) {
  return known.tenant == asked.tenant && known.body == asked.body_hash;
}

Error conflict(const TaskId& id) {
  return Error{ErrorCode::conflict, "the id " + to_string(id) + " is taken by another task", "id",
               "", "Send the task under a new id"};
}

}  // namespace

void Scheduler::Impl::on(Submit& command) {
  if (const auto error = refusal(command)) return reply(command.client, *error);
  Accepted accepted;
  model::Writes inserts;
  std::vector<Task*> admitted;
  for (Submission& submission : command.tasks) {
    if (const auto item = already_there(submission)) {
      accepted.tasks.push_back(*item);
      continue;
    }
    admitted.push_back(&admit(submission, Share::yes, inserts));
    accepted.tasks.push_back(Accepted::Item{admitted.back()->id, admitted.back()->state});
  }
  if (!inserts.empty()) persist(std::move(inserts));
  const bool one = accepted.tasks.size() == 1;
  Task* watched = command.watch && one ? live(accepted.tasks.front().id) : nullptr;
  reply(command.client, std::move(accepted));
  if (watched != nullptr) watch(command.client, *watched, 0);
  for (Task* task : admitted) enter(*task);
}

std::optional<Error> Scheduler::Impl::refusal(const Submit& command) const {
  if (auto error = too_many(command.tasks.size())) return error;
  Batch batch;
  for (const Submission& submission : command.tasks) {
    if (auto error = clash(submission, batch)) return error;
    if (command.tasks.size() > 1) batch.emplace(submission.row.id, &submission);
  }
  return std::nullopt;
}

std::optional<Error> Scheduler::Impl::too_many(size_t tasks) const {
  if (tasks_.size() + tasks > options_.max_live_tasks) {
    return Error{ErrorCode::busy,
                 "the broker holds " + std::to_string(tasks_.size()) + " tasks and takes " +
                     std::to_string(options_.max_live_tasks) + " at most",
                 "", "", "Try again when some have ended"};
  }
  return std::nullopt;
}

// An id that the broker made is never taken by anybody's right, so any match is a conflict.
std::optional<Error> Scheduler::Impl::clash(const Submission& submission,
                                            const Batch& batch) const {
  const model::TaskRow& asked = submission.row;
  const auto differs = [&](const Same& known) {
    return !submission.chosen_id || !same(known, asked);
  };
  bool clashes = false;
  if (const Task* task = tasks_.find(asked.id); task != nullptr) {
    clashes = differs(Same{*task->tenant, task->body_hash});
  } else if (submission.known) {
    clashes = differs(Same{submission.known->tenant, submission.known->body_hash});
  }
  if (const auto other = batch.find(asked.id); other != batch.end()) {
    const model::TaskRow& row = other->second->row;
    clashes = clashes || differs(Same{row.tenant, row.body_hash});
  }
  return clashes ? std::optional(conflict(asked.id)) : std::nullopt;
}

std::optional<Accepted::Item> Scheduler::Impl::already_there(const Submission& submission) const {
  if (const Task* task = tasks_.find(submission.row.id); task != nullptr) {
    return Accepted::Item{task->id, task->state};
  }
  if (!submission.known) return std::nullopt;
  return Accepted::Item{submission.known->id, submission.known->state};
}

// In its home but for a scheduled one, whose Schedule must leave behind the commit: enter().
Task& Scheduler::Impl::admit(Submission& submission, Share share, model::Writes& inserts) {
  model::TaskRow& row = submission.row;
  row.seq = ++last_seq_;
  row.version = 1;
  fill_open(submission);
  row.state = row.due_at && *row.due_at > now_.wall ? TaskState::scheduled : TaskState::queued;
  const bool shares = share == Share::yes && row.state == TaskState::queued;
  const auto cached = shares ? answer_from_cache(row) : std::nullopt;
  Task* leader = shares && !cached ? leader_for(row) : nullptr;
  if (leader != nullptr) {
    row.state = TaskState::joined;
    row.leader = leader->id;
  }
  Task& task = tasks_.insert(row);
  inserts.push_back(
      model::InsertTask{to_row(task), std::move(submission.program), std::move(submission.blobs)});
  count(Counter::submitted, &task);
  if (shares && row.cache && !cached && leader == nullptr) count(Counter::cache_misses, &task);
  if (cached) {
    inserts.push_back(event(task, *cached));
  } else if (leader != nullptr) {
    join(task, *leader, inserts);
  } else if (task.state == TaskState::queued) {
    make_ready(task);
  }
  return task;
}

// What the client left open is as its queue is set.
void Scheduler::Impl::fill_open(Submission& submission) const {
  const auto found = queues_.find(submission.row.queue);
  if (found == queues_.end()) return;
  const model::QueueSettings& set = found->second;
  model::TaskRow& row = submission.row;
  const Submission::Open& open = submission.open;
  if (open.max_retries) row.max_retries = set.max_retries.value_or(row.max_retries);
  if (open.retry_on) row.retry_on = set.retry_on.value_or(row.retry_on);
  if (open.retry_delay) row.retry_delay_ms = set.retry_delay_ms.value_or(row.retry_delay_ms);
  if (open.full_jitter) row.full_jitter = set.full_jitter.value_or(row.full_jitter);
}

// After the persist of its row.
void Scheduler::Impl::enter(Task& task) {
  if (task.state == TaskState::scheduled) {
    delays_.arm_expiry(task);
    delay(task);
  } else if (model::is_terminal(task.state)) {  // answered from the cache
    count(Counter::cache_hits, &task);
    count_end(task);
    endings_.push_back(Ending{persists_, task.id});
  }
}

}  // namespace kiln::core
