#include "tests/net/server_fixture.h"

#include <stdlib.h>

#include <stdexcept>

namespace kiln::net {

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "kiln-net-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  path_ = pattern;
}
TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

TestServer::TestServer(ServerOptions options, Answer answer) {
  ServerHandlers handlers;
  handlers.on_batch = [this, answer](std::vector<Inbound> batch) {
    std::vector<Outbound> out;
    for (Inbound& message : batch) {
      if (answer) {
        for (std::string& bytes : answer(message)) {
          out.push_back({message.peer, message.route, std::move(bytes)});
        }
      }
      inbound.put(std::move(message));
    }
    if (!out.empty()) server_->send(std::move(out));
  };
  handlers.on_unreachable = [this](Peer peer, std::string route) {
    unreachable.put({peer, std::move(route)});
  };
  handlers.on_refused = [this](const Refused& peer) { refused.put(peer); };
  auto started = RouterServer::start(options, std::move(handlers));
  if (!started.ok()) throw std::runtime_error(started.error().text());
  server_ = std::move(started).value();
}

Plain::Plain(zmq::socket_type type, const std::string& endpoint, int receive_limit,
             const Prepare& prepare)
    : socket_(context_, type) {
  socket_.set(zmq::sockopt::rcvhwm, receive_limit);
  socket_.set(zmq::sockopt::linger, 0);
  socket_.set(zmq::sockopt::rcvtimeo,
              static_cast<int>(std::chrono::milliseconds(kPatience).count()));
  if (prepare) prepare(socket_);
  socket_.connect(endpoint);
}

void Plain::send(const std::vector<std::string>& frames) {
  for (size_t i = 0; i < frames.size(); ++i) {
    const auto flags = i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none;
    socket_.send(zmq::buffer(frames[i]), flags);
  }
}

std::vector<std::string> Plain::receive() {
  std::vector<std::string> out;
  zmq::message_t frame;
  do {
    if (!socket_.recv(frame)) return {};
    out.push_back(frame.to_string());
  } while (frame.more());
  return out;
}

}  // namespace kiln::net
