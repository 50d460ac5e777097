// Simulated clients and their ledger. A client submits tasks under ids of its own, sends again what
// is not answered, cancels some, waits for the ends, and writes down what it was told.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/core/sim_worker.h"

namespace kiln::core::sim {

class SimClients {
 public:
  struct Options {
    size_t tasks = 300;
    Duration spread = 20 * kSec;  // submissions come within this time
    bool slow_cases = true;       // backoff, due times, expiry
  };
  SimClients(SimLoop& loop, SimBroker& broker, SimStore& store, Verdicts& verdicts, Options options)
      : loop_(loop), broker_(broker), store_(store), verdicts_(verdicts), options_(options) {}

  void start();
  // From the broker.
  void answer(const Reply& reply, const Stored* stored);
  Plan plan_of(const TaskId& id) const { return entries_.at(id).plan; }
  // Every task is acknowledged, and its end is known to its client.
  bool done() const { return ended_ == entries_.size() && entries_.size() == options_.tasks; }
  std::string open_tasks() const;
  // All that was acknowledged is stored.
  void check();

 private:
  struct Entry {
    model::TaskRow row;  // as it is submitted
    Plan plan;
    bool acknowledged = false;
    bool cancelling = false;
    std::optional<model::TaskState> end;
    std::optional<std::string> result;
  };
  enum class Ask : uint8_t { submit, cancel, result };
  struct Request {
    Ask what = Ask::submit;
    std::vector<TaskId> ids;
  };

  void submit_some();
  Entry make_entry();
  Plan make_plan();
  void ask(Request request);
  void send(const Request& request, uint64_t rid);
  void accepted(const Accepted& accepted);
  // No result: the answer does not tell.
  void told_end(const TaskId& id, model::TaskState state, std::optional<std::string> result);
  void follow(const TaskId& id);

  SimLoop& loop_;
  SimBroker& broker_;
  SimStore& store_;
  Verdicts& verdicts_;
  Options options_;
  std::unordered_map<TaskId, Entry> entries_;
  std::map<uint64_t, Request> open_;  // by rid
  uint64_t rid_ = 0;
  size_t ended_ = 0;
};

}  // namespace kiln::core::sim
