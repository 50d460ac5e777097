// A real monitor, launcher and runner for tests, and cells run to their end.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "sandbox/cell_runner.h"
#include "sandbox/monitor.h"

namespace kiln::sandbox {

inline constexpr std::chrono::seconds kTestPatience{60};

// Time limits are for programs that start in some 20 ms. On a slower machine (an emulated one)
// KILN_TEST_TIME_FACTOR stretches them.
int64_t scaled_ms(int64_t ms);
inline constexpr const char* kPython = "/usr/bin/python3";

// The environment every cell has; what the worker adds to a task's own.
std::vector<model::EnvVar> cell_environment();
// Python code in a cell with small, quick limits.
CellRequest python(const std::string& code);
// The same of a file in tests/security/programs, with arguments.
CellRequest program(const std::string& file, const std::vector<std::string>& args = {});

// The image of tests, and Python code for it, as the worker would ask for it.
WarmImage warm_image();
CellRequest warm_python(const std::string& code);

// One worker's sandbox. A class of its own, so that a test may have two at once.
class Sandbox {
 public:
  // `launcher` is kiln-launcher or a variant of it. `after_monitor` is called between the monitor's
  // fork and the runner's start: there a worker becomes unprivileged.
  explicit Sandbox(
      const std::string& launcher = default_launcher(),
      const std::function<void()>& after_monitor = [] {}, uint32_t cells_ahead = default_ahead(),
      std::chrono::milliseconds ahead_for = MonitorOptions().ahead_for,
      const std::vector<WarmImage>& images = {});
  ~Sandbox();  // stops, and waits until the monitor has ended
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  // The runner's start, which may fail.
  const Status& status() const { return status_; }
  CellRunner& runner() { return *runner_; }
  pid_t monitor_pid() const { return monitor_pid_; }
  uint32_t cells_ahead() const { return cells_ahead_; }

  CellId start(CellRequest request);
  void wait_started(CellId id);
  // Until the cell's output (of standard output, as it came live) contains `text`.
  void wait_output(CellId id, const std::string& text);
  model::TaskResult wait(CellId id);
  model::TaskResult run(CellRequest request) { return wait(start(std::move(request))); }
  std::string live_output(CellId id);
  // As the launcher told it last.
  struct Pool {
    uint32_t ready = 0;
    std::vector<int64_t> build_us;  // all of its life
  };
  Pool pool();
  // What was told of an image last, once something is.
  struct ImageNews {
    bool ready = false;
    uint32_t missing = 0;
  };
  ImageNews wait_image_told(uint32_t image);
  // How the last program that was asked for warm was started.
  model::WarmStart last_start();

  // KILN_TEST_LAUNCHER in place of either: scripts/prove.py takes steps out of it.
  static std::string default_launcher();
  static std::string faulty_launcher();  // see faults.cc
  // What KILN_TEST_CELLS_AHEAD says: so that tests run with cells made ahead, too.
  static uint32_t default_ahead();

 private:
  template <class Condition>
  bool wait_until(Condition condition);
  void wait_until_ahead(uint32_t cells) const;
  void wait_until_images_told();

  Status status_;
  pid_t monitor_pid_ = -1;
  uint32_t cells_ahead_ = 0;
  size_t images_ = 0;
  std::unique_ptr<CellRunner> runner_;
  CellId next_ = 1;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::set<CellId> started_;
  std::map<CellId, std::string> output_;
  std::map<CellId, model::TaskResult> results_;
  Pool pool_;
  std::map<uint32_t, ImageNews> images_told_;
  model::WarmStart last_start_{};
};

// A copy of the faulty launcher that fails, or leaves out, by itself what `names` says (faults.cc).
class PatchedLauncher {
 public:
  explicit PatchedLauncher(const std::string& names);
  ~PatchedLauncher();
  PatchedLauncher(const PatchedLauncher&) = delete;
  PatchedLauncher& operator=(const PatchedLauncher&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// --- what is on the host; of one launcher, since others may work beside a test

// All processes below the launcher: inits, programs, and whatever they have started.
std::vector<pid_t> processes_below(pid_t launcher);
// Those of them that are no part of the launcher any more.
std::vector<pid_t> programs_below(pid_t launcher);
// The user id on the host.
unsigned user_of(pid_t pid);
// Direct children of `parent`.
std::vector<pid_t> children_of(pid_t parent);
// There, and not a zombie that its parent has yet to reap.
bool is_alive(pid_t pid);
// The launcher of this monitor, or -1.
pid_t launcher_of(pid_t monitor);
// The instance directories that the launcher holds, one in each hierarchy.
std::vector<std::string> instances_of(pid_t launcher);
// The directories of cells in them.
size_t cells_in(const std::vector<std::string>& instances);
bool none_exists(const std::vector<std::string>& paths);
bool none_alive(const std::vector<pid_t>& pids);
size_t open_descriptors(pid_t pid);
size_t mounts_of(pid_t pid);

// What a sandbox holds on the host while no cell lives. Equal before and after: nothing is left.
struct Footprint {
  size_t processes, instances, cells, launcher_fds, launcher_mounts, own_fds;
  bool operator==(const Footprint&) const = default;
};
Footprint footprint(const Sandbox& sandbox);
// The same once as many cells wait as shall, and none is running or being removed.
Footprint footprint_at_rest(Sandbox& sandbox);
void PrintTo(const Footprint& footprint, std::ostream* out);

// Runs `body` in a forked process with no threads; its exit code is what the body returns. A body
// that fails a test expectation should return other than 0.
int in_child(const std::function<int()>& body);

// Looks again until the condition holds or `patience` is over; KILN_TEST_PATIENCE_MS bounds it.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds patience = std::chrono::seconds(10));

}  // namespace kiln::sandbox
