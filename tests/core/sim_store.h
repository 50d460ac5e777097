// What is on the simulated disk, and the rules that every write must keep. It outlives brokers.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/records.h"

namespace kiln::core::sim {

struct Stored {
  model::TaskRow row;
  std::string result;  // "" = none; else the epoch under which the program ran
  std::vector<model::TaskEvent> events;
};

// What went wrong, as sentences; the run ends at the first.
class Verdicts {
 public:
  void wrong(std::string what) { wrongs_.push_back(std::move(what)); }
  bool ok() const { return wrongs_.empty(); }
  const std::vector<std::string>& wrongs() const { return wrongs_; }

 private:
  std::vector<std::string> wrongs_;
};

std::string show(const model::Epoch& epoch);

class SimStore {
 public:
  explicit SimStore(Verdicts& verdicts) : verdicts_(verdicts) {}

  uint64_t open_boot() { return ++boot_; }
  uint64_t last_seq() const { return last_seq_; }
  void commit(const model::Writes& writes);
  const Stored* find(const TaskId& id) const;
  // With the result that its row refers to.
  std::optional<Stored> shown(const TaskId& id) const;
  // Tasks with a result of their own that succeeded, by rising end.
  std::vector<model::TaskRow> cached() const;
  std::vector<model::TaskRow> live() const;  // by rising seq
  const std::map<std::string, model::QueueSettings>& queues() const { return queues_; }
  size_t ended() const { return ended_; }
  // Of every task: what model/audit.h demands of a store at any moment.
  void audit() const;

 private:
  void apply(const model::InsertTask& write);
  void apply(const model::UpdateTask& write);
  void apply(const model::PutResult& write);
  void apply(const model::AddEvent& write);
  void apply(const model::DeleteTask& write);
  void apply(const model::PutQueue& write);
  // Blobs go past the core.
  void apply(const model::PutBlobChunk& write);
  void apply(const model::DeleteBlob& write);
  void check_reference(const model::TaskRow& row);
  Stored* must_find(const TaskId& id, const char* what);

  Verdicts& verdicts_;
  std::unordered_map<TaskId, Stored> tasks_;
  std::map<std::string, model::QueueSettings> queues_;
  uint64_t boot_ = 0;
  uint64_t last_seq_ = 0;
  size_t ended_ = 0;
};

}  // namespace kiln::core::sim
