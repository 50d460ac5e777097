// From what a client asks for to what the scheduler is told: checks, ids, hashes, encoded programs.
// One owner (the broker_link actor).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "config/languages.h"
#include "core/commands.h"
#include "model/task.h"
#include "model/worker_messages.h"

namespace kiln::actors {

class Submissions {
 public:
  Submissions(config::Languages languages, Random random)
      : languages_(std::move(languages)), random_(random) {}

  // They become `tenant`'s, whatever they say. Errors name the field ("task.queue",
  // "tasks[3].queue"): invalid_argument, too_large, unknown_language. All or none.
  Result<std::vector<core::Submission>> make(std::vector<model::TaskSpec> specs,
                                             const std::string& tenant, const std::string& field,
                                             WallTime now);
  // A worker has these versions from now on; they are part of a task's cache key.
  void learn(const std::vector<model::LanguageVersion>& versions);

 private:
  Status check(const model::TaskSpec& spec) const;
  core::Submission make_one(model::TaskSpec spec, WallTime now);

  config::Languages languages_;
  Random random_;
  std::map<std::string, std::string> versions_;
};

}  // namespace kiln::actors
