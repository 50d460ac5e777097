// A RouterServer on free ports or in a directory of its own, and plain ZeroMQ sockets to talk to
// it.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "net/transport.h"
#include "tests/net/inbox.h"

namespace kiln::net {

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::string ipc(const std::string& name) const { return "ipc://" + file(name); }

 private:
  std::filesystem::path path_;
};

// Collects what arrives; `answer` (if any) makes the answer to each message.
class TestServer {
 public:
  using Answer = std::function<std::vector<std::string>(const Inbound&)>;
  explicit TestServer(ServerOptions options = {"tcp://127.0.0.1:*", "tcp://127.0.0.1:*"},
                      Answer answer = nullptr);
  RouterServer& operator*() { return *server_; }
  RouterServer* operator->() { return server_.get(); }

  Inbox<Inbound> inbound;
  Inbox<std::pair<Peer, std::string>> unreachable;
  Inbox<Refused> refused;

 private:
  std::unique_ptr<RouterServer> server_;
};

// A plain socket that waits at most kPatience for what it receives.
class Plain {
 public:
  using Prepare = std::function<void(zmq::socket_t&)>;
  // `receive_limit`: ZMQ_RCVHWM, messages that it takes in before they are asked for. `prepare`
  // sets more options before it connects.
  Plain(zmq::socket_type type, const std::string& endpoint, int receive_limit = 1'000,
        const Prepare& prepare = nullptr);
  void send(const std::vector<std::string>& frames);
  // The frames of the next message; none when patience ends.
  std::vector<std::string> receive();
  zmq::socket_t& socket() { return socket_; }

 private:
  zmq::context_t context_;
  zmq::socket_t socket_;
};

}  // namespace kiln::net
