// Inside of core::Scheduler. Theory of operation:
//
// A live task has one home: ready_ (queued), leases_ (running, from the grant on), delays_
// (scheduled, retrying), joins_ (joined). A command moves tasks between homes and says so with
// effects; every change of a row is persisted by the function that makes it, before the effects
// that rest on it. After the command, dispatch() brings together what became ready and who became
// free: between commands no ready task exists that a worker with room could run.
//
// A task that ended stays in tasks_, in no home, until its end is committed (endings_). For queries
// it is not live any more: its answer is read from the store, behind the commit.
//
// Files: scheduler.cc (entry points, load), scheduler_submit.cc, scheduler_queries.cc,
// scheduler_sharing.cc (cache, joins), scheduler_workers.cc (hello, claims, credit),
// scheduler_leases.cc (grant, finish, loss), scheduler_admin.cc (retry, requeue, purge, queue
// settings, drain, ping), scheduler_time.cc (due, expiry, silence), scheduler_tasks.cc (moves
// between homes, ends).
#pragma once

#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/dead_letters.h"
#include "core/delays.h"
#include "core/joins.h"
#include "core/leases.h"
#include "core/pings.h"
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

  std::vector<ClientRef> waiting_clients() const;
  void load_queue(model::QueueSettings settings);
  void load_cached(const model::TaskRow& row);
  std::vector<QueueView> queues() const;
  std::vector<WorkerView> workers() const;
  std::vector<Unservable> unservable() const;
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
  void on(RetryTask& command);
  void on(Resubmit& command);
  void on(PurgeDead& command);
  void on(PurgeQueue& command);
  void on(SetQueue& command);
  void on(DrainWorker& command);
  void on(PingWorker& command);
  void on(ClientGone& command);
  void on(WorkerSaid& command);
  void on(WorkerUnreachable& command);
  void on(Due& command);
  void on(Unwatched& command);
  void on(ProbeStore& command);

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
  void said(Worker& worker, const model::Pong& message);
  void said(Worker& worker, model::FetchBlob message);
  void said(Worker& worker, model::StoreBlob message);

  // --- hello (scheduler_workers.cc)
  void drop_unclaimed(Worker& worker, const model::Hello& message);
  bool claim(Worker& worker, const model::LeaseRef& ref);
  bool may_adopt(const Task& task, const model::Epoch& epoch) const;
  void adopt(Worker& worker, Task& task, const model::Epoch& epoch);
  void displace(Task& task);
  void watch_lease(const Task& task, const Lease& lease);
  enum class Gone : uint8_t { lost, left };
  void lose_worker(const InstanceId& instance, const std::string& why, Gone how);

  // --- leases (scheduler_leases.cc)
  void grant(Task& task, Worker& worker);
  void assign(const Task& task, const Lease& lease);
  void release(Lease& lease);
  void note_wait(const Task& task);
  static Retries retries_of(const Task& task);
  void finish(Worker& worker, Lease& lease, model::Finished& message);
  void try_later(Task& task, const NextStep& next, model::Finished& message);
  void lose(Lease& lease, const std::string& why);
  void give_back(Lease& lease);
  void recall_unstarted();
  void level(const Worker& idle);
  bool ended_under(const model::LeaseRef& ref) const;
  void fence(const InstanceId& worker, const model::LeaseRef& ref);
  template <class Message>
  void ask_blobs(const Worker& worker, Message message);

  // --- submissions (scheduler_submit.cc)
  using Batch = std::unordered_map<TaskId, const Submission*>;
  std::optional<Error> too_many(size_t tasks) const;
  std::optional<Error> refusal(const Submit& command) const;
  std::optional<Error> clash(const Submission& submission, const Batch& batch) const;
  std::optional<Accepted::Item> already_there(const Submission& submission) const;
  enum class Share : uint8_t { yes, no };  // the cache and the work of others
  Task& admit(Submission& submission, Share share, model::Writes& inserts);
  void fill_open(Submission& submission) const;
  void enter(Task& task);

  // --- one run for equal work (scheduler_sharing.cc)
  std::optional<std::string> answer_from_cache(model::TaskRow& row);
  Task* leader_for(const model::TaskRow& row) const;
  void join(Task& joiner, Task& leader, model::Writes& writes);
  void raise(Task& leader, int priority, model::Writes& writes);
  std::vector<Task*> settle_joiners(const Task& leader, model::Writes& writes);
  void follow(Task& joiner, const Task& leader, model::Writes& writes);
  std::vector<Task*> promote(const TaskId& leader, const std::string& why, model::Writes& writes);
  std::vector<Task*> end_waiting_joiners(const Task& leader, const model::Finished& message,
                                         model::Writes& writes);
  void promote_orphans();

  // --- dead letters, queues and workers, for people (scheduler_admin.cc)
  std::optional<Error> why_not_again(const Resubmit::Item& item) const;
  void take_letter(const model::TaskRow& row, std::optional<TaskId> as);
  void recall_queue(const std::string& queue);
  QueueView queue_view(const std::string& queue) const;
  void set_paused(const model::QueueSettings& settings);
  std::vector<Worker*> workers_named(const std::string& name);
  WorkerView worker_view(const Worker& worker) const;
  void end_ping(const Pings::Ended& ended);

  // --- moves between homes, and ends (scheduler_tasks.cc)
  void make_ready(Task& task);
  void leave_home(Task& task);
  void delay(Task& task);
  struct End {
    model::TaskState state = model::TaskState::cancelled;
    model::Verdict verdict = model::Verdict::none;
    model::Bytes result;  // null: none of this end
    std::string note;
    model::BlobRefs blobs = {};  // of the result
  };
  void end(Task& task, End how);
  void write_end(Task& task, End how, model::Writes& writes);
  void tell_end(const Task& task);
  bool is_expired(const Task& task) const;
  void expire(Task& task);
  void dispatch();
  void serve(Worker& worker);

  // --- small helpers
  Task* live(const TaskId& id);
  Task* live_of(const ClientRef& client, const TaskId& id, FromStore::What otherwise,
                bool history = false);
  StatusView status_view(const Task& task, bool history = false);
  std::string why_waiting(const Task& task);
  std::string why_queued(const Task& task) const;
  void watch(const ClientRef& client, Task& task, uint64_t offset);
  void persist(model::Writes writes);
  Task* task_written(const model::Write& write);
  void persist_lazily(const Task& task);
  model::AddEvent event(const Task& task, std::string note) const;
  void reply(const ClientRef& client, ReplyBody body);
  void send(const InstanceId& worker, model::ToWorker message);
  void publish(StreamNews news);
  void count(Counter counter, const Task* task = nullptr);
  void count_end(const Task& task);
  void count_retry(const Task& task, model::RetryReason reason);
  Effects take_effects();

  static constexpr const char* kExpiredNote = "not started before it expired";

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
  Joins joins_;
  Waiters waiters_;
  TakenLetters taken_;
  Pings pings_;
  std::map<std::string, model::QueueSettings> queues_;  // those that were set
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
