// The worker's half of the lease protocol, pure: what it holds, what it owes the broker, when it
// says hello. The session actor feeds it messages, cell events and time, and carries out what it
// returns. One owner, one thread at a time.
//
// A result is safe only when the broker says so: it is kept and sent again after every hello until
// `finished_ok` or `fenced`. A lease that the broker disowns is killed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "model/worker_messages.h"

namespace kiln::core {

struct WorkerOptions {
  InstanceId instance;
  std::string name;
  uint32_t slots = 1;
  uint32_t prefetch = 0;  // leases beyond the slots
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

  // The link is (again) open: says hello.
  SessionEffects connected(MonoTime now);
  SessionEffects received(const model::ToWorker& message, MonoTime now);
  // The program under this lease runs now.
  SessionEffects started(const model::LeaseRef& lease);
  // It ended (also after KillTask); the slot is free. `result` is an encoded TaskResult.
  SessionEffects ended(const model::LeaseRef& lease, model::Verdict verdict, model::Bytes result);
  SessionEffects tick(MonoTime now);
  MonoTime next_deadline() const;
  // Finish what runs, give back the rest, then Leave.
  SessionEffects drain();

  size_t running() const;
  size_t waiting() const;
  size_t results_held() const;
  bool serving() const { return serving_; }  // welcomed on the present link

 private:
  struct Held {
    model::Assign assign;
    bool running = false;
    bool killed = false;  // disowned: its result goes nowhere
  };
  struct Kept {
    model::Verdict verdict;
    model::Bytes result;
  };

  uint32_t credit() const;
  model::Hello hello() const;
  void fill_slots(SessionEffects& out);
  SessionEffects leave_when_empty(SessionEffects out);

  WorkerOptions options_;
  std::map<model::LeaseRef, Held> held_;
  std::vector<model::LeaseRef> order_;  // waiting leases, first come first started
  std::map<model::LeaseRef, Kept> results_;
  bool serving_ = false;
  bool draining_ = false;
  bool left_ = false;
  MonoTime last_heard_{};
  MonoTime last_beat_{};
};

}  // namespace kiln::core
