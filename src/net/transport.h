// Bytes over ZeroMQ. A RouterServer is the broker's end (one ROUTER for clients, one for workers),
// a DealerLink the worker's; each owns one thread, which alone touches its sockets. Messages are
// handed over in batches: the thread drains its sockets, then calls the handler once.
//
// Threads: send() and stop() from any thread (a queue and a wake-up eventfd); handlers run on the
// transport's thread and must not block. No handler is called after stop() returned.
// Bounds: kMaxMessageBytes a message (larger: the peer is dropped by libzmq), RCVHWM 64,
// HANDSHAKE_IVL 5 s, LINGER bounded; kMaxBatchMessages and kMaxBatchBytes a batch. Options as
// zmq_setsockopt(3).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace kiln::net {

inline constexpr size_t kMaxBatchMessages = 1'024;
inline constexpr size_t kMaxBatchBytes = size_t{32} << 20U;

enum class Peer : uint8_t { client, worker };

struct Inbound {
  Peer peer = Peer::client;
  std::string route;  // the ROUTER's name of the connection; changes when it is opened anew
  std::string bytes;  // one protocol message
};
struct Outbound {
  Peer peer = Peer::client;
  std::string route;
  std::string bytes;
};

struct ServerOptions {
  std::string clients_endpoint;  // tcp://127.0.0.1:5570, tcp://127.0.0.1:* or ipc:///dir/clients
  std::string workers_endpoint;
};

struct ServerHandlers {
  std::function<void(std::vector<Inbound>)> on_batch;
  // A send found the connection gone (EHOSTUNREACH), or a connection closed and a probe found it
  // gone.
  std::function<void(Peer, std::string route)> on_unreachable;
};

// Refuses (invalid_argument) endpoints that are neither ipc nor a loopback address: there are no
// keys yet. A port in use is io_error with the endpoint named.
Status check_endpoint(const std::string& endpoint);

class RouterServer {
 public:
  static Result<std::unique_ptr<RouterServer>> start(const ServerOptions& options,
                                                     ServerHandlers handlers);
  ~RouterServer();
  RouterServer(const RouterServer&) = delete;
  RouterServer& operator=(const RouterServer&) = delete;

  void send(std::vector<Outbound> batch);
  // With the real port where the endpoint asked for any.
  std::string clients_endpoint() const;
  std::string workers_endpoint() const;
  // Sends what is queued (at most `linger`), closes the sockets, joins the thread.
  void stop(Duration linger = std::chrono::seconds(1));

 private:
  class Impl;
  explicit RouterServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct LinkHandlers {
  std::function<void()> on_connected;  // the connection is (again) open
  std::function<void(std::vector<std::string>)> on_batch;
};

// Connects, and connects again for ever when the connection breaks. What was sent while there was
// no connection, or was under way when it broke, may be lost: the protocol above repeats what
// matters.
class DealerLink {
 public:
  static Result<std::unique_ptr<DealerLink>> start(const std::string& endpoint,
                                                   LinkHandlers handlers);
  ~DealerLink();
  DealerLink(const DealerLink&) = delete;
  DealerLink& operator=(const DealerLink&) = delete;

  void send(std::vector<std::string> messages);
  // Drops the connection and opens a new one (the peer is silent). on_connected follows.
  void reconnect();
  void stop(Duration linger = std::chrono::seconds(1));

 private:
  class Impl;
  explicit DealerLink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::net
