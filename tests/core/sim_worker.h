// A simulated worker process and its link to the broker: the real WorkerSession, cells that only
// take time, a link that delays, breaks, goes silent in one direction and comes back.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/worker_session.h"
#include "tests/core/sim_broker.h"

namespace kiln::core::sim {

// What a program does when it runs.
struct Plan {
  Duration takes{0};
  model::Verdict verdict = model::Verdict::ok;
  uint32_t good_from = 1;     // the first attempt that ends with ok
  bool kills_worker = false;  // takes the whole worker with it
};

class SimWorker {
 public:
  SimWorker(SimLoop& loop, SimBroker& broker, Verdicts& verdicts,
            std::function<Plan(const TaskId&)> plan, size_t index);

  // --- faults
  void crash(Duration down);
  void break_link(bool hint);              // what is under way is lost
  void go_silent(bool up, Duration time);  // one direction is held up
  void pause(Duration time);               // the process stops and goes on
  void broker_is_gone() { break_link(false); }
  void drop_messages(uint64_t per_mille) { drop_per_mille_ = per_mille; }

  void start();
  // From the broker; takes its time.
  void send_down(model::ToWorker message);
  const InstanceId& instance() const { return options_.instance; }
  bool alive() const { return session_ != nullptr; }
  bool holds_nothing() const;
  bool linked() const { return linked_; }

 private:
  struct Cell {
    uint32_t attempt = 1;
    uint64_t serial = 0;
    bool killed = false;
  };
  void run(const SessionEffects& effects);
  void run(const SessionEffect& effect);
  void start_cell(const model::Assign& assign);
  void kill_cell(const model::LeaseRef& lease);
  void end_cell(const model::LeaseRef& lease, uint64_t serial);
  void send_up(model::FromWorker message);
  void connect_later();
  void connect();
  void tick();
  MonoTime arrival(MonoTime& last, MonoTime held_until);
  // Runs it later, in this life of the process, and not while the process is paused.
  void in_life(Duration delay, SimLoop::Action action);

  SimLoop& loop_;
  SimBroker& broker_;
  Verdicts& verdicts_;
  std::function<Plan(const TaskId&)> plan_;
  WorkerOptions options_;
  size_t index_;
  std::unique_ptr<WorkerSession> session_;
  std::map<model::LeaseRef, Cell> cells_;
  uint64_t life_ = 0;
  uint64_t link_ = 0;  // messages of an earlier link are lost
  bool linked_ = false;
  uint64_t cell_serial_ = 0;
  uint64_t drop_per_mille_ = 0;
  MonoTime paused_until_{};
  MonoTime held_up_until_{};
  MonoTime held_down_until_{};
  MonoTime last_up_{};
  MonoTime last_down_{};
};

}  // namespace kiln::core::sim
