// A real monitor, launcher and runner for tests, and cells run to their end.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "sandbox/cell_runner.h"
#include "sandbox/monitor.h"

namespace kiln::sandbox {

inline constexpr std::chrono::seconds kTestPatience{60};
inline constexpr const char* kPython = "/usr/bin/python3";

// The environment every cell has; what the worker adds to a task's own.
std::vector<model::EnvVar> cell_environment();
// Python code in a cell with small, quick limits.
CellRequest python(const std::string& code);

// One worker's sandbox. A class of its own, so that a test may have two at once.
class Sandbox {
 public:
  // `launcher` is kiln-launcher or a variant of it. The uid range may be chosen apart.
  explicit Sandbox(const std::string& launcher = default_launcher());
  ~Sandbox();  // stops, and waits until the monitor has ended
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  // The runner's start, which may fail.
  const Status& status() const { return status_; }
  CellRunner& runner() { return *runner_; }
  pid_t monitor_pid() const { return monitor_pid_; }

  CellId start(CellRequest request);
  void wait_started(CellId id);
  // Until the cell's output (of standard output, as it came live) contains `text`.
  void wait_output(CellId id, const std::string& text);
  model::TaskResult wait(CellId id);
  model::TaskResult run(CellRequest request) { return wait(start(std::move(request))); }
  std::string live_output(CellId id);

  static std::string default_launcher();

 private:
  template <class Condition>
  bool wait_until(Condition condition);

  Status status_;
  pid_t monitor_pid_ = -1;
  std::unique_ptr<CellRunner> runner_;
  CellId next_ = 1;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::set<CellId> started_;
  std::map<CellId, std::string> output_;
  std::map<CellId, model::TaskResult> results_;
};

// --- what is on the host

// Process ids whose user id lies in the range of the cells.
std::vector<pid_t> cell_processes();
// Direct children of `parent`.
std::vector<pid_t> children_of(pid_t parent);
// The launcher of this monitor, or -1.
pid_t launcher_of(pid_t monitor);
// Directories of cells below the instance directories of all launchers, in every hierarchy.
std::vector<std::string> cell_cgroups();
size_t instance_cgroups();
size_t open_descriptors(pid_t pid);
size_t mounts_of(pid_t pid);

// Looks again until the condition holds or `patience` is over.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds patience = std::chrono::seconds(10));

}  // namespace kiln::sandbox
