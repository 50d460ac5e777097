// Whether a process does its work, in parts: the parts say it, /readyz and /healthz ask.
//
// Ready: every part works. Alive: the owner of the work has moved lately; asked only while all is
// ready, since a part that waits for a disk or a peer may rightly stand still.
//
// Threads: any.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace kiln::metrics {

inline constexpr Duration kLongestStillness = std::chrono::seconds(10);
// A commit that takes longer counts as a store that cannot commit.
inline constexpr Duration kLongestCommit = std::chrono::seconds(5);
// A failed commit is shown for so long, although what is small may still fit on a full disk: else a
// store that fails now and then would look ready to whoever asks in between.
inline constexpr Duration kFailureShown = std::chrono::seconds(5);

class Readiness {
 public:
  // None of these parts works yet.
  explicit Readiness(const std::vector<std::string>& parts);

  void works(const std::string& part);
  // `why`: a sentence without secrets: whoever reaches the port reads it.
  void fails(const std::string& part, std::string why);
  void commit_begins(MonoTime now);
  void commit_ends(bool failed, MonoTime now);
  void moved(MonoTime now);

  // "store: it cannot commit"; empty: ready.
  std::vector<std::string> problems(MonoTime now) const;
  bool alive(MonoTime now) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> why_not_;  // "": works
  std::optional<MonoTime> commit_since_;
  std::optional<MonoTime> commit_failed_at_;
  std::optional<MonoTime> moved_at_;
};

}  // namespace kiln::metrics
