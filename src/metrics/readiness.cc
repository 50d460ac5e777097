#include "metrics/readiness.h"

namespace kiln::metrics {

Readiness::Readiness(const std::vector<std::string>& parts) {
  for (const std::string& part : parts) why_not_[part] = "it is starting";
}

void Readiness::works(const std::string& part) { fails(part, ""); }

void Readiness::fails(const std::string& part, std::string why) {
  const std::lock_guard lock(mutex_);
  why_not_[part] = std::move(why);
}

void Readiness::commit_begins(MonoTime now) {
  const std::lock_guard lock(mutex_);
  commit_since_ = now;
}

void Readiness::commit_ends(bool failed, MonoTime now) {
  const std::lock_guard lock(mutex_);
  commit_since_.reset();
  if (failed) commit_failed_at_ = now;
}

void Readiness::moved(MonoTime now) {
  const std::lock_guard lock(mutex_);
  moved_at_ = now;
}

std::vector<std::string> Readiness::problems(MonoTime now) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> problems;
  for (const auto& [part, why] : why_not_) {
    if (!why.empty()) problems.push_back(part + ": " + why);
  }
  if (commit_since_ && now - *commit_since_ > kLongestCommit) {
    problems.emplace_back("store: a commit does not end");
  }
  if (commit_failed_at_ && now - *commit_failed_at_ < kFailureShown) {
    problems.emplace_back("store: a commit failed a moment ago");
  }
  return problems;
}

bool Readiness::alive(MonoTime now) const {
  if (!problems(now).empty()) return true;
  const std::lock_guard lock(mutex_);
  return !moved_at_ || now - *moved_at_ < kLongestStillness;
}

}  // namespace kiln::metrics
