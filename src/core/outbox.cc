#include "core/outbox.h"

#include <iterator>
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
      // An empty one counts too, and needs a batch to be counted as committed.
      if (!persist->lazy) ++made_;
    } else if (made_ == committed_ || is_sign_of_life(effect)) {
      ready.push_back(std::move(effect));
    } else {
      waiting_.push_back({std::move(effect), made_});
    }
  }
  return ready;
}

std::optional<model::Writes> Outbox::take_batch() {
  const bool uncommitted = made_ != committed_;
  if (under_way_ || (pending_.empty() && !uncommitted)) return std::nullopt;
  under_way_ = true;
  in_batch_ = made_;
  batch_bytes_ = std::exchange(pending_bytes_, 0);
  return std::exchange(pending_, {});
}

Outbox::Committed Outbox::committed() {
  under_way_ = false;
  committed_ = in_batch_;
  batch_bytes_ = 0;
  Committed done{.ready = {}, .persists = committed_};
  while (!waiting_.empty() && waiting_.front().behind <= committed_) {
    done.ready.push_back(std::move(waiting_.front().effect));
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
