// A worker in this process: its actor system, its link to the broker, its cells. No CAF in this
// header.
//
// Threads: start, drain, stop and the accessors from one thread; the handlers are called from
// others.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/worker_insight.h"
#include "base/error.h"
#include "base/fd.h"
#include "config/languages.h"
#include "model/worker_messages.h"
#include "net/keys.h"

namespace kiln::actors {

struct WorkerNodeOptions {
  std::string broker_endpoint = "tcp://127.0.0.1:5571";
  std::optional<net::ClientKeys> keys;  // where the broker has keys
  std::string name;                     // validated by model::validate_name
  uint32_t slots = 1;
  std::vector<std::string> queues;  // serves only these; empty: all
  std::vector<std::string> tags;
  config::Languages languages;
  UniqueFd monitor_control;  // sandbox::Monitor::control
  // No cells: it offers the language noop and no other; `languages` and `monitor_control` are
  // unused.
  bool noop = false;
  size_t threads = 2;     // of the actor system
  WorkerInsight insight;  // absent: one of its own
};

struct WorkerHandlers {
  std::function<void(Error)> on_fatal;  // cells can no longer be made
  std::function<void()> on_left;        // drained: nothing runs, goodbye was said
};

// A language that could not be used here, and why.
struct MissingLanguage {
  std::string name;
  std::string why;
};

class WorkerNode {
 public:
  // Starts the sandbox, finds the languages by running each inside a cell, then connects. Errors:
  // sandbox (a cell cannot be made complete here), invalid_argument.
  static Result<std::unique_ptr<WorkerNode>> start(WorkerNodeOptions options,
                                                   WorkerHandlers handlers);
  ~WorkerNode();
  WorkerNode(const WorkerNode&) = delete;
  WorkerNode& operator=(const WorkerNode&) = delete;

  const std::vector<model::LanguageVersion>& languages() const;
  const std::vector<MissingLanguage>& missing_languages() const;

  // Takes nothing new, gives back what has not started, finishes what runs, then on_left.
  void drain();
  // For tests of supervision: ends this actor as if it had failed. False: there is none now.
  bool crash(const std::string& actor);

  // Kills what runs and ends.
  void stop();

 private:
  class Impl;
  explicit WorkerNode(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::actors
