// A worker that says exactly what a test tells it to, over a real socket.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "net/codec.h"
#include "net/transport.h"

namespace kiln::actors {

class ScriptedWorker {
 public:
  ScriptedWorker(const std::string& endpoint, uint8_t number,
                 std::optional<net::ClientKeys> keys = std::nullopt);

  // Says hello with one slot for python, and waits for the welcome.
  void hello(std::vector<model::LeaseRef> leases = {}, std::vector<model::LeaseRef> results = {});
  void say(const model::FromWorker& message);
  // The next message of this kind, dropping others; nothing when patience ends.
  template <class M>
  std::optional<M> next() {
    while (auto message = pop()) {
      if (auto* wanted = std::get_if<M>(&*message)) return std::move(*wanted);
    }
    return std::nullopt;
  }
  // As a worker would: started, its output, then the end.
  void run(const model::Assign& assign, const std::string& output);
  // The end alone.
  void finish(const model::Assign& assign, const std::string& output);

 private:
  std::optional<model::ToWorker> pop();

  InstanceId instance_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<model::ToWorker> inbox_;
  bool connected_ = false;
  std::unique_ptr<net::DealerLink> link_;
};

}  // namespace kiln::actors
