// What a CellRunner's thread does. Theory of operation:
//
// Three kinds of descriptors are polled: the monitor's socket, on which each launcher's life is
// announced; the living launcher's socket; and two pipes for each cell. A job goes
//
//   unsent --a launcher is ready--> sent --Finished, or the launcher's end is certain--> told
//
// A launcher that died takes its cells with it, but not in the same instant: its socket closes
// first. So the jobs it had are told as lost only when the monitor says that it was reaped, which
// the kernel allows only after the last process of its pid namespace is dead. Jobs not sent yet
// wait for the next launcher, each at most kLauncherStartTimeout.
//
// Not thread-safe: the runner's thread owns it.
#pragma once

#include <poll.h>

#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "sandbox/cell_runner.h"
#include "sandbox/runner_job.h"
#include "sandbox/socket.h"

namespace kiln::sandbox {

class RunnerLoop {
 public:
  // `on_start` is called once: a launcher is ready, or why none can be.
  RunnerLoop(UniqueFd monitor, CellHandlers handlers, std::function<void(Status)> on_start);

  void add(CellId id, RunnerJob job);
  void kill(CellId id, uint32_t causes);
  void kill_all(uint32_t causes);
  // Ends every job as an infrastructure error.
  void abandon_all(const StepFailure& failure);
  // Lets go of monitor and launcher, which then end.
  void close();
  bool idle() const { return jobs_.empty(); }

  // Waits until something happens, `wake` is readable or `until_us` (CLOCK_MONOTONIC) has come, and
  // deals with it.
  void turn(int wake, int64_t until_us);

 private:
  std::vector<pollfd> fill_polls(int wake) const;
  int timeout_ms(int64_t until_us) const;
  void read_monitor();
  void on_life(const wire::Life& life, std::vector<UniqueFd> fds);
  bool read_launcher();  // one packet; false: there is none
  void on_packet(Packet packet);
  void on_finished(const wire::Finished& finished, UniqueFd artifacts);
  void lose_launcher();
  void fail_start(const StepFailure& failure);
  void fail_unsent(const StepFailure& failure);
  void fail_sent(const StepFailure& failure);
  void expire_unsent();
  void send_all();
  bool send_run(CellId id, RunnerJob& job);  // false: the launcher's socket is full, or gone
  void send_kills();
  void read_outputs();
  OutputStream::Sink sink(CellId id, Stream stream) const;
  void finish(CellId id, const wire::Finished& finished, UniqueFd artifacts = {});
  void finish_failed(CellId id, const StepFailure& failure);

  CellHandlers handlers_;
  std::function<void(Status)> on_start_;  // empty once called
  UniqueFd monitor_;
  UniqueFd launcher_;
  bool ready_ = false;    // the launcher said so
  bool blocked_ = false;  // the launcher's socket is full
  std::map<CellId, RunnerJob> jobs_;
  std::deque<CellId> unsent_;
};

}  // namespace kiln::sandbox
