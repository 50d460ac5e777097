// One cell, as the launcher sees it: from its making to the moment when nothing of it is left. It
// is made for a request, or ahead of any.
//
//   building --ready report--> ready --request--> starting --running report--> running
//      |                         |                   |                            |
//      +---- failed report, kill or time-out, the init's death, exited report ----+--> ending
//                                                                                       | init
//                                                                                       reaped
//             done <--cgroup seen empty-- emptying <--all copied-- collecting, if asked for
//
// The kernel kills all of a cell with its init, and the init's pidfd becomes readable only when the
// last process of the pid namespace is dead and reaped (pid_namespaces(7)). Only then is anything
// copied out of it (collector.h). Then its cgroup must be seen empty; only then is the cell done
// and may be told. What is left of it then is removed afterwards (cell_remains.h).
//
// Not thread-safe: the launcher's one thread.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <memory>
#include <span>
#include <vector>

#include "base/fd.h"
#include "sandbox/cell_child.h"
#include "sandbox/cell_host.h"
#include "sandbox/cell_remains.h"
#include "sandbox/cgroup.h"
#include "sandbox/collector.h"
#include "sandbox/uid_range.h"
#include "sandbox/wire.h"

namespace kiln::sandbox {

inline constexpr int64_t kSetupTimeoutUs = 20'000'000;
inline constexpr int64_t kKillGraceUs = 100'000;  // for the init to end by itself
inline constexpr int64_t kTeardownTimeoutUs = 5'000'000;
inline constexpr int64_t kEmptyRetryUs = 1'000;
inline constexpr int64_t kCollectSliceUs = 2'000;  // before other cells get their turn
inline constexpr int64_t kMinCpuCheckUs = 5'000;
inline constexpr int64_t kMaxCpuCheckUs = 500'000;

class Cell {
 public:
  // Made ahead, with the default limits, for programs of this image (0: cold ones).
  Cell(CellHost& host, uint32_t image);
  // Made for this request; `fds` in the order of wire::RunFd. A cell that cannot be made is born
  // done, with its failure.
  Cell(CellHost& host, const wire::Run& run, std::vector<UniqueFd> fds, bool self_test);
  ~Cell();
  Cell(const Cell&) = delete;
  Cell& operator=(const Cell&) = delete;

  // Of a cell made ahead: what it is for. Once.
  void assign(const wire::Run& run, std::vector<UniqueFd> fds);
  // Made ahead and sound: it may be assigned, though it may still be building.
  bool is_free() const;
  bool is_ready() const { return state_ == State::ready; }
  uint32_t image() const { return image_; }
  uint64_t serial() const { return serial_; }
  // Of a warm program's process, as its parent tells.
  void on_program_ended(const warm::Ended& ended);

  // How long it took to be made, in microseconds; nothing until it was, and when asked again.
  std::optional<int64_t> take_build_us();
  // Between its request and its program, or between the program's end and its own: the worker waits
  // for what the launcher does next.
  bool is_pressing() const { return state_ != State::ready && state_ != State::running; }

  void kill(uint32_t causes);

  // What to poll; -1 descriptors are ignored by poll(2). Give the same array back with its revents.
  static constexpr size_t kPollCount = 3;
  void fill_poll(std::span<pollfd, kPollCount> polls) const;
  void on_poll(std::span<const pollfd, kPollCount> polls);
  int64_t next_deadline_us() const;  // CLOCK_MONOTONIC
  void on_time(int64_t now_us);

  bool done() const { return state_ == State::done; }
  // The running report has come and take_started() has not been asked since.
  bool take_started(wire::Started& out);
  const wire::Finished& finished() const { return finished_; }
  // What was copied out; invalid if nothing was asked for, or the cell failed.
  UniqueFd take_artifacts() { return std::move(artifacts_); }
  // Once it is done; nothing if something of it could not be ended.
  std::optional<CellRemains> take_remains();

 private:
  enum class State : uint8_t {
    building,
    ready,
    starting,
    running,
    ending,
    collecting,
    emptying,
    done
  };

  class Payload;
  // Takes the request's descriptors, and checks it.
  StepFailure accept(const wire::Run& run, std::vector<UniqueFd> fds);
  StepFailure build(const wire::RunView* view);
  StepFailure clone_init(CellPlan& plan);
  StepFailure fork_warm(const std::vector<UniqueFd>& fds);
  void end_warm();
  void on_ready(std::vector<UniqueFd>& fds);
  void start();
  StepFailure resize();
  StepFailure give_order();
  void not_made(const StepFailure& failure);
  StepFailure write_id_map();
  void fail(const StepFailure& failure);
  void read_reports();
  void on_report(const ChildReport& report, std::vector<UniqueFd>& fds);
  void on_running(const ChildReport& report);
  void on_init_dead();
  void check_memory();
  void check_cpu(int64_t now_us);
  void settle();
  void note_full(const UniqueFd& directory);
  void hit(model::LimitHit limit);
  bool wants_artifacts() const;
  void start_collecting();
  void collect_some(int64_t now_us);
  void end_collecting();
  void start_emptying();
  void try_emptying(int64_t now_us);
  void kill_init();

  CellHost& host_;
  const bool self_test_;
  const uint64_t serial_ = host_.next_cgroup++;
  uint32_t image_ = 0;                // 0: its init forks the program
  std::optional<warm::Ended> ended_;  // of a warm program, as soon as it is known
  State state_ = State::building;
  model::Limits limits_;     // of the request, once there is one
  model::Limits made_with_;  // what group and mounts have
  bool assigned_ = false;
  wire::Run run_;  // the request, until it is sent
  std::vector<UniqueFd> fds_;
  uint64_t collect_file_bytes_ = 0;
  int64_t cpu_before_us_ = 0;  // of the making
  CellRemains held_;           // what it has of the host, to be removed in the end
  pid_t pid_ = -1;
  UniqueFd init_, socket_, program_;  // pidfd, our end of the socket pair, pidfd
  UniqueFd wake_;                     // eventfd
  UniqueFd box_, tmp_, shm_;
  std::unique_ptr<Collector> collector_;
  UniqueFd artifacts_;
  bool told_started_ = false;
  bool whole_ = false;  // nothing of it lives any more
  const int64_t born_us_ = monotonic_us();
  int64_t build_us_ = 0;  // 0: not made yet, or told
  int64_t setup_deadline_us_ = 0;
  int64_t wall_deadline_us_ = 0;
  int64_t soft_deadline_us_ = 0;  // 0: none, or sent
  int64_t next_cpu_check_us_ = 0;
  int64_t kill_deadline_us_ = 0;  // 0: not killed, or the init is already
  int64_t teardown_deadline_us_ = 0;
  int64_t next_look_us_ = 0;
  wire::Finished finished_;
};

}  // namespace kiln::sandbox
