// Bytes over ZeroMQ. A RouterServer is the broker's end (one ROUTER for clients, one for workers),
// a DealerLink the worker's; each owns one thread, which alone touches its sockets. Messages are
// handed over in batches: the thread drains its sockets, then calls the handler once.
//
// Threads: send() and stop() from any thread (a queue and a wake-up eventfd); handlers run on the
// transport's thread and must not block. No handler is called after stop() returned.
// Bounds: kMaxMessageBytes a message (larger ones from a peer: libzmq drops the peer; our own: not
// sent, counted); RCVHWM and SNDHWM 64, HANDSHAKE_IVL 5 s, LINGER bounded (zmq_setsockopt(3));
// kMaxBatchMessages and kMaxBatchBytes a batch. A message is one frame, with or without the empty
// delimiter of a REQ socket before it, and is answered alike; others are dropped and counted.
// Keys: with ServerOptions::keys both sockets speak CURVE only, and let in the keys of the allow
// list whose role belongs there (client and admin; worker). Every message is checked against the
// list as it is then: one from a key that is gone is refused (a client is told, a worker counts as
// unreachable), and nothing more is sent to it. A route holds for one key: no other peer speaks
// under it, whatever routing id it chose. So that none takes over the route, and with it the
// answers, of one that left, only routing ids that the ROUTER chose itself are accepted.
// A peer that does not read: what libzmq cannot take waits, up to kMaxBacklogBytes a route; beyond
// that the route is given up as unreachable and what waited is dropped. No send ever blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "net/keys.h"

namespace kiln::net {

inline constexpr size_t kMaxBatchMessages = 1'024;
inline constexpr size_t kMaxBatchBytes = size_t{32} << 20U;
inline constexpr size_t kMaxBacklogBytes = size_t{32} << 20U;
inline constexpr size_t kMaxBacklogMessages = 4'096;
inline constexpr size_t kMaxAllBacklogBytes = size_t{256} << 20U;

enum class Peer : uint8_t { client, worker };

struct Inbound {
  Peer peer = Peer::client;
  std::string route;  // the ROUTER's name of the connection; changes when it is opened anew
  std::string bytes;  // one protocol message
  // Whose key it came with. Without keys a client is an admin of the default tenant. Never null.
  std::shared_ptr<const Identity> sender = nullptr;
};
struct Outbound {
  Peer peer = Peer::client;
  std::string route;
  std::string bytes;
};

struct ServerOptions {
  std::string clients_endpoint;  // tcp://127.0.0.1:5570, tcp://127.0.0.1:* or ipc:///dir/clients
  std::string workers_endpoint;
  std::optional<ServerKeys> keys = std::nullopt;
  bool insecure = false;  // listens anywhere even without keys
};

// A peer that was not let in.
struct Refused {
  Peer peer = Peer::client;  // at whose socket
  std::string address;
  std::string key;  // its text
  Error why;
};

struct ServerHandlers {
  std::function<void(std::vector<Inbound>)> on_batch;
  // A send found the connection gone (EHOSTUNREACH) or its peer hopelessly behind; or a worker's
  // connection closed (the socket monitor's DISCONNECTED) and a probe found this one gone. Once per
  // loss; a route may be reported that was never heard from.
  std::function<void(Peer, std::string route)> on_unreachable;
  // Keys: a handshake was refused. On a thread of its own; may be absent.
  std::function<void(const Refused&)> on_refused;
};

// What was dropped since the start.
struct TransportCounts {
  uint64_t inbound_dropped = 0;   // empty, or of a shape that is no message
  uint64_t outbound_dropped = 0;  // too large, unreachable, or behind
  uint64_t refused = 0;           // handshakes with a key that may not come in
  uint64_t failed = 0;            // handshakes that failed earlier: no key, another's, too slow
  uint64_t unauthorized = 0;      // messages of keys that are gone from the allow list
};

// Refuses (invalid_argument) endpoints that are neither ipc nor tcp with a numeric address, and,
// unless `open` (there are keys, or somebody said "insecure"), those that are not loopback ones
// (127.0.0.0/8, [::1]). Host names are refused: what they mean can change; * and interface names
// too.
Status check_endpoint(const std::string& endpoint, bool open = false);

class RouterServer {
 public:
  // Errors: those of check_endpoint; io_error that names the endpoint (a port in use).
  static Result<std::unique_ptr<RouterServer>> start(const ServerOptions& options,
                                                     ServerHandlers handlers);
  ~RouterServer();
  RouterServer(const RouterServer&) = delete;
  RouterServer& operator=(const RouterServer&) = delete;

  void send(std::vector<Outbound> batch);
  // With the real port where the endpoint asked for any.
  std::string clients_endpoint() const;
  std::string workers_endpoint() const;
  TransportCounts counts() const;
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
  // The broker does not take us in (refusal() and broken_off() in zmq_parts.h), told once until it
  // does; the link goes on trying. May be absent.
  std::function<void(Error)> on_refused;
};

// Connects, and connects again for ever when the connection breaks or is refused. What was sent
// while there was no connection, or was under way when it broke, may be lost: the protocol above
// repeats what matters.
class DealerLink {
 public:
  // Errors: invalid_argument when the endpoint cannot be one.
  static Result<std::unique_ptr<DealerLink>> start(const std::string& endpoint,
                                                   LinkHandlers handlers,
                                                   std::optional<ClientKeys> keys = std::nullopt);
  ~DealerLink();
  DealerLink(const DealerLink&) = delete;
  DealerLink& operator=(const DealerLink&) = delete;

  void send(std::vector<std::string> messages);
  TransportCounts counts() const;
  // Drops the connection and opens a new one (the peer is silent). on_connected follows.
  void reconnect();
  void stop(Duration linger = std::chrono::seconds(1));

 private:
  class Impl;
  explicit DealerLink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::net
