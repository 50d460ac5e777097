// A small HTTP/1.1 server for what operators read: metrics and health. GET and HEAD, no bodies.
//
// Everything a client can make it hold is bounded by the constants below. A server on loopback
// without a token refuses names it does not know in Host, so that a page in a browser cannot read
// it by way of a name that leads here (DNS rebinding).
//
// Threads: start and stop from one thread; routes are called on the server's own thread, one at a
// time, and must answer within a few seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/address.h"

namespace kiln::http {

inline constexpr uint32_t kMaxHeaderBytes = 8'192;  // of one request, its first line included
inline constexpr size_t kMaxConnections = 64;       // more are closed as they come
// From the first chance to send a request to its last byte, and again for its answer. An idle
// connection is closed after it, too.
inline constexpr std::chrono::seconds kRequestTime{10};

struct Answer {
  unsigned status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

struct Route {
  std::string path;
  std::function<Answer()> answer;
  bool guarded = false;  // asks for the token, if there is one
};

struct ServerOptions {
  Address address;
  std::string token;  // "": none is asked for
  std::chrono::milliseconds request_time = kRequestTime;
};

class Server {
 public:
  // Errors: io_error that names the address (a port in use).
  static Result<std::unique_ptr<Server>> start(ServerOptions options, std::vector<Route> routes);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // With the real port.
  const Address& address() const;
  // Closes all connections and joins the thread; no route is called afterwards.
  void stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::http
