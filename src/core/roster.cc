#include "core/roster.h"

#include <algorithm>

namespace kiln::core {
namespace {

std::vector<std::string> names_of(const std::vector<model::LanguageVersion>& languages) {
  std::vector<std::string> names;
  names.reserve(languages.size());
  for (const model::LanguageVersion& language : languages) names.push_back(language.name);
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

int64_t load_of(const Worker& worker) {
  return static_cast<int64_t>(worker.leases.size()) - static_cast<int64_t>(worker.slots);
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

bool Worker::serves(const std::string& queue, const std::string& language) const {
  return has(language_names, language) && (queues.empty() || has(queues, queue));
}

uint32_t Worker::room() const {
  if (paused || unreachable || draining) return 0;
  const uint64_t most = std::min<uint64_t>(credit, uint64_t{slots} * (1 + kMaxPrefetchPerSlot));
  return leases.size() < most ? static_cast<uint32_t>(most - leases.size()) : 0;
}

Worker* Roster::admit(const InstanceId& instance, const model::Hello& hello) {
  if (workers_.size() >= kMaxWorkers && !workers_.contains(instance)) return nullptr;
  Worker& worker = workers_[instance];
  take_out(worker);
  worker.instance = instance;
  worker.name = hello.name;
  worker.slots = hello.slots;
  worker.credit = hello.credit;
  worker.languages = hello.languages;
  worker.language_names = names_of(hello.languages);
  worker.queues = hello.queues;
  worker.tags = hello.tags;
  worker.paused = false;
  worker.unreachable = false;
  put_in(worker);
  return &worker;
}

Worker* Roster::find(const InstanceId& instance) {
  const auto it = workers_.find(instance);
  return it == workers_.end() ? nullptr : &it->second;
}

void Roster::remove(const InstanceId& instance) {
  const auto it = workers_.find(instance);
  if (it == workers_.end()) return;
  take_out(it->second);
  deadlines_.erase({it->second.deadline, instance});
  workers_.erase(it);
}

void Roster::set_credit(Worker& worker, uint32_t credit) {
  take_out(worker);
  worker.credit = credit;
  worker.paused = false;
  put_in(worker);
}

void Roster::add_lease(Worker& worker, const TaskId& id) {
  take_out(worker);
  worker.leases.insert(id);
  put_in(worker);
}

void Roster::remove_lease(Worker& worker, const TaskId& id) {
  take_out(worker);
  worker.leases.erase(id);
  put_in(worker);
}

void Roster::pause(Worker& worker, MonoTime until) {
  take_out(worker);
  worker.paused = true;
  worker.paused_until = until;
  pauses_.insert({until, worker.instance});
}

void Roster::drain(Worker& worker) {
  take_out(worker);
  worker.draining = true;
}

std::vector<Worker*> Roster::resume(MonoTime now) {
  std::vector<Worker*> resumed;
  while (!pauses_.empty() && pauses_.begin()->first <= now) {
    Worker* worker = find(pauses_.begin()->second);
    pauses_.erase(pauses_.begin());
    if (worker == nullptr || !worker->paused || worker->paused_until > now) continue;
    worker->paused = false;
    put_in(*worker);
    resumed.push_back(worker);
  }
  return resumed;
}

Worker* Roster::best_for(const std::string& queue, const std::string& language) {
  const auto free = free_.find(language);
  if (free == free_.end()) return nullptr;
  for (const auto& [load, instance] : free->second) {
    Worker& worker = workers_.at(instance);
    if (worker.queues.empty() || has(worker.queues, queue)) return &worker;
  }
  return nullptr;
}

void Roster::take_out(const Worker& worker) {
  overfull_.erase(worker.instance);
  for (const std::string& language : worker.language_names) {
    const auto free = free_.find(language);
    if (free == free_.end()) continue;
    free->second.erase({load_of(worker), worker.instance});
    if (free->second.empty()) free_.erase(free);
  }
}

void Roster::put_in(const Worker& worker) {
  if (worker.leases.size() > worker.slots && !worker.unreachable) overfull_.insert(worker.instance);
  if (worker.room() == 0) return;
  for (const std::string& language : worker.language_names) {
    free_[language].insert({load_of(worker), worker.instance});
  }
}

void Roster::set_deadline(Worker& worker, MonoTime at) {
  deadlines_.erase({worker.deadline, worker.instance});
  worker.deadline = at;
  deadlines_.insert({at, worker.instance});
}

void Roster::expect(Worker& worker, MonoTime lost_at) {
  worker.lost_at = lost_at;
  if (lost_at < worker.deadline || !deadlines_.contains({worker.deadline, worker.instance})) {
    set_deadline(worker, lost_at);
  }
}

void Roster::heard(Worker& worker, MonoTime lost_at) { expect(worker, lost_at); }

void Roster::unreachable(Worker& worker, MonoTime lost_at) {
  take_out(worker);
  worker.unreachable = true;
  expect(worker, std::min(lost_at, worker.lost_at));
}

std::vector<InstanceId> Roster::silent(MonoTime now) {
  std::vector<InstanceId> lost;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const InstanceId instance = deadlines_.begin()->second;
    Worker& worker = workers_.at(instance);
    if (worker.lost_at > now) {
      set_deadline(worker, worker.lost_at);
      continue;
    }
    deadlines_.erase(deadlines_.begin());
    lost.push_back(instance);
  }
  return lost;
}

std::optional<MonoTime> Roster::next_deadline() const {
  std::optional<MonoTime> next;
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  if (!pauses_.empty()) next = std::min(next.value_or(MonoTime::max()), pauses_.begin()->first);
  return next;
}

}  // namespace kiln::core
