// A server that does not read for a while: what peers send meanwhile waits, whatever becomes of
// them.
#include <gtest/gtest.h>

#include <mutex>

#include "net/client.h"
#include "net/transport.h"
#include "tests/net/inbox.h"
#include "tests/net/raw_peer.h"

namespace kiln::net {
namespace {

// While `gate` is held the server's thread stands still in its handler.
class StalledInput : public testing::Test {
 protected:
  StalledInput() {
    ServerHandlers handlers;
    handlers.on_batch = [this](std::vector<Inbound> batch) {
      std::vector<Outbound> out;
      for (Inbound& message : batch) {
        const auto request = decode_from_client(message.bytes);
        if (const auto* ping = request.ok() ? std::get_if<Ping>(&*request) : nullptr) {
          Ok ok;
          ok.rid = ping->rid;
          out.push_back({message.peer, message.route, encode(ToClient(std::move(ok)))});
        }
        inbound_.put(std::move(message));
      }
      const std::lock_guard lock(gate_);
      server_->send(std::move(out));
    };
    handlers.on_unreachable = [](Peer, const std::string&) {};
    server_ = std::move(RouterServer::start({"tcp://127.0.0.1:*", "tcp://127.0.0.1:*"}, handlers))
                  .value();
  }

  RawPeer peer() {
    RawPeer out(server_->clients_endpoint());
    out.send(greeting("NULL") + ready_with("X", ""));
    out.receive(kGreetingSize + 1, kPatience);
    return out;
  }

  std::mutex gate_;
  Inbox<Inbound> inbound_;
  std::unique_ptr<RouterServer> server_;
};

std::string repeat(size_t times, const std::string& bytes) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += bytes;
  return out;
}

// libzmq 4.3.4 aborts the process when input that it had to stop goes on, the connection broke
// meanwhile, and what was read already has a heartbeat in it (zeromq/libzmq issue 4364).
TEST_F(StalledInput, HeartbeatsOfAPeerThatIsGoneDoNoHarm) {
  constexpr size_t kMessages =
      400;  // far above any high-water mark of a pipe, and less than it reads
  const std::string ping = command("PING", std::string("\0\0", 2));
  {
    std::unique_lock gate(gate_);
    RawPeer gone = peer();
    gone.send(message_frame("first"));
    inbound_.wait_for(1);  // now its thread stands still
    gone.send(repeat(kMessages, message_frame("m") + ping));
    // The answer to the first heartbeat: whoever reads sockets is at it. After that nobody's else
    // is answered before it has stopped, or before it has seen the reset.
    EXPECT_FALSE(gone.receive(ping.size(), kPatience).empty());
    peer();
    gone.reset();
    peer();
  }
  EXPECT_TRUE(Client::connect(server_->clients_endpoint(), kPatience).ok());
}

}  // namespace
}  // namespace kiln::net
