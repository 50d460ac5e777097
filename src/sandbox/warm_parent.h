// Warm parents, as the launcher sees them. Each is an interpreter started clean, as root in the
// launcher's namespaces but for mounts of its own (a /proc, and a /box with the text that it runs
// there); it imports its image's modules and then forks programs into cells (warm/serve.cc). No
// code of a task ever runs in one.
//
//   loading --Loaded--> loaded --its canary passed--> ready --worn--> retired --no program--> gone
//      |                   |                           |
//      +-------------------+------ it died, took too long or failed: another is started after a
//      pause
//
// Not thread-safe: the launcher's one thread.
#pragma once

#include <poll.h>

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "sandbox/cell_child.h"
#include "sandbox/warm_image.h"
#include "sandbox/warm_wire.h"

namespace kiln::sandbox {

inline constexpr size_t kMaxWarmForks = 10'000;  // of one parent
inline constexpr int64_t kMaxWarmAgeUs = 3'600'000'000;
inline constexpr int64_t kWarmStartTimeoutUs = 30'000'000;
inline constexpr int64_t kWarmRetryUs = 1'000'000;  // doubled after each failure, up to
inline constexpr int64_t kMaxWarmRetryUs = 60'000'000;
inline constexpr int64_t kOrphanTimeUs = 10'000'000;
inline constexpr int64_t kOrphanLookUs = 5'000;

// What all warm parents are given: how their programs are confined, and what they load.
struct WarmHost {
  const ProgramFilter* filter = nullptr;
  uint64_t filter_count = 0;
  NamespaceIds namespaces{};
  int library = -1;
};

class WarmParent {
 public:
  // Nothing: it could not be started.
  static std::unique_ptr<WarmParent> start(const WarmImage& image, const WarmHost& host);
  ~WarmParent();  // it ends, and the programs that are left lose their parent
  WarmParent(const WarmParent&) = delete;
  WarmParent& operator=(const WarmParent&) = delete;

  // useless: none of its image's own modules is installed.
  enum class State : uint8_t { loading, loaded, testing, ready, useless, gone };
  State state() const { return state_; }
  void set_state(State state) { state_ = state; }
  bool is_worn() const;  // it has served long enough
  bool has_programs() const { return !programs_.empty(); }
  int64_t started_us() const { return started_us_; }
  uint32_t missing() const { return missing_; }

  // Asks for a program's process in a cell; its end comes as an Ended. 0 or an errno.
  int fork(uint64_t cell, bool self_test, int init, int socket, std::span<const int> joins);

  pollfd poll() const { return {socket_.get(), POLLIN, 0}; }
  // Reads what it says. When it is gone, each program of its has Ended with ECHILD.
  void read(const std::function<void(const warm::Ended&)>& on_ended);

 private:
  WarmParent(UniqueFd socket, UniqueFd pidfd);
  bool send_setup(const WarmImage& image, const WarmHost& host);

  UniqueFd socket_, pidfd_;
  const int64_t started_us_ = monotonic_us();
  State state_ = State::loading;
  uint32_t missing_ = 0;
  size_t forks_ = 0;
  std::set<uint64_t> programs_;
};

// An image came to be ready, or failed.
struct WarmNews {
  uint32_t image = 0;
  bool ready = false;
  uint32_t missing = 0;  // of its modules
};

// One of each image, and those that have retired.
class WarmImages {
 public:
  using OnEnded = std::function<void(const warm::Ended&)>;

  // `images` are known by their numbers, from 1 on.
  void start(std::vector<WarmImage> images, WarmHost host);
  size_t count() const { return images_.size(); }
  bool is_ready(uint32_t image) const;
  // For a program of the image, or for its canary; null: there is none.
  WarmParent* parent(uint32_t image, bool canary) const;
  // A program asks for it: one with modules of its own is started at the first.
  void note_wanted(uint32_t image);
  const WarmImage& description(uint32_t image) const { return images_.at(image - 1).description; }
  // One that has loaded its modules, which from now on is being tested; 0: none has.
  uint32_t take_untested();
  void on_tested(uint32_t image, bool passed);
  std::vector<WarmNews> take_news() { return std::exchange(news_, {}); }

  void add_polls(std::vector<pollfd>& polls) const;
  // The same that add_polls() added, with what has happened.
  void on_polls(std::span<const pollfd> polls, const OnEnded& on_ended);
  void on_time(int64_t now_us);
  int64_t next_deadline_us() const;  // CLOCK_MONOTONIC

 private:
  struct Image {
    WarmImage description;
    bool wanted = false;
    std::unique_ptr<WarmParent> parent;  // or none, until retry_at_us
    int64_t retry_at_us = 0;
    int64_t pause_us = kWarmRetryUs;
  };
  template <class Visit>
  void for_each(Visit visit) const;
  uint32_t number_of(const Image& image) const;
  void try_start(Image& image, int64_t now_us);
  void give_up(Image& image, int64_t now_us);

  WarmHost host_;
  std::vector<Image> images_;
  std::vector<std::unique_ptr<WarmParent>> retired_;
  std::vector<WarmNews> news_;
  int64_t orphans_until_us_ = 0;  // programs whose parent died may be this process' children
};

}  // namespace kiln::sandbox
