// Inside of core::Scheduler. Theory of operation:
//
// A live task has one home: ready_ (queued), leases_ (running, from the grant on), delays_
// (scheduled, retrying). A command moves tasks between homes and says so with effects; every change
// of a row is persisted by the function that makes it, before the effects that rest on it. After
// the command, dispatch() brings together what became ready and who became free: between commands
// no ready task exists that a worker with room could run.
//
// A task that ended stays in tasks_, in no home, until its end is committed (endings_). For queries
// it is not live any more: its answer is read from the store, behind the commit.
//
// Files: scheduler.cc (entry points, load), scheduler_submit.cc, scheduler_queries.cc,
// scheduler_workers.cc (hello, claims, credit), scheduler_leases.cc (grant, finish, loss),
// scheduler_time.cc (due, expiry, silence), scheduler_tasks.cc (moves between homes, ends).
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/dead_letters.h"
#include "core/delays.h"
#include "core/leases.h"
#include "core/ready_queues.h"
#include "core/result_cache.h"
#include "core/roster.h"
#include "core/scheduler.h"
#include "core/task_table.h"
#include "core/waiters.h"

namespace kiln::core {

class Scheduler::Impl {
 public:
  Impl(SchedulerOptions options, Random random);

  void load(const model::TaskRow& row);
  Effects finish_load(Now now);
  Effects apply(Command command, Now now);
  Effects tick(Now now);
  std::optional<MonoTime> next_deadline() const;
  void committed(uint64_t persists);
  Effects schedules() const;

  const Waiters& waiters() const { return waiters_; }
  const TaskTable& tasks() const { return tasks_; }
  DeadLetters& dead_letters() { return dead_; }

 private:
  // --- commands, one function each
  void on(Submit& command);
  void on(QueryStatus& command);
  void on(QueryResult& command);
  void on(CancelTask& command);
  void on(Subscribe& command);
  void on(Unsubscribe& command);
  void on(QueryList& command);
  void on(QueryQueues& command);
  void on(QueryWorkers& command);
  void on(ClientGone& command);
  void on(WorkerSaid& command);
  void on(WorkerUnreachable& command);
  void on(Due& command);
  void on(Unwatched& command);

  // --- what workers say; all but hello from a worker of the roster
  void hello(const InstanceId& from, const model::Hello& message);
  void said(Worker& worker, const model::Hello& message);
  void said(Worker& worker, const model::Heartbeat& message);
  void said(Worker& worker, const model::Credit& message);
  void said(Worker& worker, const model::Refused& message);
  void said(Worker& worker, const model::Returned& message);
  void said(Worker& worker, const model::Started& message);
  void said(Worker& worker, const model::Output& message);
  void said(Worker& worker, model::Finished message);
  void said(Worker& worker, const model::Goodbye& message);

  // --- hello (scheduler_workers.cc)
  void drop_unclaimed(Worker& worker, const model::Hello& message);
  bool claim(Worker& worker, const model::LeaseRef& ref);
  bool may_adopt(const Task& task, const model::Epoch& epoch) const;
  void adopt(Worker& worker, Task& task, const model::Epoch& epoch);
  void displace(Task& task);
  void watch_lease(const Task& task, const Lease& lease);
  void lose_worker(const InstanceId& instance, const std::string& why);

  // --- leases (scheduler_leases.cc)
  void grant(Task& task, Worker& worker);
  void assign(const Task& task, const Lease& lease);
  void release(Lease& lease);
  void finish(Worker& worker, Lease& lease, model::Finished& message);
  void lose(Lease& lease, const std::string& why);
  void give_back(Lease& lease);
  void recall_unstarted();
  bool ended_under(const model::LeaseRef& ref) const;
  void fence(const InstanceId& worker, const model::LeaseRef& ref);

  // --- submissions (scheduler_submit.cc)
  using Batch = std::unordered_map<TaskId, const Submission*>;
  std::optional<Error> refusal(const Submit& command) const;
  std::optional<Error> clash(const Submission& submission, const Batch& batch) const;
  std::optional<Accepted::Item> already_there(const Submission& submission) const;
  Task& admit(Submission& submission, model::Writes& inserts);
  void enter(Task& task);

  // --- moves between homes, and ends (scheduler_tasks.cc)
  void make_ready(Task& task);
  void leave_home(Task& task);
  void delay(Task& task);
  void end(Task& task, model::TaskState state, model::Verdict verdict, model::Bytes result,
           std::string note);
  bool is_expired(const Task& task) const;
  void expire(Task& task);
  void dispatch();
  void serve(Worker& worker);

  // --- small helpers
  Task* live(const TaskId& id);
  Task* live_of(const ClientRef& client, const TaskId& id, FromStore::What otherwise);
  StatusView status_view(const Task& task);
  std::string why_waiting(const Task& task);
  std::string why_queued(const Task& task) const;
  void watch(const ClientRef& client, Task& task, uint64_t offset);
  void persist(model::Writes writes);
  void persist_lazily(const Task& task);
  model::AddEvent event(const Task& task, std::string note) const;
  void reply(const ClientRef& client, ReplyBody body);
  void send(const InstanceId& worker, model::ToWorker message);
  void publish(StreamNews news);
  void count(Counter counter, const Task* task, std::string_view label2 = {},
             std::string_view label3 = {});
  Effects take_effects();

  SchedulerOptions options_;
  Random random_;
  Now now_{};
  Effects out_;
  uint64_t persists_ = 0;  // non-lazy Persist effects made
  uint64_t last_seq_;
  uint64_t loaded_seq_ = 0;  // the highest at the end of the load: above it are tasks of this boot
  uint64_t watch_serial_;
  MonoTime last_tick_{};
  std::optional<MonoTime> claims_until_;  // after a load: when unclaimed leases are lost

  TaskTable tasks_;
  ReadyQueues ready_;
  Leases leases_;
  Roster roster_;
  Delays delays_;
  DeadLetters dead_;
  ResultCache cache_;
  Waiters waiters_;
  std::unordered_map<TaskId, uint64_t> watched_;  // live tasks with watchers; serial of the last

  struct Ending {
    uint64_t behind = 0;  // committed when this many persists are
    TaskId id;
  };
  std::deque<Ending> endings_;
  // Made by the command under way, for dispatch().
  std::vector<TaskId> fresh_;      // became ready
  std::vector<InstanceId> freed_;  // got room
};

}  // namespace kiln::core
