// The worker's half of the lease protocol, pure: what it holds, what it owes the broker, when it
// says hello. The session actor feeds it messages, cell events and time, and carries out what it
// returns, in order. One owner, one thread at a time.
//
// A lease goes: assigned ── waiting ── running ── ended: its result is kept ── acknowledged.
// A result is safe only when the broker says so: it is kept and sent again after every welcome
// until `finished_ok` or `fenced`. A lease that the broker disowns is killed, and its result
// dropped.
//
// Messages may be lost, doubled or come in another order: what the worker holds stands in each
// hello, the leases it is done with are remembered for a while (a late `assign` of one starts
// nothing), and of two leases of one task only the higher epoch lives. Waiting tasks start only
// while the worker is welcome: while the broker is silent their leases may have gone to others.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "core/run_times.h"
#include "model/worker_messages.h"

namespace kiln::core {

// Above so many results that nobody acknowledges the worker takes no more tasks.
inline constexpr size_t kMaxResultsKept = 1'024;
// Leases that are over and still known.
inline constexpr size_t kMaxClosedLeases = 1'024;

struct WorkerOptions {
  InstanceId instance;
  std::string name;
  uint32_t slots = 1;
  // Leases beyond the slots, while its runs are short (run_times.h).
  uint32_t prefetch = 0;
  std::vector<model::LanguageVersion> languages;
  std::vector<std::string> tags;
  std::vector<std::string> queues;
  bool weak_isolation = false;
  Duration heartbeat = std::chrono::seconds(1);  // until `welcome` says otherwise
  Duration window = std::chrono::seconds(3);
};

// --- what the session wants done
// ------------------------------------------------------------------
struct Tell {  // to the broker
  model::FromWorker message;
};
struct StartTask {
  model::Assign assign;
};
struct KillTask {  // its `ended` is still awaited before the slot is free
  model::LeaseRef lease;
};
struct SetWatch {
  model::LeaseRef lease;
  bool on = false;
};
struct Reconnect {};  // the broker is silent: open the link anew; connected() follows
struct Leave {};      // drained: goodbye was said, the process may end
using SessionEffect = std::variant<Tell, StartTask, KillTask, SetWatch, Reconnect, Leave>;
using SessionEffects = std::vector<SessionEffect>;

class WorkerSession {
 public:
  explicit WorkerSession(WorkerOptions options);

  // The link is (again) open: says hello. Until the first call nothing is due.
  SessionEffects connected(MonoTime now);
  SessionEffects received(const model::ToWorker& message, MonoTime now);
  // The program under this lease runs now.
  SessionEffects started(const model::LeaseRef& lease, MonoTime now);
  // It ended (also after KillTask); the slot is free. `result` is an encoded TaskResult.
  SessionEffects ended(const model::LeaseRef& lease, model::Verdict verdict, model::Bytes result,
                       MonoTime now);
  SessionEffects tick(MonoTime now);
  // When tick() must be called at the latest; a century ahead when nothing is due.
  MonoTime next_deadline() const;
  // Takes nothing new, gives back what waits, finishes what runs and sees its results acknowledged;
  // then Leave.
  SessionEffects drain();

  size_t running() const;  // slots in use, those of killed tasks too until they end
  // What the executor was told to start and has not said to have ended.
  std::vector<model::LeaseRef> running_leases() const;
  size_t waiting() const { return order_.size(); }
  size_t results_held() const { return results_.size(); }
  bool serving() const { return serving_; }  // welcomed on the present link

 private:
  struct Held {
    model::Assign assign;
    bool running = false;
    bool told = false;    // that it started
    bool killed = false;  // disowned: its result goes nowhere
    MonoTime started_at{};
  };
  struct Kept {
    model::Verdict verdict = model::Verdict::none;
    model::Bytes result;
  };
  // Leases that are over, so that what comes late is known as such. Bounded: the oldest go first.
  class Closed {
   public:
    void add(const model::LeaseRef& lease);
    bool has(const model::LeaseRef& lease) const { return leases_.count(lease) != 0; }

   private:
    std::set<model::LeaseRef> leases_;
    std::deque<model::LeaseRef> order_;
  };

  // One for each message of the broker.
  void on(const model::Welcome& message, MonoTime now, SessionEffects& out);
  void on(const model::Assign& message, MonoTime now, SessionEffects& out);
  void on(const model::CancelLease& message, MonoTime now, SessionEffects& out);
  void on(const model::WatchLease& message, MonoTime now, SessionEffects& out);
  void on(const model::UnwatchLease& message, MonoTime now, SessionEffects& out);
  void on(const model::Recall& message, MonoTime now, SessionEffects& out);
  void on(const model::Drain& message, MonoTime now, SessionEffects& out);
  void on(const model::FinishedOk& message, MonoTime now, SessionEffects& out);
  void on(const model::Fenced& message, MonoTime now, SessionEffects& out);
  void on(const model::Ping& message, MonoTime now, SessionEffects& out);
  void on(const model::HelloFirst& message, MonoTime now, SessionEffects& out);
  void on(const model::HeartbeatOk& message, MonoTime now, SessionEffects& out);
  void on(const model::BlobOk& message, MonoTime now, SessionEffects& out);
  void on(const model::BlobError& message, MonoTime now, SessionEffects& out);

  void say_hello(MonoTime now, SessionEffects& out);
  model::Hello hello() const;
  uint32_t credit() const;  // the most leases at once
  void note_run(Duration ran, SessionEffects& out);
  size_t live_leases() const;
  std::optional<std::string> why_refuse(const model::Assign& assign) const;
  // False if a higher epoch of the task is held already.
  bool disown_older(const model::LeaseRef& lease, SessionEffects& out);
  void disown(const model::LeaseRef& lease, SessionEffects& out);
  void set_watch(const model::LeaseRef& lease, bool on, SessionEffects& out);
  void give_back(const model::LeaseRef& lease, SessionEffects& out);
  void start_draining(SessionEffects& out);
  void fill_slots(SessionEffects& out);
  void leave_when_empty(SessionEffects& out);

  WorkerOptions options_;
  std::map<model::LeaseRef, Held> held_;
  std::vector<model::LeaseRef> order_;  // waiting leases, first come first started
  std::map<model::LeaseRef, Kept> results_;
  Closed closed_;
  std::optional<uint64_t> boot_;  // of the broker that welcomed last
  bool linked_ = false;           // connected() was called
  bool serving_ = false;
  bool draining_ = false;
  bool left_ = false;
  RunTimes runs_;
  MonoTime last_heard_{};  // or connected, or asked to reconnect
  MonoTime last_hello_{};
  MonoTime last_beat_{};
};

}  // namespace kiln::core
