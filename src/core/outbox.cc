#include "core/outbox.h"

#include <iterator>
#include <unordered_set>
#include <utility>

namespace kiln::core {
namespace {

// What only says "I am here": it tells nothing of any task, and a worker that waits for it behind a
// slow commit would take the broker for gone.
bool is_sign_of_life(const Effect& effect) {
  const auto* send = std::get_if<Send>(&effect);
  return send != nullptr && (std::holds_alternative<model::HeartbeatOk>(send->message) ||
                             std::holds_alternative<model::HelloFirst>(send->message) ||
                             std::holds_alternative<model::Welcome>(send->message));
}

// The worker to whom an Assign may not go before this; null: there is none.
const InstanceId* holds_back(const Effect& effect) {
  if (const auto* cancel = std::get_if<Cancel>(&effect)) return &cancel->worker;
  const auto* send = std::get_if<Send>(&effect);
  const bool holds = send != nullptr && !std::holds_alternative<model::FinishedOk>(send->message) &&
                     !std::holds_alternative<model::Assign>(send->message);
  return holds ? &send->worker : nullptr;
}

size_t bytes_of(const model::Write& write) {
  if (const auto* insert = std::get_if<model::InsertTask>(&write)) {
    return insert->program ? insert->program->size() : 0;
  }
  if (const auto* result = std::get_if<model::PutResult>(&write)) return result->result->size();
  return 0;
}

}  // namespace

Effects Outbox::push(Effects effects) {
  Effects ready;
  for (Effect& effect : effects) {
    if (auto* persist = std::get_if<Persist>(&effect)) {
      for (const model::Write& write : persist->writes) pending_bytes_ += bytes_of(write);
      std::move(persist->writes.begin(), persist->writes.end(), std::back_inserter(pending_));
      lazy_.resize(pending_.size(), persist->lazy);
      // An empty one counts too, and needs a batch to be counted as committed.
      if (!persist->lazy) ++made_;
    } else if (may_leave(effect)) {
      ready.push_back(std::move(effect));
    } else {
      keep(std::move(effect));
    }
  }
  return ready;
}

bool Outbox::may_leave(const Effect& effect) const {
  if (made_ == committed_ || is_sign_of_life(effect)) return true;
  const auto* send = std::get_if<Send>(&effect);
  return send != nullptr && send->rests_on && *send->rests_on <= committed_ &&
         !held_.contains(send->worker);
}

void Outbox::keep(Effect effect) {
  if (const InstanceId* worker = holds_back(effect)) ++held_[*worker];
  waiting_.push_back({std::move(effect), made_});
}

std::optional<model::Writes> Outbox::take_batch() {
  const bool uncommitted = made_ != committed_;
  if (under_way_ || (pending_.empty() && !uncommitted)) return std::nullopt;
  under_way_ = true;
  in_batch_ = made_;
  batch_bytes_ = std::exchange(pending_bytes_, 0);
  drop_overwritten();
  lazy_.clear();
  return std::exchange(pending_, {});
}

// From the last to the first; what stays moves to the end.
void Outbox::drop_overwritten() {
  std::unordered_set<TaskId> later;
  size_t kept = pending_.size();
  for (size_t at = pending_.size(); at-- > 0;) {
    const auto* update = std::get_if<model::UpdateTask>(&pending_[at]);
    if (update != nullptr && !later.insert(update->row.id).second && lazy_[at]) continue;
    if (--kept != at) pending_[kept] = std::move(pending_[at]);
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(kept));
}

Outbox::Committed Outbox::committed() {
  under_way_ = false;
  committed_ = in_batch_;
  batch_bytes_ = 0;
  Committed done{.ready = {}, .persists = committed_};
  while (!waiting_.empty() && waiting_.front().behind <= committed_) {
    Effect& effect = waiting_.front().effect;
    if (const InstanceId* worker = holds_back(effect)) {
      if (const auto held = held_.find(*worker); --held->second == 0) held_.erase(held);
    }
    done.ready.push_back(std::move(effect));
    waiting_.pop_front();
  }
  return done;
}

Effects Outbox::failed() {
  Effects dropped;
  dropped.reserve(waiting_.size());
  for (Entry& entry : waiting_) dropped.push_back(std::move(entry.effect));
  *this = Outbox();
  return dropped;
}

bool Outbox::idle() const {
  return !under_way_ && waiting_.empty() && pending_.empty() && made_ == committed_;
}

size_t Outbox::waiting_effects() const { return waiting_.size(); }

}  // namespace kiln::core
