// The launcher's event loop: one thread, one poll(2), any number of cells. See launcher_main.cc for
// the theory of operation.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "sandbox/cell.h"
#include "sandbox/wire.h"

namespace kiln::sandbox {

struct LauncherOptions {
  UniqueFd worker;  // our end of the socket pair with the worker
  uint32_t first_uid = 0;
  uint32_t uid_count = 0;
  uint32_t cells_ahead = 0;  // made before anybody asks; 0: none
  int64_t ahead_for_us = 0;  // after the last request; then one
  std::vector<WarmImage> images;
  UniqueFd warm_library;  // _kiln_warm; with images
  UniqueFd site_library;  // _kiln, or none
};

inline constexpr int64_t kAheadRetryUs = 1'000'000;  // after one could not be made
inline constexpr int64_t kQuietUs = 300;             // after a result: the next request may be near
inline constexpr size_t kMaxRemains = 4;             // more are not put off
inline constexpr int64_t kRemoveRetryUs = 10'000;    // after they could not be removed

// Never a request's: the canaries', of no image and then of each.
inline constexpr CellId kCanaryId = ~CellId{0} - kMaxWarmImages;

class Launcher {
 public:
  explicit Launcher(LauncherOptions options);

  // Until the worker closes its end (0), or a cell cannot be made whole at the start (1).
  int run();

 private:
  StepFailure start_canary(model::SyscallProfile syscalls, uint32_t image);
  StepFailure try_canary(model::SyscallProfile syscalls);
  void start_warm();
  void test_warm();
  void tell_warm();
  void on_canary(CellId id, const wire::Finished& finished);
  StepFailure try_canaries();
  void step(bool accept_requests);
  void read_worker();
  void on_run(const wire::Run& run, std::vector<UniqueFd> fds);
  void on_kill(const wire::Kill& kill);
  int64_t next_chore_us(bool accept_requests) const;
  size_t wanted_ahead(int64_t now_us) const;
  size_t wanted_ahead(int64_t now_us, uint32_t image) const;
  size_t count_ahead(uint32_t image) const;
  // An image of which fewer cells wait than shall; nothing: all do.
  std::optional<uint32_t> lacking(int64_t now_us) const;
  void note_demand(uint32_t image);
  void end_surplus(int64_t now_us);
  size_t ready_cells() const;
  bool pool_changed() const;
  void note_build(int64_t took_us);
  void tell_pool();
  void do_chore(int64_t now_us);
  void make_ahead(uint32_t image);
  void remove_remains();
  void bury(Cell& cell);
  std::unique_ptr<Cell> take_ahead(uint32_t image);
  void collect();
  void collect_ahead();
  template <class Visit>
  void for_each_cell(Visit visit) const;
  int64_t next_deadline_us(bool accept_requests) const;
  template <class T>
  void tell(const T& message, UniqueFd artifacts = {});
  void flush();
  int report_not_ready(const StepFailure& failure);

  LauncherOptions options_;
  CellHost host_;
  std::map<CellId, std::unique_ptr<Cell>> cells_;
  std::vector<std::unique_ptr<Cell>> ahead_;
  std::deque<uint32_t> demand_;  // the images of the last requests, as many as cells wait
  int64_t ahead_from_us_ = 0;    // not before
  std::deque<CellRemains> remains_;
  int64_t remove_from_us_ = 0;  // not before
  int64_t quiet_until_us_ = 0;
  int64_t wanted_until_us_ = 0;  // all cells ahead; then one
  struct Outgoing {
    std::vector<std::byte> bytes;
    UniqueFd fd;  // or none
  };
  std::deque<Outgoing> outgoing_;
  bool worker_gone_ = false;
  bool blocked_ = false;  // the worker's socket is full
  wire::Finished canary_;
  wire::Pool pool_;  // to be told; its number of ready cells is the one told last
};

}  // namespace kiln::sandbox
