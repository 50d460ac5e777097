// A worker's metrics. What a task cost is the broker's to tell (metrics/broker.h): of two nodes
// that expose one name, sums would count twice.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/time.h"
#include "model/warm_start.h"

namespace kiln::metrics {

class Worker {
 public:
  explicit Worker(std::string version);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void cell_built(Duration time);
  void cells_ready(uint32_t count);
  // Of a program that could have been forked from a warm interpreter.
  void program_started(model::WarmStart start);
  std::string text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::metrics
