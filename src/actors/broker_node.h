// A broker in this process: its actor system, its sockets, its store. No CAF in this header.
//
// Threads: start, stop and the accessors from one thread, metrics() from any; `on_fatal` is called
// from another.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "config/languages.h"
#include "core/blobs.h"
#include "core/result_cache.h"
#include "metrics/broker.h"
#include "metrics/readiness.h"
#include "net/keys.h"
#include "store/store.h"

namespace kiln::actors {

// Opens the broker's store, at the start and again after it failed.
using StoreOpener = std::function<Result<std::unique_ptr<store::Store>>()>;

// What others see of a broker while it works, from any thread.
struct BrokerInsight {
  std::shared_ptr<metrics::Broker> counted;
  std::shared_ptr<metrics::Readiness> readiness;  // parts: store, sockets
};
inline constexpr const char* kStorePart = "store";
inline constexpr const char* kSocketsPart = "sockets";
BrokerInsight new_broker_insight();

struct BrokerOptions {
  std::string clients_endpoint = "tcp://127.0.0.1:5570";
  std::string workers_endpoint = "tcp://127.0.0.1:5571";
  std::string data_directory;           // exists, ours, mode 0700
  std::optional<net::ServerKeys> keys;  // absent: only loopback and ipc are served
  bool insecure = false;                // any address is, even without keys
  config::Languages languages;
  StoreOpener open_store;  // absent: SQLite in data_directory
  size_t threads = 2;      // of the actor system
  core::CacheOptions cache;
  uint64_t blob_space = core::kDefaultBlobSpace;  // bytes that a tenant's blobs may take
  // Run with /bin/sh -c when tasks died, with one JSON line for each on its standard input; killed
  // after kAlertTime (alert_hook.h). "": none.
  std::string alert_command;
  BrokerInsight insight;  // absent: one of its own
};

class BrokerNode {
 public:
  // Listens once the store is open and what is live is loaded. Errors: io_error (port in use, data
  // directory), busy (another broker has the data directory), corrupt, invalid_argument (endpoint).
  // `on_fatal` is told when the broker can no longer work (its store failed for good).
  static Result<std::unique_ptr<BrokerNode>> start(BrokerOptions options,
                                                   std::function<void(Error)> on_fatal);
  ~BrokerNode();
  BrokerNode(const BrokerNode&) = delete;
  BrokerNode& operator=(const BrokerNode&) = delete;

  // With real ports.
  std::string clients_endpoint() const;
  std::string workers_endpoint() const;

  // Its metrics in Prometheus' text format. From any thread, until stop.
  std::string metrics() const;

  // For tests of supervision: ends this actor as if it had failed. False: there is none now.
  bool crash(const std::string& actor);

  // Stops taking messages, commits what was taken, closes the store.
  void stop();

 private:
  class Impl;
  explicit BrokerNode(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::actors
