#include "core/scheduler.h"

#include <algorithm>
#include <utility>

#include "core/scheduler_impl.h"

namespace kiln::core {

using model::TaskState;

constexpr uint32_t kWatchSerialBits = 32;  // watches in one boot

Error no_such_task(const TaskId& id) {
  return Error{ErrorCode::not_found, "there is no task " + to_string(id), "id", "",
               "Results are kept for 7 days"};
}

Error no_such_worker(const std::string& name) {
  return Error{ErrorCode::not_found, "there is no worker '" + name + "'", "worker", "",
               "See kiln workers for names and instances"};
}

Scheduler::Impl::Impl(SchedulerOptions options, Random random)
    : options_(options),
      random_(random),
      last_seq_(options.last_seq),
      // Above those of earlier boots, which may still be on their way.
      watch_serial_(options.boot << kWatchSerialBits),
      leases_(options.boot),
      cache_(options.cache),
      waiters_(options.max_waiters_per_task) {}

void Scheduler::Impl::load(const model::TaskRow& row) {
  if (model::is_terminal(row.state) || tasks_.find(row.id) != nullptr) return;
  last_seq_ = std::max(last_seq_, row.seq);
  Task& task = tasks_.insert(row);
  switch (task.state) {
    case TaskState::running:
      leases_.adopt(task, task.epoch, InstanceId{}).started = true;
      break;
    case TaskState::scheduled:
    case TaskState::retrying:
      delays_.add(task);
      break;
    case TaskState::joined:  // its leader may come later
      joins_.join(task);
      break;
    default:
      tasks_.set_state(task, TaskState::queued);
      ready_.push(task);
      break;
  }
  if (task.cache && (task.state == TaskState::queued || task.state == TaskState::running)) {
    joins_.lead(task);
  }
  if (task.attempt == 0) delays_.arm_expiry(task);
}

Effects Scheduler::Impl::finish_load(Now now) {
  now_ = now;
  last_tick_ = now.mono;
  loaded_seq_ = last_seq_;
  if (leases_.size() > 0) claims_until_ = now.mono + options_.window;
  promote_orphans();
  Effects effects = take_effects();
  for (Effect& schedule : schedules()) effects.push_back(std::move(schedule));
  return effects;
}

void Scheduler::Impl::load_cached(const model::TaskRow& row) {
  cache_.put(row.cache_key, row.tenant,
             {row.id, row.state, row.verdict, row.result_bytes, *row.finished_at});
}

Effects Scheduler::Impl::schedules() const {
  Effects effects;
  for (const Task* task : delays_.all()) {
    effects.push_back(Schedule{task->id, task->version, task->due_at});
  }
  return effects;
}

Effects Scheduler::Impl::apply(Command command, Now now) {
  now_ = now;
  std::visit([this](auto& c) { on(c); }, command);
  dispatch();
  return take_effects();
}

void Scheduler::Impl::committed(uint64_t persists) {
  while (!endings_.empty() && endings_.front().behind <= persists) {
    const TaskId id = endings_.front().id;
    endings_.pop_front();
    const Task* task = tasks_.find(id);
    if (task->cache && task->rare && task->rare->result_bytes > 0) {
      cache_.put(task->cache_key, *task->tenant,
                 {id, task->state, task->verdict, task->rare->result_bytes, task->finished_at});
    }
    tasks_.erase(id);
  }
  taken_.committed(persists);
}

void Scheduler::Impl::on(ProbeStore& /*command*/) { persist({}); }

std::vector<ClientRef> Scheduler::Impl::waiting_clients() const {
  std::vector<ClientRef> clients = waiters_.clients();
  const std::vector<ClientRef> pinging = pings_.clients();
  clients.insert(clients.end(), pinging.begin(), pinging.end());
  return clients;
}

Effects Scheduler::Impl::take_effects() { return std::exchange(out_, {}); }

void Scheduler::Impl::persist(model::Writes writes) {
  ++persists_;
  for (const model::Write& write : writes) {
    if (Task* task = task_written(write); task != nullptr) task->rests_on = persists_;
  }
  out_.push_back(Persist{std::move(writes), false});
}

// The one whose row this is; null: it is no row of a live task.
Task* Scheduler::Impl::task_written(const model::Write& write) {
  if (const auto* insert = std::get_if<model::InsertTask>(&write)) {
    return tasks_.find(insert->row.id);
  }
  const auto* update = std::get_if<model::UpdateTask>(&write);
  return update == nullptr ? nullptr : tasks_.find(update->row.id);
}

void Scheduler::Impl::persist_lazily(const Task& task) {
  out_.push_back(Persist{{model::UpdateTask{to_row(task)}}, true});
}

model::AddEvent Scheduler::Impl::event(const Task& task, std::string note) const {
  return model::AddEvent{model::TaskEvent{task.id, now_.wall, task.state, task.attempt,
                                          task.verdict, *task.worker, std::move(note)}};
}

void Scheduler::Impl::reply(const ClientRef& client, ReplyBody body) {
  out_.push_back(Reply{client, std::move(body)});
}

void Scheduler::Impl::send(const InstanceId& worker, model::ToWorker message) {
  out_.push_back(Send{worker, std::move(message)});
}

void Scheduler::Impl::publish(StreamNews news) { out_.push_back(Publish{std::move(news)}); }

void Scheduler::Impl::count(Counter counter, const Task* task) {
  out_.push_back(Count{counter, task == nullptr ? std::string() : *task->queue});
}

void Scheduler::Impl::count_end(const Task& task) {
  out_.push_back(Count{Counter::finished, *task.queue, EndOf{task.state, task.verdict}});
}

void Scheduler::Impl::count_retry(const Task& task, model::RetryReason reason) {
  out_.push_back(Count{Counter::retried, *task.queue, reason});
}

Task* Scheduler::Impl::live(const TaskId& id) {
  Task* task = tasks_.find(id);
  return task == nullptr || model::is_terminal(task->state) ? nullptr : task;
}

// --- the public face

Scheduler::Scheduler(SchedulerOptions options, Random random)
    : impl_(std::make_unique<Impl>(options, random)) {}
Scheduler::~Scheduler() = default;
Scheduler::Scheduler(Scheduler&&) noexcept = default;
Scheduler& Scheduler::operator=(Scheduler&&) noexcept = default;

void Scheduler::load(const model::TaskRow& row) { impl_->load(row); }
void Scheduler::load_dead_letters(const std::string& queue, uint64_t count) {
  impl_->dead_letters().add(queue, count);
}
void Scheduler::load_queue(model::QueueSettings settings) {
  impl_->load_queue(std::move(settings));
}
void Scheduler::load_cached(const model::TaskRow& row) { impl_->load_cached(row); }
Effects Scheduler::finish_load(Now now) { return impl_->finish_load(now); }
Effects Scheduler::apply(Command command, Now now) { return impl_->apply(std::move(command), now); }
Effects Scheduler::tick(Now now) { return impl_->tick(now); }
std::optional<MonoTime> Scheduler::next_deadline() const { return impl_->next_deadline(); }
void Scheduler::committed(uint64_t persists) { impl_->committed(persists); }
Effects Scheduler::schedules() const { return impl_->schedules(); }
std::vector<QueueView> Scheduler::queues() const { return impl_->queues(); }
std::vector<WorkerView> Scheduler::workers() const { return impl_->workers(); }
std::vector<Unservable> Scheduler::unservable() const { return impl_->unservable(); }
size_t Scheduler::live_tasks() const { return impl_->tasks().size(); }
std::optional<model::TaskRow> Scheduler::find(const TaskId& id) const {
  const Task* task = impl_->tasks().find(id);
  return task == nullptr ? std::nullopt : std::optional(to_row(*task));
}

std::vector<ClientRef> Scheduler::waiting_clients() const { return impl_->waiting_clients(); }

}  // namespace kiln::core
